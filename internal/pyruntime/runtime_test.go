package pyruntime

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"agentfactory/internal/sandbox"
)

// testLimits leave a busy machine the time that it takes.
var testLimits = sandbox.Limits{Wall: 2 * time.Minute, CPU: time.Minute, Memory: 512 << 20, Processes: 64, Output: 64 << 10, FileSize: 32 << 20, Disk: 64 << 20}

// eachLevel runs a test at both levels of isolation.
func eachLevel(t *testing.T, test func(t *testing.T, rt *Runtime)) {
	for _, l := range []sandbox.Level{sandbox.Namespaced, sandbox.Confined} {
		t.Run(l.String(), func(t *testing.T) {
			python, err := Discover(t.Context(), "", sandbox.Readable)
			require.NoError(t, err)
			dir, err := os.MkdirTemp("", "pyruntime-test-")
			require.NoError(t, err)
			require.NoError(t, os.Chmod(dir, 0o711))
			t.Cleanup(func() { os.RemoveAll(dir) })
			box, err := sandbox.New(sandbox.Config{Python: python.Path, ReadOnly: python.Roots, StateDir: dir, Force: l, Min: l})
			if err != nil && os.Getenv("AGENTFACTORY_TEST_REQUIRE") != "all" {
				t.Skip(err)
			}
			require.NoError(t, err)
			rt, err := New(Config{Python: python, Dir: filepath.Join(dir, "packages"), Sandbox: box})
			require.NoError(t, err)
			test(t, rt)
		})
	}
}

// workspaceOf makes a workspace of files by path.
func workspaceOf(t *testing.T, rt *Runtime, files map[string]string) string {
	dir, err := os.MkdirTemp(rt.WorkDir(), "ws-")
	require.NoError(t, err)
	t.Cleanup(func() { os.RemoveAll(dir) })
	for path, text := range files {
		full := filepath.Join(dir, path)
		require.NoError(t, os.MkdirAll(filepath.Dir(full), 0o755))
		require.NoError(t, os.WriteFile(full, []byte(text), 0o644))
	}
	return dir
}

func runCode(t *testing.T, rt *Runtime, code string, change ...func(*Call)) Result {
	t.Helper()
	c := Call{Workspace: workspaceOf(t, rt, map[string]string{"subagent.py": code}), Entry: "subagent.py", Query: "the query", Limits: testLimits}
	for _, f := range change {
		f(&c)
	}
	res, err := rt.Run(t.Context(), c)
	require.NoError(t, err)
	return res
}

func TestASubagentAnswers(t *testing.T) {
	eachLevel(t, func(t *testing.T, rt *Runtime) {
		res := runCode(t, rt, `
import dataclasses, json, sys
@dataclasses.dataclass
class Point:
    x: int
def main(query):
    print("printed")
    print("warned", file=sys.stderr)
    open("out.txt", "w").write("x")
    return {"answer": {"n": [1, 2], "q": query, "ü": Point(1).x}, "summary": "did it"}
if __name__ == "__main__":
    raise SystemExit("this block must not run")
`)
		require.Nil(t, res.Failure, "%+v", res.Failure)
		require.Equal(t, `{"n": [1, 2], "q": "the query", "ü": 1}`, res.Answer)
		require.Equal(t, "did it", res.Summary)
		require.Equal(t, "printed\n", res.Stdout)
		require.Equal(t, "warned\n", res.Stderr)
	})
}

