package sandbox

import (
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// echoProxy answers requests in absolute form with their URL, in the place of their servers.
var echoProxy = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, r.URL.String()) })

func TestProgramsReachTheProxyThroughTheirEnvironment(t *testing.T) {
	levels(t, func(t *testing.T, r *Runner) {
		res := python(t, r, `
import os, urllib.request
try:
    print(urllib.request.urlopen("http://example.com/x", timeout=60).read().decode())
except OSError as e:
    print(type(e).__name__)
print(os.environ["AGENTFACTORY_EGRESS"])
print(os.path.exists(os.environ.get("SSL_CERT_FILE", "/none")) and open(os.environ["SSL_CERT_FILE"]).read()[-15:])
`, func(s *Spec) { s.Egress, s.CA = echoProxy, []byte("of the run only") })
		want := []string{"http://example.com/x", egressOpen, "of the run only"}
		if r.Level() == Confined {
			want = []string{"URLError", egressConfined, "False"}
		}
		require.Equal(t, want, strings.Split(strings.TrimSpace(string(res.Stdout)), "\n"), string(res.Stderr))
	})
}

func TestWithoutEgressThereIsNoProxy(t *testing.T) {
	levels(t, func(t *testing.T, r *Runner) {
		res := python(t, r, `
import os
print([k for k in os.environ if "proxy" in k.lower() or "CA_" in k or "EGRESS" in k])
`)
		require.Equal(t, "[]\n", string(res.Stdout), string(res.Stderr))
	})
}

// A run with a proxy must not be able to do more than one without, and its listener is its own.
func TestAProxyOpensNothingElse(t *testing.T) {
	levels(t, func(t *testing.T, r *Runner) {
		order, err := json.Marshal(newTargets(t, r))
		require.NoError(t, err)
		res := python(t, r, strings.Replace(forbidden, "range(5, 1024)", "range(4 if 'HTTP_PROXY' in os.environ else 5, 1024)", 1), func(s *Spec) {
			s.Stdin, s.Egress, s.CA = order, echoProxy, []byte("x")
		})
		var achieved map[string]string
		require.NoError(t, json.Unmarshal(res.Value, &achieved), "%s %s", res.Reason, res.Stderr)
		for attempt, what := range achieved {
			require.Empty(t, what, attempt)
		}
	})
}

func TestMoreConnectionsThanAreServedWait(t *testing.T) {
	namespaced(t, func(t *testing.T, r *Runner) {
		res := python(t, r, `
import concurrent.futures, urllib.request
def get(i): return urllib.request.urlopen("http://example.com/%d" % i, timeout=60).read().decode()
with concurrent.futures.ThreadPoolExecutor(24) as pool:
    print(len(set(pool.map(get, range(200)))))
import socket
held = [socket.create_connection(("127.0.0.1", 3128)) for _ in range(150)]
print(len(held))
`, func(s *Spec) { s.Egress = echoProxy })
		require.Equal(t, "200\n150\n", string(res.Stdout), string(res.Stderr))
	})
}

func TestTheListenerEndsWithItsRun(t *testing.T) {
	namespaced(t, func(t *testing.T, r *Runner) {
		before := descriptors(t)
		for range 5 {
			res := python(t, r, `import urllib.request; urllib.request.urlopen("http://example.com/", timeout=60)`, func(s *Spec) { s.Egress = echoProxy })
			require.Zero(t, res.ExitCode, string(res.Stderr))
			python(t, r, `import time; time.sleep(60)`, func(s *Spec) { s.Egress, s.Limits.Wall = echoProxy, 200*time.Millisecond })
		}
		require.Eventually(t, func() bool { runtime.GC(); return descriptors(t) <= before }, 2*time.Minute, 20*time.Millisecond)
	})
}

func TestAProgramThatCannotStartLeavesNothingWaiting(t *testing.T) {
	namespaced(t, func(t *testing.T, r *Runner) {
		before := runtime.NumGoroutine()
		for range 5 {
			res, err := r.Run(t.Context(), Spec{Workspace: workspace(t, r), Argv: []string{"/no/such/program"}, Egress: echoProxy, Limits: testLimits})
			require.NoError(t, err)
			require.NotZero(t, res.ExitCode)
		}
		// one more is the condition itself
		require.Eventually(t, func() bool { return runtime.NumGoroutine() <= before+1 }, 2*time.Minute, 10*time.Millisecond)
	})
}

// namespaced runs a test at the level that has a proxy.
func namespaced(t *testing.T, test func(t *testing.T, r *Runner)) {
	levels(t, func(t *testing.T, r *Runner) {
		if r.Level() == Namespaced {
			test(t, r)
		}
	})
}

func descriptors(t *testing.T) int {
	entries, err := os.ReadDir("/proc/self/fd")
	require.NoError(t, err)
	return len(entries)
}

// BenchmarkEgressStart is to be compared with BenchmarkStart/namespaced.
func BenchmarkEgressStart(b *testing.B) {
	r, err := New(Config{StateDir: stateDir(b), Force: Namespaced, Min: Namespaced})
	require.NoError(b, err)
	script := filepath.Join(r.SharedDir(), "pass.py")
	require.NoError(b, os.WriteFile(script, []byte("pass"), 0o644))
	dir := workspace(b, r)
	for b.Loop() {
		res, err := r.Run(b.Context(), Spec{Workspace: dir, Script: script, Egress: echoProxy, Limits: testLimits})
		require.NoError(b, err)
		require.Zero(b, res.ExitCode)
	}
}
