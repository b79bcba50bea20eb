package workflows

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"agentfactory/activities"
	"agentfactory/internal/run"
)

// update sends an update after a while and returns where its outcome appears.
func (b *bench) update(after time.Duration, name string, arg any) *outcome {
	o := &outcome{}
	b.RegisterDelayedCallback(func() { b.UpdateWorkflow(name, fmt.Sprint(name, after), o, arg) }, after)
	return o
}

// outcome takes what became of an update.
type outcome struct {
	refused error
	reply   Reply
	failed  error
}

func (o *outcome) Accept()          {}
func (o *outcome) Reject(err error) { o.refused = err }
func (o *outcome) Complete(v any, err error) {
	o.reply, _ = v.(Reply)
	o.failed = err
}

// at looks at the status after a while.
func (b *bench) at(t *testing.T, after time.Duration, look func(run.Status)) {
	b.RegisterDelayedCallback(func() {
		value, err := b.QueryWorkflow(StatusQuery)
		require.NoError(t, err)
		look(decode(t, value))
	}, after)
}

func TestAnAnswerWaitsForItsApproval(t *testing.T) {
	b := newBench(t, calls("finish"))
	var shown run.Approval
	b.at(t, time.Hour, func(s run.Status) {
		require.Equal(t, run.WaitingForApproval, s.Phase)
		require.Contains(t, s.WaitsFor, s.Approval.ApprovalID)
		shown = *s.Approval
	})
	wrong := b.update(2*time.Hour, ApproveUpdate, Approve{ApprovalID: "finish-0000", Decision: DecideApprove})
	right := b.update(100*time.Hour, ApproveUpdate, Approve{ApprovalID: "finish-digest", Decision: DecideApprove, By: "ann"})
	res, err := b.install(t, InstallInput{Task: "x", Approval: ApproveFinish})
	require.NoError(t, err)
	require.Equal(t, run.Completed, res.Outcome)
	require.Equal(t, run.Approval{ApprovalID: "finish-digest", Kind: ApproveFinish, Answer: "the answer", Skills: []string{"a", "b"}, Step: "step1"}, shown)
	require.ErrorContains(t, wrong.refused, "not what waits now")
	require.ErrorContains(t, wrong.refused, "approve finish-digest")
	require.NoError(t, right.refused)
	require.Contains(t, right.reply.Text, "approved")
	require.Equal(t, 1.0, res.Usage.WallSeconds, "waiting for a person is not counted")
}

func TestARejectedAnswerEndsTheRunAndSavesNothing(t *testing.T) {
	b := newBench(t, calls("finish"))
	b.update(time.Hour, ApproveUpdate, Approve{ApprovalID: "save-digest", Decision: DecideReject, Note: "too narrow", By: "ann"})
	res, err := b.install(t, InstallInput{Task: "x", Approval: ApproveSave})
	require.NoError(t, err)
	require.Equal(t, run.Rejected, res.Outcome)
	require.Equal(t, "rejected by ann: too narrow", res.Reason)
	require.Empty(t, res.Skills)
	require.Equal(t, "step1", b.closed[0].Plan, "the answer is kept")
}

func TestARunThatSavesNothingIsNotHeldUpByTheSavePolicy(t *testing.T) {
	b := newBench(t, calls("finish"))
	b.carry = func(ctx context.Context, in activities.CallInput) (activities.CallResult, error) {
		res, err := b.carryOut(ctx, in)
		res.Saves = nil
		return res, err
	}
	res, err := b.install(t, InstallInput{Task: "x", Approval: ApproveSave})
	require.NoError(t, err)
	require.Equal(t, run.Completed, res.Outcome)
}

func TestAnInstructionSendsAWaitingRunBackToWork(t *testing.T) {
	b := newBench(t, calls("finish", "list_saved_subagents"), calls("finish"))
	b.update(time.Hour, InstructUpdate, Instruct{Message: "in French, please"})
	b.update(2*time.Hour, ApproveUpdate, Approve{ApprovalID: "finish-digest", Decision: DecideApprove})
	res, err := b.install(t, InstallInput{Task: "x", Approval: ApproveFinish})
	require.NoError(t, err)
	require.Equal(t, run.Completed, res.Outcome)
	require.Equal(t, 2, res.Turns)
	require.Contains(t, b.thinks[1].Note, "The user says: in French, please")
	require.Len(t, b.thinks[1].Steps, 2, "the call behind finish is answered as well")
}

