package pyruntime

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"agentfactory/internal/sandbox"
)

// installInto makes the test binary another worker's process: it installs aa, which the index of the environment has,
// below that directory, prints where it is, and ends.
const installInto = "PYRUNTIME_TEST_INSTALL_INTO"

func installOnce(dir string) {
	python, err := Discover(context.Background(), "", sandbox.Readable)
	if err == nil {
		var e *Environments
		if e, err = NewEnvironments(EnvironmentsConfig{Dir: dir, Python: python, UV: NoUV}); err == nil {
			var env *Environment
			if env, err = e.For(context.Background(), Want{Requirements: []string{"aa"}}); err == nil {
				fmt.Print(env.Dir)
				os.Exit(0)
			}
		}
	}
	fmt.Fprint(os.Stderr, err)
	os.Exit(1)
}

// anotherProcess is such a process, not started yet.
func anotherProcess(t *testing.T, dir string) (cmd *exec.Cmd, out *bytes.Buffer) {
	t.Helper()
	cmd = exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), installInto+"="+dir)
	out = new(bytes.Buffer)
	cmd.Stdout, cmd.Stderr = out, out
	t.Cleanup(func() {
		if cmd.Process != nil && cmd.ProcessState == nil {
			_ = cmd.Process.Kill() // the test has failed before it ended
			_ = cmd.Wait()
		}
	})
	return cmd, out
}

// counted is an index of wheels at which every download of one is counted and passes through hold.
func counted(t *testing.T, hold func(nth int64), projects ...string) (downloads *atomic.Int64) {
	t.Helper()
	downloads = new(atomic.Int64)
	wheels := map[string][]byte{}
	for _, p := range projects {
		wheels["/simple/"+p+"/"+p+"-1.0-py3-none-any.whl"] = wheel(t, p, []byte("x = 1\n"))
	}
	serveIndex(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if body, ok := wheels[r.URL.Path]; ok {
			hold(downloads.Add(1))
			w.Write(body)
			return
		}
		w.Header().Set("Content-Type", "text/html")
		for path, body := range wheels {
			if strings.HasPrefix(path, r.URL.Path) {
				fmt.Fprintf(w, "<a href=\"%s#sha256=%x\">%s</a>\n", path, sha256.Sum256(body), filepath.Base(path))
			}
		}
	}))
	return downloads
}

// serveIndex makes a server the only index of the test.
func serveIndex(t *testing.T, h http.Handler) string {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	noIndex(t)
	t.Setenv("PIP_INDEX_URL", s.URL+"/simple/")
	t.Setenv("UV_DEFAULT_INDEX", s.URL+"/simple/")
	return s.URL
}

func TestProcessesThatWantTheSameAtOnceInstallItOnce(t *testing.T) {
	downloads := counted(t, func(int64) { time.Sleep(100 * time.Millisecond) }, "aa", "bb")
	e := newEnvironments(t)
	get(t, e, "bb").Release()
	once := downloads.Swap(0)

	var processes []*exec.Cmd
	var said []*bytes.Buffer
	for range 3 {
		cmd, out := anotherProcess(t, e.dir)
		require.NoError(t, cmd.Start())
		processes, said = append(processes, cmd), append(said, out)
	}
	mine := get(t, e, "aa")
	for i, cmd := range processes {
		require.NoError(t, cmd.Wait(), "%s", said[i])
		require.Equal(t, mine.Dir, said[i].String())
	}
	require.Equal(t, once, downloads.Load(), "as often as for one alone")
	require.Len(t, environments(t, e), 2)
}

func TestAProcessThatIsKilledWhileItInstallsLeavesNothingInTheWay(t *testing.T) {
	reached, release := make(chan struct{}), make(chan struct{})
	var once sync.Once
	// The first download is for the resolution, the second for the installation.
	downloads := counted(t, func(nth int64) {
		if nth == 2 {
			once.Do(func() { close(reached) })
			<-release
		}
	}, "aa")
	defer close(release)
	e := newEnvironments(t)
	cmd, out := anotherProcess(t, e.dir)
	require.NoError(t, cmd.Start())
	select {
	case <-reached:
	case <-time.After(5 * time.Minute):
		t.Fatalf("it did not begin to install: %s", out)
	}
	require.NoError(t, cmd.Process.Kill())
	require.Error(t, cmd.Wait())
	half, err := filepath.Glob(filepath.Join(e.dir, ".build-*"))
	require.NoError(t, err)
	require.NotEmpty(t, half, "it was killed in the middle")

	env := get(t, e, "aa")
	require.FileExists(t, filepath.Join(env.Dir, "aa.py"))
	require.Equal(t, []string{env.Dir}, environments(t, e))
	require.EqualValues(t, 3, downloads.Load(), "what was resolved before the kill is not asked again")
}

