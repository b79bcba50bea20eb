package workflows

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"

	"go.temporal.io/sdk/workflow"

	"agentfactory/activities"
	"agentfactory/internal/run"
)

// mustAsk reports whether a person has to release the accepted finish next.
func (a *agent) mustAsk() bool {
	return a.accepted != nil && a.accepted.Released == "" && a.accepted.next((*save).unchecked) == nil && a.accepted.next((*save).ungated) == nil &&
		a.kindOfApproval() != ""
}

// kindOfApproval is what a person has to release of the accepted finish; "" is nothing.
func (a *agent) kindOfApproval() string {
	promotes := func(s *save) bool { return !s.Saved && s.Gate != nil && s.Hold == "" && a.asksForPromotions(s) }
	switch {
	case a.in.Approval == ApproveFinish:
		return ApproveFinish
	case a.in.Approval == ApproveSave && a.accepted.next((*save).pending) != nil:
		return ApproveSave
	case a.accepted.next(promotes) != nil:
		return ApprovePromotion
	}
	return ""
}

// asksForPromotions tells that a person sees a replacement before it takes place, so that the gate may leave it to them. Nobody
// is asked about the library of an evaluation, which is thrown away.
func (a *agent) asksForPromotions(s *save) bool {
	if a.in.Library != "" {
		return false
	}
	asked := a.in.Approval != "" && a.in.Approval != ApproveNever
	return asked || a.policy.AskPromotions || s.Candidate != nil && s.Candidate.Guarded
}

// approvalID is the kind with a digest of what is shown and of the heads that would be replaced: an approval is of no use
// once one of them has moved.
func (a *agent) approvalID(kind string) string {
	parts := []string{a.accepted.Digest}
	for _, s := range a.accepted.Saves {
		if s.Candidate != nil {
			parts = append(parts, s.identity())
		}
	}
	if len(parts) == 1 {
		return kind + "-" + a.accepted.Digest
	}
	sum := sha256.Sum256([]byte(strings.Join(parts, "\n")))
	return kind + "-" + hex.EncodeToString(sum[:8])
}

// ask waits for a person, for days if need be. It ends with the decision, or with the
// run back at work when somebody had something to say instead.
func (a *agent) ask(ctx workflow.Context) error {
	kind := a.kindOfApproval()
	a.approval = &run.Approval{ApprovalID: a.approvalID(kind), Kind: kind, Answer: a.accepted.Answer, Step: a.accepted.Step}
	for i := range a.accepted.Saves {
		a.approval.Skills = append(a.approval.Skills, a.accepted.Saves[i].shown())
	}
	said, info := len(a.messages), workflow.GetInfo(ctx)
	decision, err := a.await(ctx, "approve or reject, or instruct to have it changed", func() bool {
		return len(a.messages) > said || info.GetContinueAsNewSuggested() || a.mayMove(ctx)
	})
	if err != nil {
		return err
	}
	switch {
	case decision != nil:
		return a.decided(ctx, *decision)
	case len(a.messages) > said:
		a.tell(ctx, "goes back to work instead of being released")
		a.accepted = nil
	}
	return nil // continues as new where it asks again
}

// await waits for the decision about a.approval, or for something else; then there is no decision.
func (a *agent) await(ctx workflow.Context, what string, or func() bool) (*Approve, error) {
	a.story.asked = a.approval
	a.wait(ctx, run.WaitingForApproval, a.approval.ApprovalID+": "+what)
	err := awaitPerson(ctx, a.versioned, func() bool { return a.decision != nil || or() })
	decision := a.decision
	a.approval, a.decision, a.story.asked = nil, nil, nil
	if err != nil {
		return nil, err
	}
	a.goOn(ctx)
	return decision, nil
}

// askAbout waits for a person to allow or refuse a call of a subagent. Other than a rejected answer, a refused call does not
// end the run. There is no decision when the run is to continue as new first.
func (a *agent) askAbout(ctx workflow.Context, in activities.CallInput, asked activities.Asked) (*Approve, error) {
	sum := sha256.Sum256([]byte(strings.Join([]string{in.Turn, in.CallID, asked.Digest}, "\n")))
	a.approval = &run.Approval{
		ApprovalID: ApprovePolicy + "-" + hex.EncodeToString(sum[:8]), Kind: ApprovePolicy,
		Answer: fmt.Sprintf("A subagent wants to call %s\nRule %s asks first: %s", asked.Request, asked.Rule, asked.Reason),
	}
	decision, err := a.await(ctx, "approve or reject the call "+asked.Request, func() bool {
		return workflow.GetInfo(ctx).GetContinueAsNewSuggested() || a.versioned && targetChanged(ctx)
	})
	if err != nil || decision == nil {
		return nil, err
	}
	what := "refused the call"
	if decision.Decision == DecideApprove {
		what = "allowed the call"
	}
	a.tell(ctx, because(what+by(decision.By), decision.Note))
	return decision, nil
}

func (a *agent) decided(ctx workflow.Context, d Approve) error {
	if d.Decision == DecideReject {
		return endedError{run.Rejected, because("rejected"+by(d.By), d.Note)}
	}
	a.accepted.Released = cmp.Or(clip(d.By, maxBy), "somebody")
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
