package e2e

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"agentfactory/internal/objectstore"
	"agentfactory/internal/rewind"
	"agentfactory/internal/run"
	"agentfactory/workflows"
)

// update steers a run as any program would.
func (s *stack) update(r client.WorkflowRun, name string, arg any) (string, error) {
	ctx, cancel := context.WithTimeout(s.t.Context(), testPatience)
	defer cancel()
	handle, err := s.temporal.UpdateWorkflow(ctx, client.UpdateWorkflowOptions{
		WorkflowID: r.GetID(), UpdateName: name, Args: []any{arg}, WaitForStage: client.WorkflowUpdateStageCompleted,
	})
	if err != nil {
		return "", err
	}
	var reply workflows.Reply
	return reply.Text, handle.Get(ctx, &reply)
}

func (s *stack) mustUpdate(r client.WorkflowRun, name string, arg any) string {
	s.t.Helper()
	text, err := s.update(r, name, arg)
	require.NoError(s.t, err)
	return text
}

// waitFor waits until the status of a run is as wanted.
func (s *stack) waitFor(r client.WorkflowRun, wanted func(run.Status) bool) run.Status {
	s.t.Helper()
	var st run.Status
	require.Eventually(s.t, func() bool {
		var err error
		st, err = s.status(r)
		return err == nil && wanted(st)
	}, testPatience, tick, "the status stays at %+v", &st)
	return st
}

func phase(p run.Phase) func(run.Status) bool {
	return func(s run.Status) bool { return s.Phase == p }
}

// greeter makes a subagent in two calls of one turn and finishes with what it said.
const greeter = `
conversations:
  - turns:
      - calls:
          - name: create_subagent
            arguments:
              skill_name: greeter
              code: |
                def main(query):
                    return {"answer": "hello " + query, "summary": "greeted"}
          - {name: run_subagent, arguments: {filename: subagent.py, query: wrold}}
      - when: The user says
        calls:
          - name: finish
            arguments:
              answer: '{{.Find "The user says: (.*)"}}'
              subagents: [{entry_file: subagent.py, description: Greets whoever query names.}]
      - repeat: 3
        calls:
          - name: finish
            arguments:
              answer: '{{.Find "answer: (.*)"}}'
              subagents: [{entry_file: subagent.py, description: Greets whoever query names.}]
`

func TestAPersonGoesThroughARunAndChangesItsNextCall(t *testing.T) {
	t.Parallel()
	s := newStack(t, greeter)
	s.worker()
	r := s.start(workflows.InstallInput{Task: "greet the world", Paused: true})
	s.waitFor(r, phase(run.Paused))
	s.mustUpdate(r, workflows.ResumeUpdate, workflows.Resume{Steps: 2}) // the turn and its first call
	st := s.waitFor(r, func(st run.Status) bool { return st.Phase == run.Paused && len(st.Next) == 1 })
	require.Equal(t, "run_subagent", st.Next[0].Tool)
	s.mustUpdate(r, workflows.AmendUpdate, workflows.Amend{CallID: st.Next[0].CallID, Arguments: json.RawMessage(`{"filename":"subagent.py","query":"world"}`)})
	s.mustUpdate(r, workflows.ResumeUpdate, nil)
	res, err := s.result(r)
	require.NoError(t, err)
	require.Equal(t, "hello world", res.Answer, s.dump(res.Transcript))
	chain, err := s.records.Chain(t.Context(), res.Transcript)
	require.NoError(t, err)
	require.Contains(t, chain[1].Reply.ToolCalls[1].Arguments, "wrold", "the transcript keeps what the model asked for")
	require.Contains(t, chain[2].Added[1].Content, "The user changed the arguments of this call")
}

