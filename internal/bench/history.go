package bench

import (
	"context"
	"fmt"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/sdk/client"
)

// thinking is the activity that calls the model: each turn has one.
const thinking = "Think"

// timings are what histories tell of times, in milliseconds: they are the differences of the events' own times, which the
// Temporal server gives them.
type timings struct {
	runs      []float64 // from the start of a run to its end
	turns     []float64 // from the scheduling of a model call to that of the next, or to the end of the run
	queued    []float64 // workflow tasks, from scheduling to start
	replied   []float64 // workflow tasks, from start to completion
	waits     map[string][]float64
	works     map[string][]float64
	events    []float64 // in a history
	bytes     []float64 // of a history
	firstOpen time.Time // start of the first run
	lastClose time.Time
}

func newTimings() *timings {
	return &timings{waits: map[string][]float64{}, works: map[string][]float64{}}
}

// read adds a run that has ended.
func (t *timings) read(ctx context.Context, c client.Client, r Run) error {
	described, err := c.DescribeWorkflowExecution(ctx, r.WorkflowID, r.RunID)
	if err != nil {
		return fmt.Errorf("describe run %s: %w", r.WorkflowID, err)
	}
	info := described.GetWorkflowExecutionInfo()
	t.events = append(t.events, float64(info.GetHistoryLength()))
	t.bytes = append(t.bytes, float64(info.GetHistorySizeBytes()))
	f := follower{timings: t, scheduled: map[int64]*scheduled{}}
	history := c.GetWorkflowHistory(ctx, r.WorkflowID, r.RunID, false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for history.HasNext() {
		event, err := history.Next()
		if err != nil {
			return fmt.Errorf("read the history of run %s: %w", r.WorkflowID, err)
		}
		f.take(event)
	}
	f.end()
	return nil
}

// follower reads one history, event by event.
type follower struct {
	*timings
	scheduled map[int64]*scheduled // activities and workflow tasks by the event that scheduled them
	began     time.Time
	turn      time.Time // when the present turn began; zero before the first
	last      time.Time // of the events so far
}

// scheduled is an activity, or a workflow task when it has no name.
type scheduled struct {
	activity    string
	at, started time.Time
}

func (f *follower) take(e *historypb.HistoryEvent) {
	at := e.GetEventTime().AsTime()
	f.last = at
	switch e.GetEventType() {
	case enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED:
		f.began = at
	case enumspb.EVENT_TYPE_WORKFLOW_TASK_SCHEDULED:
		f.scheduled[e.GetEventId()] = &scheduled{at: at}
	case enumspb.EVENT_TYPE_WORKFLOW_TASK_STARTED:
		f.started(e.GetWorkflowTaskStartedEventAttributes().GetScheduledEventId(), at)
	case enumspb.EVENT_TYPE_WORKFLOW_TASK_COMPLETED:
		f.completed(e.GetWorkflowTaskCompletedEventAttributes().GetScheduledEventId(), at)
	case enumspb.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED:
		f.activity(e, at)
	case enumspb.EVENT_TYPE_ACTIVITY_TASK_STARTED:
		f.started(e.GetActivityTaskStartedEventAttributes().GetScheduledEventId(), at)
	case enumspb.EVENT_TYPE_ACTIVITY_TASK_COMPLETED:
		f.completed(e.GetActivityTaskCompletedEventAttributes().GetScheduledEventId(), at)
	}
}

func (f *follower) activity(e *historypb.HistoryEvent, at time.Time) {
	name := e.GetActivityTaskScheduledEventAttributes().GetActivityType().GetName()
	f.scheduled[e.GetEventId()] = &scheduled{activity: name, at: at}
	if name == thinking {
		f.endTurn(at)
		f.turn = at
	}
}

func (f *follower) endTurn(at time.Time) {
	if !f.turn.IsZero() {
		f.turns = append(f.turns, milliseconds(at.Sub(f.turn)))
	}
}

func (f *follower) started(scheduledEvent int64, at time.Time) {
	s := f.scheduled[scheduledEvent]
	if s == nil {
		return
	}
	s.started = at
	wait := milliseconds(at.Sub(s.at))
	if s.activity == "" {
		f.queued = append(f.queued, wait)
		return
	}
	f.waits[s.activity] = append(f.waits[s.activity], wait)
}

func (f *follower) completed(scheduledEvent int64, at time.Time) {
	s := f.scheduled[scheduledEvent]
	if s == nil || s.started.IsZero() {
		return
	}
	work := milliseconds(at.Sub(s.started))
	if s.activity == "" {
		f.replied = append(f.replied, work)
		return
	}
	f.works[s.activity] = append(f.works[s.activity], work)
}

// end takes the last event for the end of the run.
func (f *follower) end() {
	f.endTurn(f.last)
	f.runs = append(f.runs, milliseconds(f.last.Sub(f.began)))
	if f.firstOpen.IsZero() || f.began.Before(f.firstOpen) {
		f.firstOpen = f.began
	}
	if f.last.After(f.lastClose) {
		f.lastClose = f.last
	}
}
