package pyruntime

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestEnvironmentErrorsAreNotTheSubagentsWhenTheIndexIsDown(t *testing.T) {
	broken := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) }))
	defer broken.Close()
	throttled := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTooManyRequests) }))
	defer throttled.Close()
	for name, index := range map[string]string{
		"no connection":        "http://user:secret-login@127.0.0.1:9/simple",
		"a failing server":     broken.URL,
		"too many requests":    throttled.URL,
		"a name nobody knows":  "https://index.invalid/simple",
		"an index without TLS": "http://index.invalid/simple",
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("PIP_INDEX_URL", index)
			t.Setenv("PIP_RETRIES", "0")
			t.Setenv("NO_PROXY", "127.0.0.1,index.invalid")
			e := newEnvironments(t)
			_, err := e.For(t.Context(), Want{Requirements: []string{"six==1.16.0"}})
			if errors.Is(err, ErrNoInstaller) {
				skipWithoutIndex(t, err)
			}
			require.ErrorIs(t, err, ErrIndexUnavailable)
			require.NotContains(t, err.Error(), "secret-login")
			require.NotContains(t, err.Error(), "\n")
			t.Log(err)
			require.Empty(t, environments(t, e))
		})
	}
}

func TestInstallersSeeNoKeys(t *testing.T) {
	t.Setenv("HOME", t.TempDir())
	t.Setenv("XDG_CONFIG_HOME", "")
	given := []string{"PATH=/bin", "OPENAI_API_KEY=sk-1", "AWS_SECRET_ACCESS_KEY=x", "HOME=/root", "PYTHONPATH=/evil", "https_proxy=http://p", "SSL_CERT_FILE=/c", "PIP_INDEX_URL=http://i", "PIP_USER=1", "UV_CACHE_DIR=/evil"}
	b := bench{tmp: "/tmp/b", cache: "/cache"}
	require.Equal(t, []string{"PIP_RETRIES=2", "HOME=/tmp/b", "TMPDIR=/tmp/b", "LANG=C.UTF-8",
		"PATH=/bin", "https_proxy=http://p", "SSL_CERT_FILE=/c", "PIP_INDEX_URL=http://i", "PIP_USER=1",
		"PIP_CACHE_DIR=/cache", "PIP_REQUIRE_VIRTUALENV=0", "PIP_USER=0"}, pipInstaller{bench: b}.environ(given))
	require.Equal(t, []string{"UV_HTTP_RETRIES=2", "HOME=/tmp/b", "TMPDIR=/tmp/b", "LANG=C.UTF-8",
		"PATH=/bin", "https_proxy=http://p", "SSL_CERT_FILE=/c", "UV_CACHE_DIR=/evil",
		"UV_DEFAULT_INDEX=http://i", "UV_CACHE_DIR=/cache/uv", "UV_PYTHON_DOWNLOADS=never"}, uvInstaller{bench: b}.environ(given))
}

func TestAnIndexThatOnlyPipKnowsIsLeftToPip(t *testing.T) {
	file := filepath.Join(t.TempDir(), "pip.conf")
	require.NoError(t, os.WriteFile(file, []byte("[global]\nindex-url = https://index.example.org/simple\n"), 0o644))
	require.True(t, onlyPipKnowsIndex([]string{"PIP_CONFIG_FILE=" + file}))
	require.False(t, onlyPipKnowsIndex([]string{"PIP_CONFIG_FILE=" + file, "UV_DEFAULT_INDEX=https://other.example.org"}))
	require.False(t, onlyPipKnowsIndex([]string{"PIP_CONFIG_FILE=" + file + ".none"}))
}

func TestEnvironmentUsesTheUsersPipConfiguration(t *testing.T) {
	config := t.TempDir()
	t.Setenv("XDG_CONFIG_HOME", config)
	require.NoError(t, os.MkdirAll(filepath.Join(config, "pip"), 0o755))
	file := filepath.Join(config, "pip", "pip.conf")
	require.NoError(t, os.WriteFile(file, []byte("[global]\nindex-url = http://127.0.0.1:9/simple\nretries = 0\n"), 0o644))
	e := newEnvironments(t)
	t.Setenv("NO_PROXY", "127.0.0.1")
	_, err := e.For(t.Context(), Want{Requirements: []string{"six==1.16.0"}})
	if errors.Is(err, ErrNoInstaller) {
		skipWithoutIndex(t, err)
	}
	require.ErrorIs(t, err, ErrIndexUnavailable)
	require.ErrorContains(t, err, "127.0.0.1:9")
}

func TestEnvironmentIsBuiltByAnotherPipWhenThePythonHasNone(t *testing.T) {
	e := newEnvironments(t)
	bare := t.TempDir()
	out, err := exec.Command(e.python.Path, "-m", "venv", "--without-pip", bare).CombinedOutput()
	if err != nil && os.Getenv("AGENTFACTORY_TEST_REQUIRE") != "all" {
		t.Skipf("no venv: %s", out)
	}
	require.NoError(t, err, "%s", out)
	e.python.Path = filepath.Join(bare, "bin", "python3") // not resolved: this is what has no pip
	require.FileExists(t, filepath.Join(get(t, e, "six==1.16.0").Dir, "six.py"))
}

