package sandbox

import (
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// testLimits leave a busy machine the time that it takes.
var testLimits = Limits{Wall: 2 * time.Minute, CPU: time.Minute, Memory: 256 << 20, Processes: 32, Output: 64 << 10, FileSize: 32 << 20, Disk: 64 << 20}

// levels are the levels to test; a machine that lacks the stronger one cannot prove it.
func levels(t testing.TB, test func(t *testing.T, r *Runner)) {
	for _, l := range []Level{Namespaced, Confined} {
		t.(*testing.T).Run(l.String(), func(t *testing.T) {
			r, err := New(Config{StateDir: stateDir(t), Force: l, Min: l})
			if err != nil && os.Getenv("AGENTFACTORY_TEST_REQUIRE") != "all" {
				t.Skip(err)
			}
			require.NoError(t, err)
			require.Equal(t, l, r.Level(), r.Why())
			test(t, r)
		})
	}
}

// stateDir is a directory that another user may enter: t.TempDir is closed to others.
func stateDir(t testing.TB) string {
	public, err := publicDir()
	require.NoError(t, err)
	dir, err := os.MkdirTemp(public, "sandbox-test-")
	require.NoError(t, err)
	require.NoError(t, os.Chmod(dir, 0o711))
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

func workspace(t testing.TB, r *Runner) string {
	dir, err := os.MkdirTemp(r.WorkDir(), "ws-")
	require.NoError(t, err)
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// python runs Python source and returns what became of it.
func python(t testing.TB, r *Runner, source string, change ...func(*Spec)) *Result {
	t.Helper()
	dir := workspace(t, r)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "program.py"), []byte(source), 0o644))
	s := Spec{Workspace: dir, Argv: []string{"/usr/bin/python3", "-I", "program.py"}, Limits: testLimits}
	for _, f := range change {
		f(&s)
	}
	res, err := r.Run(t.Context(), s)
	require.NoError(t, err)
	return res
}

func TestAProgramRunsWithItsInputAndOutputs(t *testing.T) {
	levels(t, func(t *testing.T, r *Runner) {
		res := python(t, r, `
import os, sys
print("to stdout", sys.stdin.read())
print("to stderr", file=sys.stderr)
os.write(3, b"value")
open("kept.txt", "w").write("x")
import subprocess, threading, tempfile, concurrent.futures
assert subprocess.check_output(["/bin/echo", "hi"]) == b"hi\n"
tempfile.NamedTemporaryFile().write(b"x")
with concurrent.futures.ThreadPoolExecutor(4) as pool: assert list(pool.map(abs, [-1])) == [1]
sys.exit(3)
`, func(s *Spec) { s.Stdin = []byte("from stdin") })
		require.Equal(t, "to stdout from stdin\n", string(res.Stdout), string(res.Stderr))
		require.Equal(t, "to stderr\n", string(res.Stderr))
		require.Equal(t, "value", string(res.Value))
		require.Equal(t, 3, res.ExitCode)
		require.Equal(t, Ended, res.Reason)
	})
}

func TestAScriptGoesOnInTheLauncher(t *testing.T) {
	levels(t, func(t *testing.T, r *Runner) {
		script := filepath.Join(r.SharedDir(), "script.py")
		require.NoError(t, os.WriteFile(script, []byte("import sys, os; print(sys.argv[1], os.getcwd() != '/')"), 0o644))
		res, err := r.Run(t.Context(), Spec{Workspace: workspace(t, r), Script: script, Args: []string{"argument"}, Limits: testLimits})
		require.NoError(t, err)
		require.Equal(t, "argument True\n", string(res.Stdout), string(res.Stderr))
	})
}

// callGateway speaks HTTP to the gateway at either level.
const callGateway = `
import http.client, os, socket
where = os.environ["AGENTFACTORY_GATEWAY"]
kind, _, at = where.partition(":")
def call(path):
    c = http.client.HTTPConnection("gateway")
    if kind == "unix":
        c.sock = socket.socket(socket.AF_UNIX); c.sock.connect(at)
    else:
        c.sock = socket.socket(fileno=int(at))
    c.request("POST", path, "hello")
    return c.getresponse().read().decode()
`

