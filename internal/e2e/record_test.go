package e2e

import (
	"compress/gzip"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/temporalproto"

	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"

	"agentfactory/internal/run"
	"agentfactory/workflows"
)

// With RECORD_HISTORIES=1 the histories of real runs are written to the corpus that
// workflows/replay_test.go replays. Record them anew only for histories that no
// running workflow can have any more; else add to them.
func TestHistoriesOfEveryKindCanBeRecorded(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		script  string
		input   workflows.InstallInput
		steer   func(*stack, client.WorkflowRun) client.WorkflowRun // what people do; nil: nothing
		outcome run.Outcome
	}{
		"completed":        {wordCount, workflows.InstallInput{Task: "count the words", Files: []run.InputFile{{Path: "first.txt", Text: "größer"}}}, nil, run.Completed},
		"budget-exhausted": {longRun, workflows.InstallInput{Task: "long", Budget: run.Budget{Turns: 3}}, nil, run.BudgetExhausted},
		"failed":           {`conversations: [{turns: [{text: hm, repeat: 9}]}]`, workflows.InstallInput{Task: "idle"}, nil, run.Failed},
		"500-turns":        {longRun, workflows.InstallInput{Task: "long", Budget: run.Budget{Turns: 500}}, nil, run.BudgetExhausted},
		"cancelled":        {longRun, workflows.InstallInput{Task: "long", Budget: run.Budget{Turns: 400}}, cancelled, run.Cancelled},
		"paused":           {greeter, workflows.InstallInput{Task: "greet", Paused: true, Approval: workflows.ApproveSave}, steppedThrough, run.Completed},
		"rejected":         {greeter, workflows.InstallInput{Task: "greet", Approval: workflows.ApproveFinish}, rejected, run.Rejected},
		"reset":            {greeter, workflows.InstallInput{Task: "greet", Approval: workflows.ApproveFinish}, resetAndReleased, run.Completed},
		"reset-in-a-run":   {sleeper, workflows.InstallInput{Task: "sleep"}, resetWhileActing, run.Completed},
		"waited":           {unreliable, workflows.InstallInput{Task: "x"}, nil, run.Completed},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStack(t, c.script)
			s.worker()
			r := s.start(c.input)
			if c.steer != nil {
				r = c.steer(s, r)
			}
			_, err := s.result(r)
			require.Equal(t, c.outcome == run.Failed || c.outcome == run.Cancelled, err != nil, "%v", err)
			description, err := s.temporal.DescribeWorkflowExecution(t.Context(), r.GetID(), "")
			require.NoError(t, err)
			last := description.WorkflowExecutionInfo.Execution
			res, err := s.records.Result(t.Context(), last.WorkflowId, last.RunId)
			require.NoError(t, err, "every ending leaves result.json")
			require.Equal(t, c.outcome, res.Outcome)
			executions := []string{res.RunID}
			if name == "500-turns" {
				executions = s.runsOf(res)
				require.Greater(t, len(executions), 1, "a long run continues as new")
				require.Equal(t, []int{500, 500}, []int{res.Turns, s.modelCalls()}, "and keeps to its budget")
			}
			if os.Getenv("RECORD_HISTORIES") != "" {
				s.record(name, last.WorkflowId, executions)
			}
		})
	}
}

// The same for runs that repair saved skills, and their gates.
func TestHistoriesOfRepairsCanBeRecorded(t *testing.T) {
	t.Parallel()
	s := newStack(t, counting)
	s.worker()
	s.solve(workflows.InstallInput{Task: "count the words in the file", Files: []run.InputFile{{Path: "a.txt", Text: "one two three"}}})
	res := s.solve(workflows.InstallInput{Task: "count the lines in the file of words", Files: []run.InputFile{{Path: "b.txt", Text: "one two\nthree\n"}}})
	require.Equal(t, 2, res.Usage.Rounds)
	nothing := s.evolve(`{}`)
	require.Equal(t, run.Completed, nothing.Outcome)
	if os.Getenv("RECORD_HISTORIES") == "" {
		return
	}
	s.record("repaired", res.WorkflowID, []string{res.RunID})
	s.record("nothing-to-repair", nothing.WorkflowID, []string{nothing.RunID})
	gates, err := s.temporal.ListWorkflow(t.Context(), &workflowservice.ListWorkflowExecutionsRequest{Query: "WorkflowType = 'Gate'"})
	require.NoError(t, err)
	require.Len(t, gates.Executions, 2)
	gate := gates.Executions[0].Execution
	s.record("gate", gate.WorkflowId, []string{gate.RunId})
}

// And for deployments, and skills that are run by themselves.
func TestHistoriesOfDeploymentsCanBeRecorded(t *testing.T) {
	t.Parallel()
	s := newStack(t, fitting)
	s.worker()
	s.keep("word-count", telling, past{query: "one two", answer: "2 words"})
	deployed := s.startAs(workflows.DeployType, "deployed", workflows.DeployInput{
		Skills: []string{"word-count", "gone"}, Formats: []string{"python-script", "mcp"}, AllowProvisional: true,
	})
	var res workflows.DeployResult
	require.NoError(t, deployed.Get(t.Context(), &res))
	require.Len(t, res.Artifacts, 2)
	require.Len(t, res.Failed, 1)
	asked := s.startAs(workflows.RunSkillType, "asked", workflows.RunSkillInput{Skill: "word-count", Query: "one"})
	require.NoError(t, asked.Get(t.Context(), nil))
	if os.Getenv("RECORD_HISTORIES") == "" {
		return
	}
	s.record("deployed", deployed.GetID(), []string{deployed.GetRunID()})
	s.record("asked-a-skill", asked.GetID(), []string{asked.GetRunID()})
}

