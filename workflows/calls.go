package workflows

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"agentfactory/activities"
	"agentfactory/internal/metaskill"
	"agentfactory/internal/run"
)

// maxCalls is how many calls of one turn are carried out; a model that asks for more is told so.
const maxCalls = 16

// act carries out the next call of the turn, or several adjacent read-only ones in
// parallel. A finish that is accepted leaves the calls behind it undone.
func (a *agent) act(ctx workflow.Context) error {
	from := len(a.answers)
	group := together(a.calls[from:])
	a.inFlight = len(group)
	results, err := a.carryOut(ctx, from, group)
	a.inFlight = 0
	if err != nil {
		return err
	}
	a.begun = nil
	for i, res := range results {
		a.took(ctx, group[i], res)
	}
	return nil
}

// together returns the first call, or all adjacent read-only ones that begin there.
func together(calls []activities.Call) []activities.Call {
	n := 1
	for metaskill.ReadOnly(calls[0].Name) && n < len(calls) && metaskill.ReadOnly(calls[n].Name) {
		n++
	}
	return calls[:n]
}

// took counts what a call did and remembers its answer for the next turn.
func (a *agent) took(ctx workflow.Context, c activities.Call, res activities.CallResult) {
	a.answers = append(a.answers, res.Step)
	a.usage = a.usage.Add(res.Usage)
	if res.Changed {
		a.workspace = res.Step
	}
	if res.Accepted && len(a.messages) == 0 { // what somebody said in the meantime is heard first
		a.accept(res)
	}
	if res.Skill != "" && !slices.Contains(a.used, res.Skill) {
		a.used = append(a.used, res.Skill)
	}
	if res.Lesson != nil {
		a.lesson = res.Lesson
	}
	a.warned = a.warned || res.Advised
	a.tell(ctx, callLine(c, res))
}

// carryOut runs a group of calls at once; index is the first one's place in the turn.
func (a *agent) carryOut(ctx workflow.Context, index int, group []activities.Call) ([]activities.CallResult, error) {
	inputs := make([]activities.CallInput, len(group))
	for i, c := range group {
		in, err := a.callInput(index+i, c)
		if err != nil {
			return nil, err
		}
		in.Step = a.nextStep + i
		if a.begun != nil {
			in.Journal, in.Grants = a.begun.Journal, a.begun.Grants
		}
		inputs[i] = in
	}
	a.nextStep += len(group)
	results := make([]activities.CallResult, len(group))
	errs := make([]error, len(group))
	wait := workflow.NewWaitGroup(ctx)
	for i, c := range group {
		wait.Add(1)
		workflow.Go(ctx, func(ctx workflow.Context) {
			defer wait.Done()
			errs[i] = a.carryOutOne(ctx, c, inputs[i], &results[i])
		})
	}
	wait.Wait(ctx)
	for _, err := range errs {
		if err != nil {
			return nil, err
		}
	}
	return results, nil
}

// callInput asks the budget before anything is spent.
func (a *agent) callInput(index int, c activities.Call) (activities.CallInput, error) {
	in := activities.CallInput{Turn: a.turn, CallID: c.ID, Amended: a.amended[c.ID], Workspace: a.workspace, Remaining: a.remaining(), Library: a.in.Library}
	if index >= maxCalls {
		in.Refuse = fmt.Sprintf("not carried out: one turn may have %d calls; ask again for what is still needed", maxCalls)
		return in, nil
	}
	if in.Refuse = a.untimely(c); in.Refuse != "" {
		return in, nil
	}
	if c.Runs {
		if reason := a.budget.BeforeSubagentRun(a.usage); reason != "" {
			return in, exhausted(reason)
		}
	}
	if c.Name == metaskill.CreateSubagent {
		in.Refuse = a.budget.BeforeCreate(a.usage)
	}
	if c.Name == metaskill.Finish {
		in.Finish = &activities.FinishArg{Save: a.method == metaskill.AgentFactoryName && (a.in.Save == nil || *a.in.Save), Warned: a.warned}
	}
	if c.Name == metaskill.SaveLesson && a.learning != "" {
		in.Lesson = &activities.LessonArg{Outcome: a.learning}
	}
	return in, nil
}

