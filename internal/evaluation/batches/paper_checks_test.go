package batches

import (
	"encoding/json"
	"io/fs"
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

// checkPaper has an output checked as an evaluation does. The complaint is "" for a right output; a check that fails for
// another reason than an AssertionError fails the test.
func checkPaper(t *testing.T, rt *pyruntime.Runtime, task paperTask, o output) (complaint string) {
	t.Helper()
	result := runPaper(t, rt, task, checking.Runner(), map[string]string{"query": task.Task, "answer": o.answer}, o.files)
	if result.Failure == nil {
		return ""
	}
	said, wrong := strings.CutPrefix(result.Failure.Message, "AssertionError: ")
	require.True(t, wrong && result.Failure.Kind == pyruntime.Exception, "%s: the check itself failed: %s %s", task.ID, result.Failure.Message, result.Failure.Traceback)
	return said
}

// manyRunner carries out a check script over many outputs, each in a folder of its own, and answers with those that pass.
// A script that raises anything but AssertionError fails the run.
const manyRunner = `
import json, os

def main(order):
    order, passed = json.loads(order), []
    scope = {"__name__": "check_script"}
    exec(open(".agentfactory/check_script.py", encoding="utf-8").read(), scope)
    home = os.getcwd()
    for name, answer in order["answers"].items():
        os.makedirs(os.path.join(home, name), exist_ok=True)
        os.chdir(os.path.join(home, name))
        try:
            scope["check"](order["query"], answer)
            passed.append(name)
        except AssertionError:
            pass
    return {"answer": json.dumps(passed), "summary": ""}
`

// passing says which of many outputs pass the check of a task.
func passing(t *testing.T, rt *pyruntime.Runtime, task paperTask, outputs map[string]output) (names []string) {
	t.Helper()
	answers, files := map[string]string{}, map[string]string{}
	for folder, o := range outputs {
		answers[folder] = o.answer
		for name, content := range o.files {
			files[filepath.Join(folder, name)] = content
		}
	}
	result := runPaper(t, rt, task, manyRunner, map[string]any{"query": task.Task, "answers": answers}, files)
	require.Nil(t, result.Failure, "%s: the check itself failed: %+v", task.ID, result.Failure)
	require.NoError(t, json.Unmarshal([]byte(result.Answer), &names))
	return names
}

func runPaper(t *testing.T, rt *pyruntime.Runtime, task paperTask, entry string, query any, files map[string]string) pyruntime.Result {
	t.Helper()
	script, err := fs.ReadFile(paperFiles, "paper/"+task.Check.ScriptFile)
	require.NoError(t, err)
	dir, err := os.MkdirTemp(rt.WorkDir(), "check-")
	require.NoError(t, err)
	defer os.RemoveAll(dir)
	put := func(name, content string) {
		full := filepath.Join(dir, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(full), 0o755))
		require.NoError(t, os.WriteFile(full, []byte(content), 0o644))
	}
	for name, content := range files {
		put(name, content)
	}
	put(checking.EntryFile, entry)
	put(checking.ScriptFile, string(script))
	limits := sandbox.Limits{Wall: 60 * time.Second, CPU: 60 * time.Second, Memory: 512 << 20, Processes: 16, Output: 64 << 10, FileSize: 64 << 20, Disk: 128 << 20}
	result, err := rt.Run(t.Context(), pyruntime.Call{Workspace: dir, Entry: checking.EntryFile, Query: asJSON(t, query), Limits: limits})
	require.NoError(t, err)
	return result
}

func TestTheChecksOfThePaperPassARightOutputAndFailWhatIsNone(t *testing.T) {
	rt, right := pyruntimetest.New(t, sandbox.Confined), rightOutputs(t)
	require.Len(t, right, 20)
	for id, o := range right {
		t.Run(id, func(t *testing.T) {
			t.Parallel()
			task := paperTaskNamed(t, id)
			require.NotEmpty(t, task.Check.ScriptFile)
			require.Empty(t, checkPaper(t, rt, task, o))
			wrong := map[string]output{"nothing": {}, "no-answer": {files: o.files}, "no-files": {answer: o.answer}}
			if id != "trending-1" { // which leaves the choice of the network, a Chinese one included
				wrong["other-batch"] = right[counterpart(id)]
			}
			for name, content := range o.files {
				wrong["without-"+name] = o.without(name)
				wrong["empty-"+name] = o.with(name, "")
				wrong["binary-"+name] = o.with(name, "\xff\xfe\x00 nothing of use")
				wrong["deep-"+name] = o.with(name, strings.Repeat("[", 100_000))
				wrong["half-"+name] = o.with(name, content[:len(content)/2])
			}
			require.Empty(t, passing(t, rt, task, wrong))
			require.Equal(t, []string{"right"}, passing(t, rt, task, map[string]output{"right": o}))
		})
	}
}

func counterpart(id string) string {
	if stem, first := strings.CutSuffix(id, "-1"); first {
		return stem + "-2"
	}
	return strings.TrimSuffix(id, "-2") + "-1"
}
