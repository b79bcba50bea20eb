package config

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

func TestDataDirectoryIsCreatedForItsOwnerAlone(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "b")
	require.NoError(t, CheckDataDir(dir))
	info, err := os.Stat(dir)
	require.NoError(t, err)
	require.Equal(t, fs.ModeDir|0o700, info.Mode())
	left, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Empty(t, left, "the probe is removed")
	require.NoError(t, CheckDataDir(dir), "and it may exist already")
}

func TestUnusableDataDirectoriesAreNamed(t *testing.T) {
	for name, test := range map[string]struct {
		dir  func(t *testing.T) string
		want error
	}{
		"a file":                 {aFile, ErrNotDirectory},
		"below a file":           {func(t *testing.T) string { return filepath.Join(aFile(t), "data") }, ErrNotDirectory},
		"of another user":        {ofAnotherUser, ErrNotOurs},
		"read-only":              {readOnly, ErrReadOnly},
		"full":                   {func(t *testing.T) string { return mounted(t, "tmpfs", 0, "size=256k") }, ErrNoSpace},
		"read-only filesystem":   {func(t *testing.T) string { return mounted(t, "tmpfs", unix.MS_RDONLY, "") }, ErrReadOnly},
		"no extended attributes": {func(t *testing.T) string { return mounted(t, "ramfs", 0, "") }, ErrNoXattr},
	} {
		t.Run(name, func(t *testing.T) {
			dir := test.dir(t)
			err := CheckDataDir(dir)
			require.ErrorIs(t, err, test.want)
			require.ErrorContains(t, err, "data directory "+dir+" "+test.want.Error())
			require.ErrorContains(t, err, "set AGENTFACTORY_DATA")
			require.NotContains(t, err.Error(), "\n")
		})
	}
}

func aFile(t *testing.T) string {
	path := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(path, nil, 0o600))
	return path
}

func ofAnotherUser(t *testing.T) string {
	if os.Getuid() != 0 {
		return "/" // root's
	}
	dir := t.TempDir()
	require.NoError(t, os.Chown(dir, 12345, -1))
	return dir
}

func readOnly(t *testing.T) string {
	if os.Getuid() == 0 {
		t.Skip("permission bits do not bind root")
	}
	dir := t.TempDir()
	require.NoError(t, os.Chmod(dir, 0o500))
	return dir
}

// mounted gives a filesystem that behaves as the test needs it; only root may mount one.
func mounted(t *testing.T, kind string, flags uintptr, options string) string {
	dir := t.TempDir()
	if err := unix.Mount(kind, dir, kind, flags, options); err != nil {
		t.Skipf("mount %s: %v", kind, err)
	}
	t.Cleanup(func() { require.NoError(t, unix.Unmount(dir, unix.MNT_DETACH)) })
	return dir
}
