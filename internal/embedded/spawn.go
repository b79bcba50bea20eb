package embedded

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
)

// child is a stack that we started.
type child struct {
	process *os.Process
	done    chan struct{}
	offset  int64 // where its part of the log begins
}

func (c *child) exited() bool {
	select {
	case <-c.done:
		return true
	default:
		return false
	}
}

func (c *child) died(l layout) error {
	words := lastWords(l.stackLog(), c.offset)
	if words == "" {
		words = "it said nothing"
	}
	return fmt.Errorf("%w: %s: see %s", errDied, words, l.stackLog())
}

// spawn starts our own binary as a process without a terminal.
func spawn(o EnsureOptions, l layout) (*child, error) {
	if err := os.MkdirAll(l.logs(), 0o700); err != nil {
		return nil, fmt.Errorf("create the log directory: %w", err)
	}
	binary, err := keepBinary(o.Executable, l)
	if err != nil {
		return nil, err
	}
	out, err := openLog(l.stackLog())
	if err != nil {
		return nil, err
	}
	defer out.Close()
	info, err := out.Stat()
	if err != nil {
		return nil, fmt.Errorf("look at the log: %w", err)
	}
	cmd := exec.Command(binary, o.Args...)
	cmd.Dir = l.dir // it keeps no other directory busy
	cmd.Env = append(os.Environ(), absolutePaths()...)
	cmd.Env = append(cmd.Env, "AGENTFACTORY_DATA="+l.dir)
	cmd.Stdout, cmd.Stderr = out, out
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start the embedded stack: %w", err)
	}
	c := &child{process: cmd.Process, done: make(chan struct{}), offset: info.Size()}
	go func() {
		_ = cmd.Wait()
		close(c.done)
	}()
	return c, nil
}

// pathVariables may hold paths relative to the directory of the command, which the
// stack leaves.
var pathVariables = []string{
	"AGENTFACTORY_CONFIG", "AGENTFACTORY_PYTHON", "TEMPORAL_CONFIG_FILE", "AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE",
}

func absolutePaths() []string {
	var env []string
	for _, name := range pathVariables {
		value := os.Getenv(name)
		if name == "AGENTFACTORY_PYTHON" && !strings.ContainsRune(value, filepath.Separator) {
			continue // a command to be looked up
		}
		if path, err := filepath.Abs(value); err == nil && value != "" {
			env = append(env, name+"="+path)
		}
	}
	return env
}
