package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"agentfactory/internal/bench"
)

// workerProgram finds the production worker: what is measured is what people run.
func workerProgram(given string) (string, error) {
	if given != "" {
		found, err := exec.LookPath(given)
		if err != nil {
			return "", badInput("--worker-program: %w", err)
		}
		return filepath.Abs(found)
	}
	if own, err := os.Executable(); err == nil {
		if found, err := exec.LookPath(filepath.Join(filepath.Dir(own), "worker")); err == nil {
			return found, nil
		}
	}
	found, err := exec.LookPath("worker")
	if err != nil {
		return "", badInput("the program worker is neither beside starter nor in PATH: build both with `go build -o bin/ ./starter ./worker`, or name it with --worker-program")
	}
	return filepath.Abs(found)
}

// benchWorkers are the worker processes of a bench.
type benchWorkers []*benchWorker

// benchWorker is one of them.
type benchWorker struct {
	name    string
	cmd     *exec.Cmd
	log     string        // file
	ready   chan struct{} // closed when it says so; metrics is set then
	done    chan struct{} // closed when it has ended
	metrics string        // URL

	mu   sync.Mutex
	last string // line of its log
}

// startWorkers returns when all of them are at work.
func (s *benchSite) startWorkers(ctx context.Context, program string, n int) (benchWorkers, error) {
	var started benchWorkers
	for i := range n {
		w, err := s.startWorker(program, i+1)
		if err != nil {
			started.stop()
			return nil, err
		}
		started = append(started, w)
	}
	for _, w := range started {
		if err := w.await(ctx); err != nil {
			started.stop()
			return nil, err
		}
	}
	return started, nil
}

func (s *benchSite) startWorker(program string, n int) (*benchWorker, error) {
	w := &benchWorker{name: fmt.Sprintf("worker %d", n), ready: make(chan struct{}), done: make(chan struct{})}
	data := filepath.Join(s.dir, fmt.Sprintf("worker-%d", n))
	w.log = filepath.Join(s.dir, fmt.Sprintf("worker-%d.log", n))
	w.cmd = exec.Command(program)
	w.cmd.Env = append(benchEnv(os.Environ()), s.env...)
	w.cmd.Env = append(w.cmd.Env, "AGENTFACTORY_DATA="+data, "AGENTFACTORY_WORKER_QUEUES=main,sandbox", "AGENTFACTORY_WORKER_ADDRESS=127.0.0.1:0", "AGENTFACTORY_WORKER_LOG_FORMAT=json", "AGENTFACTORY_WORKER_LOG_LEVEL=info",
		"AGENTFACTORY_WORKER_DRAIN="+benchDrain.String(), "AGENTFACTORY_CHECKS=off", "AGENTFACTORY_PROMOTIONS=auto")
	w.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM} // Ctrl-C is for us: we end it when its runs have
	out, err := w.cmd.StderrPipe()
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", w.name, err)
	}
	if err := w.start(); err != nil {
		return nil, fmt.Errorf("start %s (%s): %w", w.name, program, err)
	}
	go w.follow(out)
	return w, nil
}

// benchDrain is what workers have to end in: their runs are over by then.
const benchDrain = 5 * time.Second

// notForBench are variables that workers of a bench get no value of: keys of services that they have no use for.
var notForBench = []string{"SERPER_API_KEY", "JINA_API_KEY", "AGENTFACTORY_EMBEDDING_MODEL", "AGENTFACTORY_SUBAGENT_MODEL", "AGENTFACTORY_EVALUATION_WEBHOOK"}

func benchEnv(environ []string) []string {
	var kept []string
	for _, v := range environ {
		name, _, _ := strings.Cut(v, "=")
		if !slices.Contains(notForBench, name) {
			kept = append(kept, v)
		}
	}
	return kept
}

// start starts the process from a thread that stays: the kernel tells a child of its parent's end when the thread that
// forked it ends.
func (w *benchWorker) start() error {
	started := make(chan error)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := w.cmd.Start()
		started <- err
		if err == nil {
			<-w.done
		}
	}()
	return <-started
}

// workerLine is what matters of a line of a worker's log.
type workerLine struct {
	Msg     string `json:"msg"`
	Address string `json:"address"`
	Error   string `json:"error"`
}

// follow reads the log to its end, which is that of the process, and keeps a copy.
func (w *benchWorker) follow(out io.Reader) {
	defer close(w.done)
	defer func() { _ = w.cmd.Wait() }() // how it ended is told by its last words
	file, err := os.Create(w.log)
	if err != nil {
		file = nil // a log that cannot be kept stops nothing
	} else {
		defer file.Close()
	}
	lines := bufio.NewScanner(out)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		if file != nil {
			_, _ = fmt.Fprintln(file, lines.Text())
		}
		w.heard(lines.Bytes())
	}
	_, _ = io.Copy(io.Discard, out) // after a line that is too long
}

func (w *benchWorker) heard(text []byte) {
	var line workerLine
	if json.Unmarshal(text, &line) != nil {
		line.Msg = string(text) // what a runtime says that dies
	}
	w.mu.Lock()
	w.last = strings.TrimSuffix(line.Msg+": "+line.Error, ": ")
	w.mu.Unlock()
	switch line.Msg {
	case "probes are answered":
		w.metrics = "http://" + line.Address + "/metrics"
	case "worker is ready":
		close(w.ready)
	}
}

// await returns when the worker is at work.
func (w *benchWorker) await(ctx context.Context) error {
	select {
	case <-w.ready:
		return nil
	case <-w.done:
		return w.gone()
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (w *benchWorker) gone() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return fmt.Errorf("%s ended (%s): %s", w.name, w.cmd.ProcessState, w.last)
}

// processes are what is measured of them.
func (ws benchWorkers) processes() []bench.Process {
	var found []bench.Process
	for _, w := range ws {
		found = append(found, bench.Process{Name: w.name, PID: w.cmd.Process.Pid, Metrics: w.metrics})
	}
	return found
}

// ended tells of workers that are gone though nobody told them to.
func (ws benchWorkers) ended() error {
	var gone []error
	for _, w := range ws {
		select {
		case <-w.done:
			gone = append(gone, w.gone())
		default:
		}
	}
	return errors.Join(gone...)
}

// stop ends them all at once; one that does not go is killed with its children.
func (ws benchWorkers) stop() {
	for _, w := range ws {
		_ = w.cmd.Process.Signal(syscall.SIGTERM) // it may be gone
	}
	late := time.After(2 * benchDrain)
	for _, w := range ws {
		select {
		case <-w.done:
		case <-late:
			_ = syscall.Kill(-w.cmd.Process.Pid, syscall.SIGKILL)
			<-w.done
		}
	}
}
