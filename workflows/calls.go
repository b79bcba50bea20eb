package workflows

import (
	"fmt"

	"go.temporal.io/sdk/workflow"

	"agentfactory/activities"
	"agentfactory/internal/metaskill"
	"agentfactory/internal/run"
)

// maxCalls is how many calls of one turn are carried out; a model that asks for more is told so.
const maxCalls = 16

// act carries out the calls of a turn in order, adjacent read-only ones in parallel.
// It stops at a finish that is accepted.
func (a *agent) act(ctx workflow.Context, turn activities.ThinkResult) (activities.CallResult, error) {
	for i := 0; i < len(turn.Calls); {
		group := together(turn.Calls[i:])
		results, err := a.carryOut(ctx, turn, i, group)
		if err != nil {
			return activities.CallResult{}, err
		}
		for j, res := range results {
			a.took(ctx, group[j], res)
			if res.Accepted {
				return res, nil
			}
		}
		i += len(group)
	}
	return activities.CallResult{}, nil
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
	a.warned = a.warned || res.Advised
	a.story.tell(ctx, callLine(c, res))
}

// carryOut runs a group of calls at once; index is the first one's place in the turn.
func (a *agent) carryOut(ctx workflow.Context, turn activities.ThinkResult, index int, group []activities.Call) ([]activities.CallResult, error) {
	results := make([]activities.CallResult, len(group))
	errs := make([]error, len(group))
	wait := workflow.NewWaitGroup(ctx)
	for i, c := range group {
		in, err := a.callInput(turn, index+i, c)
		if err != nil {
			return nil, err
		}
		wait.Add(1)
		workflow.Go(ctx, func(ctx workflow.Context) {
			defer wait.Done()
			errs[i] = a.carryOutOne(ctx, c, in, &results[i])
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

// callInput numbers the step and asks the budget before anything is spent.
func (a *agent) callInput(turn activities.ThinkResult, index int, c activities.Call) (activities.CallInput, error) {
	in := activities.CallInput{Turn: turn.Turn, CallID: c.ID, Step: a.nextStep, Workspace: a.workspace, Remaining: a.remaining()}
	a.nextStep++
	if index >= maxCalls {
		in.Refuse = fmt.Sprintf("not carried out: one turn may have %d calls; ask again for what is still needed", maxCalls)
		return in, nil
	}
	if c.Runs {
		if reason := a.budget.BeforeSubagentRun(a.usage); reason != "" {
			return in, budgetError{reason}
		}
	}
	if c.Name == metaskill.CreateSubagent {
		in.Refuse = a.budget.BeforeCreate(a.usage)
	}
	if c.Name == metaskill.Finish {
		in.Finish = &activities.FinishArg{Save: a.in.Save == nil || *a.in.Save, Warned: a.warned}
	}
	return in, nil
}

func (a *agent) remaining() activities.Allowance {
	left := activities.Allowance{SubagentTokens: -1, CostUSD: -1, Seconds: -1}
	if limit := a.budget.SubagentTokens; limit > 0 {
		left.SubagentTokens = max(0, limit-a.usage.SubagentOutputTokens)
	}
	if limit := a.budget.CostUSD; limit > 0 {
		left.CostUSD = max(0, limit-a.usage.CostUSD)
	}
	if limit := a.budget.WallSeconds; limit > 0 {
		left.Seconds = max(1, limit-int64(a.usage.WallSeconds))
	}
	return left
}

// carryOutOne sends a call to the activity that carries it out.
func (a *agent) carryOutOne(ctx workflow.Context, c activities.Call, in activities.CallInput, res *activities.CallResult) error {
	a.story.phase(ctx, phaseOf(c), callName(c))
	return a.patiently(ctx, func(ctx workflow.Context) error {
		var (
			agents  *activities.Subagents
			library *activities.Library
		)
		switch {
		case in.Refuse != "":
			return workflow.ExecuteActivity(withSummary(ctx, recordKeeping, callName(c)), library.Consult, in).Get(ctx, res)
		case c.Runs:
			return workflow.ExecuteActivity(withSummary(ctx, sandboxRun, callName(c)), agents.RunSubagent, in).Get(ctx, res)
		case c.Name == metaskill.Finish:
			return workflow.ExecuteActivity(withSummary(ctx, sandboxRun, callName(c)), agents.ReviewFinish, in).Get(ctx, res)
		case c.Name == metaskill.CreateSubagent, c.Name == metaskill.ModifySubagent:
			return workflow.ExecuteActivity(withSummary(ctx, recordKeeping, callName(c)), agents.EditWorkspace, in).Get(ctx, res)
		}
		return workflow.ExecuteActivity(withSummary(ctx, recordKeeping, callName(c)), library.Consult, in).Get(ctx, res)
	})
}

func phaseOf(c activities.Call) run.Phase {
	if c.Name == metaskill.Finish {
		return run.Reviewing
	}
	return run.Acting
}