func (a *agent) remaining() activities.Allowance {
	left := activities.Allowance{SubagentTokens: -1, CostUSD: -1, Seconds: -1}
	if limit := a.budget.SubagentTokens; limit > 0 {
		left.SubagentTokens = max(0, limit-a.usage.SubagentOutputTokens-a.usage.CheckOutputTokens)
	}
	if limit := a.budget.CostUSD; limit > 0 {
		left.CostUSD = max(0, limit-a.usage.CostUSD)
	}
	if limit := a.budget.WallSeconds; limit > 0 {
		left.Seconds = max(1, limit-int64(a.usage.WallSeconds))
	}
	return left
}

// carryOutOne sends a call to the activity that carries it out. A subagent that no worker
// survived is answered to the model, which can change it; it would end the next worker too.
func (a *agent) carryOutOne(ctx workflow.Context, c activities.Call, in activities.CallInput, res *activities.CallResult) error {
	a.phase(ctx, phaseOf(c), callName(c))
	options, activity := activityFor(c, in)
	var lost *temporal.TimeoutError
	err := patiently(ctx, a, func(ctx workflow.Context) error {
		err := workflow.ExecuteActivity(withSummary(ctx, options, callName(c)), activity, in).Get(ctx, res)
		if options.TaskQueue == SandboxTaskQueue && errors.As(err, &lost) {
			return nil
		}
		return err
	})
	if err == nil && lost == nil && res.Asked != nil {
		return a.askAndCarryOut(ctx, c, in, res)
	}
	if err != nil || lost == nil {
		return err
	}
	in.Refuse = fmt.Sprintf("no worker survived this in %d attempts (%v); change what it does", retries.MaximumAttempts, lost)
	return a.carryOutOne(ctx, c, in, res)
}

// errMoves ends an action in the middle, for the run to continue as new and go on there.
var errMoves = errors.New("the run moves")

// askAndCarryOut waits for a person to decide about a call that a subagent wants to make, and runs the subagent again with
// the decision: its journal answers what was answered before. A run that moves meanwhile does so where it has moved to,
// and comes to the same question.
func (a *agent) askAndCarryOut(ctx workflow.Context, c activities.Call, in activities.CallInput, res *activities.CallResult) error {
	asked := *res.Asked
	decision, err := a.askAbout(ctx, in, asked)
	if err != nil {
		return err
	}
	if decision == nil {
		exec := workflow.GetInfo(ctx).WorkflowExecution
		a.begun = &Begun{Journal: cmp.Or(in.Journal, run.JournalPrefix(exec.ID, exec.RunID, in.Step)), Grants: in.Grants}
		return errMoves
	}
	in.Grants = append(slices.Clone(in.Grants), activities.Grant{Digest: asked.Digest, Granted: decision.Decision == DecideApprove})
	*res = activities.CallResult{}
	return a.carryOutOne(ctx, c, in, res)
}

func activityFor(c activities.Call, in activities.CallInput) (workflow.ActivityOptions, any) {
	var (
		agents  *activities.Subagents
		library *activities.Library
		lessons *activities.Lessons
	)
	switch {
	case in.Refuse != "":
		return recordKeeping, library.Consult
	case c.Runs:
		return sandboxRun, agents.RunSubagent
	case c.Name == metaskill.Finish:
		return sandboxRun, agents.ReviewFinish
	case c.Name == metaskill.CreateSubagent, c.Name == metaskill.ModifySubagent:
		return recordKeeping, agents.EditWorkspace
	case in.Lesson != nil:
		return recordKeeping, lessons.SaveLesson
	}
	return recordKeeping, library.Consult
}

func phaseOf(c activities.Call) run.Phase {
	if c.Name == metaskill.Finish {
		return run.Reviewing
	}
	return run.Acting
}
