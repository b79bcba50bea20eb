package pyruntime

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func runProgram(t *testing.T, rt *Runtime, code string) (res Result, workspace string) {
	t.Helper()
	res = runCode(t, rt, code, func(c *Call) { c.Program, workspace = true, c.Workspace })
	return res, workspace
}

func TestAProgramIsRunAsPythonRunsIt(t *testing.T) {
	eachLevel(t, func(t *testing.T, rt *Runtime) {
		res, dir := runProgram(t, rt, `
import atexit, pickle, sys, threading, time
class Point: pass
def later():
    time.sleep(0.2)
    print("a thread")
out = open("left open.txt", "w")
out.write("kept")
if __name__ == "__main__":
    print("größer", type(pickle.loads(pickle.dumps(Point()))).__name__)
    threading.Thread(target=later).start()
    atexit.register(print, "at the end")
    print("warned", file=sys.stderr)
`)
		require.Nil(t, res.Failure, "%+v", res.Failure)
		require.Equal(t, "größer Point\na thread\nat the end\n", res.Stdout)
		require.Equal(t, "warned\n", res.Stderr)
		require.Empty(t, res.Answer+res.Summary)
		kept, err := os.ReadFile(filepath.Join(dir, "left open.txt"))
		require.NoError(t, err)
		require.Equal(t, "kept", string(kept))
	})
}

func TestHowAProgramEnds(t *testing.T) {
	eachLevel(t, func(t *testing.T, rt *Runtime) {
		for name, c := range map[string]struct {
			code    string
			kind    Kind // "" is success
			message string
		}{
			"by itself":               {"import sys; print(1); sys.exit()", "", ""},
			"by itself, with 0":       {"exit(0)", "", ""},
			"by itself, with a code":  {"import sys; sys.exit(3)", SystemExit, "the program ended itself with sys.exit(3)"},
			"by itself, with a word":  {"import sys; sys.exit('no data')", SystemExit, "sys.exit('no data')"},
			"by an exception":         {"n = 4\nprint(1)\nn / 0", Exception, "division by zero"},
			"by a mistake in writing": {"print(", SyntaxError, "never closed"},
			"without a word":          {"import os; os._exit(4)", SystemExit, "exit code 4 before it was done"},
			"with no main":            {"x = 1", "", ""},
		} {
			t.Run(name, func(t *testing.T) {
				res, _ := runProgram(t, rt, c.code)
				if c.kind == "" {
					require.Nil(t, res.Failure, "%+v", res.Failure)
					return
				}
				require.NotNil(t, res.Failure)
				require.Equal(t, c.kind, res.Failure.Kind)
				require.Contains(t, res.Failure.Message, c.message)
			})
		}
		res, _ := runProgram(t, rt, "import sys\nprint(sys.argv)")
		require.Contains(t, res.Stdout, "subagent.py']")
		res, _ = runProgram(t, rt, "n = 4\nprint(1)\nn / 0")
		require.Equal(t, "1\n", res.Stdout, "what it printed before is not lost")
		require.Equal(t, []Variable{{Name: "n", Value: "4"}}, res.Failure.Locals[0].Variables)
		res = runCode(t, rt, "import time\nprint('so far')\ntime.sleep(60)", func(c *Call) { c.Program, c.Limits.Wall = true, time.Second })
		require.Equal(t, Timeout, res.Failure.Kind)
		require.Equal(t, "so far\n", res.Stdout, "nor when a limit ends it")
	})
}
