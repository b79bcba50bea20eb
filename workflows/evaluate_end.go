package workflows

import (
	"errors"
	"fmt"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"agentfactory/activities"
	"agentfactory/internal/evaluation"
	"agentfactory/internal/run"
)

// abort ends an evaluation that cannot go on. What has been done is reported, and done no second time when it is started again.
func (e *evaluating) abort(ctx workflow.Context, cause error) error {
	outcome, reason := run.Failed, reasonOf(cause)
	if temporal.IsCanceledError(cause) {
		outcome, reason = run.Cancelled, "cancelled on request"
	}
	if len(e.opened.Arms) > 0 {
		disconnected, _ := workflow.NewDisconnectedContext(ctx)
		var acts *activities.Evaluations
		in := activities.ReportInput{Evaluation: workflow.GetInfo(ctx).WorkflowExecution.ID}
		if err := workflow.ExecuteActivity(withSummary(disconnected, recordKeeping, "report what has been done"), acts.ReportEvaluation, in).Get(disconnected, nil); err != nil {
			workflow.GetLogger(ctx).Error("the report was not written", "error", err)
		}
	}
	e.end(ctx, outcome, reason)
	if outcome == run.Cancelled {
		return temporal.NewCanceledError()
	}
	return temporal.NewNonRetryableApplicationError(reason, errorType(cause), nil)
}

func (e *evaluating) end(ctx workflow.Context, outcome run.Outcome, reason string) {
	e.story.outcome = outcome
	e.story.phase(ctx, run.Finished, "")
	e.story.tell(ctx, endLine(outcome, reason))
	e.list(ctx, outcomeKey.ValueSet(string(outcome)), phaseKey.ValueSet(string(run.Finished)))
}

// errLong says that the history has grown long, or that a paused evaluation moves to a newer version: tasks under way are
// done, and none is begun.
var errLong = errors.New("the evaluation continues as new")

func (e *evaluating) continueAsNew(ctx workflow.Context) error {
	if err := workflow.Await(ctx, func() bool { return workflow.AllHandlersFinished(ctx) }); err != nil {
		return err
	}
	in := e.in
	in.Carry = &EvaluationCarry{
		Opened: e.opened, First: e.first, Next: e.next, Tally: e.tally, Spent: e.spent, Paused: e.paused, Events: e.story.seq, Recent: e.story.recent(),
	}
	return continuedAsNew(ctx, e.opened.Versioned, in)
}

// report makes the report, and marks an evaluation that got worse than the one before.
func (e *evaluating) report(ctx workflow.Context, res *EvaluateResult) error {
	e.story.phase(ctx, run.Saving, "make the report")
	in := activities.ReportInput{Evaluation: res.Evaluation}
	if err := perform(ctx, e, recordKeeping, "make the report", (*activities.Evaluations).ReportEvaluation, in, &res.Report); err != nil {
		return err
	}
	made := res.Report
	if made.Change == "" {
		return nil
	}
	e.story.tell(ctx, fmt.Sprintf("against %s: %s, %s", made.Previous, made.Change, made.Why))
	e.list(ctx, changeKey.ValueSet(string(made.Change)))
	if made.Change != evaluation.Worse {
		return nil
	}
	var acts *activities.Evaluations
	err := workflow.ExecuteActivity(withSummary(ctx, recordKeeping, "tell the web hook"), acts.Announce, activities.AnnounceInput{Evaluation: res.Evaluation, Report: made}).Get(ctx, nil)
	if err != nil && ctx.Err() == nil {
		e.story.tell(ctx, "the web hook was not told: "+reasonOf(err))
		return nil
	}
	return err
}
