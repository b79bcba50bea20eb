package upkeep

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"agentfactory/internal/objectstore"
	"agentfactory/internal/record"
	"agentfactory/skillstore"
)

// A backup consists of files: the summary first, then records under records/<key>, then blobs under their keys, and last
// the contents, which list the rest. Without its contents a backup is not whole.
const (
	summaryFile  = "agentfactory-backup.json"
	recordsDir   = "records/"
	contentsFile = "contents.jsonl"
)

// Saved says what a backup holds.
type Saved struct {
	Of       string    `json:"of,omitempty"` // the library; empty: the live one
	At       time.Time `json:"at"`           // when it was begun
	Skills   int       `json:"skills"`       // current ones, without the retired
	Versions int       `json:"versions"`
	Cases    int       `json:"cases"`
	Records  int       `json:"records,omitempty"` // not in the summary, which is written first
	Blobs    int       `json:"blobs,omitempty"`
	Bytes    int64     `json:"bytes,omitempty"` // of both
	// Missing are references that led nowhere in the library that was saved.
	Missing []string `json:"missing,omitempty"`
}

// content is a file of a backup in its contents.
type content struct {
	File   string             `json:"file"`
	Size   int64              `json:"size"`
	SHA256 objectstore.Digest `json:"sha256"`
}

// Writer takes the files of a backup. Close makes it whole; Discard, in its place, leaves nothing.
type Writer interface {
	Add(file string, size int64, r io.Reader) error
	Close() error
	Discard()
}

// Backup writes a library: every version, head, case, mark, use and lesson, the recordings that cases are replayed from,
// what is needed to repair skills that fell short, and all blobs. The library may be written to meanwhile: what is saved
// is one that it could have been at one time, as skillstore.Libraries.Snapshot says. The catalog is left out; it is made
// again. When it fails, what it has written is discarded.
func Backup(ctx context.Context, bucket objectstore.Store, libraries *skillstore.Libraries, of string, to Writer) (Saved, error) {
	snapshot, frozen, err := libraries.Freeze(ctx, of)
	if err != nil {
		to.Discard()
		return Saved{}, err
	}
	b := &backup{
		bucket: bucket, to: to, blobs: map[objectstore.Digest]bool{}, known: map[string]bool{},
		saved: Saved{Of: of, At: snapshot.At, Skills: snapshot.Skills, Versions: snapshot.Versions, Cases: snapshot.Cases},
	}
	if err := b.write(ctx, frozen); err != nil {
		to.Discard()
		return Saved{}, fmt.Errorf("back up: %w", err)
	}
	return b.saved, nil
}

type backup struct {
	bucket   objectstore.Store
	to       Writer
	saved    Saved
	contents bytes.Buffer
	known    map[string]bool // keys that are written, or missing
	queue    []string        // keys of runs to be written
	blobs    map[objectstore.Digest]bool
	order    []objectstore.Digest // of the blobs, as they were found
}

func (b *backup) write(ctx context.Context, frozen *objectstore.Frozen) error {
	summary, err := record.One.Encode(b.saved)
	if err != nil {
		return err
	}
	if err := b.to.Add(summaryFile, int64(len(summary)), bytes.NewReader(summary)); err != nil {
		return err
	}
	for o := range frozen.All() {
		if strings.HasPrefix(o.Key, catalogRoot) {
			continue
		}
		if err := b.copyRecord(ctx, o.Key, o.At); err != nil {
			return err
		}
	}
	if err := b.copyRuns(ctx); err != nil {
		return err
	}
	for _, d := range b.order {
		if err := b.copyBlob(ctx, d); err != nil {
			return err
		}
	}
	contents := b.contents.Bytes()
	if err := b.to.Add(contentsFile, int64(len(contents)), bytes.NewReader(contents)); err != nil {
		return err
	}
	return b.to.Close()
}

// copyRecord writes the record of a key that lies at another one, and follows what it refers to.
func (b *backup) copyRecord(ctx context.Context, key, at string) error {
	if b.known[key] {
		return nil
	}
	b.known[key] = true
	obj, err := b.bucket.Get(ctx, at)
	if errors.Is(err, objectstore.ErrNotFound) {
		b.saved.Missing = append(b.saved.Missing, key)
		return nil
	}
	if err != nil {
		return err
	}
	if err := readable(obj.Body); errors.Is(err, record.ErrNewer) {
		return fmt.Errorf("%s: %w", key, err) // what it refers to is not known, and would be left out
	}
	b.saved.Records++
	if err := b.add(recordsDir+key, objectstore.DigestOf(obj.Body), int64(len(obj.Body)), bytes.NewReader(obj.Body)); err != nil {
		return err
	}
	return b.follow(key, obj.Body)
}

// follow takes in what a record refers to. An empty one was withdrawn; one that cannot be read is kept as it is.
func (b *backup) follow(key string, body []byte) error {
	found, err := references(body)
	if err != nil {
		return nil
	}
	for _, r := range found {
		switch {
		case r.key == "" && r.blob.Valid() && !b.blobs[r.blob]:
			b.blobs[r.blob] = true
			b.order = append(b.order, r.blob)
		case strings.HasPrefix(r.key, runsRoot):
			b.queue = append(b.queue, r.key)
		}
	}
	var recorded struct {
		Journal string `json:"journal"` // of a case
	}
	if json.Unmarshal(body, &recorded) == nil && strings.HasPrefix(recorded.Journal, runsRoot) {
		b.queue = append(b.queue, recorded.Journal)
	}
	return nil
}

// copyRuns writes the records of runs that the library rests on.
func (b *backup) copyRuns(ctx context.Context) error {
	for len(b.queue) > 0 {
		key := b.queue[0]
		b.queue = b.queue[1:]
		if b.known[key] || objectstore.CheckKey(key) != nil {
			continue
		}
		if strings.HasSuffix(key, ".json") {
			if err := b.copyRecord(ctx, key, key); err != nil {
				return err
			}
			continue
		}
		b.known[key] = true
		err := walk(ctx, b.bucket, key+"/", func(o objectstore.Info) error { return b.copyRecord(ctx, o.Key, o.Key) })
		if err != nil {
			return err
		}
	}
	return nil
}

func (b *backup) copyBlob(ctx context.Context, d objectstore.Digest) error {
	key := objectstore.BlobKey(d)
	r, info, err := b.bucket.Open(ctx, key)
	if errors.Is(err, objectstore.ErrNotFound) {
		b.saved.Missing = append(b.saved.Missing, key)
		return nil
	}
	if err != nil {
		return err
	}
	defer r.Close()
	b.saved.Blobs++
	return b.add(key, d, info.Size, r)
}

// add writes a file that has this digest, or fails.
func (b *backup) add(file string, d objectstore.Digest, size int64, r io.Reader) error {
	hashing := newHashing(r)
	if err := b.to.Add(file, size, hashing); err != nil {
		return fmt.Errorf("write %s: %w", file, err)
	}
	if got := hashing.digest(); got != d {
		return fmt.Errorf("write %s: %w: its digest is %.12s; check the data with `starter fsck`", file, objectstore.ErrCorrupt, cmp.Or(got, "none"))
	}
	b.saved.Bytes += size
	line, err := json.Marshal(content{file, size, d})
	if err != nil {
		return err
	}
	b.contents.Write(append(line, '\n'))
	return nil
}
