package workspace_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"

	"agentfactory/internal/embedded/s3server/s3test"
	"agentfactory/internal/objectstore"
	"agentfactory/internal/workspace"
)

var roomy = workspace.Limits{Files: 1000, Bytes: 64 << 20, FileBytes: 16 << 20}

// counting counts uploads.
type counting struct {
	objectstore.Store
	uploads atomic.Int64
}

func (c *counting) CreateFrom(ctx context.Context, key string, r io.ReadSeeker, size int64) (string, error) {
	c.uploads.Add(1)
	return c.Store.CreateFrom(ctx, key, r, size)
}

func blobs(t testing.TB) (*objectstore.Blobs, *counting) {
	t.Helper()
	store := &counting{Store: s3test.Bucket(t)}
	b, err := objectstore.NewBlobs(store, t.TempDir(), 1<<30)
	require.NoError(t, err)
	return b, store
}

func write(t testing.TB, dir string, files map[string]string) {
	t.Helper()
	for path, content := range files {
		full := filepath.Join(dir, path)
		require.NoError(t, os.MkdirAll(filepath.Dir(full), 0o755))
		require.NoError(t, os.WriteFile(full, []byte(content), 0o644))
	}
}

func file(path, content string) workspace.File {
	return workspace.File{Path: path, Digest: objectstore.DigestOf([]byte(content)), Size: int64(len(content))}
}

func snapshot(t testing.TB, b *objectstore.Blobs, dir string, base workspace.Manifest) (workspace.Manifest, workspace.Changes) {
	t.Helper()
	m, changes, err := workspace.Snapshot(t.Context(), b, dir, base, roomy)
	require.NoError(t, err)
	return m, changes
}

func TestAWorkspaceComesBackAsItWasLeft(t *testing.T) {
	b, _ := blobs(t)
	dir := t.TempDir()
	large := strings.Repeat("0123456789", 1<<20)
	write(t, dir, map[string]string{"main.py": "print()", "data/in.csv": "a,b", "data/deep/er/x": "", "large.bin": large, "größe und mehr.txt": "ü"})
	require.NoError(t, os.Chmod(filepath.Join(dir, "main.py"), 0o755))
	require.NoError(t, os.Mkdir(filepath.Join(dir, "empty"), 0o755))

	m, changes := snapshot(t, b, dir, nil)
	script := file("main.py", "print()")
	script.Executable = true
	want := workspace.Manifest{file("data/deep/er/x", ""), file("data/in.csv", "a,b"), file("größe und mehr.txt", "ü"), file("large.bin", large), script}
	require.Empty(t, cmp.Diff(want, m))
	require.Equal(t, workspace.Changes{Added: []string{"data/deep/er/x", "data/in.csv", "größe und mehr.txt", "large.bin", "main.py"}}, changes)

	other := t.TempDir()
	require.NoError(t, workspace.Materialise(t.Context(), b, m, other))
	again, changes := snapshot(t, b, other, m)
	require.Empty(t, cmp.Diff(m, again))
	require.Empty(t, changes)
	info, err := os.Stat(filepath.Join(other, "main.py"))
	require.NoError(t, err)
	require.EqualValues(t, 0o755, info.Mode().Perm())
}

func TestOnlyWhatChangedIsStored(t *testing.T) {
	b, store := blobs(t)
	dir := t.TempDir()
	write(t, dir, map[string]string{"same": "same", "edited": "before", "removed": "gone", "moved": "moved content", "mode": "mode"})
	base, _ := snapshot(t, b, dir, nil)

	store.uploads.Store(0)
	write(t, dir, map[string]string{"edited": "after!", "new": "new"})
	require.NoError(t, os.Remove(filepath.Join(dir, "removed")))
	require.NoError(t, os.Rename(filepath.Join(dir, "moved"), filepath.Join(dir, "there")))
	require.NoError(t, os.Chmod(filepath.Join(dir, "mode"), 0o700))
	_, changes := snapshot(t, b, dir, base)
	require.Equal(t, workspace.Changes{
		Added: []string{"new", "there"}, Modified: []string{"edited", "mode"}, Removed: []string{"moved", "removed"},
	}, changes)
	require.EqualValues(t, 2, store.uploads.Load(), "the edited one and the new one")
}