func TestARunIsGoneThroughStepByStep(t *testing.T) {
	b := newBench(t, calls("run_subagent", "run_subagent"), calls("finish"))
	var phases []run.Phase
	var next [][]run.NextCall
	look := func(s run.Status) {
		phases, next = append(phases, s.Phase), append(next, s.Next)
		require.True(t, s.Paused)
	}
	b.at(t, time.Minute, look)
	b.update(2*time.Minute, ResumeUpdate, Resume{Steps: 1}) // the turn
	b.at(t, 3*time.Minute, look)
	b.update(4*time.Minute, ResumeUpdate, Resume{Steps: 1}) // its first call
	b.at(t, 5*time.Minute, look)
	amended := b.update(6*time.Minute, AmendUpdate, Amend{CallID: "call1", Arguments: json.RawMessage(`{"filename":"b.py","query":"q"}`)})
	b.update(7*time.Minute, InstructUpdate, Instruct{Message: "mind the units"})
	b.at(t, 8*time.Minute, look)
	b.update(9*time.Minute, ResumeUpdate, nil)
	res, err := b.install(t, InstallInput{Task: "x", Paused: true})
	require.NoError(t, err)
	require.Equal(t, run.Completed, res.Outcome)
	require.Equal(t, []run.Phase{run.Paused, run.Paused, run.Paused, run.Paused}, phases)
	require.Len(t, next[0], 0, "a model call comes next")
	require.Len(t, next[1], 2)
	require.Equal(t, []run.NextCall{{CallID: "call1", Tool: "run_subagent"}}, next[2])
	require.Equal(t, []run.NextCall{{CallID: "call1", Tool: "run_subagent", Hint: "b.py", Amended: true}}, next[3])
	require.NoError(t, amended.refused)
	require.Empty(t, b.calls[0].Amended)
	require.JSONEq(t, `{"filename":"b.py","query":"q"}`, b.calls[1].Amended)
	require.Equal(t, "The user says: mind the units", b.thinks[1].Note)
}

func TestUpdatesThatMakeNoSenseAreRefusedInOneLine(t *testing.T) {
	for name, c := range map[string]struct {
		update string
		arg    string
		says   string
	}{
		"a resume of a run that is not paused":  {ResumeUpdate, `{}`, "not paused, it waits for an approval: approve finish-digest"},
		"steps backwards":                       {ResumeUpdate, `{"steps":-1}`, "steps is -1"},
		"an amendment while not paused":         {AmendUpdate, `{"call_id":"call0","arguments":{}}`, "pause it first"},
		"an approval without a decision":        {ApproveUpdate, `{"approval_id":"finish-digest"}`, `give "approve" or "reject"`},
		"an approval of something else":         {ApproveUpdate, `{"approval_id":"x","decision":"approve"}`, "not what waits now"},
		"a misspelt field":                      {ApproveUpdate, `{"approvalid":"x"}`, `did you mean "approval_id"?`},
		"an empty instruction":                  {InstructUpdate, `{"message":" "}`, "message is empty"},
		"an instruction of a book":              {InstructUpdate, fmt.Sprintf(`{"message":%q}`, strings.Repeat("x", MaxMessage+1)), "at most 16384"},
		"no turns":                              {BudgetUpdate, `{"turns":0}`, "give 1 to 1000"},
		"a negative budget":                     {BudgetUpdate, `{"subagent_runs":-1}`, "budget.subagent_runs"},
		"a cost that nobody can count":          {BudgetUpdate, `{"cost_usd":1}`, "no price is known"},
		"an argument of another kind":           {PauseUpdate, `"now"`, "pause: "},
		"a reason longer than anybody reads it": {PauseUpdate, fmt.Sprintf(`{"reason":%q}`, strings.Repeat("x", MaxMessage+1)), "reason has"},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, calls("finish"))
			got := b.update(time.Hour, c.update, json.RawMessage(c.arg))
			b.update(2*time.Hour, ApproveUpdate, Approve{ApprovalID: "finish-digest", Decision: DecideApprove})
			_, err := b.install(t, InstallInput{Task: "x", Approval: ApproveFinish})
			require.NoError(t, err)
			require.ErrorContains(t, got.refused, c.says)
			require.NotContains(t, got.refused.Error(), "\n")
		})
	}
}

