package pyruntime

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"agentfactory/internal/sandbox"
)

func anywhere(string) error { return nil }

func TestInterpreterIsFoundWithEverythingItReads(t *testing.T) {
	found, err := Discover(t.Context(), "", sandbox.Readable)
	require.NoError(t, err)
	require.Regexp(t, `^3\.\d+\.\d+$`, found.Version)
	resolved, err := filepath.EvalSymlinks(found.Path)
	require.NoError(t, err)
	require.Equal(t, resolved, found.Path)
	out, err := exec.Command(found.Path, "-I", "-S", "-c", "import json, sys, math; print(json.__file__); print(sys.executable)").Output()
	require.NoError(t, err)
	for _, file := range strings.Fields(string(out)) {
		require.True(t, below(file, found.Roots), "%s is below none of %v", file, found.Roots)
	}
	for _, root := range found.Roots {
		require.DirExists(t, root)
		require.NotEqual(t, "/", root)
	}
}

func below(file string, roots []string) bool {
	for _, root := range roots {
		if within(file, root) {
			return true
		}
	}
	return false
}

func TestInterpreterBehindAShimIsTheRealOne(t *testing.T) {
	real, err := Discover(t.Context(), "", sandbox.Readable)
	require.NoError(t, err)
	shims := t.TempDir()
	shim := filepath.Join(shims, "python3")
	require.NoError(t, os.WriteFile(shim, []byte("#!/bin/sh\nexec "+real.Path+" \"$@\"\n"), 0o755))
	t.Setenv("PATH", shims+":"+os.Getenv("PATH"))
	for name, configured := range map[string]string{"on PATH": "", "configured by path": shim, "configured by name": "python3"} {
		t.Run(name, func(t *testing.T) {
			found, err := Discover(t.Context(), configured, anywhere)
			require.NoError(t, err)
			require.Equal(t, real, found)
		})
	}
}

func TestInterpreterThatTheSandboxCannotReadIsPassedOver(t *testing.T) {
	first, err := Discover(t.Context(), "", anywhere)
	require.NoError(t, err)
	closed := func(path string) error {
		if below(path, first.Roots) {
			return fmt.Errorf("%s is closed to other users", path)
		}
		return nil
	}
	found, err := Discover(t.Context(), "", closed)
	if err == nil {
		require.NotEqual(t, first.Path, found.Path)
		return
	}
	require.ErrorIs(t, err, ErrNoPython)
	require.ErrorContains(t, err, "closed to other users")
}

func TestInterpreterErrorsNameWhatWasTriedAndTheRemedy(t *testing.T) {
	dir := t.TempDir()
	script := func(name, body string) string {
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, []byte("#!/bin/sh\n"+body+"\n"), 0o755))
		return path
	}
	for name, c := range map[string]struct{ configured, says string }{
		"a missing path":       {"/nowhere/python3", "not found"},
		"a missing name":       {"python-of-nowhere", "not found"},
		"a directory":          {dir, "permission denied"},
		"an old version":       {script("old", `echo '{"executable": "/bin/sh", "version": [3, 8, 1], "directories": []}'`), "version 3.8.1 is too old"},
		"a program that fails": {script("fails", "echo one >&2; echo 'pyenv: version not installed' >&2; exit 1"), "pyenv: version not installed"},
		"no Python at all":     {script("echo", "echo hello"), "does not answer like a Python"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Discover(t.Context(), c.configured, anywhere)
			require.ErrorIs(t, err, ErrNoPython)
			require.ErrorContains(t, err, c.configured)
			require.ErrorContains(t, err, c.says)
			require.ErrorContains(t, err, "set AGENTFACTORY_PYTHON")
			require.NotContains(t, err.Error(), "\n")
		})
	}
}

func TestInterpreterSearchEndsWithItsContext(t *testing.T) {
	stopped := errors.New("the worker stops")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(stopped)
	_, err := Discover(ctx, "", anywhere)
	require.ErrorIs(t, err, stopped)
}

func TestInterpreterRootsAreFewAndNarrow(t *testing.T) {
	base, err := filepath.EvalSymlinks(t.TempDir())
	require.NoError(t, err)
	for _, d := range []string{"py/lib/python3.11", "py-other", "home/lib/python3.11"} {
		require.NoError(t, os.MkdirAll(filepath.Join(base, d), 0o755))
	}
	require.NoError(t, os.Symlink(filepath.Join(base, "py"), filepath.Join(base, "link")))
	t.Setenv("HOME", filepath.Join(base, "home"))
	in := func(names ...string) (paths []string) {
		for _, n := range names {
			paths = append(paths, filepath.Join(base, n))
		}
		return paths
	}
	for name, c := range map[string]struct{ given, want []string }{
		"one below another":               {in("py/lib/python3.11", "py", "py/lib"), in("py")},
		"names with a common beginning":   {in("py-other", "py"), in("py", "py-other")},
		"symbolic links":                  {in("link/lib", "link"), in("py")},
		"what does not exist":             {in("py", "install/lib"), in("py")},
		"the root directory":              {append(in("py"), "/"), in("py")},
		"a prefix that is the home":       {in("home", "home/lib/python3.11"), in("home/lib/python3.11")},
		"a prefix that contains the home": {append(in("home/lib"), base), in("home/lib")},
	} {
		t.Run(name, func(t *testing.T) { require.Equal(t, c.want, roots(c.given)) })
	}
}
