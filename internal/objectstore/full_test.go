package objectstore_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"agentfactory/internal/embedded/s3server"
	"agentfactory/internal/embedded/s3server/s3test"
	"agentfactory/internal/objectstore"
)

// smallDisk mounts a file system of some 3 MB.
func smallDisk(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size=3m")
	if errors.Is(err, unix.EPERM) || errors.Is(err, unix.EACCES) {
		t.Skip("only root may mount a small file system")
	}
	require.NoError(t, err)
	t.Cleanup(func() { unix.Unmount(dir, unix.MNT_DETACH) })
	return dir
}

func TestAServerWhoseDiskIsFullSaysSoAndWritesNothing(t *testing.T) {
	server, err := s3server.Start(t.Context(), s3server.Options{Dir: filepath.Join(smallDisk(t), "s3"), AccessKey: "a", SecretKey: "b"})
	require.NoError(t, err)
	t.Cleanup(server.Stop)
	b := s3test.NewBucket(t, server)
	key := ""
	for n := 0; err == nil; n++ {
		key = fmt.Sprintf("x/%d", n)
		_, err = b.Create(t.Context(), key, make([]byte, 400<<10))
	}
	require.ErrorIs(t, err, objectstore.ErrUnavailable)
	require.ErrorContains(t, err, "No space left on device")
	_, err = b.Stat(t.Context(), key)
	require.ErrorIs(t, err, objectstore.ErrNotFound)
	_, err = b.Get(t.Context(), "x/0")
	require.NoError(t, err, "what was written before can be read")
}

func TestACacheWhoseDiskIsFullKeepsNoBlobFromItsUser(t *testing.T) {
	cache := smallDisk(t)
	b := newBlobs(t, s3test.Bucket(t), cache, 1<<30)
	for i := range byte(10) {
		data := bytes.Repeat([]byte{i}, 1<<20)
		digest, err := b.Put(t.Context(), data)
		require.NoError(t, err)
		got, err := b.Get(t.Context(), digest)
		require.NoError(t, err)
		require.True(t, bytes.Equal(data, got))
		requireFetched(t, b, digest, string(data))
	}
	left, err := filepath.Glob(filepath.Join(cache, "*", ".unfinished-*"))
	require.NoError(t, err)
	require.Empty(t, left)
}

func TestAFileThatDoesNotFitIsNotLeftInHalf(t *testing.T) {
	b := newBlobs(t, s3test.Bucket(t), "", 0)
	digest, err := b.Put(t.Context(), make([]byte, 4<<20))
	require.NoError(t, err)
	dir := smallDisk(t)
	err = b.Fetch(t.Context(), digest, filepath.Join(dir, "x"), 0o600)
	require.ErrorIs(t, err, unix.ENOSPC)
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Empty(t, entries)
}
