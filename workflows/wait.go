package workflows

import (
	"errors"
	"fmt"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"agentfactory/activities"
	"agentfactory/internal/run"
)

// patiently runs do and, when a service stays away for longer than activities retry,
// waits for it with a durable backoff, visibly. The time does not count: activities
// report how long they worked, so that neither waiting nor a night in which no worker
// ran is held against the budget. An activity that a reset has cut off is issued again.
func (a *agent) patiently(ctx workflow.Context, do func(workflow.Context) error) error {
	for attempt := 0; ; {
		err := do(ctx)
		if cutOffByReset(err) {
			continue
		}
		phase := a.waitingPhase(err)
		if phase == "" {
			if attempt > 0 {
				a.goOn(ctx)
			}
			return err
		}
		if err := a.backOff(ctx, phase, reasonOf(err), attempt); err != nil {
			return err
		}
		attempt++
	}
}

// backOff waits until the next try, or until somebody resumes the run by hand.
func (a *agent) backOff(ctx workflow.Context, phase run.Phase, reason string, attempt int) error {
	pause := waitBetween(attempt)
	a.wait(ctx, phase, fmt.Sprintf("%s; next try in %s", reason, pause))
	a.impatient = false
	_, err := workflow.AwaitWithTimeout(ctx, pause, func() bool { return a.impatient })
	return err
}

// waitingPhase says for what an error is worth waiting; "" for an error that is final.
func (a *agent) waitingPhase(err error) run.Phase {
	var timeout *temporal.TimeoutError
	if errors.As(err, &timeout) {
		return run.WaitingForWorker
	}
	var app *temporal.ApplicationError
	if !errors.As(err, &app) {
		return ""
	}
	switch app.Type() {
	case activities.ModelUnavailable, activities.ModelNotConfigured:
		return run.WaitingForModel
	case activities.ModelAuth:
		// A wrong key at the start is a mistake to report; one that stops working in the
		// middle of a run can be replaced while the run waits.
		if a.number > 0 {
			return run.WaitingForModel
		}
	case activities.StorageUnavailable:
		return run.WaitingForStorage
	case activities.SandboxUnavailable:
		return run.WaitingForSandbox
	}
	return ""
}

// cutOffByReset recognises an activity that was under way at the point to which a reset
// went back: the server fails it with an error of no type, which no activity of ours has.
func cutOffByReset(err error) bool {
	var app *temporal.ApplicationError
	return errors.As(err, &app) && app.Type() == ""
}
