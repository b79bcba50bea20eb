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
// ran is held against the budget.
func (a *agent) patiently(ctx workflow.Context, do func(workflow.Context) error) error {
	for attempt := 0; ; attempt++ {
		err := do(ctx)
		phase := a.waitingPhase(err)
		if phase == "" {
			return err
		}
		pause := waitBetween(attempt)
		a.story.wait(ctx, phase, fmt.Sprintf("%s; next try in %s", reasonOf(err), pause))
		if err := workflow.Sleep(ctx, pause); err != nil {
			return err
		}
		a.story.resume(ctx)
	}
}

// waitingPhase says for what an error is worth waiting; "" for an error that is final.
func (a *agent) waitingPhase(err error) run.Phase {
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
