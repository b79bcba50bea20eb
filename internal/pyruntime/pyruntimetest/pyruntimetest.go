// Package pyruntimetest runs Python for tests as workers do.
package pyruntimetest

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"agentfactory/internal/pyruntime"
	"agentfactory/internal/sandbox"
)

// New returns a runtime in the strongest sandbox of the machine, with directories that the sandbox's user may enter. A
// machine that has none as strong as min skips the test, and fails it where nothing may be missing.
func New(t testing.TB, min sandbox.Level) *pyruntime.Runtime {
	t.Helper()
	python, err := pyruntime.Discover(t.Context(), "", sandbox.Readable)
	require.NoError(t, err)
	dir, err := os.MkdirTemp("", "pyruntime-test-")
	require.NoError(t, err)
	t.Cleanup(func() { os.RemoveAll(dir) })
	require.NoError(t, os.Chmod(dir, 0o711))
	box, err := sandbox.New(sandbox.Config{Python: python.Path, ReadOnly: python.Roots, StateDir: dir, Min: min})
	if err != nil && os.Getenv("AGENTFACTORY_TEST_REQUIRE") != "all" {
		t.Skip(err)
	}
	require.NoError(t, err)
	rt, err := pyruntime.New(pyruntime.Config{Python: python, Dir: filepath.Join(dir, "packages"), Sandbox: box})
	require.NoError(t, err)
	return rt
}
