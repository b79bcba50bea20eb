package export_test

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"agentfactory/internal/export"
	"agentfactory/internal/export/hosttest"
)

// called is what a program made of a query.
type called struct {
	answer, summary string
	stderr          string
	code            int
}

func call(t testing.TB, dir string, command ...string) called {
	t.Helper()
	return callWith(t, nil, dir, command...)
}

func callWith(t testing.TB, env []string, dir string, command ...string) called {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), command[0], command[1:]...)
	var out, said bytes.Buffer
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, &out, &said
	cmd.Env = append(append(os.Environ(), "PYTHONPATH="), env...)
	err := cmd.Run()
	if exit := (*exec.ExitError)(nil); err != nil {
		require.ErrorAs(t, err, &exit, said.String())
	}
	c := called{stderr: said.String(), code: cmd.ProcessState.ExitCode()}
	if c.code == 0 {
		var found struct{ Answer, Summary string }
		require.NoError(t, json.Unmarshal(out.Bytes(), &found), "%s", out.String())
		c.answer, c.summary = found.Answer, found.Summary
	}
	return c
}

// python is the interpreter itself, without the shim of a version manager, which would cost more than the program.
func python(t testing.TB) string {
	t.Helper()
	interpreter.Do(func() {
		found, err := exec.Command("python3", "-c", "import sys; print(sys.executable)").Output()
		require.NoError(t, err)
		executable = strings.TrimSpace(string(found))
	})
	return executable
}

var (
	interpreter sync.Once
	executable  string
)

// TestEveryProgramAnswers runs what an artifact calls its program, with plain Python.
func TestEveryProgramAnswers(t *testing.T) {
	s := wordCount(t)
	for _, f := range export.Formats() {
		a := made(t, f.Name, export.Options{Cases: true}, s)
		if len(a.Programs) == 0 {
			continue
		}
		t.Run(f.Name, func(t *testing.T) {
			program := filepath.Join(unpacked(t, a), a.Programs["word-count"])
			work := t.TempDir()
			require.NoError(t, os.WriteFile(filepath.Join(work, "text.txt"), []byte("a b c d"), 0o644))

			got := call(t, work, python(t), program, "one two three")
			require.Equal(t, called{answer: "3 words", summary: "counted in english", stderr: "counting\n"}, got)
			require.Equal(t, "4 words", call(t, work, python(t), program, "text.txt").answer)

			got = call(t, work, python(t), program, "fail")
			require.Equal(t, 1, got.code)
			require.Contains(t, got.stderr, `ValueError: told to fail: \ ''' """`)
			require.Equal(t, 2, call(t, work, python(t), program).code)
		})
	}
}

// TestASkillMayBeCalledLikeAModuleOfPython runs programs whose file names would be imported in place of Python's modules, or
// of ours.
func TestASkillMayBeCalledLikeAModuleOfPython(t *testing.T) {
	for _, name := range []string{"json", "os", "run", "tools", "llm", "tempfile", "argparse", "signal", "base64", "3d-plot", strings.Repeat("a", 64)} {
		s := stored(t, name, "Answers.", map[string]string{
			"subagent.py": "import json\nimport tools\nfrom llm import call_llm\ndef main(query):\n    return {'answer': json.loads(query), 'summary': tools.__doc__[:3]}\n",
		})
		for _, format := range []string{"python", "python-script"} {
			a := made(t, format, export.Options{Cases: true}, s)
			dir, program := unpacked(t, a), a.Programs[name]
			if format == "python-script" {
				require.NoError(t, os.Rename(filepath.Join(dir, program), filepath.Join(dir, name+".py")))
				program = name + ".py"
			}
			require.Equal(t, "x", callWith(t, model, t.TempDir(), python(t), filepath.Join(dir, program), `"x"`).answer, "%s as %s", name, format)
		}
	}
}

// model are settings of a language model that nobody asks.
var model = []string{"OPENAI_API_KEY=none", "AGENTFACTORY_MODEL=none"}

func TestASingleFileLeavesNothingBehind(t *testing.T) {
	a := made(t, "python-script", export.Options{Cases: true}, wordCount(t))
	tmp := t.TempDir()
	got := callWith(t, []string{"TMPDIR=" + tmp}, t.TempDir(), python(t), kept(t, a), "a")
	require.Equal(t, "1 words", got.answer)
	left, err := os.ReadDir(tmp)
	require.NoError(t, err)
	require.Empty(t, left)
}

func TestASingleFileThatIsEndedEndsWhatItStarted(t *testing.T) {
	s := stored(t, "slow", "Sleeps.", map[string]string{
		"subagent.py": "import os, time\ndef main(query):\n    open(query, 'w').write(str(os.getpid()))\n    time.sleep(60)\n",
	})
	tmp, started := t.TempDir(), filepath.Join(t.TempDir(), "pid")
	cmd := exec.CommandContext(t.Context(), python(t), kept(t, made(t, "python-script", export.Options{Cases: true}, s)), started)
	cmd.Env = append(os.Environ(), "TMPDIR="+tmp)
	require.NoError(t, cmd.Start())
	var pid []byte
	require.Eventually(t, func() bool { pid, _ = os.ReadFile(started); return len(pid) > 0 }, 2*time.Minute, 10*time.Millisecond)
	require.NoError(t, cmd.Process.Signal(syscall.SIGTERM))
	require.Error(t, cmd.Wait())
	require.NoDirExists(t, "/proc/"+string(pid))
	left, err := os.ReadDir(tmp)
	require.NoError(t, err)
	require.Empty(t, left)
}

// TestAProgramAsksTheModelThatTheEnvironmentNames has the model behind the same wire protocol as a real one.
func TestAProgramAsksTheModelThatTheEnvironmentNames(t *testing.T) {
	s := stored(t, "poet", "Writes a line.", map[string]string{
		"subagent.py": "from llm import call_llm\ndef main(query):\n    return {'answer': call_llm('Write a line.', query), 'summary': 'asked'}\n",
	})
	env := append(hosttest.Model(t, `conversations: [{when: {system: Write a line, user: sea}, turns: [{text: "The sea, the sea."}]}]`), "AGENTFACTORY_MODEL=scripted-model")
	for _, format := range []string{"agent-skills", "python", "python-script"} {
		a := made(t, format, export.Options{}, s)
		program := filepath.Join(unpacked(t, a), a.Programs["poet"])
		require.Equal(t, "The sea, the sea.", callWith(t, env, t.TempDir(), python(t), program, "sea").answer)

		got := callWith(t, []string{"OPENAI_API_KEY=", "OPENAI_BASE_URL="}, t.TempDir(), python(t), program, "sea")
		require.Equal(t, 3, got.code)
		require.Contains(t, got.stderr, "OPENAI_API_KEY")
	}
}
