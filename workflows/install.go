package workflows

import (
	"encoding/json"
	"errors"
	"fmt"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"agentfactory/activities"
	"agentfactory/internal/run"
)

// Install solves a task: it builds the subagents that the task needs and saves what
// worked. Its input is an InstallInput; it is taken as raw JSON so that unknown fields
// are refused.
func Install(ctx workflow.Context, raw json.RawMessage) (run.Result, error) {
	in, err := DecodeInstall(raw)
	if err != nil {
		return run.Result{}, invalidInput(err)
	}
	a := newAgent(in)
	if err := workflow.SetQueryHandler(ctx, StatusQuery, a.status); err != nil {
		return run.Result{}, err
	}
	return a.run(ctx)
}

// agent is the meta-agent loop of one run. What it keeps are references and counters;
// the transcript and the files are on S3.
type agent struct {
	in     InstallInput
	budget run.Budget
	model  string

	turn      string   // key of the last turn
	number    int      // its number
	answers   []string // keys of the steps that answer its calls
	workspace string   // key of the step that holds the files
	nextStep  int
	note      string // said to the model with the next turn
	warned    bool   // finish gave its advice
	idle      int    // turns in a row that called nothing

	usage  run.Usage
	skills []run.SavedSkill
	story  story
}

func newAgent(in InstallInput) *agent {
	a := &agent{in: in, nextStep: 1}
	if c := in.Carry; c != nil {
		a.model, a.budget = c.Model, c.Budget
		a.turn, a.number, a.answers, a.workspace = c.Turn, c.Number, c.Answers, c.Workspace
		a.nextStep, a.note, a.warned, a.idle, a.usage = c.NextStep, c.Note, c.Warned, c.Idle, c.Usage
		a.story.seq = c.Events
	}
	return a
}

// run is the story of a run: open it, take turns until one finishes it, save, close.
func (a *agent) run(ctx workflow.Context) (run.Result, error) {
	plan, saves, err := a.solve(ctx)
	var exhausted budgetError
	switch {
	case workflow.IsContinueAsNewError(err):
		return run.Result{}, err
	case errors.As(err, &exhausted):
		return a.close(ctx, run.BudgetExhausted, exhausted.reason, "")
	case err != nil:
		return a.abort(ctx, err)
	}
	if err := a.save(ctx, plan, saves); err != nil {
		return a.abort(ctx, err)
	}
	return a.close(ctx, run.Completed, "", plan)
}

// solve takes turns until finish is accepted; it returns the step that holds the plan.
func (a *agent) solve(ctx workflow.Context) (plan string, saves []string, err error) {
	if a.turn == "" {
		if err := a.open(ctx); err != nil {
			return "", nil, err
		}
	}
	for {
		if reason := a.budget.BeforeTurn(a.number, a.usage); reason != "" {
			return "", nil, budgetError{reason}
		}
		if workflow.GetInfo(ctx).GetContinueAsNewSuggested() {
			return "", nil, a.continueAsNew(ctx)
		}
		turn, err := a.think(ctx)
		if err != nil {
			return "", nil, err
		}
		done, err := a.act(ctx, turn)
		if err != nil || done.Accepted {
			return done.Step, done.Saves, err
		}
		if err := a.judge(turn); err != nil {
			return "", nil, err
		}
	}
}

// budgetError ends a run that has spent what it may.
type budgetError struct{ reason string }

func (e budgetError) Error() string { return e.reason }

func (a *agent) open(ctx workflow.Context) error {
	a.story.phase(ctx, run.Starting, "open the run")
	var res activities.BeginResult
	err := a.patiently(ctx, func(ctx workflow.Context) error {
		var acts *activities.Runs
		return workflow.ExecuteActivity(withSummary(ctx, recordKeeping, "open the run"), acts.Begin,
			activities.BeginInput{Task: a.in.Task, Files: a.in.Files, Model: a.in.Model, Budget: a.in.Budget}).Get(ctx, &res)
	})
	if err != nil {
		return err
	}
	a.turn, a.workspace, a.model, a.budget = res.Turn, res.Step, res.Model, res.Budget
	a.story.tell(ctx, "opened with model "+res.Model)
	return nil
}

func (a *agent) think(ctx workflow.Context) (activities.ThinkResult, error) {
	number := a.number + 1
	a.story.phase(ctx, run.Thinking, fmt.Sprintf("turn %d: ask the model", number))
	in := activities.ThinkInput{Number: number, Parent: a.turn, Steps: a.answers, Note: a.note}
	var turn activities.ThinkResult
	err := a.patiently(ctx, func(ctx workflow.Context) error {
		var acts *activities.Model
		return workflow.ExecuteActivity(withSummary(ctx, modelCall, fmt.Sprintf("turn %d", number)), acts.Think, in).Get(ctx, &turn)
	})
	if err != nil {
		return turn, err
	}
	a.turn, a.number, a.note, a.answers = turn.Turn, number, "", nil
	a.usage = a.usage.Add(turn.Usage)
	a.story.tell(ctx, thoughtLine(number, turn))
	return turn, nil
}

// maxIdle is how many turns in a row may call nothing before the run fails.
const maxIdle = 3

// judge deals with replies that call nothing: a refusal ends the run, anything else
// is answered with what to do instead, a few times.
func (a *agent) judge(turn activities.ThinkResult) error {
	if turn.Refusal != "" {
		return temporal.NewNonRetryableApplicationError("the model refused: "+turn.Refusal, ModelRefused, nil)
	}
	if turn.Finish == "length" {
		a.note = "Your last reply was cut off at the output limit. Write less in one reply: smaller code, fewer calls."
	}
	if len(turn.Calls) > 0 {
		a.idle = 0
		return nil
	}
	a.idle++
	if a.idle >= maxIdle {
		return temporal.NewNonRetryableApplicationError(
			fmt.Sprintf("the model called no tool in %d turns in a row; its last words: %q", a.idle, turn.Text), ModelIdle, nil)
	}
	if a.note == "" {
		a.note = "Nothing happened: only tool calls do something. Go on with a tool call, or end the task with finish."
	}
	return nil
}

// Error types of the loop itself, beside those of the activities.
const (
	ModelRefused = "ModelRefused" // the model refused the task
	ModelIdle    = "ModelIdle"    // the model stopped calling tools
)

func (a *agent) save(ctx workflow.Context, plan string, names []string) error {
	for i, name := range names {
		a.story.phase(ctx, run.Saving, "save skill "+name)
		var saved run.SavedSkill
		err := a.patiently(ctx, func(ctx workflow.Context) error {
			var acts *activities.Library
			return workflow.ExecuteActivity(withSummary(ctx, recordKeeping, "save skill "+name), acts.SaveSkill,
				activities.SaveInput{Step: plan, Index: i}).Get(ctx, &saved)
		})
		if err != nil {
			return err
		}
		a.skills = append(a.skills, saved)
		a.story.tell(ctx, fmt.Sprintf("saved skill %s version %d", saved.Name, saved.Version))
	}
	return nil
}

func (a *agent) continueAsNew(ctx workflow.Context) error {
	in := a.in
	in.Files = nil // they are in the workspace
	in.Carry = &Carry{
		Model: a.model, Budget: a.budget, Turn: a.turn, Number: a.number, Answers: a.answers, Workspace: a.workspace, NextStep: a.nextStep,
		Note: a.note, Warned: a.warned, Idle: a.idle, Usage: a.usage, Events: a.story.seq,
	}
	return workflow.NewContinueAsNewError(ctx, InstallType, in)
}
