package main

import (
	"context"
	"errors"
	"fmt"

	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"

	"agentfactory/workflows"
)

// reportAttempt is the attempt from which on an activity's failure is shown.
const reportAttempt = 2

// look shows why a run does not get on: activities that fail and are tried again, or a
// task queue without a worker. It reports whether the run has ended.
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
	if !answered && !w.polled(ctx) {
		w.progress.note(fmt.Sprintf("no worker polls task queue %q: the run waits until one does", workflows.TaskQueue))
	}
	return false
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
