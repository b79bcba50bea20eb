package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

var pythonSDK = requirement{
	variable: "AGENTFACTORY_TEST_TEMPORALIO", usual: "python3", check: takes("-c", "import temporalio"),
	install: "pip install temporalio into some environment",
}

const pythonExample = "../../docs/examples/start_a_run.py"

func TestThePythonExampleStartsARunAndPrintsItsAnswer(t *testing.T) {
	t.Parallel()
	python := pythonSDK.find(t)
	s := newStack(t, wordCount)
	s.worker()
	file := filepath.Join(t.TempDir(), "first.txt")
	require.NoError(t, os.WriteFile(file, []byte("drei kleine Wörter"), 0o600))

	answer, story, err := s.python(python, "count the words in the file", file)
	require.NoError(t, err, story)
	require.Equal(t, "words: 3\n", answer)
	require.Contains(t, story, "completed, 3 turns")
}

func TestThePythonExampleSaysWhyARunFailed(t *testing.T) {
	t.Parallel()
	python := pythonSDK.find(t)
	s := newStack(t, wordCount)
	s.worker()
	_, story, err := s.python(python, " ")
	require.Error(t, err)
	require.Contains(t, story, "task is empty")
}

// python runs the example against this stack as a user would, apart from the address.
func (s *stack) python(interpreter string, args ...string) (stdout, stderr string, err error) {
	s.t.Helper()
	cmd := exec.Command(interpreter, append([]string{pythonExample}, args...)...)
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + s.t.TempDir(), "TEMPORAL_ADDRESS=" + s.address}
	out, complaints := &lockedBuffer{}, &lockedBuffer{}
	cmd.Stdout, cmd.Stderr = out, complaints
	err = cmd.Run()
	return out.String(), complaints.String(), err
}
