package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	failurepb "go.temporal.io/api/failure/v1"
	"go.temporal.io/api/workflowservice/v1"

	"agentfactory/workflows"
)

// reportAttempt is the attempt from which on an activity's failure is shown.
const reportAttempt = 2

// quiet is how long nobody answers before a watcher is told why: a worker that is
// replaced, or a machine that is busy, answers again sooner.
const quiet = 10 * time.Second

// look shows why a run does not get on: activities that fail and are tried again, or
// workers that are not there or fail. It reports whether the run has ended.
func (w *watcher) look(ctx context.Context, answered bool) bool {
	ctx, cancel := context.WithTimeout(ctx, answerWithin)
	defer cancel()
	d, err := w.describe(ctx, w.id, "")
	if errors.Is(ctx.Err(), context.Canceled) {
		return false
	}
	if err != nil {
		w.progress.note("Temporal does not answer; still trying")
		return false // wait notices a server that is gone for good
	}
	for _, activity := range d.GetPendingActivities() {
		if activity.GetAttempt() >= reportAttempt && activity.GetLastFailure() != nil {
			w.progress.note(fmt.Sprintf("%s, attempt %d: %s", activityName(activity.GetActivityType()), activity.GetAttempt(), w.Temporal.Payloads.Message(activity.GetLastFailure())))
		}
	}
	if outcomeOf(d.GetWorkflowExecutionInfo()) != running {
		return true
	}
	if answered {
		w.answered = time.Now()
	} else if polled := w.polled(ctx); !polled || time.Since(w.answered) >= quiet {
		w.progress.note(w.unanswered(ctx, d, polled))
	}
	return false
}

// unanswered says why no worker tells what a run is doing; polled is whether there are any.
func (c *connection) unanswered(ctx context.Context, d *workflowservice.DescribeWorkflowExecutionResponse, polled bool) string {
	info := d.GetWorkflowExecutionInfo()
	version := info.GetVersioningInfo().GetDeploymentVersion()
	if d.GetPendingWorkflowTask().GetAttempt() > 1 {
		if why := c.taskFailure(ctx, info.GetExecution()); why != "" {
			return "workers fail at the run and try again: " + why
		}
	}
	switch {
	case !polled:
		return fmt.Sprintf("no worker polls task queue %q: the run waits until one does", workflows.TaskQueue)
	case version != nil:
		return fmt.Sprintf("no worker of version %s of deployment %s answers, to which the run belongs; is one running?", version.GetBuildId(), version.GetDeploymentName())
	}
	return "no worker answers; is one running, and has its deployment a current version? (`starter doctor`)"
}

// taskFailure is why the last workflow task of a run failed; "" where none did, or nobody knows.
func (c *connection) taskFailure(ctx context.Context, of *commonpb.WorkflowExecution) string {
	latest, err := c.Temporal.WorkflowService().GetWorkflowExecutionHistoryReverse(ctx, &workflowservice.GetWorkflowExecutionHistoryReverseRequest{
		Namespace: c.Temporal.Namespace, Execution: of, MaximumPageSize: 10,
	})
	if err != nil {
		return ""
	}
	for _, e := range latest.GetHistory().GetEvents() {
		if failed := e.GetWorkflowTaskFailedEventAttributes(); failed != nil {
			return c.readable(failed.GetFailure())
		}
	}
	return ""
}

// readable is the message of a failure, or why it cannot be read here.
func (c *connection) readable(f *failurepb.Failure) string {
	if sealed := f.GetEncodedAttributes(); sealed != nil {
		var attributes any
		if err := c.Temporal.Payloads.Data.FromPayload(sealed, &attributes); err != nil {
			return "the reason cannot be read here: " + err.Error()
		}
	}
	return c.Temporal.Payloads.Message(f)
}

// activityName says what an activity does for those who do not know its name.
func activityName(t *commonpb.ActivityType) string {
	names := map[string]string{
		"Begin": "open the run", "Think": "call the model", "RunSubagent": "run a subagent", "ReviewFinish": "review the finish",
		"EditWorkspace": "edit the workspace", "Consult": "read the library", "SaveSkill": "save a skill", "Close": "write the result",
	}
	if name, ok := names[t.GetName()]; ok {
		return name
	}
	return t.GetName()
}

// polled reports whether any worker takes workflow tasks; when that is unknown, it
// does not complain.
func (c *connection) polled(ctx context.Context) bool {
	d, err := c.Temporal.DescribeTaskQueue(ctx, workflows.TaskQueue, enumspb.TASK_QUEUE_TYPE_WORKFLOW)
	return err != nil || len(d.GetPollers()) > 0
}