func TestAnAmendmentIsCheckedAgainstTheCallThatWaits(t *testing.T) {
	b := newBench(t, calls("run_subagent"), calls("finish"))
	b.update(time.Minute, ResumeUpdate, Resume{Steps: 1})
	unknown := b.update(2*time.Minute, AmendUpdate, json.RawMessage(`{"call_id":"call7","arguments":{}}`))
	wrong := b.update(3*time.Minute, AmendUpdate, json.RawMessage(`{"call_id":"call0","arguments":{"query":7}}`))
	b.update(4*time.Minute, ResumeUpdate, nil)
	_, err := b.install(t, InstallInput{Task: "x", Paused: true})
	require.NoError(t, err)
	require.ErrorContains(t, unknown.refused, "these do: call0 (run_subagent)")
	require.ErrorContains(t, wrong.refused, "arguments: ")
}

func TestAmendmentsOfATurnFitIntoWhatASuccessorIsHanded(t *testing.T) {
	b := newBench(t, calls("run_subagent", "run_subagent"), calls("finish"))
	b.update(time.Minute, ResumeUpdate, Resume{Steps: 1})
	amend := func(after time.Duration, call string, n int) *outcome {
		return b.update(after, AmendUpdate, json.RawMessage(fmt.Sprintf(`{"call_id":%q,"arguments":{"query":%q}}`, call, strings.Repeat("x", n))))
	}
	first := amend(2*time.Minute, "call0", 100<<10)
	again := amend(3*time.Minute, "call0", 90<<10)
	second := amend(4*time.Minute, "call1", 90<<10)
	b.update(5*time.Minute, ResumeUpdate, nil)
	_, err := b.install(t, InstallInput{Task: "x", Paused: true})
	require.NoError(t, err)
	require.NoError(t, first.refused)
	require.NoError(t, again.refused, "it takes the place of the first")
	require.ErrorContains(t, second.refused, "at most 131072 are taken")
}

func TestABudgetIsChangedWhileTheRunGoesOn(t *testing.T) {
	b := newBench(t, calls("list_saved_subagents"), calls("list_saved_subagents"), calls("finish"))
	turns, lifted := 3, int64(0)
	reply := b.update(time.Minute, BudgetUpdate, SetBudget{Turns: &turns, SubagentTokens: &lifted, By: "ann"})
	b.update(2*time.Minute, ResumeUpdate, nil)
	res, err := b.install(t, InstallInput{Task: "x", Paused: true, Budget: run.Budget{Turns: 2}})
	require.NoError(t, err)
	require.Equal(t, run.Completed, res.Outcome)
	require.Contains(t, reply.reply.Text, "budget by ann: 3 turns")
	require.NotContains(t, reply.reply.Text, "subagent tokens", "zero lifts the limit")
}

func TestTheLastTokensOfABudgetBoundTheReply(t *testing.T) {
	b := newBench(t, calls("list_saved_subagents"), calls("finish"))
	_, err := b.install(t, InstallInput{Task: "x", Budget: run.Budget{OrchestrationTokens: 25}})
	require.NoError(t, err)
	require.Equal(t, int64(25), b.thinks[0].MaxOutputTokens)
	require.Equal(t, int64(15), b.thinks[1].MaxOutputTokens)
}

