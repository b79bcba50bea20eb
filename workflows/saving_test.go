package workflows

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"

	"agentfactory/activities"
	"agentfactory/internal/run"
	"agentfactory/internal/skill"
)

// repairing is a bench whose finish saves a new version of the skill a.
func repairing(t *testing.T, turns ...activities.ThinkResult) *bench {
	b := newBench(t, turns...)
	b.carry = func(ctx context.Context, in activities.CallInput) (activities.CallResult, error) {
		res, err := b.carryOut(ctx, in)
		if res.Accepted {
			res.Saves, res.Replaces = []string{"a"}, []activities.Replace{{Skill: "a", Parent: 1}}
		}
		return res, err
	}
	b.save = func(in activities.SaveInput) (activities.SaveResult, error) {
		return activities.SaveResult{SavedSkill: run.SavedSkill{Name: "a", Version: in.Candidate.Version, Parent: 1, Promoted: in.Hold == "", Note: in.Hold}}, nil
	}
	return b
}

// breaking fails the past case b as long as candidates say so.
func (b *bench) breaking(candidates int) {
	b.try = func(ctx context.Context, in activities.TrialInput) (activities.TrialResult, error) {
		res, err := b.tryCase(ctx, in)
		if in.Case == "b" && len(b.gates) <= candidates {
			res.Outcome.Candidate, res.Outcome.Why = skill.CaseFailed, "It answered 3, and now 1."
		}
		res.Usage = run.Usage{SubagentOutputTokens: 10, WallSeconds: 1}
		return res, err
	}
}

func TestWhatReplacesAVersionIsHeldAgainstItsPastFirst(t *testing.T) {
	b := repairing(t, calls("finish"))
	b.breaking(0)
	res, err := b.install(t, InstallInput{Task: "x", Budget: run.Budget{SubagentTokens: 1000}})
	require.NoError(t, err)
	require.Equal(t, run.Completed, res.Outcome)
	require.Equal(t, []run.SavedSkill{{Name: "a", Version: 2, Parent: 1, Promoted: true}}, res.Skills)
	require.Equal(t, "gate-1", b.saves[0].Gate)
	require.Equal(t, "breaks none of 2 past cases, of which 2 could be told", b.saves[0].Note)
	require.Equal(t, int64(30), res.Usage.SubagentOutputTokens, "what the gate spent is the run's")
	require.Equal(t, 1, res.Usage.Rounds)
	require.Equal(t, &activities.PlanRef{Step: "step1", Index: 0}, b.gates[0].New, "the case of the task is tried as well")
}

func TestARejectedCandidateGoesBackToTheModelWithWhatItBroke(t *testing.T) {
	b := repairing(t, calls("finish"), calls("run_subagent"), calls("finish"))
	b.breaking(1)
	res, err := b.install(t, InstallInput{Task: "x"})
	require.NoError(t, err)
	require.Equal(t, run.Completed, res.Outcome)
	require.True(t, res.Skills[0].Promoted)
	require.Equal(t, 2, res.Usage.Rounds)
	require.Contains(t, b.thinks[1].Note, "a version 2 is rejected: breaks 1 of 2 past cases.")
	require.Contains(t, b.thinks[1].Note, `Its query was "q". It answered 3, and now 1.`)
	require.Len(t, b.saves, 1, "what was rejected is not saved")
}

func TestRoundsAreBudgeted(t *testing.T) {
	t.Run("a run keeps its answer, and the last candidate beside the current version", func(t *testing.T) {
		b := repairing(t, calls("finish"), calls("finish"), calls("finish"))
		b.breaking(9)
		res, err := b.install(t, InstallInput{Task: "x", Budget: run.Budget{Rounds: 2}})
		require.NoError(t, err)
		require.Equal(t, run.Completed, res.Outcome)
		require.Equal(t, 2, res.Turns)
		require.False(t, res.Skills[0].Promoted)
		require.Contains(t, res.Skills[0].Note, "all 2 rounds are used")
	})
	t.Run("a repair ends exhausted", func(t *testing.T) {
		b := repairing(t, calls("finish"), calls("finish"))
		b.breaking(9)
		res, err := b.execute(t, EvolveType, EvolveInput{Skill: "a", InstallInput: InstallInput{Task: "x", Budget: run.Budget{Rounds: 2}}})
		require.NoError(t, err)
		require.Equal(t, run.BudgetExhausted, res.Outcome)
		require.Contains(t, res.Reason, "a stays at version 1: breaks 1 of 2 past cases")
		require.Empty(t, b.saves)
	})
}

// moved is a save that another promotion was faster than, once.
func (b *bench) moved() {
	save, times := b.save, 0
	b.save = func(in activities.SaveInput) (activities.SaveResult, error) {
		if times++; times == 1 {
			return activities.SaveResult{Moved: true}, nil
		}
		return save(in)
	}
	stored := 0
	b.stored = func(in activities.CandidateInput) (activities.Candidate, error) {
		c, err := b.storeCandidate(in)
		if stored++; stored == 2 {
			c.Base.Version, c.Base.Generation, c.Base.Digest = 3, 2, "other"
		}
		return c, err
	}
}

func TestALostRaceIsGatedAgainOnTheNewBase(t *testing.T) {
	b := repairing(t, calls("finish"))
	b.moved()
	res, err := b.install(t, InstallInput{Task: "x"})
	require.NoError(t, err)
	require.True(t, res.Skills[0].Promoted)
	require.Len(t, b.gates, 2)
	require.Equal(t, []int{1, 3}, []int{b.gates[0].Base.Version, b.gates[1].Base.Version})
	require.Equal(t, int64(2), b.saves[1].Candidate.Base.Generation)
}

