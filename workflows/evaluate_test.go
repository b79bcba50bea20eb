package workflows

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/workflow"

	"agentfactory/activities"
	"agentfactory/internal/evaluation"
	"agentfactory/internal/evaluation/archive"
	"agentfactory/internal/run"
)

// field is where evaluations are tried: what a run of a task does can be set.
type field struct {
	*testsuite.TestWorkflowEnvironment
	count  int
	done   map[string]bool // tasks that are done already, as <arm>/<number>
	solve  func(ctx workflow.Context, in InstallInput) (run.Result, error)
	report activities.EvaluationReport

	versioned bool // the workers belong to a deployment

	opened    activities.OpenEvaluationInput
	begun     []string // workflow IDs of tasks, in the order in which they were begun
	graded    []activities.GradeInput
	announced []activities.AnnounceInput
	reports   int
	now, most int // tasks side by side
}

func newField(tasks int) *field {
	var suite testsuite.WorkflowTestSuite
	f := &field{TestWorkflowEnvironment: suite.NewTestWorkflowEnvironment(), count: tasks, done: map[string]bool{}}
	f.solve = func(workflow.Context, InstallInput) (run.Result, error) { return run.Result{RunID: "last"}, nil }
	f.SetTestTimeout(patience)
	f.SetStartWorkflowOptions(client.StartWorkflowOptions{ID: "eval", TaskQueue: TaskQueue})
	f.register()
	return f
}

func (f *field) register() {
	var evaluations *activities.Evaluations
	var grader *activities.Grader
	f.RegisterWorkflowWithOptions(Evaluate, workflow.RegisterOptions{Name: EvaluateType})
	for _, name := range []string{SolveType, ReActType, TextualType} {
		f.RegisterWorkflowWithOptions(f.child, workflow.RegisterOptions{Name: name})
	}
	f.RegisterActivity(evaluations)
	f.RegisterActivity(grader)
	f.OnActivity(evaluations.OpenEvaluation, mock.Anything, mock.Anything).Maybe().Return(func(_ context.Context, in activities.OpenEvaluationInput) (activities.OpenedEvaluation, error) {
		f.opened = in
		res := activities.OpenedEvaluation{Count: f.count, Model: "m", Budget: run.Budget{Turns: 7}, Versioned: f.versioned}
		for i := range in.Repeat {
			for _, m := range in.Methods {
				res.Arms = append(res.Arms, archive.Arm{Method: m, Repeat: i + 1})
			}
		}
		return res, nil
	})
	f.OnActivity(evaluations.OpenTask, mock.Anything, mock.Anything).Maybe().Return(func(_ context.Context, in activities.TaskRef) (activities.OpenedTask, error) {
		id := fmt.Sprintf("t%d", in.Number)
		if f.done[fmt.Sprintf("%s/%d", in.Arm.Name(), in.Number)] {
			return activities.OpenedTask{ID: id, Done: &activities.TaskDone{ID: id, Verdict: evaluation.Passed}}, nil
		}
		return activities.OpenedTask{ID: id, Task: "do " + id, Library: "evaluations/eval/libraries/" + in.Arm.Name()}, nil
	})
	f.OnActivity(grader.GradeTask, mock.Anything, mock.Anything).Maybe().Return(func(_ context.Context, in activities.GradeInput) (activities.TaskDone, error) {
		f.graded = append(f.graded, in)
		return activities.TaskDone{ID: fmt.Sprintf("t%d", in.Number), Verdict: evaluation.Passed, Tokens: 10, CostUSD: 0.5, Choice: run.Reused}, nil
	})
	f.OnActivity(evaluations.ReportEvaluation, mock.Anything, mock.Anything).Maybe().Return(func(context.Context, activities.ReportInput) (activities.EvaluationReport, error) {
		f.reports++
		return f.report, nil
	})
	f.OnActivity(evaluations.Announce, mock.Anything, mock.Anything).Maybe().Return(func(_ context.Context, in activities.AnnounceInput) error {
		f.announced = append(f.announced, in)
		return nil
	})
}

// child stands for a run of a task.
func (f *field) child(ctx workflow.Context, in InstallInput) (run.Result, error) {
	f.begun = append(f.begun, workflow.GetInfo(ctx).WorkflowExecution.ID)
	f.now++
	f.most = max(f.most, f.now)
	defer func() { f.now-- }()
	if err := workflow.Sleep(ctx, time.Minute); err != nil {
		return run.Result{}, err
	}
	return f.solve(ctx, in)
}

func (f *field) evaluate(t *testing.T, in any) (EvaluateResult, error) {
	t.Helper()
	f.ExecuteWorkflow(EvaluateType, in)
	require.True(t, f.IsWorkflowCompleted())
	var res EvaluateResult
	if err := f.GetWorkflowError(); err != nil {
		return res, err
	}
	require.NoError(t, f.GetWorkflowResult(&res))
	return res, nil
}

