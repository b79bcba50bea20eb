package pyruntime

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"agentfactory/internal/sandbox"
)

// newEnvironments makes an empty store of environments for the real Python, with pip.
func newEnvironments(t testing.TB, change ...func(*EnvironmentsConfig)) *Environments {
	t.Helper()
	python, err := Discover(t.Context(), "", sandbox.Readable)
	require.NoError(t, err)
	c := EnvironmentsConfig{Dir: filepath.Join(t.TempDir(), "packages"), Python: python, UV: NoUV}
	for _, f := range change {
		f(&c)
	}
	t.Cleanup(func() { removeTree(c.Dir) }) // whose directories are read-only
	e, err := NewEnvironments(c)
	require.NoError(t, err)
	return e
}

// uvOnce is the uv of the tests: the one on PATH, or a wheel of the real index.
var uvOnce = sync.OnceValues(func() (string, error) {
	if path, err := exec.LookPath("uv"); err == nil {
		return path, nil
	}
	python, err := Discover(context.Background(), "", sandbox.Readable)
	if err != nil {
		return "", err
	}
	dir, err := os.MkdirTemp("", "pyruntime-uv-") // removed by TestMain
	if err != nil {
		return "", err
	}
	uvDir = dir
	e, err := NewEnvironments(EnvironmentsConfig{Dir: dir, Python: python, UV: NoUV})
	if err != nil {
		return "", err
	}
	env, err := e.For(context.Background(), Want{Requirements: []string{"uv"}})
	if err != nil {
		return "", err
	}
	env.Release()
	return filepath.Join(env.Dir, "bin", "uv"), nil
})

var uvDir string

func TestMain(m *testing.M) {
	if dir := os.Getenv(installInto); dir != "" {
		installOnce(dir)
	}
	code := m.Run()
	if uvDir != "" {
		removeTree(uvDir)
	}
	os.Exit(code)
}

// eachInstaller runs a test with pip and with uv.
func eachInstaller(t *testing.T, test func(t *testing.T, e *Environments)) {
	t.Run("pip", func(t *testing.T) { test(t, newEnvironments(t)) })
	t.Run("uv", func(t *testing.T) {
		uv, err := uvOnce()
		skipWithoutIndex(t, err)
		require.NoError(t, err)
		test(t, newEnvironments(t, func(c *EnvironmentsConfig) { c.UV = uv }))
	})
}

// get installs from the real index.
func get(t testing.TB, e *Environments, requirements ...string) *Environment {
	t.Helper()
	return getWanted(t, e, Want{Requirements: requirements})
}

func getWanted(t testing.TB, e *Environments, w Want) *Environment {
	t.Helper()
	env, err := e.For(t.Context(), w)
	skipWithoutIndex(t, err)
	require.NoError(t, err)
	t.Cleanup(env.Release)
	return env
}

func skipWithoutIndex(t testing.TB, err error) {
	if (errors.Is(err, ErrIndexUnavailable) || errors.Is(err, ErrNoInstaller)) && os.Getenv("AGENTFACTORY_TEST_REQUIRE") != "all" {
		t.Skip(err)
	}
}

// noIndex makes every index unreachable from now on.
func noIndex(t *testing.T) {
	for _, name := range []string{"PIP_INDEX_URL", "UV_DEFAULT_INDEX"} {
		t.Setenv(name, "http://127.0.0.1:9/simple")
	}
	t.Setenv("PIP_FIND_LINKS", "")
	t.Setenv("PIP_RETRIES", "0")
	t.Setenv("UV_HTTP_RETRIES", "0")
	t.Setenv("NO_PROXY", "127.0.0.1")
}

// environments lists what is kept that is ready, and requires that nothing half made is.
func environments(t *testing.T, e *Environments) (dirs []string) {
	t.Helper()
	entries, err := os.ReadDir(e.dir)
	require.NoError(t, err)
	for _, entry := range entries {
		switch entry.Name() {
		case "locks", "cache", "resolved":
		default:
			require.NotContains(t, entry.Name(), ".", "something half made is left")
			dirs = append(dirs, filepath.Join(e.dir, entry.Name(), "packages"))
		}
	}
	return dirs
}

func TestEnvironmentHoldsThePackages(t *testing.T) {
	eachInstaller(t, func(t *testing.T, e *Environments) {
		env := get(t, e, "six==1.16.0")
		cmd := exec.Command(e.python.Path, "-S", "-c", "import six; print(six.__version__)")
		cmd.Env = []string{"PYTHONPATH=" + env.Dir}
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, "%s", out)
		require.Equal(t, "1.16.0\n", string(out))
		require.Equal(t, []string{env.Dir}, environments(t, e))
		compiled, err := filepath.Glob(filepath.Join(env.Dir, "__pycache__", "six.*.pyc"))
		require.NoError(t, err)
		require.NotEmpty(t, compiled, "a read-only environment must be compiled beforehand")
		requireReadOnly(t, env.Dir)
	})
}

