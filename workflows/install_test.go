package workflows

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/workflow"

	"agentfactory/activities"
	"agentfactory/internal/run"
	"agentfactory/internal/skill"
)

// bench is a workflow test environment in which the model follows a script of turns
// and every call is carried out as told.
type bench struct {
	*testsuite.TestWorkflowEnvironment
	mu      sync.Mutex // activities run side by side
	turns   []activities.ThinkResult
	answer  func(context.Context, activities.ThinkInput) (activities.ThinkResult, error) // the model; default: turns
	carry   func(context.Context, activities.CallInput) (activities.CallResult, error)   // default: everything works
	calls   []activities.CallInput                                                       // as they were asked for
	thinks  []activities.ThinkInput
	closed  []activities.CloseInput
	save    func(activities.SaveInput) (activities.SaveResult, error)                    // default: all is saved
	stored  func(activities.CandidateInput) (activities.Candidate, error)                // default: version 2 against version 1
	try     func(context.Context, activities.TrialInput) (activities.TrialResult, error) // default: every case passes
	saves   []activities.SaveInput
	gates   []activities.OpenGateInput
	past    []activities.Chosen // cases of every gate
	policy  activities.Policy
	lessons []run.Lesson // of earlier tasks

	versioned bool // the workers belong to a deployment
}

// patience is how long nothing may happen in a workflow under test; the SDK's 3 s are little on a busy machine.
const patience = time.Minute

func newBench(t *testing.T, turns ...activities.ThinkResult) *bench {
	var suite testsuite.WorkflowTestSuite
	b := &bench{TestWorkflowEnvironment: suite.NewTestWorkflowEnvironment(), turns: turns}
	b.SetTestTimeout(patience)
	b.answer, b.carry = b.think, b.carryOut
	b.save = func(in activities.SaveInput) (activities.SaveResult, error) {
		return activities.SaveResult{SavedSkill: run.SavedSkill{Name: fmt.Sprintf("skill-%d", in.Index), Version: 1, Promoted: true}}, nil
	}
	b.past = []activities.Chosen{{Case: "a"}, {Case: "b"}}
	b.stored, b.try, b.policy.GateCases = b.storeCandidate, b.tryCase, 50
	b.RegisterWorkflowWithOptions(Install, workflow.RegisterOptions{Name: InstallType})
	b.RegisterWorkflowWithOptions(ReAct, workflow.RegisterOptions{Name: ReActType})
	b.RegisterWorkflowWithOptions(Textual, workflow.RegisterOptions{Name: TextualType})
	b.RegisterWorkflowWithOptions(SelfEvolve, workflow.RegisterOptions{Name: EvolveType})
	b.RegisterWorkflowWithOptions(Gate, workflow.RegisterOptions{Name: GateType})
	var (
		gates   *activities.Gates
		runs    *activities.Runs
		model   *activities.Model
		agents  *activities.Subagents
		library *activities.Library
		lessons *activities.Lessons
	)
	b.RegisterActivity(lessons)
	b.RegisterActivity(runs)
	b.RegisterActivity(model)
	b.RegisterActivity(agents)
	b.RegisterActivity(library)
	b.RegisterActivity(gates)
	b.OnActivity(runs.Begin, mock.Anything, mock.Anything).Maybe().Return(func(_ context.Context, in activities.BeginInput) (activities.BeginResult, error) {
		return activities.BeginResult{Turn: "turn0", Step: "step0", Model: "scripted", Budget: in.Budget.Or(run.DefaultBudget), Listed: true, Policy: b.policy,
			Evolves: evolved(in), Lessons: b.lessons, Versioned: b.versioned}, nil
	})
	b.OnActivity(model.Think, mock.Anything, mock.Anything).Maybe().Return(func(ctx context.Context, in activities.ThinkInput) (activities.ThinkResult, error) {
		return b.answer(ctx, in)
	})
	for _, a := range []any{agents.EditWorkspace, agents.RunSubagent, agents.ReviewFinish, library.Consult, lessons.SaveLesson} {
		b.OnActivity(a, mock.Anything, mock.Anything).Maybe().Return(func(ctx context.Context, in activities.CallInput) (activities.CallResult, error) {
			return b.carry(ctx, in)
		})
	}
	b.OnActivity(library.SaveSkill, mock.Anything, mock.Anything).Maybe().Return(func(_ context.Context, in activities.SaveInput) (activities.SaveResult, error) {
		b.saves = append(b.saves, in)
		return b.save(in)
	})
	b.OnActivity(library.AddCandidate, mock.Anything, mock.Anything).Maybe().Return(func(_ context.Context, in activities.CandidateInput) (activities.Candidate, error) {
		return b.stored(in)
	})
	b.OnActivity(agents.TryCase, mock.Anything, mock.Anything).Maybe().Return(func(ctx context.Context, in activities.TrialInput) (activities.TrialResult, error) {
		return b.try(ctx, in)
	})
	b.OnActivity(gates.OpenGate, mock.Anything, mock.Anything).Maybe().Return(func(_ context.Context, in activities.OpenGateInput) (activities.OpenGateResult, error) {
		b.gates = append(b.gates, in)
		base := in.Base
		if base == nil {
			base = &activities.Base{VersionRef: activities.VersionRef{Name: in.Skill, Version: 1}, Generation: 1}
		}
		return activities.OpenGateResult{Candidate: activities.VersionRef{Name: in.Skill, Version: in.Version, Digest: "candidate"}, Base: *base, Cases: b.past}, nil
	})
	b.OnActivity(gates.CloseGate, mock.Anything, mock.Anything).Maybe().Return(func(_ context.Context, in activities.CloseGateInput) (activities.GateVerdict, error) {
		var r skill.GateReport
		r.Decide(in.Cases)
		return activities.GateVerdict{Report: "gate-1", Verdict: r.Verdict, Why: r.Why}, nil
	})
	b.OnActivity(runs.Close, mock.Anything, mock.Anything).Maybe().Return(func(_ context.Context, in activities.CloseInput) (run.Result, error) {
		b.closed = append(b.closed, in)
		in.Result.Answer = in.Plan
		return in.Result, nil
	})
	return b
}