func TestEnvironmentWithoutAnyPipSaysWhatToInstall(t *testing.T) {
	e := newEnvironments(t)
	nothing := filepath.Join(t.TempDir(), "python3")
	require.NoError(t, os.WriteFile(nothing, []byte("#!/bin/sh\necho 'No module named pip' >&2\nexit 1\n"), 0o755))
	e.python.Path = nothing
	_, err := e.For(t.Context(), Want{Requirements: []string{"six==1.16.0"}})
	require.ErrorIs(t, err, ErrNoInstaller)
	require.ErrorContains(t, err, "No module named pip")
	require.ErrorContains(t, err, "python3-pip")
	require.Equal(t, 1, strings.Count(err.Error()+"\n", "\n"))
}

// index serves files at /simple/<project>/<file> and is the only index of the test.
func index(t *testing.T, files map[string][]byte) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		path := strings.TrimPrefix(r.URL.Path, "/simple/")
		if body, ok := files[path]; ok {
			w.Write(body)
			return
		}
		w.Header().Set("Content-Type", "text/html")
		for name := range files {
			if file, ok := strings.CutPrefix(name, path); ok {
				fmt.Fprintf(w, "<a href=\"%s#sha256=%x\">%s</a>\n", file, sha256.Sum256(files[name]), file)
			}
		}
	}))
	t.Cleanup(s.Close)
	noIndex(t)
	t.Setenv("PIP_INDEX_URL", s.URL+"/simple/")
	t.Setenv("UV_DEFAULT_INDEX", s.URL+"/simple/")
	return s.URL + "/simple/"
}

// wheel is a wheel of one module with lines of metadata.
func wheel(t *testing.T, project string, module []byte, metadata ...string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	info := project + "-1.0.dist-info/"
	for name, body := range map[string]string{
		project + ".py":   string(module),
		info + "METADATA": "Metadata-Version: 2.1\nName: " + project + "\nVersion: 1.0\n" + strings.Join(metadata, "\n") + "\n",
		info + "WHEEL":    "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
		info + "RECORD":   "",
	} {
		w, err := z.Create(name)
		require.NoError(t, err)
		_, err = w.Write([]byte(body))
		require.NoError(t, err)
	}
	require.NoError(t, z.Close())
	return b.Bytes()
}

// sourceArchive is a source distribution whose setup.py writes a file.
func sourceArchive(t *testing.T, project, written string) []byte {
	t.Helper()
	var b bytes.Buffer
	g := gzip.NewWriter(&b)
	a := tar.NewWriter(g)
	for name, body := range map[string]string{
		"setup.py": fmt.Sprintf("open(%q, 'w').close()\nfrom setuptools import setup\nsetup(name=%q, version='1.0')\n", written, project),
		"PKG-INFO": "Metadata-Version: 1.0\nName: " + project + "\nVersion: 1.0\n",
	} {
		require.NoError(t, a.WriteHeader(&tar.Header{Name: project + "-1.0/" + name, Size: int64(len(body)), Mode: 0o644}))
		_, err := a.Write([]byte(body))
		require.NoError(t, err)
	}
	require.NoError(t, a.Close())
	require.NoError(t, g.Close())
	return b.Bytes()
}

func TestEnvironmentBuildRunsNothingOfAPackage(t *testing.T) {
	_, _ = uvOnce() // from the real index, before there is another
	written := filepath.Join(t.TempDir(), "written")
	files := map[string][]byte{"source/source-1.0.tar.gz": sourceArchive(t, "source", written)}
	address := index(t, files)
	files["bait/bait-1.0-py3-none-any.whl"] = wheel(t, "bait", nil, "Requires-Dist: source @ "+address+"source/source-1.0.tar.gz")
	for name, requirement := range map[string]string{
		"a source archive":                       "source",
		"a wheel that requires a source archive": "bait",
	} {
		t.Run(name, func(t *testing.T) {
			eachInstaller(t, func(t *testing.T, e *Environments) {
				_, err := e.For(t.Context(), Want{Requirements: []string{requirement}})
				if errors.Is(err, ErrNoInstaller) {
					skipWithoutIndex(t, err)
				}
				var wrong *DependencyError
				require.ErrorAs(t, err, &wrong)
				require.NoFileExists(t, written)
				require.Empty(t, environments(t, e))
				t.Log(err)
			})
		})
	}
}

func TestEnvironmentOfABrokenWheelIsNotBuilt(t *testing.T) {
	index(t, map[string][]byte{"broken/broken-1.0-py3-none-any.whl": []byte("this is no zip")})
	e := newEnvironments(t)
	_, err := e.For(t.Context(), Want{Requirements: []string{"broken"}})
	require.Error(t, err)
	require.NotContains(t, err.Error(), "\n")
	require.Empty(t, environments(t, e))
	t.Log(err)
}

func TestEnvironmentSizeIsBounded(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "a"), make([]byte, 100), 0o644))
	require.EqualValues(t, 100, size(dir))
	require.Zero(t, size(filepath.Join(dir, "missing")))
	ctx, stop := boundSize(t.Context(), dir, 99, []string{"large"})
	defer stop()
	<-ctx.Done()
	var wrong *DependencyError
	require.ErrorAs(t, context.Cause(ctx), &wrong)
}
