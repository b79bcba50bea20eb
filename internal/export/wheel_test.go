package export_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"agentfactory/internal/export"
)

// environment makes a fresh virtual environment and installs a wheel into it, without an index.
func environment(t testing.TB, wheel string) (bin string) {
	t.Helper()
	dir := t.TempDir()
	output(t, "", python(t), "-m", "venv", dir)
	bin = filepath.Join(dir, "bin")
	output(t, "", filepath.Join(bin, "python"), "-m", "pip", "install", "--quiet", "--no-index", "--disable-pip-version-check", wheel)
	return bin
}

// output is what a command prints; it must succeed.
func output(t testing.TB, dir string, command ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), command[0], command[1:]...)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), "PYTHONPATH=")
	out, err := cmd.Output()
	if exit, ok := err.(*exec.ExitError); ok {
		require.NoError(t, err, "%s", exit.Stderr)
	}
	require.NoError(t, err)
	return strings.TrimSpace(string(out))
}

func TestAWheelIsInstalledAndUsed(t *testing.T) {
	bin := environment(t, kept(t, made(t, "python", export.Options{Cases: true, License: "MIT"}, wordCount(t))))
	python := filepath.Join(bin, "python")
	work := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(work, "text.txt"), []byte("a b c d"), 0o644))

	require.Equal(t, "4 words", call(t, work, filepath.Join(bin, "word-count-skill"), "text.txt").answer)
	require.Equal(t, "1 words", call(t, work, python, "-m", "word_count_skill", "one").answer)
	require.Contains(t, output(t, work, filepath.Join(bin, "word-count-skill"), "--help"), "Counts the words")
	require.Equal(t, "4 words, 2 words", output(t, "", python, "-c", `
import sys
from word_count_skill import run
print(run("text.txt", directory=sys.argv[1])["answer"], run("a b", timeout=60)["answer"], sep=", ")`, work))
	require.Equal(t, "failed ValueError: told to fail: \\ ''' \"\"\"", output(t, work, python, "-c", `
from word_count_skill import SkillError, run
try:
    run("fail")
except SkillError as e:
    print(e.code, e)`))
	require.Equal(t, "3 word-count 3", output(t, work, python, "-c", "import word_count_skill as w; print(w.__version__, w.NAME, w.VERSION)"))
	metadata := output(t, work, python, "-c", "import importlib.metadata as m; print(sorted(m.metadata('word-count-skill').items()))")
	require.Contains(t, metadata, "('Provides-Extra', 'langchain')")
	require.Contains(t, metadata, "('Requires-Python', '>=3.9')")
	require.Contains(t, output(t, work, python, "-m", "pip", "check"), "No broken requirements")
	require.NotEmpty(t, output(t, work, python, "-m", "pip", "uninstall", "--yes", "word-count-skill"))
}

func TestTheNamesOfPackagesAreImportable(t *testing.T) {
	for name, pkg := range map[string]string{"word-count": "word_count_skill", "3d-plot": "_3d_plot_skill", "class": "class_skill"} {
		a := made(t, "python", export.Options{Cases: true}, stored(t, name, "Answers.", map[string]string{"subagent.py": "main = print\n"}))
		require.Contains(t, a.Tree, pkg+"/__init__.py")
		require.Equal(t, name, output(t, "", python(t), "-c", "import sys; sys.path.insert(0, sys.argv[1]); print(__import__(sys.argv[2]).NAME)", unpacked(t, a), pkg))
	}
}

func TestAWheelRequiresWhatTheSkillDeclares(t *testing.T) {
	s := stored(t, "plot", "Plots.", map[string]string{
		"subagent.py": "# /// script\n# requires-python = \">=3.10\"\n# dependencies = [\"pandas>=2,<3\", \"tomli; python_version < '3.11'\"]\n# ///\ndef main(query): ...\n",
	})
	metadata := string(made(t, "python", export.Options{Cases: true}, s).Tree["plot_skill-3.dist-info/METADATA"].Data)
	for _, line := range []string{"Requires-Python: >=3.10\n", "Requires-Dist: pandas>=2,<3\n", "Requires-Dist: tomli; python_version < '3.11'\n", "Requires-Dist: mcp>=2,<3; extra == \"mcp\"\n"} {
		require.Contains(t, metadata, line)
	}
}
