package batches

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"agentfactory/internal/checking"
	"agentfactory/internal/llm/scripted"
)

// taskLine is a line of a tasks file of the offline batch.
type taskLine struct {
	ID       string   `json:"id"`
	Category string   `json:"category"`
	Task     string   `json:"task"`
	Files    []string `json:"files"`
	Check    struct {
		ScriptFile string `json:"script_file"`
	} `json:"check"`
}

func taskLines(t testing.TB, name string) []taskLine {
	t.Helper()
	data, err := fs.ReadFile(offline().Files, name)
	require.NoError(t, err)
	var tasks []taskLine
	lines := bufio.NewScanner(bytes.NewReader(data))
	for lines.Scan() {
		var task taskLine
		strict := json.NewDecoder(bytes.NewReader(lines.Bytes()))
		strict.DisallowUnknownFields()
		require.NoError(t, strict.Decode(&task), "line %d", len(tasks)+1)
		tasks = append(tasks, task)
	}
	return tasks
}

func TestABatchIsFoundByItsName(t *testing.T) {
	for _, b := range All() {
		found, ok := Named(b.Name)
		require.True(t, ok)
		require.Equal(t, b.Tasks, found.Tasks)
		for _, name := range b.Tasks {
			_, err := fs.Stat(b.Files, name)
			require.NoError(t, err)
		}
	}
	_, ok := Named("no such batch")
	require.False(t, ok)
}

func TestTheOfflineBatchesMirrorEachOther(t *testing.T) {
	first, second := taskLines(t, "offline-1.jsonl"), taskLines(t, "offline-2.jsonl")
	require.Len(t, first, 15)
	require.Len(t, second, 15)
	require.Len(t, pairs, 15)
	categories := map[string]bool{}
	for i, p := range pairs {
		require.Equal(t, p.name+"-1", first[i].ID)
		require.Equal(t, p.name+"-2", second[i].ID)
		require.Equal(t, first[i].Category, second[i].Category)
		require.NotEqual(t, first[i].Task, second[i].Task)
		categories[first[i].Category] = true
		for _, task := range []taskLine{first[i], second[i]} {
			require.Equal(t, "checks/"+p.name+".py", task.Check.ScriptFile)
			script, err := fs.ReadFile(offline().Files, task.Check.ScriptFile)
			require.NoError(t, err)
			require.LessOrEqual(t, len(script), checking.MaxScript)
			for _, name := range task.Files {
				require.Contains(t, task.Task, path.Base(name), "the task names its files")
				_, err := fs.Stat(offline().Files, name)
				require.NoError(t, err)
			}
		}
	}
	require.GreaterOrEqual(t, len(categories), 6)
}

func TestNoReferenceIsAmongTheFilesOfABatch(t *testing.T) {
	for _, b := range All() {
		require.NoError(t, fs.WalkDir(b.Files, ".", func(name string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			data, err := fs.ReadFile(b.Files, name)
			require.NotContains(t, string(data), "def main(", name)
			return err
		}))
	}
}

func TestTheDataIsWhatTheGeneratorMakes(t *testing.T) {
	python, err := exec.LookPath("python3")
	missing(t, err)
	data, site := t.TempDir(), t.TempDir()
	cmd := exec.CommandContext(t.Context(), python, "-B", "generate/generate.py", data, site)
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
	same(t, data, "offline/data")
	same(t, site, "../../offlinesite/fixtures")
}

func same(t *testing.T, made, kept string) {
	t.Helper()
	names := func(dir string) (found []string) {
		entries, err := os.ReadDir(dir)
		require.NoError(t, err)
		for _, e := range entries {
			found = append(found, e.Name())
		}
		return found
	}
	require.Equal(t, names(made), names(kept))
	for _, name := range names(made) {
		a, err := os.ReadFile(filepath.Join(made, name))
		require.NoError(t, err)
		b, err := os.ReadFile(filepath.Join(kept, name))
		require.NoError(t, err)
		require.True(t, bytes.Equal(a, b), "%s is not what generate.py makes", name)
	}
}

// matches applies a pattern as scripts have it.
func matches(t testing.TB, pattern, text string) bool {
	t.Helper()
	if len(pattern) > 1 && pattern[0] == '/' {
		return regexp.MustCompile(strings.Trim(pattern, "/")).MatchString(text)
	}
	return strings.Contains(text, pattern)
}

func TestTheScriptIsOneAndAlwaysTheSame(t *testing.T) {
	text := Script()
	require.Equal(t, string(text), string(Script()))
	parsed, err := scripted.Parse(text)
	require.NoError(t, err)
	require.Equal(t, []string{ScriptModel}, parsed.Models)
	t.Logf("%d bytes, %d conversations", len(text), len(parsed.Conversations))
}

func TestEveryTaskHasItsConversationForEachMethod(t *testing.T) {
	parsed, err := scripted.Parse(Script())
	require.NoError(t, err)
	names := map[string]bool{}
	for _, c := range parsed.Conversations {
		require.False(t, names[c.Name], "%s is there twice", c.Name)
		names[c.Name] = true
	}
	for second := range 2 {
		for i, task := range offlineTasks(second) {
			want := []string{"build the skill", "write a check", "a lesson helps", "first of its kind", "by programs"}
			if pairs[i].anew == "" || second == 0 {
				want = append(want, "use the saved skill")
			}
			for _, name := range want {
				require.True(t, names[task.ID+": "+name], "%s: %s", task.ID, name)
			}
		}
	}
}
