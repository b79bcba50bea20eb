package workflows

import (
	"errors"
	"fmt"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"agentfactory/activities"
	"agentfactory/internal/metaskill"
	"agentfactory/internal/run"
)

// abort ends a run that cannot go on: as cancelled when somebody cancelled it, else as
// failed. What exists is kept, and result.json says what happened.
func (a *agent) abort(ctx workflow.Context, cause error) (run.Result, error) {
	outcome, reason := run.Failed, reasonOf(cause)
	if temporal.IsCanceledError(cause) {
		outcome, reason = run.Cancelled, "cancelled on request"
	}
	// The run's own context may be cancelled; closing must still be possible.
	disconnected, _ := workflow.NewDisconnectedContext(ctx)
	res, err := a.close(disconnected, outcome, reason)
	if err != nil {
		workflow.GetLogger(ctx).Error("result.json was not written", "error", err)
	}
	if outcome == run.Cancelled {
		return res, temporal.NewCanceledError()
	}
	return res, temporal.NewNonRetryableApplicationError(reason, errorType(cause), nil)
}

// close writes result.json and waits for updates that are being answered.
func (a *agent) close(ctx workflow.Context, outcome run.Outcome, reason string) (run.Result, error) {
	a.closing = true
	in := activities.CloseInput{Workspace: a.workspace, Answer: a.nothing, Library: a.in.Library, Result: run.Result{
		Outcome: outcome, Reason: reason, Turns: a.number, Usage: a.usage, Skills: a.skills, SkillsUsed: a.used, Model: a.model, Transcript: a.turn,
		Library: a.in.Library, Method: a.method, Lesson: a.lesson, LessonsOffered: keys(a.lessons),
	}}
	if a.accepted != nil {
		in.Plan = a.accepted.Step
	}
	if outcome == run.Completed && a.method == metaskill.AgentFactoryName {
		decision := a.libraryDecision()
		in.Result.Decision = &decision
	}
	var res run.Result
	write := func(ctx workflow.Context) error {
		var acts *activities.Runs
		return workflow.ExecuteActivity(withSummary(ctx, recordKeeping, "write result.json"), acts.Close, in).Get(ctx, &res)
	}
	var err error
	if outcome == run.Failed || outcome == run.Cancelled {
		err = write(ctx) // a run that fails because S3 does not answer must not wait for it again
	} else {
		err = patiently(ctx, a, write)
	}
	a.story.outcome = outcome
	a.phase(ctx, run.Finished, "")
	a.tell(ctx, endLine(outcome, reason))
	a.list(ctx)
	if err != nil {
		return run.Result{}, err
	}
	return res, workflow.Await(ctx, func() bool { return workflow.AllHandlersFinished(ctx) })
}

func endLine(outcome run.Outcome, reason string) string {
	if reason == "" {
		return string(outcome)
	}
	return fmt.Sprintf("%s: %s", outcome, reason)
}

// reasonOf is the innermost message: what the activity said, without Temporal's wrapping.
func reasonOf(err error) string {
	var app *temporal.ApplicationError
	if errors.As(err, &app) {
		return app.Message()
	}
	var timeout *temporal.TimeoutError
	if errors.As(err, &timeout) {
		return "no worker finished the activity in time; is a worker running, and does it survive?"
	}
	return err.Error()
}

func errorType(err error) string {
	var app *temporal.ApplicationError
	if errors.As(err, &app) {
		return app.Type()
	}
	return "RunFailed"
}
