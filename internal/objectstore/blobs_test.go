package objectstore_test

import (
	"bytes"
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"agentfactory/internal/embedded/s3server"
	"agentfactory/internal/embedded/s3server/s3test"
	"agentfactory/internal/objectstore"
)

func newBlobs(t testing.TB, store objectstore.Store, dir string, limit int64) *objectstore.Blobs {
	t.Helper()
	b, err := objectstore.NewBlobs(store, dir, limit)
	require.NoError(t, err)
	return b
}

func TestBlobsComeBackWithAndWithoutACache(t *testing.T) {
	for name, dir := range map[string]string{"with a cache": t.TempDir(), "without one": ""} {
		t.Run(name, func(t *testing.T) {
			store := s3test.Bucket(t)
			b := newBlobs(t, store, dir, 1<<30)
			for _, data := range [][]byte{nil, []byte("x"), bytes.Repeat([]byte("large "), 1<<18)} {
				digest, err := b.Put(t.Context(), data)
				require.NoError(t, err)
				require.Equal(t, objectstore.DigestOf(data), digest)
				again, err := b.Put(t.Context(), data)
				require.NoError(t, err)
				require.Equal(t, digest, again)

				_, err = store.Stat(t.Context(), objectstore.BlobKey(digest))
				require.NoError(t, err)
				got, err := b.Get(t.Context(), digest)
				require.NoError(t, err)
				require.True(t, bytes.Equal(data, got))
				requireFetched(t, b, digest, string(data))
			}
		})
	}
}

func requireFetched(t *testing.T, b *objectstore.Blobs, digest objectstore.Digest, want string) {
	t.Helper()
	dst := filepath.Join(t.TempDir(), "file")
	require.NoError(t, b.Fetch(t.Context(), digest, dst, 0o640))
	got, err := os.ReadFile(dst)
	require.NoError(t, err)
	require.True(t, string(got) == want)
	info, err := os.Stat(dst)
	require.NoError(t, err)
	require.EqualValues(t, 0o640, info.Mode().Perm())
	requireOnly(t, filepath.Dir(dst), "file")
}

func requireOnly(t *testing.T, dir string, names ...string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	got := []string{}
	for _, e := range entries {
		got = append(got, e.Name())
	}
	require.ElementsMatch(t, names, got)
}

func TestFilesAreStoredUnderTheirDigest(t *testing.T) {
	b := newBlobs(t, s3test.Bucket(t), t.TempDir(), 1<<30)
	file := filepath.Join(t.TempDir(), "in")
	for _, content := range []string{"", "small", strings.Repeat("large ", 1<<20)} {
		require.NoError(t, os.WriteFile(file, []byte(content), 0o600))
		for range 2 {
			digest, size, err := b.PutFile(t.Context(), file)
			require.NoError(t, err)
			require.Equal(t, objectstore.DigestOf([]byte(content)), digest)
			require.EqualValues(t, len(content), size)
			requireFetched(t, b, digest, content)
		}
	}
	_, _, err := b.PutFile(t.Context(), file+"-none")
	require.ErrorIs(t, err, os.ErrNotExist)
}

// changing returns other bytes every time it is read from its start.
type changing struct {
	*bytes.Reader
	times byte
	size  int
}

func (c *changing) Seek(offset int64, whence int) (int64, error) {
	if offset == 0 && whence == io.SeekStart {
		c.times++
		c.Reader = bytes.NewReader(bytes.Repeat([]byte{'a' + c.times}, c.size))
	}
	return c.Reader.Seek(offset, whence)
}

func TestASourceThatChangesWhileItIsStoredPutsNothingWrong(t *testing.T) {
	for _, size := range []int{1, 1 << 10, 1 << 20, 5 << 20} {
		store := s3test.Bucket(t)
		b := newBlobs(t, store, "", 0)
		_, _, err := b.PutFrom(t.Context(), &changing{size: size})
		require.ErrorIs(t, err, objectstore.ErrCorrupt)
		require.NotErrorIs(t, err, objectstore.ErrUnavailable)
		found, err := store.List(t.Context(), "", "", 0)
		require.NoError(t, err)
		require.Empty(t, found)
	}
}

func TestUnknownBlobs(t *testing.T) {
	b := newBlobs(t, s3test.Bucket(t), t.TempDir(), 1<<30)
	dir := t.TempDir()
	for want, digest := range map[error]objectstore.Digest{
		objectstore.ErrNotFound:   objectstore.DigestOf([]byte("never stored")),
		objectstore.ErrInvalidKey: "../../etc/passwd",
	} {
		_, err := b.Get(t.Context(), digest)
		require.ErrorIs(t, err, want)
		require.ErrorIs(t, b.Fetch(t.Context(), digest, filepath.Join(dir, "x"), 0o600), want)
		requireOnly(t, dir)
	}
}

func TestADamagedCopyInTheCacheIsReplacedFromTheStore(t *testing.T) {
	cache := t.TempDir()
	b := newBlobs(t, s3test.Bucket(t), cache, 1<<30)
	digest, err := b.Put(t.Context(), []byte("content"))
	require.NoError(t, err)
	copied := filepath.Join(cache, string(digest[:2]), string(digest))
	for name, read := range map[string]func(){
		"Get": func() {
			got, err := b.Get(t.Context(), digest)
			require.NoError(t, err)
			require.Equal(t, "content", string(got))
		},
		"Fetch": func() { requireFetched(t, b, digest, "content") },
	} {
		t.Run(name, func(t *testing.T) {
			for _, damaged := range []string{"", "CONTENT", "content and much more than that"} {
				require.NoError(t, os.WriteFile(copied, []byte(damaged), 0o600))
				read()
				healed, err := os.ReadFile(copied)
				require.NoError(t, err)
				require.Equal(t, "content", string(healed))
			}
		})
	}
}