func TestAChangeThatKeepsSizeAndTimeIsSeen(t *testing.T) {
	b, _ := blobs(t)
	dir := t.TempDir()
	write(t, dir, map[string]string{"a": "one"})
	base, _ := snapshot(t, b, dir, nil)
	before, err := os.Stat(filepath.Join(dir, "a"))
	require.NoError(t, err)
	write(t, dir, map[string]string{"a": "two"})
	require.NoError(t, os.Chtimes(filepath.Join(dir, "a"), before.ModTime(), before.ModTime()))
	_, changes := snapshot(t, b, dir, base)
	require.Equal(t, []string{"a"}, changes.Modified)
}

func TestWhatIsHostileIsSkippedAndNamed(t *testing.T) {
	b, _ := blobs(t)
	dir, outside := t.TempDir(), t.TempDir()
	write(t, outside, map[string]string{"secret": "secret"})
	write(t, dir, map[string]string{
		"good": "good", "bad\nname": "x", "bad\xffname": "x", `back\slash`: "x",
		"__pycache__/a.pyc": "x", ".tmp/x": "x", "sub/.agentfactory/x": "x", "sub/__pycache__/y": "x",
	})
	require.NoError(t, os.Symlink(filepath.Join(outside, "secret"), filepath.Join(dir, "link")))
	require.NoError(t, os.Symlink(outside, filepath.Join(dir, "folder-link")))
	require.NoError(t, os.Symlink("good", filepath.Join(dir, "inner-link")))
	require.NoError(t, syscall.Mkfifo(filepath.Join(dir, "pipe"), 0o644))
	socket, err := net.Listen("unix", filepath.Join(dir, "sock"))
	require.NoError(t, err)
	defer socket.Close()
	sparse, err := os.Create(filepath.Join(dir, "sparse"))
	require.NoError(t, err)
	require.NoError(t, sparse.Truncate(1<<40))
	require.NoError(t, sparse.Close())

	m, changes := snapshot(t, b, dir, nil)
	require.Empty(t, cmp.Diff(workspace.Manifest{file("good", "good")}, m))
	require.Equal(t, []string{
		`"back\\slash" (the name is not allowed)`, `"bad\nname" (the name is not allowed)`, `"bad\xffname" (the name is not allowed)`,
		"folder-link (a symbolic link)", "inner-link (a symbolic link)", "link (a symbolic link)", "pipe (a named pipe)",
		"sock (a socket)", "sparse (larger than 16777216 bytes)",
	}, changes.Skipped)
}

func TestFoldersDeeperThanAPathMayBeAreSkipped(t *testing.T) {
	b, _ := blobs(t)
	dir := t.TempDir()
	root, err := os.OpenRoot(dir)
	require.NoError(t, err)
	defer root.Close()
	deep := "d"
	for range 600 {
		require.NoError(t, root.Mkdir(deep, 0o755))
		deep += "/d"
	}
	m, changes := snapshot(t, b, dir, nil)
	require.Empty(t, m)
	require.Len(t, changes.Skipped, 1)
	require.Contains(t, changes.Skipped[0], "the name is not allowed")
}

func TestUnreadableFilesAreSkipped(t *testing.T) {
	if os.Geteuid() == 0 {
		runAsNobody(t)
		return
	}
	b, _ := blobs(t)
	dir := t.TempDir()
	write(t, dir, map[string]string{"good": "good", "closed": "x", "shut/x": "x"})
	require.NoError(t, os.Chmod(filepath.Join(dir, "closed"), 0))
	require.NoError(t, os.Chmod(filepath.Join(dir, "shut"), 0))
	t.Cleanup(func() { os.Chmod(filepath.Join(dir, "shut"), 0o755) })
	m, changes := snapshot(t, b, dir, nil)
	require.Equal(t, workspace.Manifest{file("good", "good")}, m)
	require.Equal(t, []string{"closed (it cannot be read)", "shut (the folder cannot be read)"}, changes.Skipped)
}

func TestLimitsKeepNothing(t *testing.T) {
	b, store := blobs(t)
	dir := t.TempDir()
	for i := range 30 {
		write(t, dir, map[string]string{fmt.Sprintf("f%02d", i): "0123456789"})
	}
	for name, test := range map[string]struct {
		limits workspace.Limits
		says   string
	}{
		"too many files": {workspace.Limits{Files: 29, Bytes: 1000, FileBytes: 100}, "more than 29 files"},
		"too many bytes": {workspace.Limits{Files: 30, Bytes: 299, FileBytes: 100}, "more than 299 bytes"},
	} {
		t.Run(name, func(t *testing.T) {
			_, _, err := workspace.Snapshot(t.Context(), b, dir, nil, test.limits)
			require.ErrorIs(t, err, workspace.ErrLimit)
			require.ErrorContains(t, err, test.says)
			require.Zero(t, store.uploads.Load())
		})
	}
	m, _, err := workspace.Snapshot(t.Context(), b, dir, nil, workspace.Limits{Files: 30, Bytes: 300, FileBytes: 10})
	require.NoError(t, err)
	require.Len(t, m, 30)
}