func TestAnAnswerIsSentBackAndThenApproved(t *testing.T) {
	t.Parallel()
	s := newStack(t, greeter)
	s.worker()
	r := s.start(workflows.InstallInput{Task: "greet", Approval: workflows.ApproveFinish})
	first := s.waitFor(r, phase(run.WaitingForApproval))
	require.Equal(t, "hello wrold", first.Approval.Answer)
	require.Equal(t, []string{"greeter"}, first.Approval.Skills)
	s.mustUpdate(r, workflows.InstructUpdate, workflows.Instruct{Message: "spell it right"})
	second := s.waitFor(r, func(st run.Status) bool {
		return st.Approval != nil && st.Approval.ApprovalID != first.Approval.ApprovalID
	})
	_, err := s.update(r, workflows.ApproveUpdate, workflows.Approve{ApprovalID: first.Approval.ApprovalID, Decision: workflows.DecideApprove})
	require.ErrorContains(t, err, "not what waits now")
	heads, err := s.skills.Heads(t.Context(), "", 0)
	require.NoError(t, err)
	require.Empty(t, heads, "nothing is saved before it is approved")
	s.mustUpdate(r, workflows.ApproveUpdate, workflows.Approve{ApprovalID: second.Approval.ApprovalID, Decision: workflows.DecideApprove})
	res, err := s.result(r)
	require.NoError(t, err)
	require.Equal(t, "spell it right", res.Answer)
	s.requireOneVersion("greeter")
}

func TestARejectedRunLeavesItsResultAndSavesNothing(t *testing.T) {
	t.Parallel()
	s := newStack(t, greeter)
	s.worker()
	r := s.start(workflows.InstallInput{Task: "greet", Approval: workflows.ApproveSave})
	st := s.waitFor(r, phase(run.WaitingForApproval))
	s.mustUpdate(r, workflows.ApproveUpdate, workflows.Approve{ApprovalID: st.Approval.ApprovalID, Decision: workflows.DecideReject, Note: "useless", By: "ann"})
	res, err := s.result(r)
	require.NoError(t, err)
	require.Equal(t, run.Rejected, res.Outcome)
	require.Equal(t, "hello wrold", res.Answer)
	recorded, err := s.records.Result(t.Context(), r.GetID(), r.GetRunID())
	require.NoError(t, err)
	require.Equal(t, "rejected by ann: useless", recorded.Reason)
	heads, err := s.skills.Heads(t.Context(), "", 0)
	require.NoError(t, err)
	require.Empty(t, heads)
}

// A reset takes a turn again under a new run ID, whatever the run was doing then: the
// turns before it are read by reference and not paid for again.
func TestARunIsResetToATurn(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		input  workflows.InstallInput
		script string
		at     func(run.Status) bool // the moment of the reset; nil: after the end
		turn   int
		kept   int // turns that are not asked for again
	}{
		"to the first turn":                      {workflows.InstallInput{Task: "greet", Approval: workflows.ApproveFinish}, greeter, phase(run.WaitingForApproval), 1, 0},
		"to a later turn":                        {workflows.InstallInput{Task: "greet", Approval: workflows.ApproveFinish}, greeter, phase(run.WaitingForApproval), 2, 1},
		"in the middle of a turn":                {workflows.InstallInput{Task: "greet", Paused: true}, greeter, nil, 1, 0},
		"in the middle of a subagent run":        {workflows.InstallInput{Task: "sleep"}, strings.Replace(sleeper, `"5"`, `"0.1"`, 1), phase(run.Acting), 1, 0},
		"after the end, to before what it saved": {workflows.InstallInput{Task: "greet"}, greeter, nil, 2, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStack(t, c.script)
			var asleep *hold // the subagent run, until it may write its step
			if c.script != greeter {
				asleep = s.holdS3(`PUT [^\n]*/workspace/000001\.json`)
			}
			s.worker()
			r := s.start(c.input)
			switch {
			case c.input.Paused:
				s.waitFor(r, phase(run.Paused))
				s.mustUpdate(r, workflows.ResumeUpdate, workflows.Resume{Steps: 2})
				s.waitFor(r, func(st run.Status) bool { return st.Phase == run.Paused && len(st.Next) == 1 })
			case c.at == nil:
				_, err := s.result(r)
				require.NoError(t, err)
			default:
				s.waitFor(r, c.at)
			}
			before := s.modelCalls()
			again := s.reset(r, c.turn)
			if asleep != nil {
				asleep.release()
			}
			require.NotEqual(t, r.GetRunID(), again.GetRunID())
			s.release(again)
			res, err := s.result(again)
			require.NoError(t, err)
			require.Equal(t, run.Completed, res.Outcome, s.dump(res.Transcript))
			require.Equal(t, again.GetRunID(), res.RunID)
			require.Equal(t, res.Turns-c.kept, s.modelCalls()-before, "the turns before the point are not paid for again")
			chain, err := s.records.Chain(t.Context(), res.Transcript)
			require.NoError(t, err)
			require.Len(t, chain, res.Turns+1)
			if c.script == greeter {
				s.requireOneVersion("greeter")
			}
		})
	}
}

