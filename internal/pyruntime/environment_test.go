package pyruntime

import (
	"context"
	"errors"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"agentfactory/internal/sandbox"
)

// newEnvironments makes an empty store of environments for the real Python.
func newEnvironments(t testing.TB) *Environments {
	t.Helper()
	python, err := Discover(t.Context(), "", sandbox.Readable)
	require.NoError(t, err)
	e, err := NewEnvironments(filepath.Join(t.TempDir(), "packages"), python)
	require.NoError(t, err)
	return e
}

// get installs from the real index.
func get(t testing.TB, e *Environments, requirements ...string) string {
	t.Helper()
	dir, err := e.For(t.Context(), requirements)
	skipWithoutIndex(t, err)
	require.NoError(t, err)
	return dir
}

func skipWithoutIndex(t testing.TB, err error) {
	if (errors.Is(err, ErrIndexUnavailable) || errors.Is(err, ErrNoPip)) && os.Getenv("AGENTFACTORY_TEST_REQUIRE") != "all" {
		t.Skip(err)
	}
}

// requireNothingLeft says that only environments that are ready are kept.
func requireNothingLeft(t *testing.T, e *Environments, ready ...string) {
	t.Helper()
	entries, err := os.ReadDir(e.dir)
	require.NoError(t, err)
	var names []string
	for _, entry := range entries {
		if entry.Name() != "locks" && entry.Name() != "cache" {
			names = append(names, filepath.Join(e.dir, entry.Name()))
		}
	}
	require.ElementsMatch(t, ready, names)
}

func TestEnvironmentHoldsThePackages(t *testing.T) {
	e := newEnvironments(t)
	dir := get(t, e, "six==1.16.0")
	cmd := exec.Command(e.python.Path, "-S", "-c", "import six; print(six.__version__)")
	cmd.Env = []string{"PYTHONPATH=" + dir}
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
	require.Equal(t, "1.16.0\n", string(out))
	requireNothingLeft(t, e, dir)
	require.NoError(t, filepath.WalkDir(e.dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !within(path, dir) {
			return err
		}
		info, err := d.Info()
		require.NoError(t, err)
		if d.IsDir() {
			require.Equal(t, fs.FileMode(0o755), info.Mode().Perm(), path)
		} else {
			require.Contains(t, []fs.FileMode{0o644, 0o755}, info.Mode().Perm(), path)
		}
		return nil
	}))
}

func TestEnvironmentIsReusedHoweverItIsWritten(t *testing.T) {
	e := newEnvironments(t)
	dir := get(t, e, "six==1.16.0")
	mark := filepath.Join(dir, "mark")
	require.NoError(t, os.WriteFile(mark, nil, 0o644))
	t.Setenv("PIP_INDEX_URL", "http://127.0.0.1:9/") // nothing may be asked again
	require.Equal(t, dir, get(t, e, " SIX == 1.16.0", "six==1.16.0"))
	require.FileExists(t, mark)
}

func TestEnvironmentIsBuiltOnceForTwoAtOnce(t *testing.T) {
	e := newEnvironments(t)
	other, err := NewEnvironments(e.dir, e.python) // as another process has it
	require.NoError(t, err)
	var wait sync.WaitGroup
	dirs, errs := make([]string, 4), make([]error, 4)
	for i := range dirs {
		wait.Go(func() { dirs[i], errs[i] = []*Environments{e, other}[i%2].For(t.Context(), []string{"six==1.16.0"}) })
	}
	wait.Wait()
	for i := range dirs {
		skipWithoutIndex(t, errs[i])
		require.NoError(t, errs[i])
		require.Equal(t, dirs[0], dirs[i])
	}
	requireNothingLeft(t, e, dirs[0])
}

func TestEnvironmentsOfWrongRequirementsNameTheMistake(t *testing.T) {
	e := newEnvironments(t)
	for name, c := range map[string]struct {
		requirements []string
		says         string
	}{
		"an unknown package":           {[]string{"agentfactory-no-such-package"}, "no such package"},
		"an unknown version":           {[]string{"six==99"}, "1.17.0"},
		"a package without wheels":     {[]string{"docopt==0.6.2"}, "no wheel"},
		"versions that contradict":     {[]string{"six==1.16.0", "six==1.15.0"}, "six==1.15.0"},
		"an address":                   {[]string{"six @ https://example.org/six.whl"}, "not accepted"},
		"an option":                    {[]string{"--pre"}, "not accepted"},
		"a version that is no version": {[]string{"six==banana"}, "banana"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := e.For(t.Context(), c.requirements)
			skipWithoutIndex(t, err)
			var wrong *DependencyError
			require.ErrorAs(t, err, &wrong)
			require.Contains(t, wrong.Reason, c.says)
			require.NotContains(t, err.Error(), "\n")
			t.Log(err)
			requireNothingLeft(t, e)
		})
	}
}

func TestEnvironmentIsEmptyWhenMarkersExcludeEverything(t *testing.T) {
	e := newEnvironments(t)
	dir := get(t, e, "six; python_version<'3'")
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Empty(t, entries)
}

func TestEnvironmentOfNothingNeedsNoDirectory(t *testing.T) {
	dir, err := newEnvironments(t).For(t.Context(), nil)
	require.NoError(t, err)
	require.Empty(t, dir)
}

func TestEnvironmentBuildEndsWithItsContext(t *testing.T) {
	reached, release := make(chan struct{}), make(chan struct{})
	slow := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		select {
		case reached <- struct{}{}:
		default:
		}
		<-release
	}))
	defer slow.Close()
	defer close(release)
	t.Setenv("PIP_INDEX_URL", slow.URL)
	t.Setenv("NO_PROXY", "127.0.0.1")
	e := newEnvironments(t)
	stopped := errors.New("the run was cancelled")
	ctx, cancel := context.WithCancelCause(t.Context())
	go func() {
		select {
		case <-reached:
		case <-time.After(time.Minute):
		}
		cancel(stopped)
	}()
	_, err := e.For(ctx, []string{"six==1.16.0"})
	skipWithoutIndex(t, err)
	require.ErrorIs(t, err, stopped)
	requireNothingLeft(t, e)
}

func TestEnvironmentOfAnInterruptedBuildIsBuiltAnew(t *testing.T) {
	e := newEnvironments(t)
	stale := filepath.Join(e.dir, ".build-"+e.digest([]string{"six==1.16.0"})+"-1", "packages")
	require.NoError(t, os.MkdirAll(stale, 0o755))
	requireNothingLeft(t, e, get(t, e, "six==1.16.0"))
}

func BenchmarkEnvironmentThatIsReady(b *testing.B) {
	e := newEnvironments(b)
	get(b, e, "six==1.16.0")
	for b.Loop() {
		get(b, e, "six==1.16.0")
	}
}
