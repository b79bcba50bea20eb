package workflows

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"agentfactory/activities"
	"agentfactory/internal/run"
)

// asking is a bench whose subagents make a call that the policy asks about.
func asking(t *testing.T) *bench {
	b := newBench(t, calls("run_subagent"), calls("finish"))
	b.carry = func(ctx context.Context, in activities.CallInput) (activities.CallResult, error) {
		if in.Finish == nil && len(in.Grants) == 0 {
			return activities.CallResult{Asked: &activities.Asked{Digest: "d", Request: `web_search {"query":"secret plans"}`, Rule: "plans", Reason: "nobody's business"}}, nil
		}
		return b.carryOut(ctx, in)
	}
	return b
}

func TestACallThatThePolicyAsksAboutWaitsForAPerson(t *testing.T) {
	for decision, granted := range map[string]bool{DecideApprove: true, DecideReject: false} {
		t.Run(decision, func(t *testing.T) {
			b := asking(t)
			var shown run.Approval
			b.at(t, time.Hour, func(s run.Status) {
				require.Equal(t, run.WaitingForApproval, s.Phase)
				shown = *s.Approval
			})
			b.RegisterDelayedCallback(func() {
				b.UpdateWorkflow(ApproveUpdate, "decide", &outcome{}, Approve{ApprovalID: shown.ApprovalID, Decision: decision, By: "ann"})
			}, 100*time.Hour)
			res, err := b.install(t, InstallInput{Task: "x"})
			require.NoError(t, err)
			require.Equal(t, run.Completed, res.Outcome, "a refused call is no end of the run")
			require.Equal(t, ApprovePolicy, shown.Kind)
			require.Contains(t, shown.Answer, `web_search {"query":"secret plans"}`)
			require.Equal(t, []activities.Grant{{Digest: "d", Granted: granted}}, b.calls[0].Grants)
			require.Equal(t, 1, b.calls[0].Step, "the step is the same, and with it the journal")
		})
	}
}