func requireReadOnly(t *testing.T, dir string) {
	require.NoError(t, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		require.NoError(t, err)
		info, err := d.Info()
		require.NoError(t, err)
		if d.IsDir() {
			require.Equal(t, fs.FileMode(0o555), info.Mode().Perm(), path)
		} else {
			require.Contains(t, []fs.FileMode{0o444, 0o555}, info.Mode().Perm(), path)
		}
		return nil
	}))
}

func TestALockSaysWhatIsInstalledAndInstallsItAgain(t *testing.T) {
	eachInstaller(t, func(t *testing.T, e *Environments) {
		env := get(t, e, "six<1.17")
		lock, err := ParseLock(env.Lock)
		require.NoError(t, err)
		require.Equal(t, []string{"six==1.16.0"}, lock.names())
		require.Equal(t, []string{"six<1.17"}, lock.Requires)
		require.Contains(t, env.Lock, " --hash=sha256:8abb2f1d86890a2dfb989f9a77cfcfd3e47c2a354b01111771326f8aa26e0254")

		old := strings.ReplaceAll(env.Lock, "six==1.16.0", "six==1.15.0")
		old = strings.ReplaceAll(old, "8abb2f1d86890a2dfb989f9a77cfcfd3e47c2a354b01111771326f8aa26e0254", "8b74bedcbbbaca38ff6d7491d76f2b06b3592611af620f8426e82dddb04a5ced")
		again := getWanted(t, e, Want{Requirements: []string{"six < 1.17"}, Lock: old})
		require.Equal(t, old, again.Lock)
		require.DirExists(t, filepath.Join(again.Dir, "six-1.15.0.dist-info"))
		require.Equal(t, env.Dir, get(t, e, "six<1.17").Dir, "what was resolved stays")
	})
}

func TestALockThatDoesNotFitIsRefused(t *testing.T) {
	eachInstaller(t, func(t *testing.T, e *Environments) {
		lock := get(t, e, "six==1.16.0").Lock
		for name, c := range map[string]struct{ lock, says string }{
			"files that the index does not have": {strings.ReplaceAll(lock, "sha256:8abb2f", "sha256:000000"), "other files"},
			"an option of the installer":         {lock + "--index-url http://127.0.0.1/\n", "line 4"},
			"no lock":                            {"six", "no lock"},
		} {
			_, err := e.For(t.Context(), Want{Requirements: []string{"six==1.16.0"}, Lock: c.lock})
			var wrong *DependencyError
			require.ErrorAs(t, err, &wrong, name)
			require.Contains(t, wrong.Reason, c.says, name)
			require.NotContains(t, err.Error(), "\n")
		}
		require.Len(t, environments(t, e), 1)
	})
}

func TestALockOfAnotherPlatformGivesItsVersions(t *testing.T) {
	eachInstaller(t, func(t *testing.T, e *Environments) {
		foreign := func(version string) string {
			return platformLine + "cpython-38-aarch64-linux-gnu\n" + requiresLine + "six<1.17\nsix==" + version + " --hash=sha256:" + strings.Repeat("0", 64) + "\n"
		}
		same, err := ParseLock(getWanted(t, e, Want{Requirements: []string{"six<1.17"}, Lock: foreign("1.15.0")}).Lock)
		require.NoError(t, err)
		require.Equal(t, e.platform(), same.Platform)
		require.Equal(t, []string{"six<1.17"}, same.Requires)
		require.Equal(t, []string{"six==1.15.0"}, same.names())

		newest, err := ParseLock(getWanted(t, e, Want{Requirements: []string{"six<1.17"}, Lock: foreign("1.16.99")}).Lock)
		require.NoError(t, err)
		require.Equal(t, []string{"six==1.16.0"}, newest.names(), "a version that is not made for this Python is left to the requirements")
	})
}

func TestALockOfOtherRequirementsIsNotUsed(t *testing.T) {
	e := newEnvironments(t)
	lock := get(t, e, "six==1.16.0").Lock
	other := getWanted(t, e, Want{Requirements: []string{"six==1.15.0"}, Lock: lock})
	require.Contains(t, other.Lock, "six==1.15.0")
}

