package e2e

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"agentfactory/internal/run"
)

func TestAResetGoesBackToATurnAndAsksForApprovalAgain(t *testing.T) {
	t.Parallel()
	s := newStack(t, wordCount)
	s.worker()
	c := s.cli()
	c.start("again", `{"approval":"finish",`+countInput+`}`)
	approval := c.until("again", in(run.WaitingForApproval)).Approval
	c.update("again", "approve", decision(approval.ApprovalID))
	_, first := c.result("again")
	require.Equal(t, run.Completed, first.Outcome)
	asked := len(s.model.Log())

	c.reset("again", "turn 2") // applies the approval again, which is refused
	waiting := c.until("again", in(run.WaitingForApproval))
	require.Equal(t, asked+2, len(s.model.Log()), "turns 2 and 3 are asked for again, turn 1 is not")
	require.Equal(t, []string{first.RunID, first.RunID, s.runID("again")}, s.runsBefore(waiting.TurnKey))
	c.update("again", "approve", decision(waiting.Approval.ApprovalID))
	_, second := c.result("again")
	require.Equal(t, run.Completed, second.Outcome)
	require.Equal(t, []run.SavedSkill{{Name: "word-count", Version: 1, Promoted: true}}, first.Skills)
	require.Equal(t, 1, second.Skills[0].Version, "the version that was saved before the reset is adopted")
	for _, runID := range []string{first.RunID, second.RunID} {
		_, err := s.records.Result(t.Context(), "again", runID)
		require.NoError(t, err, "both runs keep their result.json")
	}
}

func TestAResetOfAnOpenRunBeginsAnew(t *testing.T) {
	t.Parallel()
	s := newStack(t, wordCount)
	s.worker()
	c := s.cli()
	c.start("anew", `{"approval":"finish",`+countInput+`}`)
	c.until("anew", in(run.WaitingForApproval))
	old := s.runID("anew")
	c.run("workflow", "reset", "--workflow-id", "anew", "--type", "FirstWorkflowTask", "--reason", "from the beginning")
	waiting := c.until("anew", func(st run.Status) bool { return st.Approval != nil && s.runID("anew") != old })
	require.NotContains(t, s.runsBefore(waiting.TurnKey), old)
	c.findsSoon(`WorkflowId="anew" AND ExecutionStatus="Terminated"`, "anew")
	c.update("anew", "approve", decision(waiting.Approval.ApprovalID))
	_, res := c.result("anew")
	require.Equal(t, run.Completed, res.Outcome)
}

func TestAResetAppliesUpdatesAgainUnlessTheyAreExcluded(t *testing.T) {
	t.Parallel()
	s := newStack(t, `
conversations:
  - turns:
      - calls: [{name: list_saved_subagents}]
      - calls: [{name: finish, arguments: {answer: done}}]
`)
	ids := []string{"applied", "left-out"}
	replies := map[string]*hold{} // so that they are instructed before the reply
	for _, id := range ids {
		replies[id] = s.holdModel("wait for " + id)
	}
	s.worker()
	c := s.cli()
	told := func(id string) bool {
		_, res := c.result(id)
		return strings.Contains(s.dump(res.Transcript), "The user says: hurry")
	}
	for _, id := range ids {
		c.start(id, `{"task":"wait for `+id+`"}`)
		c.until(id, in(run.Thinking))
		c.update(id, "instruct", `{"message":"hurry"}`)
		replies[id].release()
		require.True(t, told(id))
	}
	c.reset("applied", "turn 1")
	require.True(t, told("applied"))
	c.reset("left-out", "turn 1", "--reapply-exclude", "Update")
	require.False(t, told("left-out"))
}

// reset goes back to before something is done, which its summary names.
func (c *cli) reset(id, before string, more ...string) {
	c.t.Helper()
	points := c.resetPoints(id)
	require.Contains(c.t, points, before)
	c.run(append([]string{"workflow", "reset", "--workflow-id", id, "--event-id", points[before], "--reason", "try again"}, more...)...)
}

// runsBefore are the runs that wrote the turns before one, the opening first.
func (s *stack) runsBefore(turnKey string) []string {
	s.t.Helper()
	chain, err := s.records.Chain(s.t.Context(), turnKey)
	require.NoError(s.t, err)
	var runs []string
	for _, turn := range chain[1:] {
		runs = append(runs, strings.Split(turn.Parent, "/")[2])
	}
	return runs
}