func TestManifestsThatNameNoPlaceAreRefused(t *testing.T) {
	b, _ := blobs(t)
	digest, err := b.Put(t.Context(), []byte("x"))
	require.NoError(t, err)
	at := func(paths ...string) (m workspace.Manifest) {
		for _, p := range paths {
			m = append(m, workspace.File{Path: p, Digest: digest, Size: 1})
		}
		return m
	}
	for name, m := range map[string]workspace.Manifest{
		"out of the workspace": at("../x"), "absolute": at("/x"), "not clean": at("a//b"), "twice": at("a", "a"),
		"out of order": at("b", "a"), "file and folder": at("a", "a-b", "a/b"), "reserved": at(".tmp/x"),
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			require.ErrorIs(t, workspace.Materialise(t.Context(), b, m, filepath.Join(dir)), workspace.ErrInvalidPath)
		})
	}
}

func TestMaterialiseNamesTheBlobThatIsMissing(t *testing.T) {
	b, _ := blobs(t)
	err := workspace.Materialise(t.Context(), b, workspace.Manifest{file("a/b", "never stored")}, t.TempDir())
	require.ErrorIs(t, err, objectstore.ErrNotFound)
	require.ErrorContains(t, err, "a/b")
}

func TestManifestMethodsLeaveTheManifestAlone(t *testing.T) {
	m := workspace.Manifest{file("a", "1"), file("c", "3")}
	before := bytes.Clone(fmt.Appendf(nil, "%v", m))
	require.Equal(t, workspace.Manifest{file("a", "1"), file("b", "2"), file("c", "3")}, m.With(file("b", "2")))
	require.Equal(t, workspace.Manifest{file("a", "1"), file("c", "4")}, m.With(file("c", "4")))
	require.Equal(t, workspace.Manifest{file("c", "3")}, m.Without("a"))
	require.Equal(t, m, m.Without("x"))
	require.EqualValues(t, 2, m.Bytes())
	got, found := m.Lookup("c")
	require.True(t, found)
	require.Equal(t, file("c", "3"), got)
	_, found = m.Lookup("x")
	require.False(t, found)
	require.Equal(t, string(before), fmt.Sprintf("%v", m))
}

func BenchmarkSnapshotUnchanged(b *testing.B) {
	store, _ := blobs(b)
	dir := b.TempDir()
	for i := range 100 {
		write(b, dir, map[string]string{fmt.Sprintf("d%d/f%d", i%10, i): strings.Repeat("x", 10_000)})
	}
	m, _ := snapshot(b, store, dir, nil)
	for b.Loop() {
		snapshot(b, store, dir, m)
	}
}

func BenchmarkMaterialiseFromTheCache(b *testing.B) {
	store, _ := blobs(b)
	dir := b.TempDir()
	for i := range 100 {
		write(b, dir, map[string]string{fmt.Sprintf("d%d/f%d", i%10, i): strings.Repeat(fmt.Sprint(i), 5000)})
	}
	m, _ := snapshot(b, store, dir, nil)
	for b.Loop() {
		require.NoError(b, workspace.Materialise(b.Context(), store, m, b.TempDir()))
	}
}

const nobody = 65534

// runAsNobody runs the calling test again as a user whom file modes stop, from a copy of the test binary that such a
// user can reach.
func runAsNobody(t *testing.T) {
	t.Helper()
	dir, err := os.MkdirTemp("/tmp", "workspace-test-") // TMPDIR may be closed to others
	require.NoError(t, err)
	t.Cleanup(func() { os.RemoveAll(dir) })
	require.NoError(t, os.Chmod(dir, 0o777))
	self, err := os.ReadFile("/proc/self/exe")
	require.NoError(t, err)
	copied := filepath.Join(dir, "test")
	require.NoError(t, os.WriteFile(copied, self, 0o755))
	require.NoError(t, os.Chmod(copied, 0o755))

	again := exec.Command(copied, "-test.run=^"+t.Name()+"$", "-test.v")
	again.Dir = "/"
	again.Env = append(os.Environ(), "TMPDIR="+dir)
	again.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	out, err := again.CombinedOutput()
	require.NoError(t, err, "%s", out)
	require.Contains(t, string(out), "--- PASS: "+t.Name())
}