func TestEveryFailureIsPrecise(t *testing.T) {
	for name, c := range map[string]struct {
		code    string
		kind    Kind
		message string
		change  func(*Call)
	}{
		"no main":                       {"x = 1", NoMain, "no function main", nil},
		"main is no function":           {"main = 7", NoMain, "no function main", nil},
		"a text in place of a dict":     {"def main(q): return 'done'", WrongResult, "str instead of a dict", nil},
		"nothing":                       {"def main(q): pass", WrongResult, "NoneType", nil},
		"a dict without summary":        {"def main(q): return {'answer': 'x'}", WrongResult, "without summary", nil},
		"sys.exit":                      {"import sys\ndef main(q): sys.exit(3)", SystemExit, "sys.exit(3)", nil},
		"os._exit":                      {"import os\ndef main(q): os._exit(4)", SystemExit, "exit code 4", nil},
		"a syntax error":                {"def main(q):\n    return {", SyntaxError, "subagent.py", nil},
		"an unknown module":             {"import numpy_of_nowhere\ndef main(q): pass", ImportError, "PEP 723", nil},
		"a browser driven by itself":    {"from playwright.sync_api import sync_playwright\ndef main(q): pass", ImportError, "browser_automation", nil},
		"an exception":                  {"def main(q): return 1 / 0", Exception, "ZeroDivisionError", nil},
		"an exception while loading":    {"x = {}['missing']\ndef main(q): pass", Exception, "KeyError", nil},
		"a wrong number of parameters":  {"def main(): pass", Exception, "positional argument", nil},
		"too much memory":               {"def main(q): return bytearray(1 << 31)", Memory, "memory", nil},
		"too much time":                 {"import time\ndef main(q): time.sleep(60)", Timeout, "1s", func(c *Call) { c.Limits.Wall = time.Second }},
		"too much processor time":       {"def main(q):\n    while True: pass", CPU, "processor time", func(c *Call) { c.Limits.CPU = time.Second }},
		"a signal":                      {"import os, signal\ndef main(q): os.kill(os.getpid(), signal.SIGSEGV)", Killed, "signal 11", nil},
		"a broken repr in the locals":   {"class X:\n    def __repr__(self): raise ValueError\ndef main(q):\n    x = X()\n    raise RuntimeError('boom')", Exception, "boom", nil},
		"an endless loop of exceptions": {"def main(q): return main(q)", Exception, "RecursionError", nil},
		"an answer of 20 MB":            {"def main(q): return {'answer': 'x' * (20 << 20), 'summary': 's'}", WrongResult, "larger than 8.0 MiB; write it into a file", nil},
		"a message of 20 MB":            {"def main(q): raise ValueError('x' * (20 << 20))", Exception, "(20971532 characters)", nil},
		"a newer Python":                {"# /// script\n# requires-python = \">=3.99\"\n# ///\ndef main(q): pass", BadDependency, "3.99", nil},
		"a package by URL":              {"# /// script\n# dependencies = [\"x @ http://localhost/x.whl\"]\n# ///\ndef main(q): pass", BadDependency, "x @", nil},
		"source that is no text":        {"def main(q): return '\xff\xfe'", SyntaxError, "", nil},
	} {
		t.Run(name, func(t *testing.T) {
			eachLevel(t, func(t *testing.T, rt *Runtime) {
				res := runCode(t, rt, c.code, func(call *Call) {
					if c.change != nil {
						c.change(call)
					}
				})
				require.NotNil(t, res.Failure, "it answered %q", res.Answer)
				require.Equal(t, c.kind, res.Failure.Kind, "%+v %s", res.Failure, res.Stderr)
				require.Contains(t, res.Failure.Message, c.message)
				require.NotContains(t, res.Failure.Traceback, "harness.py")
			})
		})
	}
}

func TestAFailureShowsTheLocalVariablesOfItsOwnFrames(t *testing.T) {
	eachLevel(t, func(t *testing.T, rt *Runtime) {
		res := runCode(t, rt, `
import json
def parse(line):
    api_key = "sk-abc"
    long = "x" * 5000
    return json.loads(line)
def main(query):
    row = {"a": 1}
    return parse("{broken")
`, func(c *Call) { c.Mask = []string{"{broken"} })
		f := res.Failure
		require.Equal(t, Exception, f.Kind)
		require.Contains(t, f.Traceback, `File "subagent.py", line 9, in main`)
		require.Len(t, f.Locals, 2)
		require.Equal(t, "main", f.Locals[0].Function)
		inner := map[string]string{}
		for _, v := range f.Locals[1].Variables {
			inner[v.Name] = v.Value
		}
		require.Equal(t, "***", inner["api_key"])
		require.Less(t, len(inner["long"]), 700)
		require.Equal(t, "'[secret]'", inner["line"], "a masked value is shown nowhere")
	})
}