func evolved(in activities.BeginInput) string {
	if in.Evolve == nil {
		return ""
	}
	return in.Evolve.Skill
}

func (b *bench) storeCandidate(in activities.CandidateInput) (activities.Candidate, error) {
	return activities.Candidate{
		VersionRef: activities.VersionRef{Name: "a", Version: 2, Digest: "candidate"}, Base: activities.Base{VersionRef: activities.VersionRef{Name: "a", Version: 1, Digest: "base"}, Generation: 1},
	}, nil
}

func (b *bench) tryCase(_ context.Context, in activities.TrialInput) (activities.TrialResult, error) {
	return activities.TrialResult{Query: "q", Outcome: skill.GateCase{Case: in.Case, New: in.New != nil, Base: skill.CasePassed, Candidate: skill.CasePassed}}, nil
}

func (b *bench) think(_ context.Context, in activities.ThinkInput) (activities.ThinkResult, error) {
	b.thinks = append(b.thinks, in)
	turn := activities.ThinkResult{}
	if in.Number <= len(b.turns) {
		turn = b.turns[in.Number-1]
	}
	turn.Turn = fmt.Sprintf("turn%d", in.Number)
	turn.Usage = run.Usage{OrchestrationOutputTokens: 10, WallSeconds: 1}
	return turn, nil
}

func (b *bench) carryOut(_ context.Context, in activities.CallInput) (activities.CallResult, error) {
	b.mu.Lock()
	b.calls = append(b.calls, in)
	b.mu.Unlock()
	res := activities.CallResult{Step: fmt.Sprintf("step%d", in.Step), OK: in.Refuse == "", Changed: in.CallID == "changes"}
	if in.CallID != "" && in.Finish == nil && in.Refuse == "" {
		res.Usage.SubagentRuns = 1
	}
	if in.Finish != nil {
		res.Accepted, res.Saves, res.Digest, res.Answer = true, []string{"a", "b"}, "digest", "the answer"
	}
	return res, nil
}

func (b *bench) install(t *testing.T, in any) (run.Result, error) {
	t.Helper()
	return b.execute(t, InstallType, in)
}

func (b *bench) execute(t *testing.T, workflowType string, in any) (run.Result, error) {
	t.Helper()
	b.ExecuteWorkflow(workflowType, in)
	require.True(t, b.IsWorkflowCompleted())
	var res run.Result
	if err := b.GetWorkflowError(); err != nil {
		return res, err
	}
	require.NoError(t, b.GetWorkflowResult(&res))
	return res, nil
}

