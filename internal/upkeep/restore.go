package upkeep

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"agentfactory/internal/objectstore"
	"agentfactory/internal/record"
	"agentfactory/skillstore"
)

// The errors of Restore, for errors.Is.
var (
	// ErrNotEmpty: the library holds something that the backup does not.
	ErrNotEmpty = errors.New("the library is not empty")
	// ErrDamaged: the backup is not whole, or not as it was written.
	ErrDamaged = errors.New("the backup is damaged")

	errNoBackup = errors.New("it is no backup: it has no " + summaryFile)
)

// Restore brings a backup into the live library, which must be empty or hold nothing but parts of the same backup: one
// that was ended halfway is gone on with. The whole backup is read and checked before anything is written; heads are
// written last, so that a skill that can be found is whole.
func Restore(ctx context.Context, bucket objectstore.Store, library *skillstore.S3, path string) (Saved, error) {
	saved, contents, err := verifyBackup(path)
	if err != nil {
		return Saved{}, fmt.Errorf("read %s: %w", path, err)
	}
	if err := checkEmpty(ctx, bucket, contents); err != nil {
		return Saved{}, fmt.Errorf("restore %s: %w", path, err)
	}
	for _, heads := range []bool{false, true} {
		err := readBackup(path, func(file string, size int64, r io.Reader) error {
			if _, listed := contents[file]; !listed || isHead(file) != heads {
				return nil
			}
			return put(ctx, bucket, file, size, r)
		})
		if err != nil {
			return Saved{}, fmt.Errorf("restore %s: %w; run it again to go on", path, err)
		}
	}
	if _, err := library.Reconcile(ctx); err != nil {
		return Saved{}, fmt.Errorf("everything is restored but the catalog: %w; `starter fsck --repair` makes it", err)
	}
	return saved, nil
}

func isHead(file string) bool {
	return strings.HasPrefix(file, recordsDir+skillsRoot) && strings.HasSuffix(file, "/head.json")
}

// verifyBackup reads a backup through and returns what it says of itself and its contents by file.
func verifyBackup(path string) (Saved, map[string]content, error) {
	found := map[string]content{}
	var summary, contents []byte
	err := readBackup(path, func(file string, size int64, r io.Reader) (err error) {
		switch file {
		case summaryFile:
			summary, err = io.ReadAll(io.LimitReader(r, maxSummary))
		case contentsFile:
			contents, err = io.ReadAll(r)
		default:
			var d objectstore.Digest
			d, err = objectstore.DigestFrom(r)
			found[file] = content{file, size, d}
		}
		return err
	})
	if err != nil {
		return Saved{}, nil, err
	}
	switch {
	case summary == nil:
		return Saved{}, nil, errNoBackup
	case contents == nil:
		return Saved{}, nil, fmt.Errorf("%w: %s is missing", ErrDamaged, contentsFile)
	}
	var saved Saved
	if err := record.One.Decode(summary, &saved); err != nil {
		return Saved{}, nil, fmt.Errorf("%s: %w", summaryFile, err)
	}
	listed, err := compare(contents, found, &saved)
	return saved, listed, err
}

const maxSummary = 1 << 20 // bytes

// compare holds what was found against the contents. Nothing has a digest of the contents: what they do not list, although
// it is there, shows that a part of them is lost.
func compare(contents []byte, found map[string]content, saved *Saved) (map[string]content, error) {
	listed := map[string]content{}
	lines := bufio.NewScanner(bytes.NewReader(contents))
	for lines.Scan() {
		var c content
		if err := json.Unmarshal(lines.Bytes(), &c); err != nil {
			return nil, fmt.Errorf("%w: %s: %w", ErrDamaged, contentsFile, err)
		}
		if err := c.check(found[c.File]); err != nil {
			return nil, err
		}
		listed[c.File] = c
		saved.Bytes += c.Size
		if strings.HasPrefix(c.File, blobsRoot) {
			saved.Blobs++
		} else {
			saved.Records++
		}
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrDamaged, contentsFile, err)
	}
	for file := range found {
		_, known := listed[file]
		if !known && (strings.HasPrefix(file, recordsDir) || strings.HasPrefix(file, blobsRoot)) {
			return nil, fmt.Errorf("%w: %s does not list %.200s", ErrDamaged, contentsFile, file)
		}
	}
	return listed, nil
}

func (c content) check(found content) error {
	key, isRecord := strings.CutPrefix(c.File, recordsDir)
	switch {
	case objectstore.CheckKey(key) != nil, !isRecord && objectstore.BlobKey(c.SHA256) != c.File:
		return fmt.Errorf("%w: %.200q is no key of a library", ErrDamaged, c.File)
	case found.File == "":
		return fmt.Errorf("%w: %s is missing", ErrDamaged, c.File)
	case found != c:
		return fmt.Errorf("%w: the bytes of %s are not those that were saved", ErrDamaged, c.File)
	}
	return nil
}

// checkEmpty refuses a library with anything in it that the backup does not hold.
func checkEmpty(ctx context.Context, bucket objectstore.Store, contents map[string]content) error {
	for _, root := range []string{skillsRoot, usesRoot, lessonsRoot} {
		err := walk(ctx, bucket, root, func(o objectstore.Info) error {
			if _, saved := contents[recordsDir+o.Key]; saved {
				return nil
			}
			return fmt.Errorf("%w: it has %s; restore into another bucket, or under another AGENTFACTORY_S3_PREFIX", ErrNotEmpty, o.Key)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// put writes one file of a backup. What is there already must be the same.
func put(ctx context.Context, bucket objectstore.Store, file string, size int64, r io.Reader) error {
	if strings.HasPrefix(file, blobsRoot) {
		return putBlob(ctx, bucket, size, r)
	}
	body, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	key := strings.TrimPrefix(file, recordsDir)
	_, err = bucket.Create(ctx, key, body)
	if !errors.Is(err, objectstore.ErrExists) {
		return err
	}
	there, err := bucket.Get(ctx, key)
	if errors.Is(err, objectstore.ErrNotFound) {
		return fmt.Errorf("%s: %w; or restore under another AGENTFACTORY_S3_PREFIX", key, objectstore.ErrHidden)
	}
	if err == nil && !bytes.Equal(there.Body, body) {
		err = fmt.Errorf("%w: %s is another than the backup's", ErrNotEmpty, key)
	}
	return err
}

// putBlob goes through a file, because an archive can be read in one direction only.
func putBlob(ctx context.Context, bucket objectstore.Store, size int64, r io.Reader) error {
	blobs, err := objectstore.NewBlobs(bucket, "", 0)
	if err != nil {
		return err
	}
	if size <= inMemory {
		data, err := io.ReadAll(r)
		if err == nil {
			_, err = blobs.Put(ctx, data)
		}
		return err
	}
	f, err := os.CreateTemp("", "agentfactory-restore-")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	defer f.Close()
	if _, err := io.Copy(f, r); err != nil {
		return err
	}
	_, _, err = blobs.PutFrom(ctx, f)
	return err
}

// inMemory is the size in bytes up to which a blob needs no file.
const inMemory = 8 << 20
