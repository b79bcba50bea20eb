package objectstore_test

import (
	"fmt"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"agentfactory/internal/embedded/s3server/s3test"
	"agentfactory/internal/objectstore"
)

func BenchmarkCreate(b *testing.B) {
	for _, size := range []int{1 << 10, 100 << 10} {
		b.Run(fmt.Sprintf("%dKiB", size>>10), func(b *testing.B) {
			store, body := s3test.Bucket(b), make([]byte, size)
			n := 0
			for b.Loop() {
				n++
				_, err := store.Create(b.Context(), fmt.Sprintf("n/%09d", n), body)
				require.NoError(b, err)
			}
		})
	}
}

func BenchmarkGet(b *testing.B) {
	for _, size := range []int{1 << 10, 100 << 10} {
		b.Run(fmt.Sprintf("%dKiB", size>>10), func(b *testing.B) {
			store := s3test.Bucket(b)
			_, err := store.Create(b.Context(), "x", make([]byte, size))
			require.NoError(b, err)
			for b.Loop() {
				_, err := store.Get(b.Context(), "x")
				require.NoError(b, err)
			}
		})
	}
}

func BenchmarkReplace(b *testing.B) {
	store := s3test.Bucket(b)
	etag, err := store.Create(b.Context(), "head.json", []byte("0"))
	require.NoError(b, err)
	n := 0
	for b.Loop() {
		n++
		etag, err = store.Replace(b.Context(), "head.json", fmt.Append(nil, n), etag)
		require.NoError(b, err)
	}
}

func BenchmarkFetchFromTheCache(b *testing.B) {
	blobs := newBlobs(b, s3test.Bucket(b), b.TempDir(), 1<<30)
	digest, err := blobs.Put(b.Context(), make([]byte, 1<<20))
	require.NoError(b, err)
	dst := filepath.Join(b.TempDir(), "x")
	b.SetBytes(1 << 20)
	for b.Loop() {
		require.NoError(b, blobs.Fetch(b.Context(), digest, dst, 0o600))
	}
}

func BenchmarkImmutable(b *testing.B) {
	store := objectstore.NewCached(s3test.Bucket(b), 1<<20)
	_, err := store.Create(b.Context(), "x", make([]byte, 10<<10))
	require.NoError(b, err)
	for b.Loop() {
		_, err := store.GetImmutable(b.Context(), "x")
		require.NoError(b, err)
	}
}
