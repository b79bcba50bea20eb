package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/stretchr/testify/require"

	"agentfactory/internal/embedded/s3server"
	"agentfactory/internal/llm/scripted"
)

func TestMain(m *testing.M) {
	s3server.MaybeRun()
	code := m.Run()
	if binaryDir != "" {
		os.RemoveAll(binaryDir)
	}
	os.Exit(code)
}

var binaryDir string

// starterBinary builds the real program: the embedded stack is started from its own file.
var starterBinary = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "starter-test-")
	if err != nil {
		return "", err
	}
	binaryDir = dir
	binary := filepath.Join(dir, "starter")
	if out, err := exec.Command("go", "build", "-o", binary, ".").CombinedOutput(); err != nil {
		return "", fmt.Errorf("build the starter: %w: %s", err, out)
	}
	return binary, nil
})

// The scripts in testdata/script are whole sessions of a person at a terminal, each
// with servers of its own. Only the model is scripted, and it speaks its wire protocol.
func TestScripts(t *testing.T) {
	binary, err := starterBinary()
	require.NoError(t, err)
	script, err := scripted.Load("testdata/model.yaml")
	require.NoError(t, err)
	model, err := scripted.NewServer(script, scripted.Options{})
	require.NoError(t, err)
	server := httptest.NewServer(model)
	t.Cleanup(server.Close)
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(env *testscript.Env) error {
			env.Setenv("PATH", filepath.Dir(binary)+":"+os.Getenv("PATH"))
			env.Setenv("AGENTFACTORY_DATA", filepath.Join(env.WorkDir, ".data"))
			env.Setenv("TMPDIR", os.TempDir()) // a directory that the sandbox's user may enter
			env.Setenv("OPENAI_BASE_URL", server.URL+"/v1")
			env.Setenv("AGENTFACTORY_MODEL", "scripted-test")
			env.Defer(func() { stopStack(env, binary) })
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits": exits, "interrupt": interrupt, "killstack": killStack,
		},
	})
}

func stopStack(env *testscript.Env, binary string) {
	stop := exec.Command(binary, "dev", "stop")
	stop.Env = env.Vars
	_ = stop.Run() // some scripts start nothing
}

// variables are those that scripts set and the starter reads.
var variables = []string{
	"PATH", "HOME", "TMPDIR", "AGENTFACTORY_DATA", "OPENAI_BASE_URL", "OPENAI_API_KEY", "AGENTFACTORY_MODEL", "TEMPORAL_ADDRESS",
	"AGENTFACTORY_S3_BUCKET", "AWS_ENDPOINT_URL_S3", "AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY",
}

// command is the starter in a script's directory and environment.
func command(ts *testscript.TestScript, args []string) *exec.Cmd {
	if len(args) == 0 || args[0] != "starter" {
		ts.Fatalf("the program must be starter, not %q", args)
	}
	binary, err := starterBinary()
	ts.Check(err)
	cmd := exec.Command(binary, args[1:]...)
	cmd.Dir = ts.MkAbs(".")
	for _, name := range variables {
		cmd.Env = append(cmd.Env, name+"="+ts.Getenv(name))
	}
	return cmd
}

// exits CODE starter ARGS… runs a command that must end with this exit code.
func exits(ts *testscript.TestScript, _ bool, args []string) {
	cmd := command(ts, args[1:])
	finish(ts, cmd, args[0], func() error { return cmd.Run() })
}

// interrupt PATTERN CODE starter ARGS… sends Ctrl-C once stderr shows the pattern.
func interrupt(ts *testscript.TestScript, _ bool, args []string) {
	cmd := command(ts, args[2:])
	finish(ts, cmd, args[1], func() error {
		shown := cmd.Stderr.(*lockedBuffer)
		if err := cmd.Start(); err != nil {
			return err
		}
		for deadline := time.Now().Add(time.Minute); !strings.Contains(shown.String(), args[0]); time.Sleep(10 * time.Millisecond) {
			if time.Now().After(deadline) {
				ts.Fatalf("%q was not shown: %s", args[0], shown)
			}
		}
		ts.Check(cmd.Process.Signal(os.Interrupt))
		return cmd.Wait()
	})
}

// finish runs a command and leaves its output to the script's stdout and stderr.
func finish(ts *testscript.TestScript, cmd *exec.Cmd, want string, do func() error) {
	var out bytes.Buffer
	errs := &lockedBuffer{}
	cmd.Stdout, cmd.Stderr = &out, errs
	err := do()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		ts.Fatalf("run %v: %v", cmd.Args, err)
	}
	ts.Logf("[stdout]\n%s[stderr]\n%s", out.String(), errs)
	_, _ = ts.Stdout().Write(out.Bytes())
	_, _ = ts.Stderr().Write([]byte(errs.String()))
	if got := strconv.Itoa(cmd.ProcessState.ExitCode()); got != want {
		ts.Fatalf("%v ended with %s, want %s", cmd.Args, got, want)
	}
}

// killstack ends the embedded stack as a crash would.
func killStack(ts *testscript.TestScript, _ bool, _ []string) {
	dev := command(ts, []string{"starter", "dev", "--json"})
	out, err := dev.Output()
	ts.Check(err)
	var stack struct{ PID int }
	ts.Check(json.Unmarshal(out, &stack))
	ts.Check(syscall.Kill(stack.PID, syscall.SIGKILL))
}

type lockedBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}
