package checking_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"agentfactory/internal/checking"
	"agentfactory/internal/pyruntime"
	"agentfactory/internal/pyruntime/pyruntimetest"
	"agentfactory/internal/sandbox"
)

// check runs a script over an output, beside the input files.
func check(t *testing.T, rt *pyruntime.Runtime, script string, inputs map[string]string, o checking.Output) pyruntime.Result {
	t.Helper()
	dir, err := os.MkdirTemp(rt.WorkDir(), "check-")
	require.NoError(t, err)
	t.Cleanup(func() { os.RemoveAll(dir) })
	put := func(name string, content []byte) {
		full := filepath.Join(dir, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(full), 0o755))
		require.NoError(t, os.WriteFile(full, content, 0o644))
	}
	for name, content := range inputs {
		put(name, []byte(content))
	}
	for name, content := range o.Files {
		put(name, content)
	}
	put(checking.EntryFile, []byte(checking.Runner()))
	put(checking.ScriptFile, []byte(script))
	query, err := json.Marshal(map[string]string{"query": "sales.csv", "answer": o.Answer})
	require.NoError(t, err)
	limits := sandbox.Limits{Wall: 20 * time.Second, CPU: 20 * time.Second, Memory: 512 << 20, Processes: 16, Output: 64 << 10, FileSize: 32 << 20, Disk: 64 << 20}
	result, err := rt.Run(t.Context(), pyruntime.Call{Workspace: dir, Entry: checking.EntryFile, Query: string(query), Limits: limits})
	require.NoError(t, err)
	return result
}

func TestTheRunnerSaysWhatTheScriptFound(t *testing.T) {
	rt := pyruntimetest.New(t, sandbox.Confined)
	const passed, define = pyruntime.Kind(""), "def check(query, answer):\n    "
	for name, c := range map[string]struct {
		script string
		kind   pyruntime.Kind
		says   string
	}{
		"a check that passes":          {define + "assert (query, answer) == ('sales.csv', 'ok')", passed, ""},
		"a check that fails":           {define + "assert answer == '', 'the answer is not empty'", pyruntime.Exception, "AssertionError: the answer is not empty"},
		"a check that meets nonsense":  {define + "int(answer)", pyruntime.Exception, "ValueError: invalid literal"},
		"a syntax error":               {define + "assert (", pyruntime.SyntaxError, ".agentfactory/check_script.py\", line 2"},
		"no check":                     {"def test(query, answer): pass", pyruntime.Exception, "AttributeError: the script defines no function check"},
		"a check that is no function":  {"check = True", pyruntime.Exception, "AttributeError: the script defines no function check"},
		"a package that is not there":  {"import numpy_of_nowhere\n" + define + "pass", pyruntime.ImportError, "numpy_of_nowhere"},
		"a check that returns False":   {define + "return False", pyruntime.Exception, "TypeError: check returned False"},
		"a check that returns True":    {define + "return True", pyruntime.Exception, "TypeError: check returned True"},
		"a check that yields":          {define + "yield", pyruntime.Exception, "TypeError: check returned <generator"},
		"a check that exits":           {define + "raise SystemExit(0)", pyruntime.SystemExit, "sys.exit(0)"},
		"a process that exits":         {"import os\n" + define + "os._exit(0)", pyruntime.SystemExit, "exit code 0"},
		"a program below its check":    {define + "pass\nif __name__ == '__main__':\n    raise ValueError", passed, ""},
		"a check by dataclasses":       {"import dataclasses\n@dataclasses.dataclass\nclass Row:\n    sum: 'int'\n" + define + "Row(1)", passed, ""},
		"only inputs and outputs":      {"import os\n" + define + "assert set(os.listdir('.')) - {'.tmp'} == {'csv.py', 'note.txt'}, os.listdir('.')", passed, ""},
		"modules that the output left": {"import csv\n" + define + "assert csv.reader", passed, ""},
	} {
		t.Run(name, func(t *testing.T) {
			output := checking.Output{Answer: "ok", Files: map[string][]byte{"csv.py": []byte("reader = None"), "note.txt": nil}}
			result := check(t, rt, c.script, nil, output)
			if c.kind == passed {
				require.Nil(t, result.Failure, "%+v", result.Failure)
				require.Equal(t, "ok", result.Answer)
				return
			}
			require.NotNil(t, result.Failure, "it answered %q", result.Answer)
			require.Equal(t, c.kind, result.Failure.Kind, "%+v", result.Failure)
			require.Contains(t, result.Failure.Message, c.says)
		})
	}
}

func TestATracebackShowsTheLinesOfTheScript(t *testing.T) {
	script := "def check(query, answer):\n    total = 30\n    assert answer == str(total)\n"
	failure := check(t, pyruntimetest.New(t, sandbox.Confined), script, nil, checking.Output{Answer: "31"}).Failure
	require.NotNil(t, failure)
	require.Contains(t, failure.Traceback, checking.ScriptFile+"\", line 3, in check\n    assert answer == str(total)\n")
	require.Contains(t, failure.Locals[len(failure.Locals)-1].Variables, pyruntime.Variable{Name: "total", Value: "30"})
}

// totals recomputes from the input what has to hold, as the tester is told to.
const totals = `
import csv, json, re

def check(query: str, answer: str) -> None:
    with open(query, newline="") as f:
        want = sum(float(row["amount"]) for row in csv.DictReader(f))
    with open("totals.json") as f:
        got = json.load(f).get("total")
    assert isinstance(got, (int, float)) and abs(got - want) < 0.01, f"totals.json says {got}, the inputs give {want}"
    numbers = [float(n.replace(",", "")) for n in re.findall(r"\d[\d,]*(?:\.\d+)?", answer)]
    assert any(abs(n - want) < 0.01 for n in numbers), f"the answer does not state the total {want}"
`

func TestASensibleScriptPassesTheOutputInOtherWordsAndFailsEmptyAndPerturbedOnes(t *testing.T) {
	rt := pyruntimetest.New(t, sandbox.Confined)
	inputs := map[string]string{"sales.csv": "region,amount\nN,1000.25\nS,204.25\n"}
	script, err := checking.ParseScript("```python" + totals + "```")
	require.NoError(t, err)
	right := checking.Output{Answer: "The total is 1,204.50 EUR.", Files: map[string][]byte{"totals.json": []byte(`{"total": 1204.5}`)}}
	perturbed, ok := checking.Perturb(right)
	require.True(t, ok)
	for name, c := range map[string]struct {
		output checking.Output
		fails  string
	}{
		"the output":              {right, ""},
		"other words":             {checking.Output{Answer: "1204.5", Files: map[string][]byte{"totals.json": []byte("{\"rows\": 2, \"total\": 1204.50}\n")}}, ""},
		"an empty output":         {checking.Empty(right), "JSONDecodeError"},
		"a perturbed one":         {perturbed, "AssertionError: totals.json says 5678.9, the inputs give 1204.5"},
		"a wrong answer":          {checking.Output{Answer: perturbed.Answer, Files: right.Files}, "AssertionError: the answer does not state the total 1204.5"},
		"a missing file":          {checking.Output{Answer: right.Answer}, "FileNotFoundError"},
		"a file of another shape": {checking.Output{Answer: strings.ToUpper(right.Answer), Files: map[string][]byte{"totals.json": []byte("[]")}}, "AttributeError"},
	} {
		t.Run(name, func(t *testing.T) {
			failure := check(t, rt, script, inputs, c.output).Failure
			if c.fails == "" {
				require.Nil(t, failure, "%+v", failure)
				return
			}
			require.NotNil(t, failure)
			require.Contains(t, failure.Message, c.fails)
		})
	}
}
