package workflows

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"agentfactory/activities"
	"agentfactory/internal/evaluation"
	"agentfactory/internal/evaluation/archive"
	"agentfactory/internal/run"
)

// task has one task done and graded, unless that happened before.
func (e *evaluating) task(ctx workflow.Context, arm archive.Arm, number int) error {
	id := workflow.GetInfo(ctx).WorkflowExecution.ID
	ref := activities.TaskRef{Evaluation: id, Arm: arm, Number: number}
	name := fmt.Sprintf("%s task %d", arm.Name(), number)
	var opened activities.OpenedTask
	if err := perform(ctx, e, recordKeeping, "open "+name, (*activities.Evaluations).OpenTask, ref, &opened); err != nil {
		return err
	}
	if opened.Done != nil {
		e.count(ctx, arm, *opened.Done)
		return nil
	}
	grade, err := e.solve(ctx, ref, opened)
	if err != nil {
		return err
	}
	var done activities.TaskDone
	if err := perform(ctx, e, sandboxRun, "grade "+name, (*activities.Grader).GradeTask, grade, &done); err != nil {
		return err
	}
	e.count(ctx, arm, done)
	return nil
}

// solve runs a task as a child workflow of the method's type. How it ends is for the grader to tell, unless nothing that came
// after it could end otherwise.
func (e *evaluating) solve(ctx workflow.Context, ref activities.TaskRef, task activities.OpenedTask) (activities.GradeInput, error) {
	grade := activities.GradeInput{TaskRef: ref, Library: task.Library, Model: e.opened.Model, WorkflowID: childID(ref)}
	in := InstallInput{Task: task.Task, Files: task.Files, Model: e.opened.Model, Budget: e.opened.Budget, Library: task.Library}
	options := workflow.ChildWorkflowOptions{
		WorkflowID: grade.WorkflowID, WaitForCancellation: true, StaticSummary: clip(task.ID, maxActivitySummary),
		WorkflowIDReusePolicy: enumspb.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE, // of an evaluation that was ended before this task was graded
	}
	grade.Started = workflow.Now(ctx)
	child := workflow.ExecuteChildWorkflow(workflow.WithChildOptions(ctx, options), MethodTypes[ref.Arm.Method], in)
	var res struct {
		RunID string `json:"run_id"` // of the last run, if it continued as new
	}
	err := child.Get(ctx, &res)
	if ctx.Err() != nil {
		return grade, ctx.Err()
	}
	if slices.Contains(hopeless, errorType(err)) {
		return grade, err
	}
	grade.RunID, grade.Seconds = res.RunID, workflow.Now(ctx).Sub(grade.Started).Seconds()
	grade.Ended = run.Completed
	if err != nil {
		grade.Ended, grade.Reason = endOfChild(err), clip(reasonOf(err), maxToldReason)
	}
	return grade, nil
}

// hopeless are the errors of a task that every other task would meet as well.
var hopeless = []string{activities.ModelAuth, activities.ModelNotConfigured}

// maxToldReason bounds why a child failed, in characters.
const maxToldReason = 300

// endOfChild is how a child without a result ended.
func endOfChild(err error) run.Outcome {
	var timeout *temporal.TimeoutError
	var terminated *temporal.TerminatedError
	switch {
	case temporal.IsCanceledError(err):
		return run.Cancelled
	case errors.As(err, &terminated):
		return run.Terminated
	case errors.As(err, &timeout):
		return run.TimedOut
	}
	return run.Failed
}

// childID is the workflow ID of a task: that of the evaluation in front, so that both stand together in a list.
func childID(ref activities.TaskRef) string {
	return fmt.Sprintf("%s-%s-%05d", ref.Evaluation, ref.Arm.Name(), ref.Number)
}

// count adds a task to what the evaluation shows.
func (e *evaluating) count(ctx workflow.Context, arm archive.Arm, d activities.TaskDone) {
	e.tally[arm.Method].count(d)
	e.spent.CostUSD += d.CostUSD
	e.spent.OrchestrationTokens += d.Tokens
	line := fmt.Sprintf("%s %s: %s", arm.Name(), d.ID, strings.ReplaceAll(string(d.Verdict), "_", " "))
	if d.Choice != "" && d.Choice != run.Neither {
		line += ", " + string(d.Choice)
	}
	line += fmt.Sprintf(", %d tokens", d.Tokens)
	if d.Verdict != evaluation.Passed {
		line = because(line, d.Reason)
	}
	e.story.tell(ctx, line)
	e.progress(ctx)
}
