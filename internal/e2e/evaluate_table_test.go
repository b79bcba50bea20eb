package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"agentfactory/internal/evaluation"
	"agentfactory/internal/evaluation/batches"
	"agentfactory/internal/run"
	"agentfactory/workflows"
)

// The whole table: the offline batches with every method, at the command line. The script says what each method's model does;
// what is asserted of the numbers is measured from that.
func TestTheOfflineBatchesWithEveryMethod(t *testing.T) {
	t.Parallel()
	s := newStack(t, strings.Replace(string(batches.Script()), batches.ScriptModel, "scripted-test", 1))
	s.checks = true
	s.configuration = fmt.Sprintf("browser: {driver: %q, executable: %q}", playwrightDriver.find(t), chromium.find(t))
	s.worker()
	dir := t.TempDir()
	out, code := s.starter("evaluate", "offline", "--method", strings.Join(workflows.Methods(), ","), "--id", "table", "--concurrency", "3", "--out", dir)
	require.Equal(t, 0, code, out)
	require.Contains(t, out, "SCRIPTED MODEL")

	var r evaluation.Report
	raw, err := os.ReadFile(filepath.Join(dir, "report.json"))
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(raw, &r))
	require.True(t, r.Meta.Scripted)
	require.Len(t, r.Outcomes, 90)
	for _, o := range r.Outcomes {
		require.True(t, o.Graded(), "%s %s: %s %s", o.Method, o.Task, o.Verdict, o.CheckReason)
		require.Equal(t, run.Completed, o.Ended, "%s %s: %s", o.Method, o.Task, o.Reason)
		require.Equal(t, evaluation.ByScript, o.Check)
	}
	of := map[string]evaluation.Summary{}
	for _, b := range r.Batches {
		of[b.Method+" "+b.Batch] = b
		require.GreaterOrEqual(t, b.Passed, 13, "%s, %s:\n%s", b.Method, b.Batch, out)
	}
	skills, programs := of["agentfactory offline-2"], of["react offline-2"]
	require.Less(t, skills.OrchestrationTokens.Value, 0.5*programs.OrchestrationTokens.Value, "what was saved is reused")
	require.GreaterOrEqual(t, skills.Reuse.Value, 0.8)
	require.Zero(t, programs.Reuse.Value)
	require.Positive(t, skills.Modified, "some fell short, and were repaired past the gate")
	s.requireSamePages(dir)
}

// requireSamePages makes the report once more: the same bytes.
func (s *stack) requireSamePages(dir string) {
	again := s.t.TempDir()
	_, code := s.starter("evaluations", "show", "table", "--out", again)
	require.Equal(s.t, 0, code)
	for _, form := range []string{"json", "csv", "summary.csv", "md", "html"} {
		first, err := os.ReadFile(filepath.Join(dir, "report."+form))
		require.NoError(s.t, err)
		second, err := os.ReadFile(filepath.Join(again, "report."+form))
		require.NoError(s.t, err)
		require.True(s.t, bytes.Equal(first, second), form)
		if form == "html" || form == "md" {
			require.Contains(s.t, string(first), "SCRIPTED MODEL")
		}
	}
}
