package workflows

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"agentfactory/activities"
	"agentfactory/internal/run"
)

// versionedBench runs on workers of a deployment, and counts the timers.
func versionedBench(t *testing.T, turns ...activities.ThinkResult) (b *bench, timers *int) {
	b, timers = newBench(t, turns...), new(int)
	b.versioned = true
	b.SetOnTimerScheduledListener(func(string, time.Duration) { *timers++ })
	return b, timers
}

// releaseAfter makes a newer version the target; a run hears of it with its next workflow task.
func (b *bench) releaseAfter(d time.Duration) {
	b.RegisterDelayedCallback(func() { b.SetTargetWorkerDeploymentVersionChanged(true) }, d)
}

func TestARunThatWaitsForAPersonLooksDailyForANewVersionAndMovesThere(t *testing.T) {
	for name, in := range map[string]InstallInput{
		"for an approval": {Task: "x", Approval: ApproveFinish},
		"paused":          {Task: "x", Paused: true},
	} {
		t.Run(name, func(t *testing.T) {
			b, timers := versionedBench(t, calls("finish"))
			b.releaseAfter(60 * time.Hour)
			_, err := b.install(t, in)
			var next *workflow.ContinueAsNewError
			require.ErrorAs(t, err, &next)
			require.EqualValues(t, workflow.ContinueAsNewVersioningBehaviorAutoUpgrade, next.InitialVersioningBehavior)
			require.Equal(t, 3, *timers, "a look each day until the third")
			carry := carryOf(t, next)
			require.True(t, carry.Versioned)
			require.Equal(t, in.Paused, carry.Paused != nil, "it waits for the same as before")
			require.Equal(t, in.Approval == ApproveFinish, carry.Accepted != nil)
		})
	}
}

func TestAMovedRunGoesOnWaitingAndEndsAsItWouldHave(t *testing.T) {
	b, _ := versionedBench(t, calls("finish"))
	b.releaseAfter(time.Hour)
	_, err := b.install(t, InstallInput{Task: "x", Approval: ApproveFinish})
	var next *workflow.ContinueAsNewError
	require.ErrorAs(t, err, &next)

	second, _ := versionedBench(t)
	second.update(48*time.Hour, ApproveUpdate, Approve{ApprovalID: "finish-digest", Decision: DecideApprove})
	res, err := second.install(t, InstallInput{Task: "x", Approval: ApproveFinish, Carry: carryOf(t, next)})
	require.NoError(t, err)
	require.Equal(t, run.Completed, res.Outcome)
	require.Len(t, second.saves, 2)
}

func TestARunThatAsksAboutACallMovesAndComesToTheSameQuestion(t *testing.T) {
	b := asking(t)
	b.versioned = true
	b.releaseAfter(36 * time.Hour)
	var shown run.Approval
	b.at(t, time.Hour, func(s run.Status) { shown = *s.Approval })
	_, err := b.install(t, InstallInput{Task: "x"})
	var next *workflow.ContinueAsNewError
	require.ErrorAs(t, err, &next)
	require.EqualValues(t, workflow.ContinueAsNewVersioningBehaviorAutoUpgrade, next.InitialVersioningBehavior)
	carry := carryOf(t, next)
	require.Empty(t, carry.Answers)
	require.Equal(t, run.JournalPrefix("default-test-workflow-id", "default-test-run-id", 1), carry.Begun.Journal)

	second := asking(t)
	second.versioned = true
	carry.Paused = &Pause{} // somebody paused it while it asked: it goes on asking
	second.update(48*time.Hour, ApproveUpdate, Approve{ApprovalID: shown.ApprovalID, Decision: DecideApprove})
	second.update(49*time.Hour, ResumeUpdate, Resume{})
	res, err := second.install(t, InstallInput{Task: "x", Carry: carry})
	require.NoError(t, err)
	require.Equal(t, run.Completed, res.Outcome)
	require.Equal(t, carry.Begun.Journal, second.calls[0].Journal)
	require.Equal(t, []activities.Grant{{Digest: "d", Granted: true}}, second.calls[0].Grants)
	require.Empty(t, second.calls[1].Journal, "the next call has its own")
}

func TestARunAtWorkStaysOnItsVersion(t *testing.T) {
	b, timers := versionedBench(t, calls("run_subagent"), calls("finish"))
	b.SetTargetWorkerDeploymentVersionChanged(true)
	res, err := b.install(t, InstallInput{Task: "x"})
	require.NoError(t, err)
	require.Equal(t, run.Completed, res.Outcome)
	require.Zero(t, *timers)
}

func TestARunWithoutVersionsNeitherWakesNorMoves(t *testing.T) {
	b, timers := versionedBench(t, calls("finish"))
	b.versioned = false
	b.SetTargetWorkerDeploymentVersionChanged(true)
	b.update(100*time.Hour, ApproveUpdate, Approve{ApprovalID: "finish-digest", Decision: DecideApprove})
	res, err := b.install(t, InstallInput{Task: "x", Approval: ApproveFinish})
	require.NoError(t, err)
	require.Equal(t, run.Completed, res.Outcome)
	require.Zero(t, *timers)
}

func TestAnEvaluationThatIsPausedMovesToANewVersion(t *testing.T) {
	f := newField(3)
	f.versioned = true
	f.RegisterDelayedCallback(func() { f.UpdateWorkflow(PauseUpdate, "pause", &outcome{}, Pause{}) }, 30*time.Second)
	f.RegisterDelayedCallback(func() { f.SetTargetWorkerDeploymentVersionChanged(true) }, time.Hour)
	f.ExecuteWorkflow(EvaluateType, EvaluateInput{Tasks: "k", Methods: []string{MethodReAct}})
	var next *workflow.ContinueAsNewError
	require.ErrorAs(t, f.GetWorkflowError(), &next)
	require.EqualValues(t, workflow.ContinueAsNewVersioningBehaviorAutoUpgrade, next.InitialVersioningBehavior)
	var in EvaluateInput
	require.NoError(t, converter.GetDefaultDataConverter().FromPayloads(next.Input, &in))
	require.NotNil(t, in.Carry.Paused)
	require.Len(t, f.graded, len(f.begun), "the task under way was seen through")
}

func TestWhatANewerVersionHandedOverIsKeptForOneThatKnowsIt(t *testing.T) {
	const handed = `{"task":"x","carry":{"turn":"turn0","of_tomorrow":1}}`
	b := newBench(t)
	b.SetContinuedExecutionRunID("the-one-before")
	_, err := b.install(t, json.RawMessage(handed))
	require.ErrorContains(t, err, "another version handed over what this one does not know")
	var panicked *temporal.PanicError
	require.ErrorAs(t, err, &panicked, "the workflow task fails, and not the run")

	_, err = newBench(t).install(t, json.RawMessage(handed))
	var refused *temporal.ApplicationError
	require.ErrorAs(t, err, &refused)
	require.Equal(t, activities.InvalidInput, refused.Type(), "from anybody else it is a wrong input")
}

func carryOf(t *testing.T, next *workflow.ContinueAsNewError) *Carry {
	t.Helper()
	var in InstallInput
	require.NoError(t, converter.GetDefaultDataConverter().FromPayloads(next.Input, &in))
	require.NotNil(t, in.Carry)
	return in.Carry
}
