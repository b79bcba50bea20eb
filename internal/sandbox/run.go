package sandbox

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Where things lie inside at level Namespaced. At Confined paths are those outside.
const (
	insideWorkspace = "/workspace"
	insideSocket    = "/run/gateway.sock"
)

// ownTmp is TMPDIR inside the workspace at level Confined.
const ownTmp = ".tmp"

// GatewayEnv names the environment variable that tells a program where its gateway is:
// "unix:PATH", or "fd:N" for a connection that it has inherited and must share.
const GatewayEnv = "AGENTFACTORY_GATEWAY"

const (
	inheritedGateway = 4 // file descriptor at level Confined
	inheritedWay     = 4 // the launcher's alone, at level Namespaced with egress
)

// process is one run while it goes on.
type process struct {
	runner  *Runner
	spec    Spec
	dir     string // for its socket
	uid     int
	cmd     *exec.Cmd
	stdout  *capped
	stderr  *capped
	value   *os.File // our end of file descriptor 3
	door    *door
	egress  *egress    // nil: none
	theirs  []*os.File // ends that the child inherits; closed here once it runs
	memory  int64
	started time.Time
}

// Why a run is ended early.
var (
	errTimeout = errors.New(string(Timeout))
	errMemory  = errors.New(string(Memory))
	errDisk    = errors.New(string(Disk))
	errOutput  = errors.New(string(Output))
)

// Run runs a program to its end, and ends it with everything it has started when a
// limit or the context says so. An error means that it could not be run; what the
// program did itself is in the result.
func (r *Runner) Run(ctx context.Context, s Spec) (*Result, error) {
	p := &process{runner: r, spec: s, uid: os.Geteuid()}
	defer p.close()
	limited, cancel := context.WithTimeoutCause(ctx, s.Limits.Wall, errTimeout)
	defer cancel()
	alive, end := context.WithCancelCause(limited)
	defer end(nil)
	if err := p.prepare(alive, end); err != nil {
		return nil, fmt.Errorf("prepare a sandboxed run: %w", err)
	}
	// PDEATHSIG is bound to the thread that forks.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := p.start(); err != nil {
		return nil, fmt.Errorf("start a sandboxed run: %w", err)
	}
	return p.wait(ctx, alive, end)
}

func (p *process) prepare(ctx context.Context, end context.CancelCauseFunc) error {
	dir, err := os.MkdirTemp(p.runner.socketDir(), "af-")
	if err != nil {
		return err
	}
	p.dir = dir
	if err := os.Chmod(dir, 0o711); err != nil {
		return err
	}
	if p.runner.level == Confined { // there is no private /tmp
		if err := os.Mkdir(filepath.Join(p.spec.Workspace, ownTmp), 0o700); err != nil && !errors.Is(err, os.ErrExist) {
			return err
		}
	}
	if p.runner.asRoot {
		// A number that no other run of this machine has: users are told apart by it alone.
		p.uid = 300_000 + rand.IntN(1_000_000_000)
		if err := giveTo(p.spec.Workspace, p.uid); err != nil {
			return err
		}
	}
	p.stdout = &capped{max: p.spec.Limits.Output, over: func() { end(errOutput) }}
	p.stderr = &capped{max: p.spec.Limits.Output, over: func() { end(errOutput) }}
	ours, theirs, err := os.Pipe()
	if err != nil {
		return err
	}
	p.value, p.theirs = ours, []*os.File{theirs}
	if err := p.openDoor(); err != nil {
		return err
	}
	if err := p.openEgress(); err != nil {
		return err
	}
	return p.command(ctx)
}

// openDoor serves the gateway: at Namespaced on a socket that is mounted, at Confined
// on a connection that the program inherits.
func (p *process) openDoor() error {
	if p.spec.Gateway == nil {
		return nil
	}
	if p.runner.level == Namespaced {
		d, err := listen(p.spec.Gateway, filepath.Join(p.dir, "s"), p.uid, p.runner.asRoot)
		p.door = d
		return err
	}
	d, theirs, err := connect(p.spec.Gateway)
	if err != nil {
		return err
	}
	p.door, p.theirs = d, append(p.theirs, theirs)
	return nil
}