func TestDamageInTheStoreIsNeverHandedOut(t *testing.T) {
	dir := t.TempDir()
	server, err := s3server.Start(t.Context(), s3server.Options{Dir: dir, AccessKey: "a", SecretKey: "b"})
	require.NoError(t, err)
	t.Cleanup(server.Stop)
	store := s3test.NewBucket(t, server)
	b := newBlobs(t, store, "", 0)
	digest, err := b.Put(t.Context(), []byte("content"))
	require.NoError(t, err)
	stored, err := filepath.Glob(filepath.Join(dir, "buckets", "*", objectstore.BlobKey(digest)))
	require.NoError(t, err)
	require.Len(t, stored, 1)
	require.NoError(t, os.WriteFile(stored[0], []byte("CONTENT"), 0o600))

	_, err = b.Get(t.Context(), digest)
	require.ErrorIs(t, err, objectstore.ErrCorrupt)
	out := t.TempDir()
	require.ErrorIs(t, b.Fetch(t.Context(), digest, filepath.Join(out, "x"), 0o600), objectstore.ErrCorrupt)
	requireOnly(t, out)
	_, err = store.Get(t.Context(), objectstore.BlobKey(digest))
	require.ErrorIs(t, err, objectstore.ErrCorrupt, "S3's own checksum shows it too")
}

func TestTheCacheStaysWithinItsLimitAndForgetsTheOldestFirst(t *testing.T) {
	cache := t.TempDir()
	store := s3test.Bucket(t)
	b := newBlobs(t, store, cache, 2500)
	put := func(fill string) objectstore.Digest {
		d, err := b.Put(t.Context(), []byte(strings.Repeat(fill, 1000)))
		require.NoError(t, err)
		return d
	}
	first, second := put("1"), put("2")
	_, err := b.Get(t.Context(), first) // so that the second is now the oldest
	require.NoError(t, err)
	third := put("3")
	require.ElementsMatch(t, []objectstore.Digest{first, third}, cached(t, cache))

	b = newBlobs(t, store, cache, 1500) // a new process with less room
	require.Len(t, cached(t, cache), 1)
	requireFetched(t, b, second, strings.Repeat("2", 1000))
	require.Equal(t, []objectstore.Digest{second}, cached(t, cache))
	_, err = b.Put(t.Context(), make([]byte, 1501))
	require.NoError(t, err)
	require.Equal(t, []objectstore.Digest{second}, cached(t, cache), "what exceeds the limit alone is not kept")
}

func cached(t *testing.T, dir string) []objectstore.Digest {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*", "*"))
	require.NoError(t, err)
	digests := []objectstore.Digest{}
	for _, f := range files {
		digests = append(digests, objectstore.Digest(filepath.Base(f)))
	}
	return digests
}

func TestACacheThatIsGoneCostsNothingButTime(t *testing.T) {
	cache := filepath.Join(t.TempDir(), "cache")
	b := newBlobs(t, s3test.Bucket(t), cache, 1<<30)
	digest, err := b.Put(t.Context(), []byte("content"))
	require.NoError(t, err)
	require.NoError(t, os.RemoveAll(cache))
	require.NoError(t, os.WriteFile(cache, nil, 0o600), "a file where the directory was")

	requireFetched(t, b, digest, "content")
	got, err := b.Get(t.Context(), digest)
	require.NoError(t, err)
	require.Equal(t, "content", string(got))
	_, err = b.Put(t.Context(), []byte("other"))
	require.NoError(t, err)
}

func TestACacheThatCannotBeMadeIsAnError(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	_, err := objectstore.NewBlobs(s3test.Bucket(t), filepath.Join(file, "cache"), 1<<30)
	require.ErrorContains(t, err, file)
}

func TestFetchReplacesASymbolicLinkAndNotItsTarget(t *testing.T) {
	b := newBlobs(t, s3test.Bucket(t), "", 0)
	digest, err := b.Put(t.Context(), []byte("content"))
	require.NoError(t, err)
	dir := t.TempDir()
	target, link := filepath.Join(dir, "target"), filepath.Join(dir, "link")
	require.NoError(t, os.WriteFile(target, []byte("untouched"), 0o600))
	require.NoError(t, os.Symlink(target, link))
	require.NoError(t, b.Fetch(t.Context(), digest, link, 0o600))
	got, err := os.ReadFile(target)
	require.NoError(t, err)
	require.Equal(t, "untouched", string(got))
}

// counting counts reads.
type counting struct {
	objectstore.Store
	gets int
}

func (c *counting) Get(ctx context.Context, key string) (objectstore.Object, error) {
	c.gets++
	return c.Store.Get(ctx, key)
}

func TestImmutableObjectsAreReadOnce(t *testing.T) {
	store := &counting{Store: s3test.Bucket(t)}
	c := objectstore.NewCached(store, 25)
	get := func(key string, gets int) {
		t.Helper()
		obj, err := c.GetImmutable(t.Context(), key)
		require.NoError(t, err)
		require.Equal(t, strings.Repeat(key, 10), string(obj.Body))
		require.Equal(t, gets, store.gets)
	}
	_, err := c.GetImmutable(t.Context(), "a")
	require.ErrorIs(t, err, objectstore.ErrNotFound)
	store.gets = 0
	for _, key := range []string{"a", "b", "c"} {
		_, err := c.Create(t.Context(), key, []byte(strings.Repeat(key, 10)))
		require.NoError(t, err)
	}
	get("a", 1)
	get("a", 1)
	get("b", 2)
	get("a", 2)
	get("c", 3) // b, the least recently used, has to go
	get("a", 3)
	get("b", 4)
}