func calls(names ...string) activities.ThinkResult {
	var t activities.ThinkResult
	for i, n := range names {
		t.Calls = append(t.Calls, activities.Call{ID: fmt.Sprint("call", i), Name: n, Runs: n == "run_subagent"})
	}
	return t
}

func TestARunGoesFromTaskToSavedSkills(t *testing.T) {
	create := activities.ThinkResult{Calls: []activities.Call{{ID: "changes", Name: "create_subagent"}}}
	b := newBench(t, create, calls("run_subagent"), calls("finish"))
	res, err := b.install(t, InstallInput{Task: "count words"})
	require.NoError(t, err)
	require.Equal(t, run.Completed, res.Outcome)
	require.Equal(t, 3, res.Turns)
	require.Equal(t, int64(30), res.Usage.OrchestrationOutputTokens)
	require.Len(t, res.Skills, 2)
	require.Equal(t, "step1", b.calls[1].Workspace, "the run starts from what create left")
	require.Equal(t, []string{"step1"}, b.thinks[1].Steps, "the observation of a call opens the next turn")
	require.Equal(t, "step3", b.closed[0].Plan)
}

func TestTheDecisionSaysWhatBecameOfTheLibrary(t *testing.T) {
	offered := []run.Candidate{{Name: "near", Version: 2, Score: 0.5}}
	for name, c := range map[string]struct {
		agent  agent
		choice run.Choice
		reason string
	}{
		"nothing":           {agent{}, run.Neither, "no saved skill fitted"},
		"offered in vain":   {agent{offered: offered}, run.Neither, "the model took none of the 1 saved skills that were offered, of which near came nearest (score 0.50)"},
		"reused":            {agent{offered: offered, used: []string{"near"}}, run.Reused, "reused near"},
		"evolved":           {agent{used: []string{"near"}, skills: []run.SavedSkill{{Name: "near", Version: 3, Parent: 2, Promoted: true}}}, run.Evolved, "evolved near version 3"},
		"built":             {agent{skills: []run.SavedSkill{{Name: "new", Version: 1, Promoted: true}}}, run.Built, "built new version 1; no saved skill fitted"},
		"reused and built":  {agent{used: []string{"near"}, skills: []run.SavedSkill{{Name: "new", Version: 1, Promoted: true}}}, run.Mixed, "reused near; built new version 1"},
		"kept beside":       {agent{used: []string{"near"}, skills: []run.SavedSkill{{Name: "near", Version: 3, Parent: 2}}}, run.Reused, "reused near"},
		"all three at once": {agent{used: []string{"a", "b"}, skills: []run.SavedSkill{{Name: "b", Version: 2, Parent: 1, Promoted: true}, {Name: "c", Version: 1, Promoted: true}}}, run.Mixed, "reused a; evolved b version 2; built c version 1"},
	} {
		t.Run(name, func(t *testing.T) {
			d := c.agent.libraryDecision()
			require.Equal(t, c.choice, d.Choice)
			require.Equal(t, c.reason, d.Reason)
		})
	}
}

func TestBadInputEndsTheRunAtOnceAndNamesTheField(t *testing.T) {
	for name, c := range map[string]struct{ input, says string }{
		"an empty task":                   {`{"task":"  "}`, "task is empty"},
		"no task":                         {`{}`, "task is empty"},
		"a task of a megabyte":            {fmt.Sprintf(`{"task":%q}`, strings.Repeat("x", 1<<20)), "task has 1048576 bytes"},
		"a misspelt field":                {`{"task":"x","budgets":{}}`, `unknown field "budgets"; did you mean "budget"?`},
		"a wrong type":                    {`{"task":7}`, `"task"`},
		"a negative budget":               {`{"task":"x","budget":{"turns":-1}}`, "budget.turns"},
		"more turns than fit":             {`{"task":"x","budget":{"turns":5000}}`, "at most 1000"},
		"an unknown approval policy":      {`{"task":"x","approval":"always"}`, "give never, finish, save or promotion"},
		"large files inside the input":    {fmt.Sprintf(`{"task":"x","files":[{"path":"a","text":%q}]}`, strings.Repeat("x", 300<<10)), "upload them first"},
		"more files than fit":             {`{"task":"x","files":[` + strings.Repeat(`{"path":"a","text":"b"},`, 500) + `{"path":"b"}]}`, "501 input files, at most 500"},
		"names that fill the input":       {fmt.Sprintf(`{"task":"x","files":[{"path":%q}]}`, strings.Repeat("<", 300<<10)), "pack the files into an archive"},
		"a model's name without end":      {fmt.Sprintf(`{"task":"x","model":%q}`, strings.Repeat("x", 1000)), "model has 1000 bytes"},
		"a list in place of the argument": {`["x"]`, "array"},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			_, err := b.install(t, json.RawMessage(c.input))
			var app *temporal.ApplicationError
			require.ErrorAs(t, err, &app)
			require.Equal(t, activities.InvalidInput, app.Type())
			require.True(t, app.NonRetryable())
			require.Contains(t, app.Message(), c.says)
			require.Empty(t, b.thinks, "nothing was spent")
		})
	}
}

