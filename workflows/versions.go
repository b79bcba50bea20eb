package workflows

import (
	"encoding/json"
	"fmt"
	"time"

	"go.temporal.io/sdk/workflow"
)

// A run ends on the version of the workers that it began with (it is pinned), so that a new release cannot break it. It moves
// to the version that is the target by then where it continues as new: when its history has grown long, and when it waits for
// a person, which may take longer than anybody wants to keep an old version running. Runs know from their first activity
// whether they are versioned at all; others neither wake up nor move.

// looksAround is how often a run that waits for a person looks whether a newer version is there. The server tells it with a
// workflow task, and nothing else may cause one for weeks.
const looksAround = 24 * time.Hour

// awaitPerson waits until cond holds, for days if need be. With moves it wakes up now and then, for cond to see a new target.
func awaitPerson(ctx workflow.Context, moves bool, cond func() bool) error {
	if !moves {
		return workflow.Await(ctx, cond)
	}
	for !cond() {
		if _, err := workflow.AwaitWithTimeout(ctx, looksAround, cond); err != nil {
			return err
		}
	}
	return nil
}

// targetChanged tells that new runs go to another version than this one does.
func targetChanged(ctx workflow.Context) bool {
	return workflow.GetInfo(ctx).GetTargetWorkerDeploymentVersionChanged()
}

// mayMove tells that a run which waits for a person can go on with another version: between two actions, all that it keeps
// can be handed over. While a lesson is written, which takes a few actions, it stays.
func (a *agent) mayMove(ctx workflow.Context) bool {
	return a.versioned && a.learning == "" && (a.paused != nil || a.mustAsk()) && targetChanged(ctx)
}

// continuedAsNew goes on in a new execution. That of a versioned run begins on the version that is the target then, and is
// pinned to it.
func continuedAsNew(ctx workflow.Context, versioned bool, in any) error {
	var o workflow.ContinueAsNewErrorOptions
	if versioned {
		o.InitialVersioningBehavior = workflow.ContinueAsNewVersioningBehaviorAutoUpgrade
	}
	return workflow.NewContinueAsNewErrorWithOptions(ctx, o, typeOf(ctx), in)
}

// wrongInput ends a run whose input nobody can use. What another version handed over is no such input, even where this one does
// not know all of it, as after a roll-back: the workflow task fails and is tried again until a version comes that does.
func wrongInput(ctx workflow.Context, raw json.RawMessage, err error) error {
	if workflow.GetInfo(ctx).ContinuedExecutionRunID != "" && handedOver(raw) {
		panic(fmt.Sprintf("another version handed over what this one does not know, make that one current again: %v", err))
	}
	return invalidInput(err)
}

// handedOver tells that an input holds the state of an execution before. The result depends on its input alone; the checker
// sees the runtime behind reflection.
//
//workflowcheck:ignore
func handedOver(raw json.RawMessage) bool {
	var in struct {
		Carry json.RawMessage `json:"carry"`
	}
	return json.Unmarshal(raw, &in) == nil && in.Carry != nil
}
