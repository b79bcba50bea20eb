package workflows

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"agentfactory/activities"
	"agentfactory/internal/run"
)

// Evaluate gives the tasks of a file to one or several methods, each task as a child workflow, grades what comes of them, and
// reports. Every method in every repeat (an arm) has a library of its own. Its input is an EvaluateInput.
func Evaluate(ctx workflow.Context, raw json.RawMessage) (EvaluateResult, error) {
	in, err := DecodeEvaluate(raw)
	if err != nil {
		return EvaluateResult{}, wrongInput(ctx, raw, err)
	}
	e := newEvaluating(in)
	if err := e.visible(ctx); err != nil {
		return EvaluateResult{}, err
	}
	return e.run(ctx)
}

// evaluating is one evaluation under way.
type evaluating struct {
	in     EvaluateInput
	opened activities.OpenedEvaluation
	first  int   // lanes before it are done
	next   []int // tasks that each arm has done; unused from scratch
	tally  map[string]*Tally
	spent  EvaluationTotal
	paused *Pause
	watched
}

func newEvaluating(in EvaluateInput) *evaluating {
	e := &evaluating{in: in, tally: map[string]*Tally{}}
	for _, m := range in.Methods {
		e.tally[m] = &Tally{}
	}
	if c := in.Carry; c != nil {
		e.opened, e.first, e.next, e.tally, e.spent, e.paused = c.Opened, c.First, c.Next, c.Tally, c.Spent, c.Paused
		e.story.seq, e.story.events = c.Events, c.Recent
	}
	return e
}

// visible answers queries, and takes what people want of an evaluation under way.
func (e *evaluating) visible(ctx workflow.Context) error {
	const shows = "how many tasks are done, what goes on and what the evaluation waits for"
	if err := workflow.SetQueryHandlerWithOptions(ctx, StatusQuery, e.status, workflow.QueryHandlerOptions{Description: shows}); err != nil {
		return err
	}
	if err := workflow.SetUpdateHandler(ctx, PauseUpdate, e.pause); err != nil {
		return err
	}
	return workflow.SetUpdateHandler(ctx, ResumeUpdate, e.resume)
}

func (e *evaluating) pause(ctx workflow.Context, p Pause) (Reply, error) {
	e.paused = &p
	e.story.wait(ctx, run.Paused, because("paused", p.Reason))
	return Reply{Text: "no further task begins; those under way go on, and can be paused themselves"}, nil
}

func (e *evaluating) resume(ctx workflow.Context, _ Resume) (Reply, error) {
	e.paused, e.impatient = nil, true
	e.story.goOn(ctx)
	return Reply{Text: "goes on"}, nil
}

// run does all tasks and reports, also about an evaluation that was cancelled or cannot go on.
func (e *evaluating) run(ctx workflow.Context) (EvaluateResult, error) {
	err := e.work(ctx)
	if errors.Is(err, errLong) && ctx.Err() == nil {
		return EvaluateResult{}, e.continueAsNew(ctx)
	}
	res := EvaluateResult{Evaluation: workflow.GetInfo(ctx).WorkflowExecution.ID, Outcome: run.Completed}
	var ended endedError
	switch {
	case ctx.Err() != nil:
		return res, e.abort(ctx, ctx.Err())
	case errors.As(err, &ended):
		res.Outcome, res.Reason = ended.outcome, ended.reason
	case err != nil:
		return res, e.abort(ctx, err)
	}
	if err := e.report(ctx, &res); err != nil {
		return res, err
	}
	e.end(ctx, res.Outcome, res.Reason)
	return res, workflow.Await(ctx, func() bool { return workflow.AllHandlersFinished(ctx) })
}

// list brings search attributes up to date where the server knows them.
func (e *evaluating) list(ctx workflow.Context, changes ...temporal.SearchAttributeUpdate) {
	if !e.opened.Listed {
		return
	}
	if err := workflow.UpsertTypedSearchAttributes(ctx, changes...); err != nil {
		workflow.GetLogger(ctx).Warn("the search attributes were not brought up to date", "error", err)
	}
}

func (e *evaluating) work(ctx workflow.Context) error {
	e.story.task = fmt.Sprintf("evaluate %s", strings.Join(e.in.Methods, ", "))
	if len(e.opened.Arms) == 0 {
		if err := e.open(ctx); err != nil {
			return err
		}
	}
	e.progress(ctx)
	from := e.first
	return sideBySide(ctx, e.in.Concurrency, e.lanes()-from, func(ctx workflow.Context, i int) error { return e.lane(ctx, from+i) })
}