func (p *process) command(ctx context.Context) error {
	plan, err := json.Marshal(p.plan())
	if err != nil {
		return err
	}
	launch := []string{p.runner.config.Python, "-I", "-S", "-B", p.runner.launcher, string(plan)}
	if p.runner.level == Namespaced {
		filter, err := pipeOf(p.runner.filter)
		if err != nil {
			return err
		}
		p.theirs = append(p.theirs, filter)
		launch = append(p.bubblewrap(2+len(p.theirs)), launch...)
	}
	p.cmd = exec.CommandContext(ctx, launch[0], launch[1:]...)
	p.cmd.Dir = "/"
	p.cmd.Env = p.environment()
	p.cmd.Stdin, p.cmd.Stdout, p.cmd.Stderr = bytes.NewReader(p.spec.Stdin), p.stdout, p.stderr
	p.cmd.ExtraFiles = p.theirs
	p.cmd.WaitDelay = 2 * time.Second
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	if p.runner.asRoot {
		p.cmd.SysProcAttr.Credential = &syscall.Credential{Uid: uint32(p.uid), Gid: uint32(p.uid)}
	}
	p.cmd.Cancel = func() error { return killGroup(p.cmd.Process.Pid) }
	return nil
}

// pipeOf returns the reading end of a pipe that holds data, which must fit into it (64 KiB).
func pipeOf(data []byte) (*os.File, error) {
	r, w, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer w.Close()
	if _, err := w.Write(data); err != nil {
		r.Close()
		return nil, err
	}
	return r, nil
}

func (p *process) environment() []string {
	home, tmp := insideWorkspace, "/tmp"
	if p.runner.level == Confined {
		home, tmp = p.spec.Workspace, filepath.Join(p.spec.Workspace, ownTmp)
	}
	env := []string{
		"PATH=/usr/local/bin:/usr/bin:/bin", "LANG=C.UTF-8", "HOME=" + home, "TMPDIR=" + tmp, "MPLCONFIGDIR=" + tmp, "XDG_CACHE_HOME=" + tmp,
		"PYTHONDONTWRITEBYTECODE=1", "OPENBLAS_NUM_THREADS=1", "OMP_NUM_THREADS=1",
	}
	if p.spec.Gateway != nil {
		at := "unix:" + insideSocket
		if p.runner.level == Confined {
			at = "fd:" + strconv.Itoa(inheritedGateway)
		}
		env = append(env, GatewayEnv+"="+at)
	}
	env = append(env, p.egressEnvironment()...)
	return append(env, p.spec.Env...)
}

func (p *process) start() error {
	p.started = time.Now()
	if err := p.cmd.Start(); err != nil {
		return err
	}
	for _, f := range p.theirs {
		f.Close()
	}
	p.theirs = nil
	return nil
}

func (p *process) wait(asked, alive context.Context, end context.CancelCauseFunc) (*Result, error) {
	value := make(chan []byte, 1)
	go func() {
		b, _ := io.ReadAll(io.LimitReader(p.value, MaxValue+1)) // a closed pipe ends it
		_, _ = io.Copy(io.Discard, p.value)                     // nobody shall wait for us to read
		value <- b
	}()
	watched := make(chan struct{})
	go func() { defer close(watched); p.watch(alive, end) }()

	// Kill what is left of the group before its number can be used again, then reap.
	var info unix.Siginfo
	for unix.Waitid(unix.P_PID, p.cmd.Process.Pid, &info, unix.WEXITED|unix.WNOWAIT, nil) == unix.EINTR {
	}
	cause := context.Cause(alive)
	_ = killGroup(p.cmd.Process.Pid) // nobody may be left
	_ = p.cmd.Wait()                 // the exit code tells
	wall := time.Since(p.started)
	end(nil)
	<-watched

	res := &Result{
		Stdout: p.stdout.bytes(), Stderr: p.stderr.bytes(), Truncated: p.stdout.cut() || p.stderr.cut(),
		ExitCode: exitCode(p.cmd.ProcessState), Wall: wall, PeakMemory: p.memory,
	}
	res.Reason = reason(asked, cause, res.ExitCode)
	_ = p.value.SetReadDeadline(time.Now().Add(time.Second)) // a process that got away must not hold us
	if v := <-value; len(v) <= MaxValue {
		res.Value = v
	} else {
		res.ValueDropped = true
	}
	return res, nil
}