func TestThePolicyIsAskedForEveryPackageBeforeItIsInstalled(t *testing.T) {
	eachInstaller(t, func(t *testing.T, e *Environments) {
		refusal := errors.New("only six may be used")
		var asked []string
		allow := func(_ context.Context, name, version string) error {
			asked = append(asked, name+" "+version)
			if name == "six" {
				return nil
			}
			return refusal
		}
		_, err := e.For(t.Context(), Want{Requirements: []string{"python-dateutil==2.9.0"}, Allow: allow})
		skipWithoutIndex(t, err)
		var denied *DeniedError
		require.ErrorAs(t, err, &denied)
		require.ErrorIs(t, err, refusal)
		require.Equal(t, "python-dateutil", denied.Name)
		require.Empty(t, environments(t, e))
		getWanted(t, e, Want{Requirements: []string{"six==1.16.0"}, Allow: allow})
		getWanted(t, e, Want{Requirements: []string{"six==1.16.0"}, Allow: allow})
		require.Equal(t, []string{"python-dateutil 2.9.0", "six 1.16.0", "six 1.16.0"}, asked, "also when it is installed already")
	})
}

func TestEnvironmentIsReusedHoweverItIsWritten(t *testing.T) {
	e := newEnvironments(t)
	dir := get(t, e, "six==1.16.0").Dir
	noIndex(t) // nothing may be asked again
	require.Equal(t, dir, get(t, e, " SIX == 1.16.0", "six==1.16.0").Dir)
}

func TestWithoutAnIndexWhatIsCachedRunsAndWhatIsMissingIsNamed(t *testing.T) {
	eachInstaller(t, func(t *testing.T, e *Environments) {
		dir := get(t, e, "six==1.16.0").Dir
		noIndex(t)
		require.Equal(t, dir, get(t, e, "six>=1.10,<2").Dir, "an installed environment holds it, though it was asked for in other words")
		for _, missing := range [][]string{{"six>=1.17"}, {"python-dateutil", "six"}} {
			_, err := e.For(t.Context(), Want{Requirements: missing})
			require.ErrorIs(t, err, ErrIndexUnavailable)
			var index *IndexError
			require.ErrorAs(t, err, &index)
			require.False(t, index.Retryable())
			for _, part := range append(missing, "http://127.0.0.1:9/simple", "refused", "PIP_INDEX_URL", "UV_INDEX_URL") {
				require.Contains(t, err.Error(), part)
			}
			require.NotContains(t, err.Error(), "\n")
			t.Log(err)
		}
	})
}

func TestEnvironmentIsBuiltOnceForManyAtOnce(t *testing.T) {
	e := newEnvironments(t)
	other := newEnvironments(t, func(c *EnvironmentsConfig) { c.Dir = e.dir }) // as another process has it
	var wait sync.WaitGroup
	envs, errs := make([]*Environment, 6), make([]error, 6)
	for i := range envs {
		wait.Go(func() {
			envs[i], errs[i] = []*Environments{e, other}[i%2].For(t.Context(), Want{Requirements: []string{"six==1.16.0"}})
		})
	}
	wait.Wait()
	for i := range envs {
		skipWithoutIndex(t, errs[i])
		require.NoError(t, errs[i])
		require.Equal(t, envs[0].Dir, envs[i].Dir)
		envs[i].Release()
	}
	require.Equal(t, []string{envs[0].Dir}, environments(t, e))
}

func TestEnvironmentsOfWrongRequirementsNameTheMistake(t *testing.T) {
	eachInstaller(t, func(t *testing.T, e *Environments) {
		for name, c := range map[string]struct {
			requirements []string
			says         string
		}{
			"an unknown package":           {[]string{"agentfactory-no-such-package"}, "agentfactory-no-such-package"},
			"an unknown version":           {[]string{"six==99"}, "six==99"},
			"a package without wheels":     {[]string{"docopt==0.6.2"}, "wheel"},
			"versions that contradict":     {[]string{"six==1.16.0", "six==1.15.0"}, "six==1.15.0"},
			"an address":                   {[]string{"six @ https://example.org/six.whl"}, "not accepted"},
			"an option":                    {[]string{"--pre"}, "not accepted"},
			"a version that is no version": {[]string{"six==banana"}, "banana"},
		} {
			_, err := e.For(t.Context(), Want{Requirements: c.requirements})
			skipWithoutIndex(t, err)
			var wrong *DependencyError
			require.ErrorAs(t, err, &wrong, name)
			require.Contains(t, wrong.Reason, c.says, name)
			require.NotContains(t, err.Error(), "\n")
			t.Log(err)
			require.Empty(t, environments(t, e))
		}
	})
}

func TestEnvironmentIsEmptyWhenMarkersExcludeEverything(t *testing.T) {
	eachInstaller(t, func(t *testing.T, e *Environments) {
		entries, err := os.ReadDir(get(t, e, "six; python_version<'3'").Dir)
		require.NoError(t, err)
		require.Empty(t, entries)
	})
}

func TestEnvironmentOfNothingNeedsNoDirectory(t *testing.T) {
	env := get(t, newEnvironments(t))
	require.Empty(t, env.Dir)
	require.Empty(t, env.Lock)
}

