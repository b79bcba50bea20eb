package objectstore

import (
	"cmp"
	"container/list"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
)

// diskCache keeps copies of blobs in files <dir>/<2>/<digest>. Nothing in it is trusted: every read checks the digest,
// and drops the file when it does not match. No failure of it is ever an error to its users. A nil cache is empty and
// keeps nothing.
type diskCache struct {
	dir   string
	limit int64 // bytes

	mu    sync.Mutex
	bytes int64
	files map[Digest]*list.Element // of cachedFile
	order *list.List               // most recently used first
}

type cachedFile struct {
	digest Digest
	size   int64
}

// openCache takes over what earlier processes left, oldest first out.
func openCache(dir string, limit int64) (*diskCache, error) {
	c := &diskCache{dir: dir, limit: limit, files: map[Digest]*list.Element{}, order: list.New()}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	var found []fs.FileInfo
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return nil // unreadable parts are left alone
		}
		if info, err := entry.Info(); err == nil && !removeStale(path, info) && Digest(info.Name()).Valid() {
			found = append(found, info)
		}
		return nil
	})
	slices.SortFunc(found, func(a, b fs.FileInfo) int {
		return cmp.Or(a.ModTime().Compare(b.ModTime()), strings.Compare(a.Name(), b.Name()))
	})
	for _, info := range found {
		c.add(Digest(info.Name()), info.Size())
	}
	return c, err
}

// staleTime is how long an unfinished file may lie before it counts as left over by a process that died.
const staleTime = time.Hour

func removeStale(path string, info fs.FileInfo) bool {
	stale := isUnfinished(info.Name()) && time.Since(info.ModTime()) > staleTime
	if stale {
		os.Remove(path)
	}
	return stale
}

func (c *diskCache) path(d Digest) string { return filepath.Join(c.dir, string(d[:2]), string(d)) }

// read returns a blob if an intact copy is there.
func (c *diskCache) read(d Digest) ([]byte, bool) {
	if c == nil {
		return nil, false
	}
	data, err := os.ReadFile(c.path(d))
	return data, err == nil && c.intact(d, DigestOf(data), int64(len(data)))
}

// copyTo tells whether an intact copy was there and was written to w. If not, w may have received wrong bytes.
func (c *diskCache) copyTo(d Digest, w io.Writer) bool {
	if c == nil {
		return false
	}
	f, err := os.Open(c.path(d))
	if err != nil {
		return false
	}
	defer f.Close()
	got, size, err := digestOf(io.TeeReader(f, w))
	return err == nil && c.intact(d, got, size)
}

// intact counts a copy that was read as just used, or drops it when it is not what it should be.
func (c *diskCache) intact(d, got Digest, size int64) bool {
	if got == d {
		c.add(d, size)
		return true
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.drop(d)
	return false
}

// keep stores a copy of what r holds from its start.
func (c *diskCache) keep(d Digest, r io.ReadSeeker, size int64) {
	fill := c.fill(d, size)
	defer fill.discard()
	if _, err := r.Seek(0, io.SeekStart); err != nil {
		return
	}
	if n, err := io.Copy(fill, r); err == nil && n == size {
		fill.publish()
	}
}

// fill returns a writer that becomes the cached copy when it is published.
func (c *diskCache) fill(d Digest, size int64) *cacheFill {
	if c == nil || size > c.limit || os.MkdirAll(filepath.Dir(c.path(d)), 0o700) != nil {
		return &cacheFill{}
	}
	f, err := newAtomicFile(c.path(d))
	if err != nil {
		return &cacheFill{}
	}
	return &cacheFill{cache: c, digest: d, file: f}
}

// cacheFill swallows all errors: a cache that cannot be written must not keep a blob from its user.
type cacheFill struct {
	cache  *diskCache
	digest Digest
	file   *atomicFile // nil after a failure
	size   int64
}

func (f *cacheFill) Write(p []byte) (int, error) {
	if f.file != nil {
		if _, err := f.file.Write(p); err != nil {
			f.discard()
		}
	}
	f.size += int64(len(p))
	return len(p), nil
}

func (f *cacheFill) publish() {
	if f.file != nil && f.file.publish(0o600) == nil {
		f.cache.add(f.digest, f.size)
	}
}

func (f *cacheFill) discard() {
	if f.file != nil {
		f.file.discard()
		f.file = nil
	}
}

// add counts a file as just used and drops the least recently used ones above the limit.
func (c *diskCache) add(d Digest, size int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.uncount(d)
	c.files[d] = c.order.PushFront(cachedFile{d, size})
	c.bytes += size
	for c.bytes > c.limit {
		c.drop(c.order.Back().Value.(cachedFile).digest)
	}
}

func (c *diskCache) drop(d Digest) {
	c.uncount(d)
	os.Remove(c.path(d))
}

func (c *diskCache) uncount(d Digest) {
	if e, ok := c.files[d]; ok {
		c.bytes -= c.order.Remove(e).(cachedFile).size
		delete(c.files, d)
	}
}