// And for evaluations: one that ran out of its budget, went on, and was cancelled while it was paused.
func TestHistoriesOfEvaluationsCanBeRecorded(t *testing.T) {
	t.Parallel()
	s := newStack(t, doubling)
	s.worker()
	in := workflows.EvaluateInput{Tasks: s.upload(doubledUpTo(4)...), Methods: []string{workflows.MethodReAct, workflows.MethodAgentFactory}, Concurrency: 2,
		Total: workflows.EvaluationTotal{OrchestrationTokens: 100}}
	short := s.startAs(workflows.EvaluateType, "evaluated", in)
	require.Equal(t, run.BudgetExhausted, s.evaluated(short).Outcome)
	in.Total = workflows.EvaluationTotal{}
	whole := s.startAs(workflows.EvaluateType, "evaluated", in)
	require.Equal(t, run.Completed, s.evaluated(whole).Outcome)
	scratch := s.startAs(workflows.EvaluateType, "evaluated-from-scratch", workflows.EvaluateInput{Tasks: in.Tasks, FromScratch: true, Concurrency: 1})
	s.pauseEvaluation(scratch)
	require.NoError(t, s.temporal.CancelWorkflow(t.Context(), scratch.GetID(), ""))
	require.Error(t, scratch.Get(t.Context(), nil))
	if os.Getenv("RECORD_HISTORIES") == "" {
		return
	}
	s.record("evaluated-in-part", short.GetID(), []string{short.GetRunID()})
	s.record("evaluated", whole.GetID(), []string{whole.GetRunID()})
	s.record("evaluation-cancelled", scratch.GetID(), []string{scratch.GetRunID()})
}

func (s *stack) pauseEvaluation(r client.WorkflowRun) {
	s.t.Helper()
	update, err := s.temporal.UpdateWorkflow(s.t.Context(), client.UpdateWorkflowOptions{
		WorkflowID: r.GetID(), UpdateName: workflows.PauseUpdate, Args: []any{workflows.Pause{Reason: "lunch"}}, WaitForStage: client.WorkflowUpdateStageCompleted,
	})
	require.NoError(s.t, err)
	require.NoError(s.t, update.Get(s.t.Context(), nil))
}

// unreliable is a model whose key stops working for a while.
const unreliable = `
conversations:
  - turns:
      - calls: [{name: list_saved_subagents}]
      - calls: [{name: finish, arguments: {answer: done}}]
        fault: {status: 401}
`

func cancelled(s *stack, r client.WorkflowRun) client.WorkflowRun {
	s.waitFor(r, func(st run.Status) bool { return st.Turn > 2 })
	require.NoError(s.t, s.temporal.CancelWorkflow(s.t.Context(), r.GetID(), ""))
	return r
}

func steppedThrough(s *stack, r client.WorkflowRun) client.WorkflowRun {
	turns := 9
	s.waitFor(r, phase(run.Paused))
	s.mustUpdate(r, workflows.ResumeUpdate, workflows.Resume{Steps: 2})
	st := s.waitFor(r, func(st run.Status) bool { return st.Phase == run.Paused && len(st.Next) == 1 })
	s.mustUpdate(r, workflows.AmendUpdate, workflows.Amend{CallID: st.Next[0].CallID, Arguments: json.RawMessage(`{"filename":"subagent.py","query":"world"}`)})
	s.mustUpdate(r, workflows.BudgetUpdate, workflows.SetBudget{Turns: &turns})
	s.mustUpdate(r, workflows.InstructUpdate, workflows.Instruct{Message: "be brief"})
	s.release(r)
	return r
}

func rejected(s *stack, r client.WorkflowRun) client.WorkflowRun {
	st := s.waitFor(r, phase(run.WaitingForApproval))
	s.mustUpdate(r, workflows.ApproveUpdate, workflows.Approve{ApprovalID: st.Approval.ApprovalID, Decision: workflows.DecideReject})
	return r
}

func resetAndReleased(s *stack, r client.WorkflowRun) client.WorkflowRun {
	s.release(r)
	again := s.reset(r, 2)
	s.release(again)
	return again
}

func resetWhileActing(s *stack, r client.WorkflowRun) client.WorkflowRun {
	s.waitFor(r, phase(run.Acting))
	return s.reset(r, 1)
}

func (s *stack) record(name, workflowID string, executions []string) {
	for i, runID := range executions {
		var history historypb.History
		events := s.temporal.GetWorkflowHistory(s.t.Context(), workflowID, runID, false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
		for events.HasNext() {
			e, err := events.Next()
			require.NoError(s.t, err)
			history.Events = append(history.Events, e)
		}
		text, err := temporalproto.CustomJSONMarshalOptions{}.Marshal(&history)
		require.NoError(s.t, err)
		file := name + ".json.gz"
		if i > 0 {
			file = name + "-then.json.gz"
		}
		dir := filepath.Join("..", "..", "workflows", "testdata", "histories")
		require.NoError(s.t, os.MkdirAll(dir, 0o755))
		out, err := os.Create(filepath.Join(dir, file))
		require.NoError(s.t, err)
		packed := gzip.NewWriter(out)
		_, err = packed.Write(text)
		require.NoError(s.t, err)
		require.NoError(s.t, packed.Close())
		require.NoError(s.t, out.Close())
	}
}
