package chaos

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"agentfactory/activities"
	"agentfactory/internal/run"
	"agentfactory/workflows"
)

// load keeps runs going, several at a time.
type load struct {
	temporal client.Client
	site     string
	mu       sync.Mutex
	runs     []*started
	ended    atomic.Int64
	slots    sync.WaitGroup
	stopped  chan struct{}
}

// started is a run, and what came of it.
type started struct {
	task
	began, ended time.Time
	answer       string
	err          error // of the run; nil while it is under way
}

// keepGoing starts a story whenever one has ended, in so many slots, until it is stopped.
func keepGoing(temporal client.Client, site string, slots int) *load {
	l := &load{temporal: temporal, site: site, stopped: make(chan struct{})}
	for slot := range slots {
		l.slots.Go(func() {
			for n := 0; ; n++ {
				select {
				case <-l.stopped:
					return
				default:
					l.tell(fmt.Sprintf("k%d-%d", slot, n), stories[(slot+n)%len(stories)])
				}
			}
		})
	}
	return l
}

// stop waits until the stories that have begun are at their ends.
func (l *load) stop() {
	close(l.stopped)
	l.slots.Wait()
}

func (l *load) tell(id string, story func(id, site string) []task) {
	for _, t := range story(id, l.site) {
		s := &started{task: t, began: time.Now()}
		l.mu.Lock()
		l.runs = append(l.runs, s)
		l.mu.Unlock()
		answer, err := l.run(t)
		l.mu.Lock()
		s.ended, s.answer, s.err = time.Now(), answer, err
		l.mu.Unlock()
		l.ended.Add(1)
		if err != nil {
			return // what follows builds on it
		}
	}
}

// run begins a run under its ID and waits for its end, patient with a server that is away: asking again for the same ID
// begins nothing twice.
func (l *load) run(t task) (answer string, err error) {
	options := client.StartWorkflowOptions{ID: t.id, TaskQueue: workflows.TaskQueue, WorkflowIDReusePolicy: enums.WORKFLOW_ID_REUSE_POLICY_REJECT_DUPLICATE}
	deadline := time.Now().Add(stuck)
	for time.Now().Before(deadline) {
		if answer, err = l.attempt(options, t); err == nil || errors.As(err, new(*temporal.WorkflowExecutionError)) {
			return answer, err
		}
		time.Sleep(time.Second)
	}
	return "", fmt.Errorf("it has not ended within %s: %w", stuck, err)
}

func (l *load) attempt(options client.StartWorkflowOptions, t task) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	r, err := l.temporal.ExecuteWorkflow(ctx, options, t.workflow, t.input)
	if err != nil {
		return "", err
	}
	if t.workflow == workflows.RunSkillType {
		var res activities.RunSkillResult
		err := r.Get(ctx, &res)
		return res.Answer + res.Failure, err
	}
	var res run.Result
	err = r.Get(ctx, &res)
	return res.Answer + res.Reason, err
}

// underWay are the runs that have begun and not ended.
func (l *load) underWay() (ids []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, s := range l.runs {
		if s.ended.IsZero() {
			ids = append(ids, s.id)
		}
	}
	return ids
}

// all are the runs that were begun.
func (l *load) all() []started {
	l.mu.Lock()
	defer l.mu.Unlock()
	copied := make([]started, len(l.runs))
	for i, s := range l.runs {
		copied[i] = *s
	}
	return copied
}
