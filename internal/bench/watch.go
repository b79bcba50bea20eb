package bench

import (
	"context"
	"sync"
	"time"
)

// Sample is a worker at one moment.
type Sample struct {
	Seconds    float64 `json:"seconds"` // since the measurement began
	Worker     string  `json:"worker"`
	Resident   int64   `json:"resident_bytes"` // RSS
	Private    int64   `json:"private_bytes"`  // of that, what is no page of a file
	Heap       int64   `json:"heap_bytes"`     // Go's, in use
	Goroutines int     `json:"goroutines"`
}

// Watch measures processes from its beginning to its end.
type Watch struct {
	processes []Process
	every     time.Duration
	began     time.Time
	first     []reading
	samples   []Sample
	troubles  []string // each told once
	stop      context.CancelFunc
	stopped   sync.WaitGroup
}

// reading is a process at the beginning or the end.
type reading struct {
	usage
	exported
}

// StartWatch takes the first measurement and then one of the workers' memory every so often.
func StartWatch(ctx context.Context, processes []Process, every time.Duration) (*Watch, error) {
	w := &Watch{processes: processes, every: every, began: time.Now()}
	for _, p := range processes {
		r, err := read(ctx, p)
		if err != nil {
			return nil, err
		}
		w.first = append(w.first, r)
		w.keep(p, r)
	}
	ctx, w.stop = context.WithCancel(ctx)
	w.stopped.Go(func() { w.sample(ctx) })
	return w, nil
}

func read(ctx context.Context, p Process) (reading, error) {
	u, err := p.measure()
	if err != nil || p.Metrics == "" {
		return reading{usage: u}, err
	}
	e, err := scrape(ctx, p.Metrics)
	return reading{u, e}, err
}

func (w *Watch) sample(ctx context.Context) {
	tick := time.NewTicker(w.every)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		for _, p := range w.processes {
			if p.Metrics == "" {
				continue
			}
			r, err := read(ctx, p)
			if ctx.Err() != nil {
				return
			}
			if err != nil {
				w.trouble(err)
				continue
			}
			w.keep(p, r)
		}
	}
}

func (w *Watch) keep(p Process, r reading) {
	if p.Metrics != "" {
		w.samples = append(w.samples, Sample{
			Seconds: time.Since(w.began).Seconds(), Worker: p.Name,
			Resident: r.resident, Private: r.private, Heap: r.heap, Goroutines: r.goroutines,
		})
	}
}

// trouble keeps what could not be measured: a worker that is gone is looked at many times.
func (w *Watch) trouble(err error) {
	for _, t := range w.troubles {
		if t == err.Error() {
			return
		}
	}
	w.troubles = append(w.troubles, err.Error())
}

// measured is what a watch found.
type measured struct {
	cpu      []CPU
	memory   []Memory
	requests map[request]tally
	samples  []Sample
	troubles []string
}

// end takes the last measurement.
func (w *Watch) end(ctx context.Context) measured {
	w.stop()
	w.stopped.Wait()
	m := measured{requests: map[request]tally{}}
	for i, p := range w.processes {
		last, err := read(ctx, p)
		if err != nil {
			w.trouble(err)
			continue
		}
		first := w.first[i]
		m.cpu = append(m.cpu, CPU{Process: p.Name, Seconds: last.cpu - first.cpu})
		if p.Metrics == "" {
			continue
		}
		w.keep(p, last)
		m.memory = append(m.memory, memoryOf(p.Name, last.peak, w.samples))
		for r, t := range last.requests {
			before, sum := first.requests[r], m.requests[r]
			m.requests[r] = tally{sum.count + t.count - before.count, sum.seconds + t.seconds - before.seconds}
		}
	}
	m.samples, m.troubles = w.samples, w.troubles
	return m
}
