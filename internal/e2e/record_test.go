package e2e

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/api/temporalproto"

	"agentfactory/internal/run"
	"agentfactory/workflows"
)

// With RECORD_HISTORIES=1 the histories of real runs are written to the corpus that
// workflows/replay_test.go replays. Record them anew only for histories that no
// running workflow can have any more.
func TestHistoriesOfEveryEndingCanBeRecorded(t *testing.T) {
	for name, c := range map[string]struct {
		script  string
		input   workflows.InstallInput
		cancel  bool
		outcome run.Outcome
	}{
		"completed":        {wordCount, workflows.InstallInput{Task: "count the words", Files: []run.InputFile{{Path: "first.txt", Text: "größer"}}}, false, run.Completed},
		"budget-exhausted": {longRun, workflows.InstallInput{Task: "long", Budget: run.Budget{Turns: 3}}, false, run.BudgetExhausted},
		"failed":           {`conversations: [{turns: [{text: hm, repeat: 9}]}]`, workflows.InstallInput{Task: "idle"}, false, run.Failed},
		"continued-as-new": {longRun, workflows.InstallInput{Task: "long", Budget: run.Budget{Turns: 400}}, false, run.BudgetExhausted},
		"cancelled":        {longRun, workflows.InstallInput{Task: "long", Budget: run.Budget{Turns: 400}}, true, run.Cancelled},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStack(t, c.script)
			s.worker()
			r := s.start(c.input)
			if c.cancel {
				require.Eventually(t, func() bool { st, err := s.status(r); return err == nil && st.Turn > 2 }, testPatience, tick)
				require.NoError(t, s.temporal.CancelWorkflow(t.Context(), r.GetID(), ""))
			}
			_, err := s.result(r)
			require.Equal(t, c.outcome == run.Failed || c.outcome == run.Cancelled, err != nil, "%v", err)
			description, err := s.temporal.DescribeWorkflowExecution(t.Context(), r.GetID(), "")
			require.NoError(t, err)
			last := description.WorkflowExecutionInfo.Execution
			res, err := s.records.Result(t.Context(), last.WorkflowId, last.RunId)
			require.NoError(t, err, "every ending leaves result.json")
			require.Equal(t, c.outcome, res.Outcome)
			runs := s.runsOf(res)
			require.Equal(t, name == "continued-as-new", len(runs) > 1)
			if os.Getenv("RECORD_HISTORIES") != "" {
				s.record(name, last.WorkflowId, runs)
			}
		})
	}
}

func (s *stack) record(name, workflowID string, runs []string) {
	for i, runID := range runs {
		var history historypb.History
		events := s.temporal.GetWorkflowHistory(s.t.Context(), workflowID, runID, false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
		for events.HasNext() {
			e, err := events.Next()
			require.NoError(s.t, err)
			history.Events = append(history.Events, e)
		}
		text, err := temporalproto.CustomJSONMarshalOptions{}.Marshal(&history)
		require.NoError(s.t, err)
		file := name + ".json"
		if i > 0 {
			file = name + "-then.json"
		}
		dir := filepath.Join("..", "..", "workflows", "testdata", "histories")
		require.NoError(s.t, os.MkdirAll(dir, 0o755))
		require.NoError(s.t, os.WriteFile(filepath.Join(dir, file), text, 0o644))
	}
}