func exitCode(s *os.ProcessState) int {
	if status, ok := s.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return 128 + int(status.Signal())
	}
	return s.ExitCode()
}

func reason(asked context.Context, cause error, code int) Reason {
	switch {
	case asked.Err() != nil:
		return Cancelled
	case errors.Is(cause, errTimeout), errors.Is(cause, errMemory), errors.Is(cause, errDisk), errors.Is(cause, errOutput):
		return Reason(cause.Error())
	case code == 128+int(syscall.SIGXCPU):
		return CPU
	}
	return Ended
}

func killGroup(pid int) error { return syscall.Kill(-pid, syscall.SIGKILL) }

// close frees what the run held, whatever became of it.
func (p *process) close() {
	for _, f := range p.theirs {
		f.Close()
	}
	if p.value != nil {
		p.value.Close()
	}
	if p.door != nil {
		p.door.close()
	}
	if p.egress != nil {
		p.egress.close()
	}
	if p.dir != "" {
		os.RemoveAll(p.dir)
	}
}

// plan is what launch.py reads.
type plan struct {
	Dir     string     `json:"dir"`
	Closed  int        `json:"first_closed"` // file descriptors from here on are closed
	Limits  [][3]any   `json:"limits"`       // resource, soft, hard
	Listen  *listening `json:"listen,omitempty"`
	Confine *confining `json:"confine,omitempty"`
	Argv    []string   `json:"argv,omitempty"`
	Script  string     `json:"script,omitempty"`
	Args    []string   `json:"args"`
}

// listening makes the launcher hand out a socket that listens on the run's own loopback interface.
type listening struct {
	Port int `json:"port"`
	Way  int `json:"way"` // file descriptor of the connection on which it goes out
}

type confining struct {
	Handled []uint64 `json:"handled"`
	Rules   []rule   `json:"rules"`
	Seccomp string   `json:"seccomp"`
}

// addressSpace is what a process may map beyond its memory limit: libraries, stacks, files.
const addressSpace = 6 << 30

func (p *process) plan() plan {
	l := p.spec.Limits
	cpu := int64(max(1, l.CPU/time.Second))
	processes := int64(l.Processes)
	if p.runner.level == Confined && !p.runner.asRoot {
		processes += threadsOf(p.uid) // the kernel counts all of this user's
	}
	made := plan{Dir: insideWorkspace, Closed: inheritedGateway, Argv: p.spec.Argv, Script: p.spec.Script, Args: append([]string{}, p.spec.Args...)}
	for _, limit := range []struct {
		name       string
		soft, hard int64
	}{
		{"RLIMIT_CORE", 0, 0}, {"RLIMIT_NOFILE", 256, 256}, {"RLIMIT_FSIZE", l.FileSize, l.FileSize}, {"RLIMIT_CPU", cpu, cpu + 2},
		{"RLIMIT_NPROC", processes, processes}, {"RLIMIT_DATA", l.Memory, l.Memory}, {"RLIMIT_AS", l.Memory + addressSpace, l.Memory + addressSpace},
		{"RLIMIT_MEMLOCK", 1 << 16, 1 << 16}, {"RLIMIT_MSGQUEUE", 0, 0},
	} {
		made.Limits = append(made.Limits, [3]any{limit.name, limit.soft, limit.hard})
	}
	if p.egress != nil {
		made.Listen = &listening{Port: egressPort, Way: inheritedWay}
	}
	if p.runner.level == Confined {
		made.Dir, made.Closed = p.spec.Workspace, inheritedGateway+1
		made.Confine = &confining{
			Handled: p.runner.landlock.handled(), Rules: p.runner.landlock.rules(p.readable(), p.spec.Workspace), Seccomp: hex.EncodeToString(p.runner.filter),
		}
	}
	return made
}
