package workflows

import (
	"errors"
	"fmt"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"agentfactory/activities"
	"agentfactory/internal/run"
)

// holder is what waits for a service, where people see it.
type holder interface {
	wait(ctx workflow.Context, p run.Phase, reason string)
	goOn(ctx workflow.Context)
	hurry() *bool   // set by somebody who wants it to try again at once
	underway() bool // it has made model calls with the key that it has
}

func (a *agent) hurry() *bool   { return &a.impatient }
func (a *agent) underway() bool { return a.number > 0 }

// perform has an activity carried out, patiently; out takes its result.
func perform(ctx workflow.Context, h holder, o workflow.ActivityOptions, summary string, activity, in, out any) error {
	return patiently(ctx, h, func(ctx workflow.Context) error {
		return workflow.ExecuteActivity(withSummary(ctx, o, summary), activity, in).Get(ctx, out)
	})
}

// patiently runs do and, when a service stays away for longer than activities retry,
// waits for it with a durable backoff, visibly. The time does not count: activities
// report how long they worked, so that neither waiting nor a night in which no worker
// ran is held against the budget. An activity that a reset has cut off is issued again.
func patiently(ctx workflow.Context, h holder, do func(workflow.Context) error) error {
	for attempt := 0; ; {
		err := do(ctx)
		if cutOffByReset(err) {
			continue
		}
		phase := waitingPhase(err, h.underway())
		if phase == "" {
			if attempt > 0 {
				h.goOn(ctx)
			}
			return err
		}
		if err := backOff(ctx, h, phase, reasonOf(err), attempt); err != nil {
			return err
		}
		attempt++
	}
}

// backOff waits until the next try, or until somebody resumes the run by hand.
func backOff(ctx workflow.Context, h holder, phase run.Phase, reason string, attempt int) error {
	pause := waitBetween(attempt)
	h.wait(ctx, phase, fmt.Sprintf("%s; next try in %s", reason, pause))
	hurry := h.hurry()
	*hurry = false
	_, err := workflow.AwaitWithTimeout(ctx, pause, func() bool { return *hurry })
	return err
}

// waitingPhase says for what an error is worth waiting; "" for an error that is final.
func waitingPhase(err error, underway bool) run.Phase {
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
		if underway {
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