func TestTheTurnBudgetEndsARunWithWhatItHas(t *testing.T) {
	b := newBench(t, calls("list_saved_subagents"), calls("list_saved_subagents"), calls("finish"))
	res, err := b.install(t, InstallInput{Task: "x", Budget: run.Budget{Turns: 2}})
	require.NoError(t, err)
	require.Equal(t, run.BudgetExhausted, res.Outcome)
	require.Equal(t, 2, res.Turns)
	require.Contains(t, res.Reason, "2 turns")
}

func TestSubagentRunsStopAtTheirBudgetInTheMiddleOfATurn(t *testing.T) {
	b := newBench(t, calls("run_subagent", "run_subagent", "run_subagent"))
	res, err := b.install(t, InstallInput{Task: "x", Budget: run.Budget{SubagentRuns: 2}})
	require.NoError(t, err)
	require.Equal(t, run.BudgetExhausted, res.Outcome)
	require.Len(t, b.calls, 2)
	require.Equal(t, 2, res.Usage.SubagentRuns)
}

func TestWorkBeyondTheWallTimeStopsTheNextTurn(t *testing.T) {
	b := newBench(t, calls("list_saved_subagents"), calls("list_saved_subagents"), calls("list_saved_subagents"))
	res, err := b.install(t, InstallInput{Task: "x", Budget: run.Budget{WallSeconds: 2}})
	require.NoError(t, err)
	require.Equal(t, run.BudgetExhausted, res.Outcome)
	require.Equal(t, 2, res.Turns)
}

func TestOrchestrationTokensStopTheNextTurn(t *testing.T) {
	b := newBench(t, calls("run_subagent"), calls("run_subagent"))
	res, err := b.install(t, InstallInput{Task: "x", Budget: run.Budget{OrchestrationTokens: 15}})
	require.NoError(t, err)
	require.Equal(t, run.BudgetExhausted, res.Outcome)
	require.Contains(t, res.Reason, "20 of 15 orchestration tokens")
}

func TestRepliesWithoutCallsAreAnsweredAndThenEndTheRun(t *testing.T) {
	b := newBench(t, activities.ThinkResult{Text: "hm"}, activities.ThinkResult{Finish: "length"}, activities.ThinkResult{})
	_, err := b.install(t, InstallInput{Task: "x"})
	var app *temporal.ApplicationError
	require.ErrorAs(t, err, &app)
	require.Equal(t, ModelIdle, app.Type())
	require.Contains(t, b.thinks[1].Note, "only tool calls")
	require.Contains(t, b.thinks[2].Note, "cut off")
	require.Equal(t, run.Failed, b.closed[0].Result.Outcome, "result.json says that it failed")
}

func TestARefusalFailsTheRun(t *testing.T) {
	b := newBench(t, activities.ThinkResult{Refusal: "no"})
	_, err := b.install(t, InstallInput{Task: "x"})
	var app *temporal.ApplicationError
	require.ErrorAs(t, err, &app)
	require.Equal(t, ModelRefused, app.Type())
}