// approves releases what waits, as Ann, and returns what it was.
func (b *bench) approves(t *testing.T, at time.Duration) run.Approval {
	value, err := b.QueryWorkflow(StatusQuery)
	require.NoError(t, err)
	waits := decode(t, value).Approval
	require.NotNil(t, waits)
	b.UpdateWorkflow(ApproveUpdate, fmt.Sprint("approve", at), &outcome{}, Approve{ApprovalID: waits.ApprovalID, Decision: DecideApprove, By: "ann"})
	return *waits
}

func TestAnApprovalOfAPromotionGoesStaleWhenTheBaseMoves(t *testing.T) {
	b := repairing(t, calls("finish"))
	b.moved()
	var shown []run.Approval
	for _, at := range []time.Duration{time.Hour, 2 * time.Hour} {
		b.RegisterDelayedCallback(func() {
			shown = append(shown, b.approves(t, at))
		}, at)
	}
	res, err := b.install(t, InstallInput{Task: "x", Approval: ApprovePromotion})
	require.NoError(t, err)
	require.True(t, res.Skills[0].Promoted)
	require.Len(t, shown, 2)
	require.NotEqual(t, shown[0].ApprovalID, shown[1].ApprovalID)
	require.Equal(t, ApprovePromotion, shown[0].Kind)
	require.Equal(t, []string{"a version 2 in place of a version 1: passed, breaks none of 2 past cases, of which 2 could be told"}, shown[0].Skills)
	require.Contains(t, shown[1].Skills[0], "in place of a version 3")
	require.Equal(t, "ann", b.saves[1].Approved)
}

func TestAPersonDecidesWhereTheGateCannotTell(t *testing.T) {
	unknown := func(b *bench) {
		b.try = func(ctx context.Context, in activities.TrialInput) (activities.TrialResult, error) {
			res, err := b.tryCase(ctx, in)
			if in.New == nil {
				res.Outcome.Candidate = skill.CaseUnknown
			}
			return res, err
		}
	}
	t.Run("nobody is asked: the version is kept", func(t *testing.T) {
		b := repairing(t, calls("finish"))
		unknown(b)
		res, err := b.install(t, InstallInput{Task: "x"})
		require.NoError(t, err)
		require.Equal(t, run.Completed, res.Outcome)
		require.Equal(t, "only 0 of 2 past cases could be told", b.saves[0].Hold)
		require.False(t, res.Skills[0].Promoted)
	})
	t.Run("a guarded skill has somebody", func(t *testing.T) {
		b := repairing(t, calls("finish"))
		unknown(b)
		b.stored = func(in activities.CandidateInput) (activities.Candidate, error) {
			c, err := b.storeCandidate(in)
			c.Guarded = true
			return c, err
		}
		b.RegisterDelayedCallback(func() { b.approves(t, time.Hour) }, time.Hour)
		res, err := b.install(t, InstallInput{Task: "x"})
		require.NoError(t, err)
		require.True(t, res.Skills[0].Promoted)
		require.Equal(t, "ann", b.saves[0].Approved)
	})
}

func TestAGateThatCannotBeCarriedOutLeavesTheAnswer(t *testing.T) {
	b := repairing(t, calls("finish"))
	b.try = func(context.Context, activities.TrialInput) (activities.TrialResult, error) {
		return activities.TrialResult{}, temporal.NewNonRetryableApplicationError("a manifest does not match its digest", activities.StorageCorrupt, nil)
	}
	res, err := b.install(t, InstallInput{Task: "x"})
	require.NoError(t, err)
	require.Equal(t, run.Completed, res.Outcome)
	require.Contains(t, b.saves[0].Hold, "a manifest does not match its digest")
}

func TestACancelledRunCancelsItsGate(t *testing.T) {
	b := repairing(t, calls("finish"))
	b.try = func(ctx context.Context, _ activities.TrialInput) (activities.TrialResult, error) {
		<-ctx.Done()
		return activities.TrialResult{}, ctx.Err()
	}
	b.RegisterDelayedCallback(b.CancelWorkflow, time.Second)
	_, err := b.install(t, InstallInput{Task: "x"})
	require.True(t, temporal.IsCanceledError(err), "%v", err)
	require.Equal(t, run.Cancelled, b.closed[0].Result.Outcome)
}

func TestSomebodyIsHeardWhileAGateGoesOn(t *testing.T) {
	b := repairing(t, calls("finish"), calls("finish"))
	var once sync.Once
	b.try = func(ctx context.Context, in activities.TrialInput) (activities.TrialResult, error) {
		once.Do(func() {
			b.UpdateWorkflow(InstructUpdate, "said", &outcome{}, Instruct{Message: "in French, please"})
		})
		return b.tryCase(ctx, in)
	}
	res, err := b.install(t, InstallInput{Task: "x"})
	require.NoError(t, err)
	require.Equal(t, 2, res.Turns)
	require.Contains(t, b.thinks[1].Note, "in French, please")
}

func TestChecksAreWrittenWhereTheInstallationWantsThem(t *testing.T) {
	b := newBench(t, calls("finish"))
	b.policy.Checks = true
	var asked []activities.CheckInput
	var agents *activities.Subagents
	b.OnActivity(agents.MakeCheck, mock.Anything, mock.Anything).Return(func(_ context.Context, in activities.CheckInput) (activities.CheckResult, error) {
		asked = append(asked, in)
		return activities.CheckResult{Check: "check", Kind: "script", Usage: run.Usage{CheckOutputTokens: 7}}, nil
	})
	res, err := b.install(t, InstallInput{Task: "x"})
	require.NoError(t, err)
	require.Len(t, asked, 2)
	require.Equal(t, int64(14), res.Usage.CheckOutputTokens)
	require.Equal(t, "check", b.saves[1].Check)
}