// onFullDisk is a program that finds a disk of 256 KiB where downloads and temporary files go.
func onFullDisk(t *testing.T, program string) string {
	t.Helper()
	unshare := "unshare --mount --map-root-user"
	if out, err := exec.Command("sh", "-c", unshare+" mount -t tmpfs none /mnt").CombinedOutput(); err != nil {
		if os.Getenv("AGENTFACTORY_TEST_REQUIRE") != "all" {
			t.Skipf("no disk can be mounted: %v: %s", err, out)
		}
		require.NoError(t, err, "%s", out)
	}
	script := filepath.Join(t.TempDir(), filepath.Base(program))
	text := fmt.Sprintf("#!/bin/sh\nexec %s sh -c '"+
		"for d in \"${UV_CACHE_DIR:-$PIP_CACHE_DIR}\" \"$TMPDIR\"; do mkdir -p \"$d\"; done; "+
		"mount -t tmpfs -o size=256k none \"${UV_CACHE_DIR:-$PIP_CACHE_DIR}\" && "+
		"if [ -n \"$PIP_CACHE_DIR\" ]; then mkdir \"$PIP_CACHE_DIR/tmp\" && export TMPDIR=\"$PIP_CACHE_DIR/tmp\"; fi; "+
		"exec \"$0\" \"$@\"' %s \"$@\"\n", unshare, program)
	require.NoError(t, os.WriteFile(script, []byte(text), 0o755))
	return script
}

func TestAFullDiskIsNotThePackagesFault(t *testing.T) {
	_, _ = uvOnce() // from the real index, before there is another
	random := make([]byte, 1<<20)
	for i := range random { // does not compress
		sum := sha256.Sum256([]byte{byte(i), byte(i >> 8), byte(i >> 16)})
		random[i] = sum[0]
	}
	index(t, map[string][]byte{"large/large-1.0-py3-none-any.whl": wheel(t, "large", []byte(fmt.Sprintf("x = %q\n", random)))})
	eachInstaller(t, func(t *testing.T, e *Environments) {
		uv, python := e.uv, e.python.Path
		if uv == NoUV {
			e.python.Path = onFullDisk(t, python)
		} else {
			e.uv = onFullDisk(t, uv)
		}
		_, err := e.For(t.Context(), Want{Requirements: []string{"large"}})
		var full *DiskError
		require.ErrorAs(t, err, &full)
		require.ErrorIs(t, err, syscall.ENOSPC)
		require.Equal(t, "install "+strings.Join(full.Requirements, ", ")+": the worker's disk takes no more (No space left on device): free space in "+e.dir+
			", or set AGENTFACTORY_PACKAGES to a directory on another disk", err.Error())
		require.Empty(t, environments(t, e))

		e.uv, e.python.Path = uv, python
		require.FileExists(t, filepath.Join(get(t, e, "large").Dir, "large.py"), "there is space again")
	})
}

func TestWithoutAnInstallerWhatIsInstalledRunsAndTheRestIsTheSubagentsFailure(t *testing.T) {
	index(t, map[string][]byte{"aa/aa-1.0-py3-none-any.whl": wheel(t, "aa", []byte("x = 1\n"))})
	e := newEnvironments(t)
	dir := get(t, e, "aa").Dir
	e.uv = "/no/such/uv"
	require.Equal(t, dir, get(t, e, "aa").Dir)
	require.Equal(t, dir, get(t, e, "aa>=0.5").Dir)
	_, err := e.For(t.Context(), Want{Requirements: []string{"aa", "bb"}})
	f := packageFailure(err)
	require.NotNil(t, f, "%v", err)
	require.Equal(t, NoIndex, f.Kind)
	require.Equal(t, "aa, bb: not installed on this worker, and nothing installs packages here: the configured uv cannot be run: "+
		`exec: "/no/such/uv": stat /no/such/uv: no such file or directory; correct AGENTFACTORY_UV, or unset it`, f.Message)
}

func TestAPackageThatIsNotForThisMachineIsNamedWithTheReason(t *testing.T) {
	_, _ = uvOnce() // from the real index, before there is another
	index(t, map[string][]byte{
		"windows/windows-1.0-cp311-cp311-win_amd64.whl": wheel(t, "windows", nil),
		"future/future-1.0-py3-none-any.whl":            wheel(t, "future", nil, "Requires-Python: >=3.99"),
		"source/source-1.0.tar.gz":                      sourceArchive(t, "source", filepath.Join(t.TempDir(), "written")),
	})
	eachInstaller(t, func(t *testing.T, e *Environments) {
		for name, says := range map[string]string{"windows": "wheel", "future": "3.99", "source": "wheel"} {
			_, err := e.For(t.Context(), Want{Requirements: []string{name}})
			var wrong *DependencyError
			require.ErrorAs(t, err, &wrong, name)
			require.Equal(t, []string{name}, wrong.Requirements)
			require.Contains(t, err.Error(), "install "+name+": ")
			require.Contains(t, wrong.Reason, says, name)
			require.NotContains(t, err.Error(), "\n")
			t.Log(err)
		}
		require.Empty(t, environments(t, e))
	})
}

