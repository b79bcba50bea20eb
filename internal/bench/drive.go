package bench

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"agentfactory/internal/run"
	"agentfactory/workflows"
)

// Driver starts the runs of a load and waits for their ends.
type Driver struct {
	Temporal client.Client
	Load     Load
	// Progress, if set, is told of every end, by several goroutines one at a time.
	Progress func(Progress)
}

// Progress is how far a load has come.
type Progress struct {
	Begun   int
	Ended   int // in whatever way
	Failed  int
	Elapsed time.Duration
}

// Run is one run and what became of it.
type Run struct {
	WorkflowID string
	RunID      string
	Turns      int         // of those that ended by themselves
	Outcome    run.Outcome // "" when its end was not seen
	Reason     string      // of every outcome but completed
}

const (
	// A run of a bench whose machine went down does not wait for workers that nobody will start again.
	runsEndWithin = 2 * time.Hour
	// endWithin is how long runs that are cancelled because the bench is may take to end.
	endWithin = 15 * time.Second
)

// WarmUp builds the skills that other runs reuse; with them the workers have their connections, and nothing of it is measured.
func (d *Driver) WarmUp(ctx context.Context) error {
	ends := make([]Run, seeds)
	var all sync.WaitGroup
	for i := range seeds {
		all.Go(func() { ends[i] = d.carryOut(ctx, d.Load.seed(i)) })
	}
	all.Wait()
	for _, r := range ends {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if r.Outcome != run.Completed {
			return fmt.Errorf("run %s of the warm-up ended as %q: %s", r.WorkflowID, r.Outcome, r.Reason)
		}
	}
	return nil
}

// Go carries the load out and returns its runs. When ctx ends it starts no more, cancels those in flight, and waits a little
// for them.
func (d *Driver) Go(ctx context.Context) []Run {
	l := &ledger{driver: d, began: time.Now()}
	var all sync.WaitGroup
	for range d.Load.Concurrency {
		all.Go(func() {
			for ctx.Err() == nil {
				n, more := l.begin()
				if !more {
					return
				}
				l.end(d.carryOut(ctx, d.Load.work(n)))
			}
		})
	}
	all.Wait()
	return l.runs
}

// ledger hands out numbers and takes ends.
type ledger struct {
	driver *Driver
	began  time.Time

	mu     sync.Mutex
	begun  int
	failed int
	runs   []Run
}

// begin is the number of the next run, if there is to be one.
func (l *ledger) begin() (n int, more bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	load := l.driver.Load
	if load.Duration > 0 && time.Since(l.began) >= load.Duration || load.Duration == 0 && l.begun >= load.Runs {
		return 0, false
	}
	l.begun++
	return l.begun - 1, true
}

func (l *ledger) end(r Run) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.runs = append(l.runs, r)
	if r.Outcome != run.Completed {
		l.failed++
	}
	if tell := l.driver.Progress; tell != nil {
		tell(Progress{Begun: l.begun, Ended: len(l.runs), Failed: l.failed, Elapsed: time.Since(l.began)})
	}
}

// carryOut starts one run and waits for its end, or sees to its end when ctx is over.
func (d *Driver) carryOut(ctx context.Context, w work) Run {
	options := client.StartWorkflowOptions{ID: w.id, TaskQueue: workflows.TaskQueue, WorkflowExecutionTimeout: runsEndWithin, WorkflowExecutionErrorWhenAlreadyStarted: true}
	started, err := d.Temporal.ExecuteWorkflow(ctx, options, w.kind, w.in)
	if err != nil {
		return Run{WorkflowID: w.id, Reason: "not started: " + err.Error()}
	}
	var res run.Result
	err = started.Get(ctx, &res)
	if err != nil && ctx.Err() != nil {
		err = d.callOff(ctx, started, &res)
	}
	r := Run{WorkflowID: w.id, RunID: started.GetRunID(), Turns: res.Turns, Outcome: res.Outcome, Reason: res.Reason}
	if err != nil {
		r.Outcome, r.Reason = outcomeOf(err), reasonOf(err)
	}
	return r
}

// callOff cancels a run and waits a little for its end.
func (d *Driver) callOff(ctx context.Context, r client.WorkflowRun, res *run.Result) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), endWithin)
	defer cancel()
	if err := d.Temporal.CancelWorkflow(ctx, r.GetID(), r.GetRunID()); err != nil {
		return fmt.Errorf("cancel it: %w", err)
	}
	return r.Get(ctx, res)
}

// outcomeOf is "" for an error of the way to the server: the run may go on.
func outcomeOf(err error) run.Outcome {
	var timeout *temporal.TimeoutError
	var terminated *temporal.TerminatedError
	var ended *temporal.WorkflowExecutionError
	switch {
	case !errors.As(err, &ended):
		return ""
	case temporal.IsCanceledError(err):
		return run.Cancelled
	case errors.As(err, &timeout):
		return run.TimedOut
	case errors.As(err, &terminated):
		return run.Terminated
	}
	return run.Failed
}

// reasonOf leaves the IDs of the run out, so that the same reasons read the same.
func reasonOf(err error) string {
	var app *temporal.ApplicationError
	if errors.As(err, &app) {
		return app.Message()
	}
	return err.Error()
}
