package bench

import (
	"context"
	"fmt"
	"runtime"
	"time"

	"agentfactory/internal/run"
)

// Measurement is a load under way.
type Measurement struct {
	Driver    *Driver
	Processes []Process
	Every     time.Duration // between two samples of the workers' memory
	Setup     Setup
	Version   string
	// Reading, if set, is told when the load is over and the histories are read.
	Reading func()
}

// afterwards bounds the reading of histories when the load was interrupted, so that Ctrl-C ends soon.
const afterwards = 30 * time.Second

// Run warms the workers up, carries the load out and reports on it. The report is complete as far as it goes when ctx ends in
// the middle; an error is returned only where there is nothing to report.
func (m Measurement) Run(ctx context.Context) (Report, error) {
	if err := m.Driver.WarmUp(ctx); err != nil {
		return Report{}, fmt.Errorf("warm up: %w", err)
	}
	r := Report{
		Scripted: true, Version: m.Version, StartedAt: time.Now().UTC(), Load: m.Driver.Load, Setup: m.Setup,
		Machine: Machine{Processors: runtime.NumCPU(), LoadBefore: loadAverage()},
	}
	watch, err := StartWatch(ctx, m.Processes, m.Every)
	if err != nil {
		return Report{}, err
	}
	done := m.Driver.Go(ctx)
	r.Interrupted = ctx.Err() != nil
	after := context.WithoutCancel(ctx)
	if r.Interrupted {
		var cancel context.CancelFunc
		after, cancel = context.WithTimeout(after, afterwards)
		defer cancel()
	}
	found := watch.end(after)
	r.Machine.LoadAfter = loadAverage()
	r.count(done)
	if m.Reading != nil {
		m.Reading()
	}
	times, err := m.histories(after, done)
	if err != nil {
		found.troubles = append(found.troubles, err.Error())
	}
	r.timed(times)
	r.spent(found)
	return r, nil
}

// histories reads those of completed runs. After an error it has those before: a server that does not answer would not for
// the others.
func (m Measurement) histories(ctx context.Context, done []Run) (*timings, error) {
	times := newTimings()
	for _, one := range done {
		if one.Outcome != run.Completed {
			continue
		}
		if err := times.read(ctx, m.Driver.Temporal, one); err != nil {
			return times, err
		}
	}
	return times, nil
}
