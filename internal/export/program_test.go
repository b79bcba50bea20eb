package export_test

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"agentfactory/internal/export"
)

// called is what a program made of a query.
type called struct {
	answer, summary string
	stderr          string
	code            int
}

func call(t testing.TB, dir string, command ...string) called {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), command[0], command[1:]...)
	var out, said bytes.Buffer
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, &out, &said
	cmd.Env = append(os.Environ(), "PYTHONPATH=")
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

// TestEveryProgramAnswers runs what an artifact calls its program, with plain Python.
func TestEveryProgramAnswers(t *testing.T) {
	s := wordCount(t)
	for _, f := range export.Formats() {
		a := made(t, f.Name, export.Options{}, s)
		if len(a.Programs) == 0 {
			continue
		}
		t.Run(f.Name, func(t *testing.T) {
			program := filepath.Join(unpacked(t, a), a.Programs["word-count"])
			work := t.TempDir()
			require.NoError(t, os.WriteFile(filepath.Join(work, "text.txt"), []byte("a b c d"), 0o644))

			got := call(t, work, "python3", program, "one two three")
			require.Equal(t, called{answer: "3 words", summary: "counted in english", stderr: "counting\n"}, got)
			require.Equal(t, "4 words", call(t, work, "python3", program, "text.txt").answer)

			got = call(t, work, "python3", program, "fail")
			require.Equal(t, 1, got.code)
			require.Contains(t, got.stderr, `ValueError: told to fail: \ ''' """`)
			require.Equal(t, 2, call(t, work, "python3", program).code)
		})
	}
}