func TestAResumeCutsTheWaitForAServiceShort(t *testing.T) {
	b := newBench(t, calls("finish"))
	failures := 0
	b.answer = func(ctx context.Context, in activities.ThinkInput) (activities.ThinkResult, error) {
		if failures++; failures <= 3 {
			return activities.ThinkResult{}, temporal.NewNonRetryableApplicationError("connection refused", activities.ModelUnavailable, nil)
		}
		return b.think(ctx, in)
	}
	b.update(32*time.Second, ResumeUpdate, nil) // in the third wait, from 30 s to 70 s
	started := b.Now()
	var told int
	b.at(t, 31*time.Second, func(s run.Status) {
		require.Equal(t, run.WaitingForModel, s.Phase)
		for _, e := range s.Events {
			told += strings.Count(e.Text, "waiting for model")
		}
	})
	res, err := b.install(t, InstallInput{Task: "x"})
	require.NoError(t, err)
	require.Equal(t, run.Completed, res.Outcome)
	require.Equal(t, 1, told, "a wait is told once, however often it is tried")
	require.Less(t, b.Now().Sub(started), 40*time.Second)
}

func TestASubagentThatNoWorkerSurvivesIsAnsweredToTheModel(t *testing.T) {
	b := newBench(t, calls("run_subagent"), calls("finish"))
	b.carry = func(ctx context.Context, in activities.CallInput) (activities.CallResult, error) {
		if in.Finish == nil && in.Refuse == "" {
			return activities.CallResult{}, temporal.NewHeartbeatTimeoutError()
		}
		return b.carryOut(ctx, in)
	}
	res, err := b.install(t, InstallInput{Task: "x"})
	require.NoError(t, err)
	require.Equal(t, run.Completed, res.Outcome)
	require.Contains(t, b.calls[0].Refuse, "no worker survived this")
}

func TestAPausedRunIsCancelledAtOnce(t *testing.T) {
	for name, in := range map[string]InstallInput{
		"paused":               {Task: "x", Paused: true},
		"waiting for approval": {Task: "x", Approval: ApproveFinish},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, calls("finish"))
			b.RegisterDelayedCallback(b.CancelWorkflow, time.Hour)
			_, err := b.install(t, in)
			var cancelled *temporal.CanceledError
			require.ErrorAs(t, err, &cancelled)
			require.Equal(t, run.Cancelled, b.closed[0].Result.Outcome)
		})
	}
}

// A run that is held up may get more updates than one execution may have; it continues
// as new in the middle of a turn, with everything it knows.
func TestAHeldUpRunContinuesAsNewWhereItStands(t *testing.T) {
	b := newBench(t, calls("run_subagent", "run_subagent"), calls("finish"))
	b.update(time.Minute, ResumeUpdate, Resume{Steps: 2})
	b.update(2*time.Minute, AmendUpdate, Amend{CallID: "call1", Arguments: json.RawMessage(`{"filename":"b.py","query":"q"}`)})
	b.update(3*time.Minute, InstructUpdate, Instruct{Message: "hurry"})
	b.update(4*time.Minute, BudgetUpdate, json.RawMessage(`{"turns":9}`))
	b.RegisterDelayedCallback(func() { b.SetContinueAsNewSuggested(true) }, 5*time.Minute)
	b.ExecuteWorkflow(InstallType, InstallInput{Task: "x", Paused: true, Approval: ApproveFinish})
	var next *workflow.ContinueAsNewError
	require.True(t, errors.As(b.GetWorkflowError(), &next), "%v", b.GetWorkflowError())
	var in InstallInput
	require.NoError(t, converter.GetDefaultDataConverter().FromPayloads(next.Input, &in))

	after := newBench(t, calls(), calls("finish"))
	after.at(t, time.Minute, func(s run.Status) {
		require.Equal(t, run.Paused, s.Phase)
		require.Equal(t, 9, s.Budget.Turns)
		require.Equal(t, []run.NextCall{{CallID: "call1", Tool: "run_subagent", Hint: "b.py", Amended: true}}, s.Next)
		require.NotEmpty(t, s.Events, "the story goes on")
	})
	after.update(2*time.Minute, ResumeUpdate, nil)
	after.update(3*time.Minute, PauseUpdate, nil)
	after.RegisterDelayedCallback(func() { after.SetContinueAsNewSuggested(true) }, 4*time.Minute)
	after.ExecuteWorkflow(InstallType, in)
	require.JSONEq(t, `{"filename":"b.py","query":"q"}`, after.calls[0].Amended)
	require.Equal(t, "The user says: hurry", after.thinks[0].Note)
	require.True(t, errors.As(after.GetWorkflowError(), &next), "a run that waits for an approval continues as new, too")
	in = InstallInput{}
	require.NoError(t, converter.GetDefaultDataConverter().FromPayloads(next.Input, &in))

	last := newBench(t)
	last.update(time.Minute, ApproveUpdate, Approve{ApprovalID: "finish-digest", Decision: DecideApprove})
	last.update(2*time.Minute, ResumeUpdate, nil)
	res, err := last.install(t, in)
	require.NoError(t, err)
	require.Equal(t, run.Completed, res.Outcome)
	require.Len(t, res.Skills, 2)
}