func TestTheConfiguredIndexStandsInForThatOfTheEnvironment(t *testing.T) {
	_, _ = uvOnce() // from the real index, before there is another
	body := wheel(t, "aa", []byte("x = 1\n"))
	private := serveIndex(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		user, secret, _ := r.BasicAuth()
		switch {
		case user != "reader" || secret != "secret-login":
			w.Header().Set("WWW-Authenticate", `Basic realm="index"`)
			w.WriteHeader(http.StatusUnauthorized)
		case strings.HasSuffix(r.URL.Path, ".whl"):
			w.Write(body)
		case r.URL.Path == "/simple/aa/":
			w.Header().Set("Content-Type", "text/html")
			fmt.Fprintf(w, "<a href=\"aa-1.0-py3-none-any.whl#sha256=%x\">aa-1.0-py3-none-any.whl</a>\n", sha256.Sum256(body))
		default:
			w.WriteHeader(http.StatusNotFound)
		}
	}))
	noIndex(t)
	address, err := url.Parse(private + "/simple/")
	require.NoError(t, err)
	address.User = url.UserPassword("reader", "secret-login")
	eachInstaller(t, func(t *testing.T, e *Environments) {
		require.ErrorIs(t, e.CheckIndex(t.Context()), ErrIndexUnavailable)
		e.index = address.String()
		require.NoError(t, e.CheckIndex(t.Context()), "it answers that there is no such package")
		env := get(t, e, "aa")
		require.FileExists(t, filepath.Join(env.Dir, "aa.py"))
		require.NotContains(t, env.Lock, "secret-login")
		e.index = strings.Replace(address.String(), "secret-login", "wrong-login1", 1)
		err := e.CheckIndex(t.Context())
		require.ErrorIs(t, err, ErrIndexUnavailable, "no package is to blame")
		require.ErrorContains(t, err, "401")
		require.NotContains(t, err.Error(), "wrong-login1")
		t.Log(err)
	})
}

func TestLoginsOfIndexesAreKnownSoThatTheyCanBeMasked(t *testing.T) {
	environ := []string{
		"PIP_INDEX_URL=https://user:pass-one@a.example/simple", "UV_INDEX=corp=https://token-two@b.example/simple https://c.example/simple",
		"PIP_EXTRA_INDEX_URL=https://u:a%2Fthree@d.example https://u:four@e.example", "UV_INDEX_CORP_PASSWORD=five", "https_proxy=http://me:six@proxy",
		"PIP_FIND_LINKS=/opt/wheels", "OPENAI_API_KEY=sk-1", "UV_INDEX_CORP_USERNAME=me", "HOME=/root",
	}
	require.ElementsMatch(t, []string{"pass-one", "token-two", "a/three", "a%2Fthree", "four", "five", "six", "seven"}, IndexLogins(environ, "https://x:seven@f.example", "", "::"))
	require.Empty(t, IndexLogins(nil))
}

func TestASurveyTellsWhatIsThereAndWhatInstalls(t *testing.T) {
	index(t, map[string][]byte{"aa/aa-1.0-py3-none-any.whl": wheel(t, "aa", []byte("x = 1\n"))})
	e := newEnvironments(t, func(c *EnvironmentsConfig) { c.MaxBytes = 1 << 30 })
	require.False(t, e.Installed([]string{"aa"}))
	get(t, e, "aa")
	require.True(t, e.Installed([]string{"aa"}))
	require.False(t, e.Installed([]string{"aa", "bb"}))
	s, err := e.Survey(t.Context())
	require.NoError(t, err)
	require.Equal(t, 1, s.Count)
	require.Positive(t, s.Used)
	require.Positive(t, s.Free)
	require.EqualValues(t, 1<<30, s.Limit)
	require.Equal(t, e.dir, s.Dir)
	require.Equal(t, "pip of "+e.python.Path, s.Installer)
	require.Len(t, environments(t, e), 1, "nothing is left of it")

	e.python.Path = "/bin/false"
	if _, err = e.Survey(t.Context()); !errors.Is(err, ErrNoInstaller) {
		require.NoError(t, err, "another Python's pip is no use either")
	}
}