// sleeper runs a subagent that takes its time.
const sleeper = `
conversations:
  - turns:
      - calls:
          - name: create_subagent
            arguments:
              skill_name: sleeper
              code: |
                import time
                def main(query):
                    time.sleep(float(query))
                    return {"answer": "awake", "summary": "slept"}
              query: "5"
      - calls: [{name: finish, arguments: {answer: awake}}]
      - calls: [{name: finish, arguments: {answer: awake}}] # asked to look again before saving nothing
`

// reset takes a turn again and returns the run that does.
func (s *stack) reset(r client.WorkflowRun, turn int) client.WorkflowRun {
	s.t.Helper()
	point, err := rewind.Find(s.t.Context(), s.temporal, s.temporal.Payloads.Data, r.GetID(), turn)
	require.NoError(s.t, err)
	runID, err := rewind.Reset(s.t.Context(), s.temporal, s.temporal.Namespace, point, rewind.Options{Reason: "test"})
	require.NoError(s.t, err)
	return s.temporal.GetWorkflow(s.t.Context(), r.GetID(), runID)
}

// release lets a run go on that waits for a person, until it has ended.
func (s *stack) release(r client.WorkflowRun) {
	s.t.Helper()
	require.Eventually(s.t, func() bool {
		st, err := s.status(r)
		switch {
		case err != nil:
			return false
		case st.Phase == run.Paused:
			_, _ = s.update(r, workflows.ResumeUpdate, nil) // may have been applied again by the reset
		case st.Approval != nil:
			_, _ = s.update(r, workflows.ApproveUpdate, workflows.Approve{ApprovalID: st.Approval.ApprovalID, Decision: workflows.DecideApprove}) // likewise
		}
		return st.Phase == run.Finished
	}, testPatience, tick)
}

func TestAnApprovalThatAResetAppliesAgainReleasesNothingElse(t *testing.T) {
	t.Parallel()
	s := newStack(t, greeter)
	s.worker()
	r := s.start(workflows.InstallInput{Task: "greet", Approval: workflows.ApproveFinish})
	st := s.waitFor(r, phase(run.WaitingForApproval))
	s.mustUpdate(r, workflows.ApproveUpdate, workflows.Approve{ApprovalID: st.Approval.ApprovalID, Decision: workflows.DecideApprove})
	_, err := s.result(r)
	require.NoError(t, err)

	again := s.reset(r, 2) // the server applies the approval again, to a run that has not come so far
	other := s.waitFor(again, phase(run.WaitingForApproval))
	_, err = s.update(again, workflows.ApproveUpdate, workflows.Approve{ApprovalID: "finish-0123456789abcdef", Decision: workflows.DecideApprove})
	require.ErrorContains(t, err, "not what waits now")
	require.NotEmpty(t, other.Approval.ApprovalID)
	s.mustUpdate(again, workflows.ApproveUpdate, workflows.Approve{ApprovalID: other.Approval.ApprovalID, Decision: workflows.DecideReject})
	res, err := s.result(again)
	require.NoError(t, err)
	require.Equal(t, run.Rejected, res.Outcome)
}

func TestARunIsResetToATurnBeforeItContinuedAsNew(t *testing.T) {
	t.Parallel()
	s := newStack(t, strings.Replace(longRun, "repeat: 520", "repeat: 380", 1))
	s.worker()
	r := s.start(workflows.InstallInput{Task: "long", Budget: run.Budget{Turns: 500}})
	first := r.GetRunID()
	res, err := s.result(r)
	require.NoError(t, err)
	require.NotEqual(t, first, res.RunID, "it continued as new")
	for _, turn := range []int{375, 3} { // after and before
		again := s.reset(r, turn)
		res, err := s.result(again)
		require.NoError(t, err)
		require.Equal(t, 381, res.Turns)
		chain, err := s.records.Chain(t.Context(), res.Transcript)
		require.NoError(t, err)
		require.Len(t, chain, 382)
	}
}