func TestTheStoryStaysWithinWhatTemporalShows(t *testing.T) {
	var s story
	for i := range maxEvents {
		s.events = append(s.events, run.Event{Seq: i, Text: strings.Repeat("語", 300)})
	}
	s.events = append(s.events, run.Event{Text: "the latest line"})
	s.waitsFor = strings.Repeat("語", 2000)
	const temporalTakes = 20_000 // bytes
	require.Less(t, len(s.details()), temporalTakes)
	require.Contains(t, s.details(), "the latest line")
}

// What keeps a run from going on is waited for, visibly and under its own name.
func TestEveryServiceThatIsAwayIsWaitedFor(t *testing.T) {
	for kind, want := range map[string]run.Phase{
		activities.ModelUnavailable:   run.WaitingForModel,
		activities.ModelNotConfigured: run.WaitingForModel,
		activities.StorageUnavailable: run.WaitingForStorage,
		activities.SandboxUnavailable: run.WaitingForSandbox,
		"a worker that hangs":         run.WaitingForWorker,
	} {
		t.Run(kind, func(t *testing.T) {
			b := newBench(t, calls("list_saved_subagents"), calls("finish"))
			away := true
			b.carry = func(ctx context.Context, in activities.CallInput) (activities.CallResult, error) {
				switch {
				case !away:
					return b.carryOut(ctx, in)
				case want == run.WaitingForWorker:
					return activities.CallResult{}, temporal.NewHeartbeatTimeoutError()
				}
				return activities.CallResult{}, temporal.NewApplicationError("away", kind)
			}
			b.at(t, 4*time.Minute, func(s run.Status) { // activities retry for two minutes first
				require.Equal(t, want, s.Phase)
				require.NotEmpty(t, s.WaitsFor)
				away = false
			})
			res, err := b.install(t, InstallInput{Task: "x"})
			require.NoError(t, err)
			require.Equal(t, run.Completed, res.Outcome)
			require.Equal(t, 2.0, res.Usage.WallSeconds, "the time is not counted")
		})
	}
}

// Whatever somebody sends as an update is refused in one line or makes sense.
func FuzzUpdates(f *testing.F) {
	f.Add(`{"approval_id":"finish-digest","decision":"approve"}`)
	f.Add(`{"turns":-1,"cost_usd":1e400}`)
	f.Add(`{"call_id":"call0","arguments":{"filename":"a.py"}}`)
	f.Add(`{"message":"\u0000"}`)
	f.Fuzz(func(t *testing.T, raw string) {
		a := newAgent(InstallInput{Task: "x", Approval: ApproveFinish})
		a.turn, a.budget, a.paused = "turn1", run.DefaultBudget, &Pause{}
		a.calls = []activities.Call{{ID: "call0", Name: "run_subagent"}}
		for _, err := range []error{
			checked(raw, a.checkApprove), checked(raw, a.checkInstruct), checked(raw, a.checkBudget),
			checked(raw, a.checkPause), checked(raw, a.checkResume), checked(raw, a.checkAmend),
		} {
			if err != nil && strings.Contains(err.Error(), "\n") {
				t.Fatalf("%q is refused in several lines: %v", raw, err)
			}
		}
	})
}

func checked[T any](raw string, check func(T) error) error {
	var v T
	if err := strict([]byte(raw), &v); err != nil {
		return err
	}
	return check(v)
}
