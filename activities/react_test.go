package activities

import (
	"testing"

	"github.com/stretchr/testify/require"

	"agentfactory/internal/pyruntime"
	"agentfactory/internal/workspace"
)

func TestWhatTheModelReadsOfAProgram(t *testing.T) {
	failure := &pyruntime.Failure{Kind: pyruntime.Exception, Message: "KeyError: 'x'", Traceback: "…\nKeyError: 'x'\n",
		Locals: []pyruntime.Frame{{Function: "<module>", Line: 3, Variables: []pyruntime.Variable{{Name: "row", Value: "{}"}}}}}
	for name, c := range map[string]struct {
		res     pyruntime.Result
		changes workspace.Changes
		want    string
	}{
		"nothing":       {pyruntime.Result{}, workspace.Changes{}, "The program printed nothing.\n"},
		"what it says":  {pyruntime.Result{Stdout: "1\n2\n", Stderr: "hm\n"}, workspace.Changes{Added: []string{"a.csv"}}, "stdout:\n1\n2\nstderr:\nhm\nnew files: a.csv\n"},
		"why it failed": {pyruntime.Result{Failure: failure, Stdout: "before\n"}, workspace.Changes{}, "FAILED (exception): KeyError: 'x'\ntraceback:\n…\nKeyError: 'x'\nlocals of <module> (line 3):\n  row = {}\nstdout:\nbefore\n"},
		"a silent fall": {pyruntime.Result{Failure: &pyruntime.Failure{Kind: pyruntime.Timeout, Message: "it did not end within 5s"}}, workspace.Changes{}, "FAILED (timeout): it did not end within 5s\n"},
		"a flood":       {pyruntime.Result{Stdout: "1", Truncated: true}, workspace.Changes{}, "stdout:\n1\n[it printed more than is kept; of long output only the beginning is there: write it into a file]\n"},
	} {
		t.Run(name, func(t *testing.T) {
			require.Equal(t, c.want, observeProgram(c.res, c.changes))
		})
	}
}
