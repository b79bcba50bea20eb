package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/temporal"

	runs "agentfactory/internal/run"
	"agentfactory/workflows"
)

const (
	pollEvery    = 250 * time.Millisecond
	answerWithin = 3 * time.Second // for a worker to answer the status query
	lookEvery    = 4               // polls between looks at what Temporal knows
	finishWithin = 10 * time.Second
)

// errStackGone says that the embedded stack ended while a run was watched.
var errStackGone = errors.New("the embedded servers have ended")

// watcher follows one run and shows its story.
type watcher struct {
	*connection
	id       string
	progress *progress
	polls    int
	answered time.Time // when a worker did so last
	finished bool      // the story has come to its end
}

// ending is what waiting for a run has come to.
type ending struct {
	result runs.Result
	err    error
}

// watch returns the result of the run as soon as it has ended. errDetached: the
// context ended first. errStackGone: the embedded stack did.
func (w *watcher) watch(ctx context.Context) (runs.Result, error) {
	first, err := w.describe(ctx, w.id, "")
	if err != nil {
		return runs.Result{}, w.lost(ctx, err)
	}
	w.answered = time.Now()
	w.progress.begin(w.startOf(ctx, first))
	live, stop := w.whileLive(ctx)
	defer stop()
	ends := make(chan ending, 2)
	await := func() { ends <- w.wait(live) }
	go await()
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for again := false; ; {
		select {
		case <-ctx.Done():
			return runs.Result{}, errDetached
		case <-w.gone():
			return runs.Result{}, errStackGone
		case e := <-ends:
			if e.err != nil {
				return runs.Result{}, w.lost(ctx, e.err)
			}
			w.showStatus(live) // the last lines of the story
			return e.result, nil
		case <-tick.C:
			// The server drops notifications when several events come at once, so that
			// waiting may miss the end for 20 s; asking anew does not.
			if w.poll(live) && !again {
				again = true
				go await()
			}
		}
	}
}

// whileLive is the context for calls of servers that may end, which nobody should wait for.
func (w *watcher) whileLive(ctx context.Context) (context.Context, context.CancelFunc) {
	live, stop := context.WithCancel(ctx)
	go func() {
		select {
		case <-w.gone():
			stop()
		case <-live.Done():
		}
	}()
	return live, stop
}

// lost tells the reason why a run can no longer be watched.
func (w *watcher) lost(ctx context.Context, err error) error {
	switch {
	case ctx.Err() != nil:
		return errDetached
	case codeOf(err) == exitUsage:
		return err
	}
	select {
	case <-w.gone():
		return errStackGone
	case <-time.After(time.Second): // a stack that dies closes its servers before its control connection
		return err
	}
}

// wait blocks until the run, or the last of those that it continued as, has ended.
func (w *watcher) wait(ctx context.Context) ending {
	var res runs.Result
	err := w.Temporal.GetWorkflow(ctx, w.id, "").Get(ctx, &res)
	if err == nil {
		return ending{result: res}
	}
	var failed *temporal.WorkflowExecutionError
	if !errors.As(err, &failed) {
		return ending{err: fmt.Errorf("wait for run %s: %w", w.id, err)}
	}
	res, err = w.recordedEnd(ctx, failed)
	return ending{res, err}
}

// recordedEnd is the result of a run that did not complete. A run that was terminated,
// or lost its storage, has left no result.json.
func (w *watcher) recordedEnd(ctx context.Context, failed error) (runs.Result, error) {
	ctx, cancel := context.WithTimeout(ctx, finishWithin)
	defer cancel()
	last, err := w.describe(ctx, w.id, "")
	if err != nil {
		return runs.Result{}, err
	}
	info := last.GetWorkflowExecutionInfo()
	runID := info.GetExecution().GetRunId()
	if res, err := w.Records.Result(ctx, w.id, runID); err == nil {
		return res, nil
	}
	return runs.Result{
		WorkflowID: w.id, RunID: runID, Outcome: outcomeOf(info), Reason: reasonOf(failed),
		Skills: []runs.SavedSkill{}, Files: []runs.OutputFile{},
	}, nil
}

// outcomeOf is what Temporal alone knows of a run's outcome.
func outcomeOf(info *workflowpb.WorkflowExecutionInfo) runs.Outcome {
	switch info.GetStatus() {
	case enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING, enumspb.WORKFLOW_EXECUTION_STATUS_CONTINUED_AS_NEW:
		return running
	case enumspb.WORKFLOW_EXECUTION_STATUS_COMPLETED:
		return runs.Completed
	case enumspb.WORKFLOW_EXECUTION_STATUS_CANCELED:
		return runs.Cancelled
	case enumspb.WORKFLOW_EXECUTION_STATUS_TERMINATED:
		return runs.Terminated
	case enumspb.WORKFLOW_EXECUTION_STATUS_TIMED_OUT:
		return runs.TimedOut
	}
	return runs.Failed
}

// reasonOf is the innermost message of a failed run.
func reasonOf(err error) string {
	var app *temporal.ApplicationError
	var terminated *temporal.TerminatedError
	var timeout *temporal.TimeoutError
	switch {
	case errors.As(err, &app):
		return app.Message()
	case errors.As(err, &terminated):
		return "terminated by an operator"
	case errors.As(err, &timeout):
		return "the workflow timeout that it was started with is over"
	}
	return err.Error()
}

// startOf is when the first run of a chain that continued as new was started.
func (w *watcher) startOf(ctx context.Context, d *workflowservice.DescribeWorkflowExecutionResponse) time.Time {
	info := d.GetWorkflowExecutionInfo()
	if first := info.GetFirstRunId(); first != "" && first != info.GetExecution().GetRunId() {
		if older, err := w.describe(ctx, w.id, first); err == nil {
			info = older.GetWorkflowExecutionInfo()
		}
	}
	return info.GetStartTime().AsTime()
}

// poll shows what is new: the story if a worker tells it, else what Temporal knows. It
// reports whether the run has ended.
func (w *watcher) poll(ctx context.Context) bool {
	answered := w.showStatus(ctx)
	w.polls++
	if answered && !w.finished && w.polls%lookEvery != 0 {
		return false
	}
	return w.look(ctx, answered)
}

// showStatus reports whether a worker answered.
func (w *watcher) showStatus(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, answerWithin)
	defer cancel()
	var status runs.Status
	value, err := w.Temporal.QueryWorkflow(ctx, w.id, "", workflows.StatusQuery)
	if err != nil || value.Get(&status) != nil {
		return false
	}
	w.finished = status.Phase == runs.Finished
	w.progress.show(status)
	switch {
	case status.Approval != nil:
		w.progress.note(fmt.Sprintf("look at it with: starter runs approve %s", w.id))
	case status.Phase == runs.Paused:
		w.progress.note(fmt.Sprintf("see what comes next with: starter runs show %s; go on with: starter runs resume %s", w.id, w.id))
	}
	return true
}
