package bench

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"runtime"
	"slices"
	"time"

	"agentfactory/internal/run"
)

// Report is what a load came to. Times are in milliseconds unless they say otherwise, sizes in bytes.
type Report struct {
	Scripted  bool      `json:"scripted"` // always: no figure says anything about a model
	Version   string    `json:"version"`  // of the command
	StartedAt time.Time `json:"started_at"`
	Machine   Machine   `json:"machine"`
	Load      Load      `json:"load"`
	Setup     Setup     `json:"setup"`

	Interrupted bool     `json:"interrupted"`      // nothing was begun after that
	Troubles    []string `json:"troubles"`         // what could not be measured, and why
	Runs        Counts   `json:"runs"`             // measured ones; those of the warm-up are not counted
	Failures    []Reason `json:"failures"`         // of runs that did not complete
	Seconds     float64  `json:"seconds"`          // from the first start to the last end
	Turns       int      `json:"turns"`            // of completed runs
	PerMinute   float64  `json:"runs_per_minute"`  // completed ones
	PerSecond   float64  `json:"turns_per_second"` // of completed runs

	Latency Latency  `json:"latency_ms"`
	History History  `json:"history"`
	S3      Requests `json:"s3"`
	CPU     []CPU    `json:"cpu"`
	Memory  []Memory `json:"memory"`
	Samples []Sample `json:"samples"`
}

// Machine is where it was measured.
type Machine struct {
	Processors int     `json:"processors"`
	LoadBefore float64 `json:"load_average_before"` // over a minute: other work on the machine shows there
	LoadAfter  float64 `json:"load_average_after"`
}

// Setup is what served the load.
type Setup struct {
	Workers  int    `json:"workers"`
	Temporal string `json:"temporal"` // where it is, and whose
	S3       string `json:"s3"`
}

// Counts are runs by what became of them.
type Counts struct {
	Begun     int `json:"begun"`
	Completed int `json:"completed"`
	Cancelled int `json:"cancelled"`
	Failed    int `json:"failed"` // or ended in another way
	Unknown   int `json:"unknown"`
}

// Reason is why runs did not complete.
type Reason struct {
	Reason string `json:"reason"`
	Runs   int    `json:"runs"`
	First  string `json:"first"` // workflow ID
}

// Latency is times by the histories of completed runs.
type Latency struct {
	Turn        Distribution `json:"turn"`         // from the scheduling of a model call to that of the next, or to the end of the run
	BesideModel Distribution `json:"beside_model"` // the same without the time that the model was set to think
	Run         Distribution `json:"run"`
	TaskWait    Distribution `json:"workflow_task_wait"` // from scheduling to start
	Task        Distribution `json:"workflow_task"`      // from start to completion
	Activities  []Activity   `json:"activities"`         // by name
}

// Activity is the time of the activities of one type.
type Activity struct {
	Name string       `json:"name"`
	Wait Distribution `json:"wait"` // from scheduling to start
	Work Distribution `json:"work"` // from start to completion
}

// History is the size of workflow histories, as Temporal describes the runs.
type History struct {
	Events       Distribution `json:"events_per_run"`
	Bytes        Distribution `json:"bytes_per_run"`
	BytesPerTurn float64      `json:"bytes_per_turn"`
}

// Requests are the workers' requests to S3 while it was measured, whatever they were for.
type Requests struct {
	PerTurn float64         `json:"requests_per_turn"`
	By      []RequestsByUse `json:"by"` // most frequent first
}

// RequestsByUse are those of one operation about one kind of object.
type RequestsByUse struct {
	Operation string  `json:"operation"`
	Kind      string  `json:"kind"`
	Outcome   string  `json:"outcome"`
	Count     int64   `json:"count"`
	PerTurn   float64 `json:"per_turn"`
	Mean      float64 `json:"mean_ms"` // until the answer began
}

