package bench

import (
	"cmp"
	"maps"
	"slices"

	"agentfactory/internal/run"
)

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
