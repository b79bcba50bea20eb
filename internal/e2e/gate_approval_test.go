package e2e

import (
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"

	"agentfactory/internal/run"
	"agentfactory/internal/skill"
	"agentfactory/skillstore"
	"agentfactory/workflows"
)

// A person is shown a replacement with how it did at the gate. What was shown is of no use any more once the skill has
// moved: the run gates on the new version and asks again.
func TestAnApprovalOfAPromotionIsBoundToTheVersionThatItReplaces(t *testing.T) {
	t.Parallel()
	s := newStack(t, racing)
	s.keep("word-count", counter, wordsOf)
	s.worker()
	input := count("lines")
	input.Approval = workflows.ApprovePromotion
	r := s.startAs(workflows.SolveType, "", input)
	shown := s.waitFor(r, phase(run.WaitingForApproval)).Approval
	require.Equal(t, workflows.ApprovePromotion, shown.Kind)
	require.Equal(t, []string{"word-count version 2 in place of word-count version 1: passed, breaks none of 1 past cases, of which 1 could be told"}, shown.Skills)
	require.Equal(t, 1, s.head("word-count").Version, "nothing moves before somebody says so")

	other := s.addVersion("word-count", counter+"# the same in other words\n")
	_, err := s.skills.Promote(t.Context(), skillstore.Promotion{Name: "word-count", Version: other.Version, BaseGeneration: 1, PromotionID: "by-hand", By: "bob", Why: "tidied"})
	require.NoError(t, err)
	s.approve(r, shown)
	again := s.waitFor(r, func(st run.Status) bool { return st.Approval != nil && st.Approval.ApprovalID != shown.ApprovalID }).Approval
	require.Equal(t, []string{"word-count version 2 in place of word-count version 3: passed, breaks none of 1 past cases, of which 1 could be told"}, again.Skills)
	require.Equal(t, 3, s.head("word-count").Version, "what was approved did not go over what nobody was shown")
	_, err = s.update(r, workflows.ApproveUpdate, workflows.Approve{ApprovalID: shown.ApprovalID, Decision: workflows.DecideApprove})
	require.ErrorContains(t, err, "not what waits now")

	s.approve(r, again)
	res := s.ended(r)
	require.Equal(t, run.Completed, res.Outcome, res.Reason)
	require.Equal(t, 2, res.Usage.Rounds)
	require.Equal(t, 3, s.reportOf("word-count", res.Skills[0].Gate).Base.Version)
	head := s.head("word-count")
	require.Equal(t, []int{2, 3}, []int{head.Version, int(head.Generation)})
	require.Contains(t, head.Moves[2].Why, "approved by ann")
}

// A guarded skill is replaced by no run alone, whatever the run was started with.
func TestAGuardedSkillIsOnlyReplacedByAPerson(t *testing.T) {
	t.Parallel()
	s := newStack(t, racing)
	s.keep("word-count", counter, wordsOf)
	_, err := s.skills.Guard(t.Context(), "word-count", skillstore.Act{ID: "guard-1", By: "ann", Why: "billing depends on it"})
	require.NoError(t, err)
	s.worker()

	refused := s.startAs(workflows.SolveType, "", count("lines"))
	shown := s.waitFor(refused, phase(run.WaitingForApproval)).Approval
	require.Equal(t, workflows.ApprovePromotion, shown.Kind)
	s.mustUpdate(refused, workflows.ApproveUpdate, workflows.Approve{ApprovalID: shown.ApprovalID, Decision: workflows.DecideReject, By: "ann"})
	require.Equal(t, run.Rejected, s.ended(refused).Outcome)
	require.Equal(t, 1, s.head("word-count").Version)

	released := s.startAs(workflows.SolveType, "", count("lines"))
	s.approve(released, s.waitFor(released, phase(run.WaitingForApproval)).Approval)
	res := s.ended(released)
	require.True(t, res.Skills[0].Promoted)
	head := s.head("word-count")
	require.Equal(t, 2, head.Version, "the candidate of the run that was refused is the same version")
	require.NotNil(t, head.Guarded)
	require.Contains(t, head.Moves[len(head.Moves)-1].Why, "approved by ann")
}

// A skill that is guarded while a run already saves is not replaced behind the person's back.
func TestASkillThatIsGuardedAfterTheGateWaitsForAPersonAsWell(t *testing.T) {
	t.Parallel()
	s := newStack(t, racing)
	s.keep("word-count", counter, wordsOf)
	s.worker()
	input := count("lines")
	input.Paused = true
	r := s.startAs(workflows.SolveType, "", input)
	s.stepUntilGated(r)
	_, err := s.skills.Guard(t.Context(), "word-count", skillstore.Act{ID: "guard-1", By: "ann", Why: "billing depends on it"})
	require.NoError(t, err)
	s.mustUpdate(r, workflows.ResumeUpdate, nil)
	shown := s.waitFor(r, phase(run.WaitingForApproval)).Approval
	require.Equal(t, 1, s.head("word-count").Version)
	s.approve(r, shown)
	require.True(t, s.ended(r).Skills[0].Promoted)
	require.Equal(t, skill.GatePassed, s.reports("word-count")[1].Verdict)
}

func (s *stack) approve(r client.WorkflowRun, a *run.Approval) {
	s.t.Helper()
	s.mustUpdate(r, workflows.ApproveUpdate, workflows.Approve{ApprovalID: a.ApprovalID, Decision: workflows.DecideApprove, By: "ann"})
}