// CPU is what a process used, in seconds. Subagents are processes of their own, whose time is in none of them: it is that
// of the activity RunSubagent.
type CPU struct {
	Process string  `json:"process"`
	Seconds float64 `json:"seconds"`
	PerTurn float64 `json:"seconds_per_turn"`
}

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
	times := newTimings()
	for _, one := range done {
		if one.Outcome != run.Completed {
			continue
		}
		if err := times.read(after, m.Driver.Temporal, one); err != nil {
			found.troubles = append(found.troubles, err.Error())
			break // a server that does not answer would not for the others
		}
	}
	r.timed(times)
	r.spent(found)
	return r, nil
}

// count tells runs by their ends.
func (r *Report) count(done []Run) {
	reasons := map[string]*Reason{}
	r.Runs.Begun = len(done)
	for _, d := range done {
		switch d.Outcome {
		case run.Completed:
			r.Runs.Completed++
			r.Turns += d.Turns
			continue
		case run.Cancelled:
			r.Runs.Cancelled++
			continue
		case "":
			r.Runs.Unknown++
		default:
			r.Runs.Failed++
		}
		if reasons[d.Reason] == nil {
			reasons[d.Reason] = &Reason{Reason: d.Reason, First: d.WorkflowID}
		}
		reasons[d.Reason].Runs++
	}
	r.Failures = []Reason{}
	for _, reason := range reasons {
		r.Failures = append(r.Failures, *reason)
	}
	slices.SortFunc(r.Failures, func(a, b Reason) int { return cmp.Or(cmp.Compare(b.Runs, a.Runs), cmp.Compare(a.First, b.First)) })
}

// timed fills in what histories tell.
func (r *Report) timed(t *timings) {
	r.Seconds = t.lastClose.Sub(t.firstOpen).Seconds()
	if r.Seconds > 0 {
		r.PerMinute, r.PerSecond = 60*float64(len(t.runs))/r.Seconds, float64(len(t.turns))/r.Seconds
	}
	beside := make([]float64, len(t.turns))
	for i, turn := range t.turns {
		beside[i] = turn - milliseconds(r.Load.Think)
	}
	r.Latency = Latency{
		Turn: distributionOf(t.turns), BesideModel: distributionOf(beside), Run: distributionOf(t.runs),
		TaskWait: distributionOf(t.queued), Task: distributionOf(t.replied), Activities: []Activity{},
	}
	for _, name := range slices.Sorted(maps.Keys(t.works)) {
		r.Latency.Activities = append(r.Latency.Activities, Activity{name, distributionOf(t.waits[name]), distributionOf(t.works[name])})
	}
	r.History = History{Events: distributionOf(t.events), Bytes: distributionOf(t.bytes)}
	if len(t.turns) > 0 {
		r.History.BytesPerTurn = r.History.Bytes.Mean * float64(len(t.runs)) / float64(len(t.turns))
	}
}

// spent fills in what processes used, shared out to the turns of completed runs.
func (r *Report) spent(m measured) {
	perTurn := func(total float64) float64 {
		if r.Turns == 0 {
			return 0
		}
		return total / float64(r.Turns)
	}
	r.Troubles = append([]string{}, m.troubles...)
	r.Memory, r.Samples, r.CPU = m.memory, m.samples, m.cpu
	for i := range r.CPU {
		r.CPU[i].PerTurn = perTurn(r.CPU[i].Seconds)
	}
	r.S3.By = []RequestsByUse{}
	for req, t := range m.requests {
		if t.count == 0 {
			continue
		}
		r.S3.PerTurn += perTurn(t.count)
		r.S3.By = append(r.S3.By, RequestsByUse{
			Operation: req.Operation, Kind: req.Kind, Outcome: req.Outcome,
			Count: int64(t.count), PerTurn: perTurn(t.count), Mean: 1000 * t.seconds / t.count,
		})
	}
	slices.SortFunc(r.S3.By, func(a, b RequestsByUse) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Operation, b.Operation), cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Outcome, b.Outcome))
	})
}
