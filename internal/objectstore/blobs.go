package objectstore

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"
)

// Blobs keeps bytes under their digest, at [BlobKey]. A blob never changes; one that is stored again long after is written
// again, which keeps it from being taken away as nobody's (see RenewedAfter). Every byte that is read back
// has been checked against the digest. It is safe for concurrent use.
//
// A directory on this machine serves as a cache. It is never needed: when it is full, damaged or gone, blobs come from
// the store.
type Blobs struct {
	store Store
	cache *diskCache
	now   func() time.Time
}

// NewBlobs returns the blobs of store, cached in cacheDir up to maxBytes, the least recently used dropped first. The
// directory is created; several processes may share it, each with its own count. An empty cacheDir means no cache.
func NewBlobs(store Store, cacheDir string, maxBytes int64) (*Blobs, error) {
	if cacheDir == "" {
		return &Blobs{store: store, now: time.Now}, nil
	}
	cache, err := openCache(cacheDir, maxBytes)
	if err != nil {
		return nil, fmt.Errorf("open the blob cache: %w", err)
	}
	return &Blobs{store: store, cache: cache, now: time.Now}, nil
}

// Put stores data and returns its digest. Storing the same bytes again is harmless.
func (b *Blobs) Put(ctx context.Context, data []byte) (Digest, error) {
	digest, size := DigestOf(data), int64(len(data))
	err := b.put(ctx, digest, size, func(key, etag string) (string, error) {
		if etag == "" {
			return b.store.Create(ctx, key, data)
		}
		return b.store.Replace(ctx, key, data, etag)
	})
	if err != nil {
		return "", fmt.Errorf("store blob: %w", err)
	}
	b.cache.keep(digest, bytes.NewReader(data), size)
	return digest, nil
}

// PutFile stores the content of a file and returns its digest and its size in bytes.
func (b *Blobs) PutFile(ctx context.Context, path string) (Digest, int64, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", 0, fmt.Errorf("store blob: %w", err)
	}
	defer f.Close()
	digest, size, err := b.PutFrom(ctx, f)
	if err != nil {
		return "", 0, fmt.Errorf("store %s: %w", path, err)
	}
	return digest, size, nil
}

// PutFrom stores everything that r holds and returns its digest and its size in bytes. r is read several times; when it
// changes meanwhile, nothing is stored and the error is ErrCorrupt.
func (b *Blobs) PutFrom(ctx context.Context, r io.ReadSeeker) (Digest, int64, error) {
	if _, err := r.Seek(0, io.SeekStart); err != nil {
		return "", 0, err
	}
	digest, size, err := digestOf(r)
	if err != nil {
		return "", 0, err
	}
	err = b.put(ctx, digest, size, func(key, etag string) (string, error) {
		body := &unchanged{r: r, size: size, digest: digest}
		if _, err := body.Seek(0, io.SeekStart); err != nil {
			return "", err
		}
		if etag == "" {
			return b.store.CreateFrom(ctx, key, body, size)
		}
		return b.store.ReplaceFrom(ctx, key, body, size, etag)
	})
	if err != nil {
		return "", 0, err
	}
	b.cache.keep(digest, r, size)
	return digest, size, nil
}

// lookFirst is the size in bytes from which it pays to ask whether a blob is there before it is sent.
const lookFirst = 64 << 10

// A blob that no record refers to is taken away once it is SparedFor old (see internal/upkeep). Whoever stores bytes that are
// there already relies on them from now on, and renews the blob when it is RenewedAfter old, by writing it once more: the
// rest of the time is left to write the record that refers to it.
const (
	SparedFor    = 7 * 24 * time.Hour
	RenewedAfter = 3 * 24 * time.Hour
)

// maxRenewals bounds how often a blob that changes while it is looked at is looked at again.
const maxRenewals = 8

// put writes a blob that is not there yet, or is old. write creates it, or replaces what has this ETag.
func (b *Blobs) put(ctx context.Context, digest Digest, size int64, write func(key, etag string) (string, error)) error {
	key := BlobKey(digest)
	look, missing := size >= lookFirst, false
	for range maxRenewals {
		if look {
			info, err := b.store.Stat(ctx, key)
			missing = errors.Is(err, ErrNotFound)
			if err == nil {
				err = b.renew(info, write)
			}
			if err == nil || !errors.Is(err, ErrNotFound) && !errors.Is(err, ErrChanged) {
				return err
			}
		}
		if _, err := write(key, ""); !errors.Is(err, ErrExists) {
			return err
		}
		look = true
	}
	if missing {
		return fmt.Errorf("store %s: %w", key, ErrHidden)
	}
	return fmt.Errorf("store %s: %w %d times while it was written; store it again", key, ErrChanged, maxRenewals)
}

// renew writes an old blob again. ErrChanged: it was taken away, or somebody else renewed it.
func (b *Blobs) renew(info Info, write func(key, etag string) (string, error)) error {
	if b.now().Sub(info.Modified) < RenewedAfter {
		return nil
	}
	_, err := write(info.Key, info.ETag)
	return err
}

// Get reads a blob of at most MaxBody bytes. ErrNotFound, ErrCorrupt.
func (b *Blobs) Get(ctx context.Context, digest Digest) ([]byte, error) {
	if err := digest.check(); err != nil {
		return nil, fmt.Errorf("read blob: %w", err)
	}
	if data, ok := b.cache.read(digest); ok {
		return data, nil
	}
	obj, err := b.store.Get(ctx, BlobKey(digest))
	if err != nil {
		return nil, fmt.Errorf("read blob: %w", err)
	}
	if got := DigestOf(obj.Body); got != digest {
		return nil, corrupt(digest, got)
	}
	b.cache.keep(digest, bytes.NewReader(obj.Body), int64(len(obj.Body)))
	return obj.Body, nil
}

// Fetch writes a blob to the file dst, which appears whole and checked or not at all. An existing file or symbolic link
// is replaced. The directory of dst must exist. ErrNotFound, ErrCorrupt.
func (b *Blobs) Fetch(ctx context.Context, digest Digest, dst string, mode fs.FileMode) error {
	if err := digest.check(); err != nil {
		return fmt.Errorf("fetch blob: %w", err)
	}
	f, err := newAtomicFile(dst)
	if err != nil {
		return fmt.Errorf("fetch blob: %w", err)
	}
	defer f.discard()
	if err := b.copyTo(ctx, digest, f.File); err != nil {
		return fmt.Errorf("fetch blob to %s: %w", dst, err)
	}
	if err := f.publish(mode); err != nil {
		return fmt.Errorf("fetch blob: %w", err)
	}
	return nil
}

func (b *Blobs) copyTo(ctx context.Context, digest Digest, f *os.File) error {
	if b.cache.copyTo(digest, f) {
		return nil
	}
	if err := empty(f); err != nil { // a damaged copy in the cache may have left something
		return err
	}
	r, info, err := b.store.Open(ctx, BlobKey(digest))
	if err != nil {
		return err
	}
	defer r.Close()
	fill := b.cache.fill(digest, info.Size)
	defer fill.discard()
	got, _, err := digestOf(io.TeeReader(r, io.MultiWriter(f, fill)))
	if err != nil {
		return err
	}
	if got != digest {
		return corrupt(digest, got)
	}
	fill.publish()
	return nil
}

func empty(f *os.File) error {
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return err
	}
	return f.Truncate(0)
}

func corrupt(want, got Digest) error {
	return fmt.Errorf("read %s: %w: their digest is %s", BlobKey(want), ErrCorrupt, got)
}
