package workflows

import (
	"fmt"

	"go.temporal.io/sdk/workflow"

	"agentfactory/internal/run"
)

// mustAsk reports whether a person has to release the accepted finish first.
func (a *agent) mustAsk() bool {
	if a.accepted == nil || a.accepted.Released {
		return false
	}
	switch a.in.Approval {
	case ApproveFinish:
		return true
	case ApproveSave:
		return len(a.accepted.Saves) > 0
	}
	return false
}

// ask waits for a person, for days if need be. It ends with the decision, or with the
// run back at work when somebody had something to say instead.
func (a *agent) ask(ctx workflow.Context) error {
	a.approval = &run.Approval{
		ApprovalID: a.in.Approval + "-" + a.accepted.Digest, Kind: a.in.Approval,
		Answer: a.accepted.Answer, Skills: a.accepted.Saves, Step: a.accepted.Step,
	}
	a.story.asked = a.approval
	said, info := len(a.messages), workflow.GetInfo(ctx)
	a.wait(ctx, run.WaitingForApproval, fmt.Sprintf("%s: approve or reject, or instruct to have it changed", a.approval.ApprovalID))
	err := workflow.Await(ctx, func() bool {
		return a.decision != nil || len(a.messages) > said || info.GetContinueAsNewSuggested()
	})
	decision := a.decision
	a.approval, a.decision, a.story.asked = nil, nil, nil
	if err != nil {
		return err
	}
	a.goOn(ctx)
	switch {
	case decision != nil:
		return a.decided(ctx, *decision)
	case len(a.messages) > said:
		a.tell(ctx, "goes back to work instead of being released")
		a.accepted = nil
	}
	return nil // continues as new where it asks again
}

func (a *agent) decided(ctx workflow.Context, d Approve) error {
	if d.Decision == DecideReject {
		return endedError{run.Rejected, because("rejected"+by(d.By), d.Note)}
	}
	a.accepted.Released = true
	a.tell(ctx, because("approved"+by(d.By), d.Note))
	return nil
}

// maxBy bounds a name that is shown, in characters.
const maxBy = 100

func by(who string) string {
	if who == "" {
		return ""
	}
	return " by " + clip(who, maxBy)
}

func because(what, why string) string {
	if why == "" {
		return what
	}
	return what + ": " + why
}