func (e *evaluating) open(ctx workflow.Context) error {
	e.story.phase(ctx, run.Starting, "read the tasks, make the libraries")
	in := activities.OpenEvaluationInput{
		Tasks: e.in.Tasks, Methods: e.in.Methods, Repeat: e.in.Repeat, FromScratch: e.in.FromScratch, Library: e.in.Library, Model: e.in.Model,
		Budget: e.in.Budget, Series: e.in.Series, Against: e.in.Against, UI: e.in.UI, CountsCost: e.in.Total.CostUSD > 0,
	}
	if err := perform(ctx, e, recordKeeping, "read the tasks, make the libraries", (*activities.Evaluations).OpenEvaluation, in, &e.opened); err != nil {
		return err
	}
	e.next = make([]int, len(e.opened.Arms))
	e.story.tell(ctx, fmt.Sprintf("tasks: %d, arms: %d, model: %s", e.opened.Count, len(e.opened.Arms), e.opened.Model))
	e.list(ctx, modelKey.ValueSet(e.opened.Model), phaseKey.ValueSet(string(Working)))
	return nil
}

// lanes are what can go on side by side: the arms, or from scratch every task of every arm.
func (e *evaluating) lanes() int {
	if e.in.FromScratch {
		return len(e.opened.Arms) * e.opened.Count
	}
	return len(e.opened.Arms)
}

// lane does the tasks of a lane one after the other. From scratch the arms take turns, so that they are at one task together.
func (e *evaluating) lane(ctx workflow.Context, i int) error {
	if e.in.FromScratch {
		if err := e.ready(ctx); err != nil {
			return err
		}
		e.first = i + 1 // those that have begun are seen through before the evaluation continues as new
		return e.task(ctx, e.opened.Arms[i%len(e.opened.Arms)], i/len(e.opened.Arms)+1)
	}
	for e.next[i] < e.opened.Count {
		if err := e.ready(ctx); err != nil {
			return err
		}
		if err := e.task(ctx, e.opened.Arms[i], e.next[i]+1); err != nil {
			return err
		}
		e.next[i]++
	}
	return nil
}

// ready holds a lane before a task: while the evaluation is paused, when it has to continue as new, when its budget is spent.
func (e *evaluating) ready(ctx workflow.Context) error {
	info := workflow.GetInfo(ctx)
	leaves := func() bool {
		return info.GetContinueAsNewSuggested() || e.paused != nil && e.opened.Versioned && targetChanged(ctx)
	}
	if err := awaitPerson(ctx, e.opened.Versioned, func() bool { return e.paused == nil || leaves() }); err != nil {
		return err
	}
	total := e.in.Total
	switch {
	case leaves():
		return errLong
	case total.CostUSD > 0 && e.spent.CostUSD >= total.CostUSD:
		return exhausted(fmt.Sprintf("%.4f of %.4f USD of the evaluation are spent", e.spent.CostUSD, total.CostUSD))
	case total.OrchestrationTokens > 0 && e.spent.OrchestrationTokens >= total.OrchestrationTokens:
		return exhausted(fmt.Sprintf("%d of %d orchestration tokens of the evaluation are used", e.spent.OrchestrationTokens, total.OrchestrationTokens))
	}
	return nil
}

// progress shows how far every method is.
func (e *evaluating) progress(ctx workflow.Context) {
	var parts []string
	for _, m := range e.in.Methods {
		t := e.tally[m]
		parts = append(parts, fmt.Sprintf("%s %d of %d tasks, %d passed", m, t.Done, e.opened.Count*e.in.Repeat, t.Passed))
	}
	if e.paused == nil {
		e.story.phase(ctx, run.Acting, strings.Join(parts, "; "))
	}
}

func (e *evaluating) status() (run.Status, error) {
	status := e.seen()
	status.Model, status.Paused, status.Outcome = e.opened.Model, e.paused != nil, e.story.outcome
	status.Usage = run.Usage{OrchestrationOutputTokens: e.spent.OrchestrationTokens, CostUSD: e.spent.CostUSD}
	status.Budget = e.opened.Budget
	return status, nil
}