func TestModulesTalkToTheGateway(t *testing.T) {
	answer := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		switch {
		case r.Header.Get("Authorization") != "Bearer secret-token":
			w.WriteHeader(http.StatusUnauthorized)
			io.WriteString(w, `{"error": {"code": "denied", "message": "no token"}}`)
		case r.URL.Path == "/v1/llm":
			json.NewEncoder(w).Encode(map[string]any{"text": "heard " + string(body)})
		case r.URL.Path == "/v1/shell":
			io.WriteString(w, `{"allowed": true, "call": 7}`)
		case r.URL.Path == "/v1/shell/done":
			io.WriteString(w, `{}`)
		default:
			w.WriteHeader(http.StatusForbidden)
			io.WriteString(w, `{"error": {"code": "not_granted", "message": "not yours"}}`)
		}
	})
	eachLevel(t, func(t *testing.T, rt *Runtime) {
		res := runCode(t, rt, `
from llm import call_llm
from tools import web_search, shell_command, execute_shell_command, search_serper, ToolError
from concurrent.futures import ThreadPoolExecutor
def main(query):
    with ThreadPoolExecutor(4) as pool:
        said = list(pool.map(lambda i: call_llm("be brief", str(i), max_tokens=5), range(8)))
    assert all('"max_tokens": 5' in s for s in said), said
    try: web_search("x"); refused = "no"
    except ToolError as e: refused = e.code
    shell = shell_command("echo out; echo err >&2; exit 3")
    return {"answer": [refused, shell, execute_shell_command("echo hi"), search_serper("x")], "summary": str(len(said))}
`, func(c *Call) {
			c.Gateway, c.Token, c.Granted = answer, "secret-token", []string{"web_search", "shell_command"}
		})
		require.Nil(t, res.Failure, "%+v", res.Failure)
		require.JSONEq(t, `["not_granted", {"stdout": "out\n", "stderr": "err\n", "exit_code": 3}, "hi\n", "Error: not yours"]`, res.Answer)
		require.Equal(t, "8", res.Summary)
	})
}

func TestInspectFindsWhatASkillConsistsOf(t *testing.T) {
	eachLevel(t, func(t *testing.T, rt *Runtime) {
		dir := workspaceOf(t, rt, map[string]string{
			"agent/subagent.py":   "'''docstring'''\nimport json, helper\nfrom pack import part\nURL = 'https://example.org/x'\ndef main(q): return {}\n",
			"agent/helper.py":     "import os.path\nNAME = 'data.csv'\n",
			"agent/pack/part.py":  "from . import other\n",
			"agent/pack/other.py": "",
			"agent/unused.py":     "",
		})
		found, err := rt.Inspect(t.Context(), dir, "agent/subagent.py")
		require.NoError(t, err)
		require.True(t, found.HasMain)
		require.Equal(t, []string{"agent/helper.py", "agent/pack/other.py", "agent/pack/part.py"}, found.LocalModules)
		require.Subset(t, found.Literals, []string{"https://example.org/x", "data.csv"})
		require.NotContains(t, found.Literals, "docstring")
		broken, err := rt.Inspect(t.Context(), workspaceOf(t, rt, map[string]string{"a.py": "def ("}), "a.py")
		require.NoError(t, err)
		require.Contains(t, broken.SyntaxError, "a.py")
	})
}

// A disk that somebody else filled is the worker's trouble, which passes; one that the subagent filled is its own.
func TestAFullDiskIsToldFromASubagentThatFillsIt(t *testing.T) {
	if os.Geteuid() != 0 {
		if os.Getenv("AGENTFACTORY_TEST_REQUIRE") == "all" {
			t.Fatal("a disk is mounted to be filled, which takes root: run the test as root")
		}
		t.Skip("a disk is mounted to be filled, which takes root")
	}
	const writer = `
def main(query):
    with open("out.txt", "wb") as f:
        for _ in range(%d):
            f.write(bytes(1 << 20))
    return {"answer": "done", "summary": "wrote"}
`
	eachLevel(t, func(t *testing.T, rt *Runtime) {
		disk := filepath.Join(rt.WorkDir(), "disk")
		require.NoError(t, os.Mkdir(disk, 0o755))
		require.NoError(t, syscall.Mount("tmpfs", disk, "tmpfs", 0, "mode=0755,size=96m"))
		t.Cleanup(func() { require.NoError(t, syscall.Unmount(disk, syscall.MNT_DETACH)) })
		run := func(megabytes int) (Result, error) {
			workspace := filepath.Join(disk, "ws")
			require.NoError(t, os.Mkdir(workspace, 0o755))
			defer os.RemoveAll(workspace)
			require.NoError(t, os.WriteFile(filepath.Join(workspace, "subagent.py"), fmt.Appendf(nil, writer, megabytes), 0o644))
			limits := testLimits
			limits.Disk, limits.FileSize = 1<<30, 1<<30
			return rt.Run(t.Context(), Call{Workspace: workspace, Entry: "subagent.py", Limits: limits})
		}
		res, err := run(2)
		require.NoError(t, err)
		require.Nil(t, res.Failure)

		res, err = run(200)
		require.NoError(t, err)
		require.Equal(t, Disk, res.Failure.Kind)
		require.Regexp(t, `the disk was full when the workspace had grown to 9\d MiB`, res.Failure.Message)

		require.NoError(t, os.WriteFile(filepath.Join(disk, "other"), make([]byte, 95<<20), 0o644))
		_, err = run(2)
		require.ErrorIs(t, err, syscall.ENOSPC)
		require.ErrorContains(t, err, "free space in "+disk)
	})
}