// Cancelling ends a run whatever it is doing, though it has an hour to go, and leaves its result.
func TestARunIsCancelledInEveryPhase(t *testing.T) {
	t.Parallel()
	model := `conversations: [{turns: [{text: late, delay: 1h}]}]`
	dead := `conversations: [{turns: [{calls: [{name: list_saved_subagents}]}, {text: x, fault: {status: 401, times: -1}}]}]`
	for name, c := range map[string]struct {
		script string
		input  workflows.InstallInput
		at     run.Phase
		doing  string // request that shows what goes on; "" where nothing does
	}{
		"in a model call":          {model, workflows.InstallInput{Task: "x"}, run.Thinking, `POST [^\n]*/chat/completions`},
		"in a subagent run":        {sleepless, workflows.InstallInput{Task: "x"}, run.Acting, "Say when"},
		"paused":                   {model, workflows.InstallInput{Task: "x", Paused: true}, run.Paused, ""},
		"waiting for an approval":  {greeter, workflows.InstallInput{Task: "x", Approval: workflows.ApproveFinish}, run.WaitingForApproval, ""},
		"waiting for a dead model": {dead, workflows.InstallInput{Task: "x"}, run.WaitingForModel, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStack(t, c.script)
			doing := s.holdModel(cmp.Or(c.doing, "^$"))
			s.worker()
			r := s.start(c.input)
			s.waitFor(r, phase(c.at))
			if c.doing != "" {
				<-doing.Came
				doing.release()
			}
			started := time.Now()
			require.NoError(t, s.temporal.CancelWorkflow(t.Context(), r.GetID(), ""))
			_, err := s.result(r)
			t.Logf("ended within %s", time.Since(started).Round(time.Millisecond))
			var cancelled *temporal.CanceledError
			require.ErrorAs(t, err, &cancelled)
			require.NotContains(t, s.history(r.GetID()), "TimedOut", "nothing was left to its time-out")
			res, err := s.records.Result(t.Context(), r.GetID(), r.GetRunID())
			require.NoError(t, err)
			require.Equal(t, run.Cancelled, res.Outcome)
		})
	}
}

// sleepless runs a subagent that asks the model when it may sleep, and then sleeps.
const sleepless = `
conversations:
  - name: subagent
    when: {system: Say when}
    turns: [{text: now}]
  - name: run
    turns:
      - calls:
          - name: create_subagent
            arguments:
              skill_name: sleeper
              code: |
                import time
                from llm import call_llm
                def main(query):
                    call_llm("Say when.", [{"role": "user", "content": "may I sleep?"}])
                    time.sleep(3600)
              query: now
`

// Temporal takes 2,000 updates in one execution: a run that gets more continues as new.
func TestTwoThousandUpdates(t *testing.T) {
	t.Parallel()
	s := newStack(t, greeter)
	s.worker()
	r := s.start(workflows.InstallInput{Task: "greet", Paused: true})
	first := r.GetRunID()
	s.waitFor(r, phase(run.Paused))
	const updates = 2500
	for i := range updates {
		turns := 60 + i%10
		update := func() bool {
			_, err := s.update(r, workflows.BudgetUpdate, workflows.SetBudget{Turns: &turns})
			return err == nil
		}
		if !update() { // a workflow task that failed on a busy machine takes no updates before it is done again
			require.Eventually(t, update, testPatience, tick, "update %d", i)
		}
	}
	s.mustUpdate(r, workflows.ResumeUpdate, nil)
	res, err := s.result(r)
	require.NoError(t, err)
	require.Equal(t, run.Completed, res.Outcome)
	require.NotEqual(t, first, res.RunID, "it continued as new on the way")
	require.Equal(t, "hello wrold", res.Answer)
}

