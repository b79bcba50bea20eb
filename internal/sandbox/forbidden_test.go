package sandbox

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

//go:embed testdata/forbidden.py
var forbidden string

// targets are things on the host that a program is tried against.
type targets struct {
	File     string `json:"file"`
	PID      int    `json:"pid"`
	TCP      int    `json:"tcp"`
	Socket   string `json:"socket"`
	Abstract string `json:"abstract"`
	Launcher string `json:"launcher"`
}

func newTargets(t *testing.T, r *Runner) targets {
	dir := stateDir(t)
	file := filepath.Join(dir, "host.txt")
	require.NoError(t, os.WriteFile(file, []byte("of the host"), 0o644))
	tcp, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { tcp.Close() })
	socket := filepath.Join(dir, "s")
	file2, err := net.Listen("unix", socket)
	require.NoError(t, err)
	t.Cleanup(func() { file2.Close() })
	require.NoError(t, os.Chmod(socket, 0o777))
	abstract := fmt.Sprintf("@sandbox-test-%d-%d", os.Getpid(), time.Now().UnixNano())
	named, err := net.Listen("unix", abstract)
	require.NoError(t, err)
	t.Cleanup(func() { named.Close() })
	victim := exec.Command("/bin/sleep", "120")
	victim.Env = []string{"OPENAI_API_KEY=sk-in-another-process"}
	require.NoError(t, victim.Start())
	t.Cleanup(func() { victim.Process.Kill(); victim.Wait() })
	return targets{File: file, PID: victim.Process.Pid, TCP: tcp.Addr().(*net.TCPAddr).Port, Socket: socket,
		Abstract: "\x00" + abstract[1:], Launcher: r.launcher}
}

// Every attempt in testdata/forbidden.py must be prevented, at both levels, and nothing
// on the host may have changed.
func TestWhatAProgramMustNotBeAbleToDo(t *testing.T) {
	t.Setenv("OPENAI_API_KEY", "sk-in-the-worker")
	levels(t, func(t *testing.T, r *Runner) {
		host := newTargets(t, r)
		order, err := json.Marshal(host)
		require.NoError(t, err)
		res := python(t, r, forbidden, func(s *Spec) { s.Stdin = order })
		var achieved map[string]string
		require.NoError(t, json.Unmarshal(res.Value, &achieved), "%s %s", res.Reason, res.Stderr)
		require.GreaterOrEqual(t, len(achieved), 40)
		for attempt, what := range achieved {
			if what != "" {
				t.Errorf("a program could %s: %s", attempt, what)
			}
		}
		kept, err := os.ReadFile(host.File)
		require.NoError(t, err)
		require.Equal(t, "of the host", string(kept))
		require.NoError(t, syscall.Kill(host.PID, 0), "the process of the host lives")
	})
}

func TestFloodsOfProcessesAreHeldAndCleared(t *testing.T) {
	levels(t, func(t *testing.T, r *Runner) {
		victim := exec.Command("/bin/sleep", "60")
		require.NoError(t, victim.Start())
		defer func() { victim.Process.Kill(); victim.Wait() }()
		res := python(t, r, "import os\nwhile True:\n    try: os.fork()\n    except OSError: pass", func(s *Spec) { s.Limits.Wall = 2 * time.Second })
		require.Contains(t, []Reason{Timeout, Memory}, res.Reason)
		res = python(t, r, "import os, signal\nos.kill(-1, signal.SIGKILL)")
		require.NotEqual(t, Timeout, res.Reason)
		require.NoError(t, syscall.Kill(victim.Process.Pid, 0), "others survive kill(-1)")
	})
}

// The same tests as an ordinary user: root's programs run under a user of their own,
// an ordinary worker's under its own user, and each has gaps that the other has not.
func TestAnOrdinaryUserIsAsSafe(t *testing.T) {
	if os.Geteuid() != 0 {
		return // this run is the one
	}
	dir := stateDir(t)
	require.NoError(t, os.Chmod(dir, 0o777))
	binary := filepath.Join(dir, "sandbox.test")
	require.NoError(t, copyExecutable("/proc/self/exe", binary))
	cmd := exec.Command(binary, "-test.v", "-test.run", "^(TestWhat|TestFloods|TestLimits|TestNothing|TestAProgram|TestTheGateway)")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "TMPDIR="+dir, "HOME="+dir)
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 54321, Gid: 54321}}
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
	require.Contains(t, string(out), "--- PASS: TestWhatAProgramMustNotBeAbleToDo/confined")
}

func copyExecutable(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_CREATE|os.O_WRONLY, 0o755)
	if err != nil {
		return err
	}
	if _, err := io.Copy(out, in); err != nil {
		out.Close()
		return err
	}
	return out.Close()
}

// BenchmarkStart compares a sandboxed start of Python with a bare one.
func BenchmarkStart(b *testing.B) {
	b.Run("bare", func(b *testing.B) {
		for b.Loop() {
			require.NoError(b, exec.Command("/usr/bin/python3", "-I", "-c", "pass").Run())
		}
	})
	for _, l := range []Level{Namespaced, Confined} {
		b.Run(l.String(), func(b *testing.B) {
			r, err := New(Config{StateDir: stateDir(b), Force: l, Min: l})
			require.NoError(b, err)
			script := filepath.Join(r.SharedDir(), "pass.py")
			require.NoError(b, os.WriteFile(script, []byte("pass"), 0o644))
			dir := workspace(b, r)
			for b.Loop() {
				res, err := r.Run(b.Context(), Spec{Workspace: dir, Script: script, Limits: testLimits})
				require.NoError(b, err)
				require.Zero(b, res.ExitCode)
			}
		})
	}
}