func TestTheGatewayAnswers(t *testing.T) {
	levels(t, func(t *testing.T, r *Runner) {
		h := http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
			body, _ := io.ReadAll(q.Body)
			io.WriteString(w, q.URL.Path+" "+string(body))
		})
		res := python(t, r, callGateway+`print(call("/v1/x"))`, func(s *Spec) { s.Gateway = h })
		require.Equal(t, "/v1/x hello\n", string(res.Stdout), string(res.Stderr))
	})
}

func TestLimitsEndARun(t *testing.T) {
	for name, c := range map[string]struct {
		source string
		change func(*Spec)
		want   Reason
	}{
		"time":             {"import time; time.sleep(60)", func(s *Spec) { s.Limits.Wall = 500 * time.Millisecond }, Timeout},
		"processor time":   {"while True: pass", func(s *Spec) { s.Limits.CPU = time.Second }, CPU},
		"memory of a tree": {"import os, time\nfor i in range(8):\n  if os.fork() == 0:\n    b = bytearray(100 << 20)\n    time.sleep(30)\ntime.sleep(30)", nil, Memory},
		"output":           {"while True: print('x' * 1000)", nil, Output},
		"disk":             {"import time\nfor i in range(30): open(f'f{i}', 'wb').write(bytes(10 << 20))\ntime.sleep(30)", nil, Disk},
	} {
		t.Run(name, func(t *testing.T) {
			levels(t, func(t *testing.T, r *Runner) {
				res := python(t, r, c.source, func(s *Spec) {
					if c.change != nil {
						c.change(s)
					}
				})
				require.Equal(t, c.want, res.Reason, "%d %s", res.ExitCode, res.Stderr)
			})
		})
	}
}

func TestAValueThatIsTooLargeIsDroppedAndKeepsNobodyWaiting(t *testing.T) {
	levels(t, func(t *testing.T, r *Runner) {
		res := python(t, r, `
import os
block, left = bytes(1 << 20), 64
while left: os.write(3, block); left -= 1
print("done")
`)
		require.Equal(t, "done\n", string(res.Stdout), string(res.Stderr))
		require.Equal(t, Ended, res.Reason)
		require.True(t, res.ValueDropped)
		require.Empty(t, res.Value)
	})
}

func TestLimitsOfTheKernelAreErrorsInsideTheProgram(t *testing.T) {
	levels(t, func(t *testing.T, r *Runner) {
		res := python(t, r, `
import os
def tells(f):
    try: f(); return "done"
    except BaseException as e: return type(e).__name__
print(tells(lambda: bytearray(1 << 30)))
print(tells(lambda: open("big", "wb").write(bytes(40 << 20))))
def fork():
    for i in range(200):
        if os.fork() == 0:
            import time; time.sleep(30)
print(tells(fork))
`)
		require.Equal(t, []string{"MemoryError", "OSError", "BlockingIOError"}, strings.Fields(string(res.Stdout)), string(res.Stderr))
	})
}

func TestNothingIsLeftRunning(t *testing.T) {
	levels(t, func(t *testing.T, r *Runner) {
		dir := workspace(t, r)
		source := `
import os, signal, time
if os.fork() == 0:
    try: os.setsid()
    except OSError: pass
    for s in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT): signal.signal(s, signal.SIG_IGN)
    while True:
        open("alive", "w").write(str(time.time())); time.sleep(0.05)
while not os.path.exists("alive"): time.sleep(0.05)
`
		require.NoError(t, os.WriteFile(filepath.Join(dir, "program.py"), []byte(source), 0o644))
		_, err := r.Run(t.Context(), Spec{Workspace: dir, Argv: []string{"/usr/bin/python3", "-I", "program.py"}, Limits: testLimits})
		require.NoError(t, err)
		before, err := os.ReadFile(filepath.Join(dir, "alive"))
		require.NoError(t, err)
		time.Sleep(300 * time.Millisecond)
		after, err := os.ReadFile(filepath.Join(dir, "alive"))
		require.NoError(t, err)
		require.Equal(t, string(before), string(after), "the child lives on")
	})
}

func TestACancelledRunEndsAtOnce(t *testing.T) {
	levels(t, func(t *testing.T, r *Runner) {
		dir := workspace(t, r)
		ctx, cancel := cancelAfter(t, 300*time.Millisecond)
		defer cancel()
		res, err := r.Run(ctx, Spec{Workspace: dir, Argv: []string{"/bin/sleep", "3600"}, Limits: testLimits})
		require.NoError(t, err)
		require.Equal(t, Cancelled, res.Reason, "not its limit")
	})
}