// Every ending is what Temporal shows too, and each that the run lives to see leaves result.json.
func TestEveryEndingIsWhatTemporalShows(t *testing.T) {
	t.Parallel()
	s := newStack(t, `
conversations:
  - {when: {user: complete}, turns: [{calls: [{name: finish, arguments: {answer: done}}]}]}
  - {when: {user: refuse}, turns: [{refusal: no}]}
  - {when: {user: never}, turns: [{calls: [{name: list_saved_subagents}], repeat: 9}]}
`)
	s.worker()
	for name, c := range map[string]struct {
		input   workflows.InstallInput
		end     func(client.WorkflowRun) error
		status  enumspb.WorkflowExecutionStatus
		outcome run.Outcome // "" when the run does not live to see its end
	}{
		"completed":        {workflows.InstallInput{Task: "complete"}, nil, enumspb.WORKFLOW_EXECUTION_STATUS_COMPLETED, run.Completed},
		"budget exhausted": {workflows.InstallInput{Task: "never", Budget: run.Budget{Turns: 2}}, nil, enumspb.WORKFLOW_EXECUTION_STATUS_COMPLETED, run.BudgetExhausted},
		"rejected": {workflows.InstallInput{Task: "complete", Approval: workflows.ApproveFinish}, func(r client.WorkflowRun) error {
			st := s.waitFor(r, phase(run.WaitingForApproval))
			_, err := s.update(r, workflows.ApproveUpdate, workflows.Approve{ApprovalID: st.Approval.ApprovalID, Decision: workflows.DecideReject})
			return err
		}, enumspb.WORKFLOW_EXECUTION_STATUS_COMPLETED, run.Rejected},
		"failed": {workflows.InstallInput{Task: "refuse"}, nil, enumspb.WORKFLOW_EXECUTION_STATUS_FAILED, run.Failed},
		"cancelled": {workflows.InstallInput{Task: "complete", Paused: true}, func(r client.WorkflowRun) error {
			s.waitFor(r, phase(run.Paused))
			return s.temporal.CancelWorkflow(t.Context(), r.GetID(), "")
		}, enumspb.WORKFLOW_EXECUTION_STATUS_CANCELED, run.Cancelled},
		"terminated": {workflows.InstallInput{Task: "complete", Paused: true}, func(r client.WorkflowRun) error {
			return s.temporal.TerminateWorkflow(t.Context(), r.GetID(), "", "enough")
		}, enumspb.WORKFLOW_EXECUTION_STATUS_TERMINATED, ""},
		"timed out": {workflows.InstallInput{Task: "complete", Paused: true}, nil, enumspb.WORKFLOW_EXECUTION_STATUS_TIMED_OUT, ""},
	} {
		t.Run(name, func(t *testing.T) {
			options := client.StartWorkflowOptions{TaskQueue: workflows.TaskQueue}
			if name == "timed out" {
				options.WorkflowExecutionTimeout = 2 * time.Second
			}
			r, err := s.temporal.ExecuteWorkflow(t.Context(), options, workflows.InstallType, c.input)
			require.NoError(t, err)
			if c.end != nil {
				require.NoError(t, c.end(r))
			}
			_, _ = s.result(r) // an error for some
			d, err := s.temporal.DescribeWorkflowExecution(t.Context(), r.GetID(), "")
			require.NoError(t, err)
			require.Equal(t, c.status, d.GetWorkflowExecutionInfo().GetStatus())
			res, err := s.records.Result(t.Context(), r.GetID(), r.GetRunID())
			if c.outcome == "" {
				require.ErrorIs(t, err, objectstore.ErrNotFound)
				return
			}
			require.NoError(t, err)
			require.Equal(t, c.outcome, res.Outcome)
			query := fmt.Sprintf("WorkflowId = '%s' AND AgentFactoryOutcome = '%s' AND AgentFactoryPhase = 'finished'", r.GetID(), c.outcome)
			require.Eventually(t, func() bool {
				listed, err := s.temporal.CountWorkflow(t.Context(), &workflowservice.CountWorkflowExecutionsRequest{Query: query})
				return err == nil && listed.GetCount() == 1
			}, testPatience, tick, "it is found by its search attributes")
		})
	}
}
