package main

import (
	"fmt"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/stretchr/testify/require"

	"agentfactory/internal/embedded/s3server"
	"agentfactory/internal/llm/scripted"
)

func TestMain(m *testing.M) {
	s3server.MaybeRun()
	if len(os.Args) > 1 && os.Args[1] == "dev" {
		// A test that wants the embedded stack by mistake makes this program its own child, which would test itself again.
		fmt.Fprintln(os.Stderr, "the program of the tests is no embedded stack")
		os.Exit(1)
	}
	code := m.Run()
	if binaryDir != "" {
		os.RemoveAll(binaryDir)
	}
	os.Exit(code)
}

var binaryDir string

// starterBinary builds the real programs: the embedded stack is started from the starter's
// own file, and the worker stands in PATH beside it.
var starterBinary = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "starter-test-")
	if err != nil {
		return "", err
	}
	binaryDir = dir
	if out, err := exec.Command("go", "build", "-o", dir+"/", "agentfactory/starter", "agentfactory/worker").CombinedOutput(); err != nil {
		return "", fmt.Errorf("build the starter: %w: %s", err, out)
	}
	return filepath.Join(dir, "starter"), nil
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
			"exits": exits, "interrupt": interrupt, "killstack": killStack, "killstackwhen": killStackWhen, "servers": servers, "freeport": freePort,
			"waitfor": waitFor, "extract": extract, "bucket": bucketAlone, "use": recordUse, "gate": reportGate, "case": addCase, "damage": damage, "fork": forkLibrary, "toolservices": toolServices,
		},
	})
}

func stopStack(env *testscript.Env, binary string) {
	stop := exec.Command(binary, "dev", "stop")
	stop.Env = env.Vars
	_ = stop.Run() // some scripts start nothing
}
