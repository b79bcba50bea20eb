package topology

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const (
	// patience bounds every wait. It is generous: a machine may be busy with other tests.
	patience = 3 * time.Minute
	tick     = 50 * time.Millisecond
)

// Part is one process of the topology. Its methods belong into the goroutine of the test.
type Part struct {
	Name string

	t       testing.TB
	log     string // file; the process appends to it
	command func() *exec.Cmd
	ready   func(context.Context) error // nil once it serves

	process *exec.Cmd
	ended   chan struct{}
}

// start makes a part that ends with the test, and starts it.
func (top *Topology) start(name string, command func() *exec.Cmd, ready func(context.Context) error) *Part {
	top.t.Helper()
	p := &Part{Name: name, t: top.t, log: filepath.Join(top.mkdir("logs"), name+".log"), command: command, ready: ready}
	top.t.Cleanup(func() {
		p.Kill()
		if top.t.Failed() {
			top.t.Logf("the end of the log of %s:\n%s", name, p.Log())
		}
	})
	p.Start()
	return p
}

// Start returns when the part is ready. One that ends before is started again, as a service manager does: a database waits
// until the processes of a killed one are gone, a server for its database.
func (p *Part) Start() {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.t.Context(), patience)
	defer cancel()
	p.Launch()
	for {
		err := p.ready(ctx)
		if err == nil {
			return
		}
		select {
		case <-ctx.Done():
			require.NoError(p.t, err, "%s does not get ready:\n%s", p.Name, p.Log())
		case <-p.ended:
			time.Sleep(tick)
			p.Launch()
		case <-time.After(tick):
		}
	}
}

// Launch starts the process and returns at once.
func (p *Part) Launch() {
	p.t.Helper()
	log, err := os.OpenFile(p.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	require.NoError(p.t, err)
	defer log.Close()
	cmd := p.command()
	cmd.Stdout, cmd.Stderr = log, log
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.Pdeathsig = syscall.SIGKILL // it dies with the test, however that ends
	require.NoError(p.t, cmd.Start())
	ended := make(chan struct{})
	go func() {
		_ = cmd.Wait() // how it ended is in its log
		close(ended)
	}()
	p.process, p.ended = cmd, ended
}

// Kill ends it with SIGKILL, as a crash would. Killing twice is harmless.
func (p *Part) Kill() { p.end(syscall.SIGKILL) }

// Stop ends it with SIGTERM and waits until it is gone.
func (p *Part) Stop() { p.end(syscall.SIGTERM) }

func (p *Part) end(how syscall.Signal) {
	p.t.Helper()
	if p.process == nil {
		return // its first start has failed
	}
	_ = p.process.Process.Signal(how) // it may have ended by itself
	select {
	case <-p.ended:
	case <-time.After(patience):
		p.t.Errorf("%s (process %d) does not end at signal %d", p.Name, p.process.Process.Pid, how)
	}
}

// Restart kills it and starts it again.
func (p *Part) Restart() {
	p.t.Helper()
	p.Kill()
	p.Start()
}

// PID is the number of the running process.
func (p *Part) PID() int { return p.process.Process.Pid }

// lastWords bounds what Log returns, in bytes.
const lastWords = 16 << 10

// Log is the end of what it has printed since its first start.
func (p *Part) Log() string {
	f, err := os.Open(p.log)
	if err != nil {
		return err.Error()
	}
	defer f.Close()
	if size, err := f.Seek(0, io.SeekEnd); err == nil {
		_, err = f.Seek(max(0, size-lastWords), io.SeekStart)
		if err != nil {
			return err.Error()
		}
	}
	text, err := io.ReadAll(f)
	if err != nil {
		return err.Error()
	}
	return string(text)
}

// answers succeeds when a program does.
func answers(command func(context.Context) *exec.Cmd) func(context.Context) error {
	return func(ctx context.Context) error {
		if out, err := command(ctx).CombinedOutput(); err != nil {
			return fmt.Errorf("%w: %s", err, out)
		}
		return nil
	}
}