func TestARunWaitsVisiblyForADeadModel(t *testing.T) {
	b := newBench(t, calls("finish"))
	failures := 0
	b.answer = func(ctx context.Context, in activities.ThinkInput) (activities.ThinkResult, error) {
		if failures++; failures <= 1 {
			return activities.ThinkResult{}, temporal.NewNonRetryableApplicationError("connection refused", activities.ModelUnavailable, nil)
		}
		return b.think(ctx, in)
	}
	b.RegisterDelayedCallback(func() {
		value, err := b.QueryWorkflow(StatusQuery)
		require.NoError(t, err)
		status := decode(t, value)
		require.Equal(t, run.WaitingForModel, status.Phase)
		require.Contains(t, status.WaitsFor, "connection refused")
	}, 5*time.Second)
	res, err := b.install(t, InstallInput{Task: "x"})
	require.NoError(t, err)
	require.Equal(t, run.Completed, res.Outcome)
	require.Equal(t, 1.0, res.Usage.WallSeconds, "waiting is not counted as work")
}

func decode(t *testing.T, value converter.EncodedValue) run.Status {
	t.Helper()
	var s run.Status
	require.NoError(t, value.Get(&s))
	return s
}

func TestAWrongKeyFailsAtTheStartOnly(t *testing.T) {
	b := newBench(t)
	b.answer = func(context.Context, activities.ThinkInput) (activities.ThinkResult, error) {
		return activities.ThinkResult{}, temporal.NewNonRetryableApplicationError("401", activities.ModelAuth, nil)
	}
	_, err := b.install(t, InstallInput{Task: "x"})
	var app *temporal.ApplicationError
	require.ErrorAs(t, err, &app)
	require.Equal(t, activities.ModelAuth, app.Type())
}

func TestACancelledRunIsClosedAndEndsAsCancelled(t *testing.T) {
	b := newBench(t, calls("list_saved_subagents"))
	b.carry = func(ctx context.Context, _ activities.CallInput) (activities.CallResult, error) {
		<-ctx.Done()
		return activities.CallResult{}, ctx.Err()
	}
	b.RegisterDelayedCallback(b.CancelWorkflow, time.Second)
	_, err := b.install(t, InstallInput{Task: "x"})
	var cancelled *temporal.CanceledError
	require.ErrorAs(t, err, &cancelled)
	require.Equal(t, run.Cancelled, b.closed[0].Result.Outcome)
}

func TestOneTurnCarriesOutSixteenCallsAndRefusesTheRest(t *testing.T) {
	names := make([]string, 30)
	for i := range names {
		names[i] = "list_saved_subagents"
	}
	b := newBench(t, calls(names...), calls("finish"))
	_, err := b.install(t, InstallInput{Task: "x"})
	require.NoError(t, err)
	refused := 0
	for _, c := range b.calls {
		if c.Refuse != "" {
			refused++
		}
	}
	require.Equal(t, 14, refused)
	require.Len(t, b.thinks[1].Steps, 30, "every call is answered")
	require.Equal(t, "step1", b.thinks[1].Steps[0])
	require.Equal(t, "step30", b.thinks[1].Steps[29])
}

func TestALongRunContinuesAsNewWithReferencesOnly(t *testing.T) {
	b := newBench(t, calls("list_saved_subagents"))
	b.SetContinueAsNewSuggested(true)
	b.ExecuteWorkflow(InstallType, InstallInput{Task: "x", Files: []run.InputFile{{Path: "a", Text: "b"}}})
	var next *workflow.ContinueAsNewError
	require.True(t, errors.As(b.GetWorkflowError(), &next))
	var in InstallInput
	require.NoError(t, converter.GetDefaultDataConverter().FromPayloads(next.Input, &in))
	require.NotNil(t, in.Carry)
	require.Equal(t, "turn0", in.Carry.Turn)
	require.Empty(t, in.Files)

	after := newBench(t, calls("list_saved_subagents"), calls("finish"))
	in.Carry.Turn, in.Carry.Number, in.Carry.Answers = "turn1", 1, []string{"step1"}
	res, err := after.install(t, in)
	require.NoError(t, err)
	require.Equal(t, 2, res.Turns)
	require.Equal(t, []string{"step1"}, after.thinks[0].Steps)
}

func FuzzDecodeInstall(f *testing.F) {
	f.Add([]byte(`{"task":"x","files":[{"path":"a","text":"b"}]}`))
	f.Add([]byte(`{"task":1}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		in, err := DecodeInstall(raw)
		if err == nil && in.Task == "" {
			t.Fatal("an empty task was taken")
		}
	})
}