func (f *field) status(t *testing.T) (s run.Status) {
	answer, err := f.QueryWorkflow(StatusQuery)
	require.NoError(t, err)
	require.NoError(t, answer.Get(&s))
	return s
}

func TestAnEvaluationRefusesWhatMakesNoSense(t *testing.T) {
	for input, says := range map[string]string{
		`{}`:                                "tasks is empty",
		`{"tasks":"k","methods":["magic"]}`: `there is no method "magic"; there are react, textual, agentfactory`,
		`{"tasks":"k","methods":["react","react"]}`:          "react is given twice",
		`{"tasks":"k","repeat":21}`:                          "repeat is 21: give 1 to 20",
		`{"tasks":"k","concurrency":-1}`:                     "concurrency is -1",
		`{"tasks":"k","from_scratch":true,"library":"live"}`: "exclude each other",
		`{"tasks":"k","total":{"cost_usd":-1}}`:              "total: give positive numbers",
		`{"tasks":"k","budget":{"turns":-1}}`:                "budget.turns",
		`{"tasks":"k","methds":[]}`:                          `did you mean "methods"?`,
	} {
		_, err := newField(1).evaluate(t, json.RawMessage(input))
		var app *temporal.ApplicationError
		require.ErrorAs(t, err, &app)
		require.Equal(t, activities.InvalidInput, app.Type())
		require.Contains(t, app.Message(), says)
	}
}

func TestEachMethodDoesTheTasksInTheirOrder(t *testing.T) {
	f := newField(3)
	f.report.Methods = []activities.MethodSummary{{Method: "react", Passed: 6}}
	res, err := f.evaluate(t, EvaluateInput{Tasks: "k", Methods: []string{"react", "agentfactory"}, Repeat: 2, Concurrency: 3})
	require.NoError(t, err)
	require.Equal(t, run.Completed, res.Outcome)
	require.Equal(t, "eval", res.Evaluation)
	require.Equal(t, f.report, res.Report)
	require.Len(t, f.begun, 12)
	require.Equal(t, 3, f.most, "as many side by side as were allowed")
	for _, arm := range []string{"react-1", "react-2", "agentfactory-1", "agentfactory-2"} {
		var own []int
		for _, g := range f.graded {
			if g.Arm.Name() == arm {
				own = append(own, g.Number)
				require.Equal(t, "evaluations/eval/libraries/"+arm, g.Library)
				require.Equal(t, "last", g.RunID, "the run that the result names, whatever it continued as")
			}
		}
		require.Equal(t, []int{1, 2, 3}, own, arm)
	}
	require.Contains(t, f.begun, "eval-agentfactory-2-00003")
}

func TestFromScratchAllTasksAreSideBySide(t *testing.T) {
	f := newField(10)
	_, err := f.evaluate(t, EvaluateInput{Tasks: "k", Methods: []string{"react", "agentfactory"}, FromScratch: true, Concurrency: 8})
	require.NoError(t, err)
	require.Equal(t, 8, f.most)
	require.Len(t, f.begun, 20)
	slices.Sort(f.begun)
	require.Len(t, slices.Compact(f.begun), 20, "each once")
}

func TestARunThatFailsIsGradedAndTheOthersGoOn(t *testing.T) {
	f := newField(2)
	f.solve = func(_ workflow.Context, in InstallInput) (run.Result, error) {
		if in.Task == "do t1" {
			return run.Result{}, temporal.NewNonRetryableApplicationError("the model refused", ModelRefused, nil)
		}
		return run.Result{RunID: "last"}, nil
	}
	_, err := f.evaluate(t, EvaluateInput{Tasks: "k"})
	require.NoError(t, err)
	require.Len(t, f.graded, 2)
	require.Equal(t, run.Failed, f.graded[0].Ended)
	require.Contains(t, f.graded[0].Reason, "the model refused")
	require.Empty(t, f.graded[0].RunID)
}

// A key that is wrong for one task is so for all: what was done stays, and is not done again.
func TestWhatEveryTaskWouldMeetEndsTheEvaluation(t *testing.T) {
	f := newField(5)
	f.solve = func(_ workflow.Context, in InstallInput) (run.Result, error) {
		if in.Task == "do t2" {
			return run.Result{}, temporal.NewNonRetryableApplicationError("check OPENAI_API_KEY", activities.ModelAuth, nil)
		}
		return run.Result{RunID: "last"}, nil
	}
	_, err := f.evaluate(t, EvaluateInput{Tasks: "k"})
	var app *temporal.ApplicationError
	require.ErrorAs(t, err, &app)
	require.Equal(t, activities.ModelAuth, app.Type())
	require.Len(t, f.graded, 1)
	require.Equal(t, 1, f.reports, "what was done is reported")
}

