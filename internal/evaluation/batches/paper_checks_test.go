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
	"agentfactory/internal/sandbox"
)

// paperSandbox runs Python as workers do, in the strongest sandbox of the machine.
func paperSandbox(t *testing.T) *pyruntime.Runtime {
	t.Helper()
	python, err := pyruntime.Discover(t.Context(), "", sandbox.Readable)
	require.NoError(t, err)
	dir := t.TempDir()
	box, err := sandbox.New(sandbox.Config{Python: python.Path, ReadOnly: python.Roots, StateDir: dir})
	if err != nil && os.Getenv("AGENTFACTORY_TEST_REQUIRE") != "all" {
		t.Skip(err)
	}
	require.NoError(t, err)
	rt, err := pyruntime.New(pyruntime.Config{Python: python, Dir: filepath.Join(dir, "packages"), Sandbox: box})
	require.NoError(t, err)
	return rt
}

// checkPaper has an output checked as an evaluation does. The complaint is "" for a right output; a check that fails for
// another reason than an AssertionError fails the test.
func checkPaper(t *testing.T, rt *pyruntime.Runtime, task paperTask, o output) (complaint string) {
	t.Helper()
	script, err := fs.ReadFile(paperFiles, "paper/"+task.Check.ScriptFile)
	require.NoError(t, err)
	dir, err := os.MkdirTemp(rt.WorkDir(), "check-")
	require.NoError(t, err)
	defer os.RemoveAll(dir)
	require.NoError(t, os.Mkdir(filepath.Join(dir, filepath.Dir(checking.EntryFile)), 0o755))
	put := func(name, content string) {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644))
	}
	for name, content := range o.files {
		put(name, content)
	}
	put(checking.EntryFile, checking.Runner())
	put(checking.ScriptFile, string(script))
	query, err := json.Marshal(map[string]string{"query": task.Task, "answer": o.answer})
	require.NoError(t, err)
	limits := sandbox.Limits{Wall: 30 * time.Second, CPU: 30 * time.Second, Memory: 512 << 20, Processes: 16, Output: 64 << 10, FileSize: 64 << 20, Disk: 64 << 20}
	result, err := rt.Run(t.Context(), pyruntime.Call{Workspace: dir, Entry: checking.EntryFile, Query: string(query), Limits: limits})
	require.NoError(t, err)
	if result.Failure == nil {
		return ""
	}
	said, wrong := strings.CutPrefix(result.Failure.Message, "AssertionError: ")
	require.True(t, wrong && result.Failure.Kind == pyruntime.Exception, "%s: the check itself failed: %s %s", task.ID, result.Failure.Message, result.Failure.Traceback)
	return said
}

func TestTheChecksOfThePaperPassARightOutputAndFailWhatIsNone(t *testing.T) {
	rt, right := paperSandbox(t), rightOutputs(t)
	tasks := map[string]paperTask{}
	for _, task := range paperTasksOfBoth(t) {
		tasks[task.ID] = task
	}
	require.Len(t, right, 20)
	for id, o := range right {
		t.Run(id, func(t *testing.T) {
			t.Parallel()
			task := tasks[id]
			require.NotEmpty(t, task.Check.ScriptFile)
			require.Empty(t, checkPaper(t, rt, task, o))
			require.NotEmpty(t, checkPaper(t, rt, task, output{answer: "", files: o.files}), "an empty answer passes")
			if id != "trending-1" { // which leaves the choice of the network, a Chinese one included
				require.NotEmpty(t, checkPaper(t, rt, task, right[counterpart(id)]), "the output of the other batch passes")
			}
			for name, content := range o.files {
				require.NotEmpty(t, checkPaper(t, rt, task, o.without(name)), "%s is not needed", name)
				for _, broken := range []string{"", "\xff\xfe\x00 nothing of use", "[[[[", content[:len(content)/2]} {
					require.NotEmpty(t, checkPaper(t, rt, task, o.with(name, broken)), "%s may be %.20q", name, broken)
				}
			}
		})
	}
}

func counterpart(id string) string {
	if stem, first := strings.CutSuffix(id, "-1"); first {
		return stem + "-2"
	}
	return strings.TrimSuffix(id, "-2") + "-1"
}
