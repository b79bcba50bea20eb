package chaos

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"agentfactory/internal/topology"
)

// disk is a file system of its own, small enough to be filled.
type disk struct {
	t   testing.TB
	dir string
}

// newDisk mounts a file system in memory, of a size such as 64m, which takes root.
func newDisk(t testing.TB, dir, size string) *disk {
	t.Helper()
	if os.Geteuid() != 0 {
		topology.Lacks(t, "disks are mounted to be filled, which takes root: run the test as root")
	}
	require.NoError(t, os.MkdirAll(dir, 0o755))
	require.NoError(t, syscall.Mount("tmpfs", dir, "tmpfs", 0, "mode=0755,size="+size), "mount a disk of %s", size)
	t.Cleanup(func() {
		require.NoError(t, syscall.Unmount(dir, syscall.MNT_DETACH)) // those who still have a file open lose it in their own time
	})
	return &disk{t: t, dir: dir}
}

// fill takes all space that is left, in one file.
func (d *disk) fill() {
	d.t.Helper()
	f, err := os.Create(d.ballast())
	require.NoError(d.t, err)
	defer f.Close()
	for piece := make([]byte, 64<<10); err == nil; {
		_, err = f.Write(piece)
	}
	require.True(d.t, errors.Is(err, syscall.ENOSPC), "fill %s: %v", d.dir, err)
}

// free gives the space back.
func (d *disk) free() { require.NoError(d.t, os.Remove(d.ballast())) }

func (d *disk) ballast() string { return filepath.Join(d.dir, "ballast") }

func TestAFullDiskTakesNothingUntilItIsFreed(t *testing.T) {
	d := newDisk(t, filepath.Join(t.TempDir(), "disk"), "1m")
	file := filepath.Join(d.dir, "file")
	d.fill()
	require.ErrorIs(t, os.WriteFile(file, make([]byte, 8<<10), 0o600), syscall.ENOSPC)
	d.free()
	require.NoError(t, os.WriteFile(file, make([]byte, 8<<10), 0o600))
}