func TestTasksThatAreDoneAreNotDoneAgain(t *testing.T) {
	f := newField(3)
	f.done["agentfactory-1/1"], f.done["agentfactory-1/2"] = true, true
	_, err := f.evaluate(t, EvaluateInput{Tasks: "k"})
	require.NoError(t, err)
	require.Equal(t, []string{"eval-agentfactory-1-00003"}, f.begun)
	s := f.status(t)
	require.Contains(t, s.Events[len(s.Events)-1].Text, "completed")
}

func TestAnEvaluationStopsWhenItsBudgetIsSpent(t *testing.T) {
	f := newField(10)
	res, err := f.evaluate(t, EvaluateInput{Tasks: "k", Total: EvaluationTotal{OrchestrationTokens: 25}})
	require.NoError(t, err)
	require.Equal(t, run.BudgetExhausted, res.Outcome)
	require.Contains(t, res.Reason, "30 of 25 orchestration tokens")
	require.Len(t, f.graded, 3)
	require.Equal(t, 1, f.reports)

	f = newField(10)
	res, err = f.evaluate(t, EvaluateInput{Tasks: "k", Total: EvaluationTotal{CostUSD: 1}})
	require.NoError(t, err)
	require.Equal(t, run.BudgetExhausted, res.Outcome)
	require.Len(t, f.graded, 2)
}

func TestAPausedEvaluationBeginsNoTask(t *testing.T) {
	f := newField(3)
	var held run.Status
	var begun int
	f.RegisterDelayedCallback(func() { f.update(t, PauseUpdate, Pause{Reason: "lunch"}) }, 30*time.Second)
	f.RegisterDelayedCallback(func() {
		held, begun = f.status(t), len(f.begun)
		f.update(t, ResumeUpdate, Resume{})
	}, time.Hour)
	_, err := f.evaluate(t, EvaluateInput{Tasks: "k"})
	require.NoError(t, err)
	require.Equal(t, run.Paused, held.Phase)
	require.True(t, held.Paused)
	require.Equal(t, 1, begun, "the one under way went on")
	require.Len(t, f.graded, 3)
}

func (f *field) update(t *testing.T, name string, arg any) {
	f.UpdateWorkflow(name, name, &outcome{}, arg)
}

func TestACancelledEvaluationReportsWhatWasDone(t *testing.T) {
	f := newField(5)
	f.RegisterDelayedCallback(f.CancelWorkflow, 90*time.Second)
	_, err := f.evaluate(t, EvaluateInput{Tasks: "k"})
	require.True(t, temporal.IsCanceledError(err), "%v", err)
	require.Len(t, f.graded, 1, "the one that was cut off is not graded: it is done again when the evaluation goes on")
	require.Equal(t, 1, f.reports)
}

func TestOnlyAnEvaluationThatGotWorseIsAnnounced(t *testing.T) {
	for change, announced := range map[evaluation.Change]int{"": 0, evaluation.Better: 0, evaluation.Same: 0, evaluation.MixedChange: 0, evaluation.Worse: 1} {
		f := newField(1)
		f.report = activities.EvaluationReport{Change: change, Previous: "before", Why: "because"}
		_, err := f.evaluate(t, EvaluateInput{Tasks: "k"})
		require.NoError(t, err)
		require.Len(t, f.announced, announced, "%s", change)
	}
}

// A long evaluation continues as new when no task is under way, and goes on where it was.
func TestALongEvaluationContinuesAsNew(t *testing.T) {
	for _, scratch := range []bool{false, true} {
		f := newField(20)
		f.RegisterDelayedCallback(func() { f.SetContinueAsNewSuggested(true) }, 150*time.Second)
		f.ExecuteWorkflow(EvaluateType, EvaluateInput{Tasks: "k", Methods: []string{"react", "agentfactory"}, FromScratch: scratch, Concurrency: 3})
		err := f.GetWorkflowError()
		var again *workflow.ContinueAsNewError
		require.ErrorAs(t, err, &again)
		require.Len(t, f.graded, len(f.begun), "nothing is under way")
		require.Zero(t, f.reports)
		var in EvaluateInput
		require.NoError(t, converter.GetDefaultDataConverter().FromPayloads(again.Input, &in))
		require.Equal(t, len(f.begun), in.Carry.Tally["react"].Done+in.Carry.Tally["agentfactory"].Done)

		next := newField(20)
		_, err = next.evaluate(t, in)
		require.NoError(t, err)
		require.Len(t, append(f.begun, next.begun...), 40)
		all := append(f.begun, next.begun...)
		slices.Sort(all)
		require.Len(t, slices.Compact(all), 40, "each task once")
		require.Empty(t, next.opened.Tasks, "it was opened before")
	}
}
