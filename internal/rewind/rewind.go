// Package rewind finds the point in a run's history from which a turn can be taken
// again, for a Temporal reset. It reads histories and nothing else.
package rewind

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
)

// Point is where a reset goes to.
type Point struct {
	WorkflowID string
	RunID      string // of the execution that took the turn; a run that continued as new has several
	EventID    int64  // of the workflow task that asked for it; it is carried out again
	Turn       int
}

// ErrNoTurn: the run has not taken this turn, or its history is not kept any more.
var ErrNoTurn = errors.New("no such turn in the history")

// Find looks for a turn, from the latest execution of a run back to its first. data reads the payloads of the history.
func Find(ctx context.Context, c client.Client, data converter.DataConverter, workflowID string, turn int) (Point, error) {
	latest, err := c.DescribeWorkflowExecution(ctx, workflowID, "")
	if err != nil {
		return Point{}, fmt.Errorf("find run %s: %w", workflowID, err)
	}
	runID := latest.GetWorkflowExecutionInfo().GetExecution().GetRunId()
	for runID != "" {
		found, before, err := search(ctx, c, data, workflowID, runID, turn)
		if err != nil {
			return Point{}, fmt.Errorf("read the history of run %s: %w", workflowID, err)
		}
		if found > 0 {
			return Point{WorkflowID: workflowID, RunID: runID, EventID: found, Turn: turn}, nil
		}
		runID = before
	}
	return Point{}, fmt.Errorf("%w: turn %d of run %s", ErrNoTurn, turn, workflowID)
}

// search returns the workflow task of one execution that asked for the turn, or the
// execution that it continues.
func search(ctx context.Context, c client.Client, data converter.DataConverter, workflowID, runID string, turn int) (event int64, before string, err error) {
	history := c.GetWorkflowHistory(ctx, workflowID, runID, false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for history.HasNext() {
		e, err := history.Next()
		if err != nil {
			return 0, "", err
		}
		if started := e.GetWorkflowExecutionStartedEventAttributes(); started != nil {
			before = started.GetContinuedExecutionRunId()
		}
		asked, err := asks(e, data, turn)
		if err != nil {
			return 0, "", err
		}
		if asked {
			return e.GetActivityTaskScheduledEventAttributes().GetWorkflowTaskCompletedEventId(), "", nil
		}
	}
	return 0, before, nil
}

// Before is the execution that this one continues or was reset from, "" for the first.
func Before(ctx context.Context, c client.Client, workflowID, runID string) (string, error) {
	history := c.GetWorkflowHistory(ctx, workflowID, runID, false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	if !history.HasNext() {
		return "", nil
	}
	first, err := history.Next()
	if err != nil {
		return "", fmt.Errorf("read the history of run %s: %w", workflowID, err)
	}
	started := first.GetWorkflowExecutionStartedEventAttributes()
	if before := started.GetContinuedExecutionRunId(); before != "" {
		return before, nil
	}
	if original := started.GetOriginalExecutionRunId(); original != runID {
		return original, nil
	}
	return "", nil
}

// asks reports whether an event asks the model for this turn.
func asks(e *historypb.HistoryEvent, data converter.DataConverter, turn int) (bool, error) {
	scheduled := e.GetActivityTaskScheduledEventAttributes()
	if scheduled.GetActivityType().GetName() != "Think" {
		return false, nil
	}
	var in struct {
		Number int `json:"number"`
	}
	err := data.FromPayloads(scheduled.GetInput(), &in)
	return in.Number == turn, err
}

// Options say how a run is reset.
type Options struct {
	Reason string
	// WithoutUpdates leaves out what people said after the point (approvals,
	// instructions, budgets); else the server applies it again.
	WithoutUpdates bool
}

// Reset ends the run that goes on, if any, and starts one that has everything from
// before the point. It returns the new run ID.
func Reset(ctx context.Context, c client.Client, namespace string, p Point, o Options) (string, error) {
	request := &workflowservice.ResetWorkflowExecutionRequest{
		Namespace:                 namespace,
		WorkflowExecution:         &commonpb.WorkflowExecution{WorkflowId: p.WorkflowID, RunId: p.RunID},
		Reason:                    o.Reason,
		WorkflowTaskFinishEventId: p.EventID,
		RequestId:                 uuid.NewString(),
	}
	if o.WithoutUpdates {
		request.ResetReapplyExcludeTypes = []enumspb.ResetReapplyExcludeType{enumspb.RESET_REAPPLY_EXCLUDE_TYPE_UPDATE}
	}
	res, err := c.ResetWorkflowExecution(ctx, request)
	if err != nil {
		return "", fmt.Errorf("reset run %s to turn %d: %w", p.WorkflowID, p.Turn, err)
	}
	return res.GetRunId(), nil
}