func TestEnvironmentBuildEndsWithItsContext(t *testing.T) {
	eachInstaller(t, func(t *testing.T, e *Environments) {
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
		noIndex(t)
		t.Setenv("PIP_INDEX_URL", slow.URL)
		t.Setenv("UV_DEFAULT_INDEX", slow.URL)
		stopped := errors.New("the run was cancelled")
		ctx, cancel := context.WithCancelCause(t.Context())
		go func() {
			select {
			case <-reached:
			case <-time.After(5 * time.Minute):
			}
			cancel(stopped)
		}()
		_, err := e.For(ctx, Want{Requirements: []string{"six==1.16.0"}})
		skipWithoutIndex(t, err)
		require.ErrorIs(t, err, stopped)
		require.Empty(t, environments(t, e))
	})
}

func TestEnvironmentOfAKilledBuildIsBuiltAnewAndNothingOfItIsLeft(t *testing.T) {
	e := newEnvironments(t)
	env := get(t, e, "six==1.16.0")
	env.Release()
	digest := filepath.Base(filepath.Dir(env.Dir))
	require.True(t, e.remove(digest))
	for _, dir := range []string{".build-" + digest + "-1/made/packages", ".build-0123-1/made", ".resolve-0123-1", ".trash-" + digest + "-1/packages"} {
		dir = filepath.Join(e.dir, dir)
		require.NoError(t, os.MkdirAll(dir, 0o755))
		require.NoError(t, os.Chmod(dir, 0o555))
	}
	again := get(t, e, "six==1.16.0")
	require.Equal(t, env, &Environment{Dir: again.Dir, Lock: again.Lock, use: env.use})
	require.FileExists(t, filepath.Join(again.Dir, "six.py"))
	require.Equal(t, []string{env.Dir}, environments(t, e))
}

func TestTheLeastRecentlyUsedEnvironmentsGoWhenTheyGrowTooLargeUnlessARunUsesThem(t *testing.T) {
	files := map[string][]byte{}
	for _, name := range []string{"aa", "bb", "cc", "dd"} {
		files[name+"/"+name+"-1.0-py3-none-any.whl"] = wheel(t, name, []byte("#"+strings.Repeat("x", 100<<10)))
	}
	index(t, files)
	e := newEnvironments(t, func(c *EnvironmentsConfig) { c.MaxBytes = 250 << 10 })
	dirs := map[string]string{}
	for i, name := range []string{"aa", "bb", "cc"} {
		env := get(t, e, name)
		dirs[name] = env.Dir
		if name != "aa" { // which a run goes on using
			env.Release()
		}
		at := time.Now().Add(time.Duration(i-10) * time.Minute)
		require.NoError(t, os.Chtimes(e.manifestFile(filepath.Base(filepath.Dir(env.Dir))), at, at))
	}
	require.ElementsMatch(t, []string{dirs["aa"], dirs["cc"]}, environments(t, e), "bb was used longest ago of those that nobody uses")
	dd := get(t, e, "dd")
	require.ElementsMatch(t, []string{dirs["aa"], dd.Dir}, environments(t, e))
	require.NoDirExists(t, e.cacheDir(), "downloads take at most a quarter")
	require.FileExists(t, filepath.Join(get(t, e, "bb").Dir, "bb.py"), "what was removed is installed again when it is wanted")
}

func BenchmarkEnvironmentThatIsReady(b *testing.B) {
	e := newEnvironments(b)
	wanted := []string{"requests", "python-dateutil"}
	get(b, e, wanted...).Release()
	for b.Loop() {
		env, err := e.For(b.Context(), Want{Requirements: wanted, Allow: func(context.Context, string, string) error { return nil }})
		require.NoError(b, err)
		env.Release()
	}
}

func FuzzParseLock(f *testing.F) {
	f.Add("# platform: cpython-311\n# requires: six\nsix==1.0 --hash=sha256:" + strings.Repeat("0", 64) + "\n")
	f.Add("# platform: \n# requires: a | b>=1; python_version<'3'\n")
	f.Add("# platform: x\n# requires: six\n--index-url http://evil/\n")
	f.Fuzz(func(t *testing.T, text string) {
		l, err := ParseLock(text)
		if err != nil {
			require.ErrorIs(t, err, ErrLock)
			return
		}
		again, err := ParseLock(l.String())
		require.NoError(t, err, "%q", l.String())
		require.Equal(t, fmt.Sprint(l), fmt.Sprint(again))
		for line := range strings.Lines(l.pins()) {
			require.Regexp(t, `^[a-z0-9][a-z0-9.-]*==\S+( --hash=sha256:[0-9a-f]{64})+\n$`, line)
		}
	})
}
