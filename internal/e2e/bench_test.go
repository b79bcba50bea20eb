package e2e

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"
	"google.golang.org/protobuf/proto"

	"agentfactory/internal/run"
	"agentfactory/workflows"
)

// longRun is a model that asks for something small many times.
const longRun = `
conversations:
  - turns:
      - calls: [{name: list_saved_subagents, arguments: {query: anything}}]
        usage: {input: 100, output: 10} # counting the tokens of a long conversation takes time
        repeat: 520
      - calls: [{name: finish, arguments: {answer: done}}]
`

// BenchmarkTurn measures what a turn with one meta skill call costs beside the model:
// the wall time from the end of one model call to the start of the next, and the bytes
// that it adds to the workflow's history.
func BenchmarkTurn(b *testing.B) {
	s := newStack(b, longRun)
	s.worker()
	for b.Loop() {
		res := s.install(workflows.InstallInput{Task: "long", Budget: run.Budget{Turns: 600}})
		require.Equal(b, 521, res.Turns)
		for name, gaps := range map[string][]float64{"first-60": s.gaps(res, 60), "all-520": s.gaps(res, 520)} {
			b.ReportMetric(gaps[len(gaps)/2], "ms/turn-p50-"+name)
			b.ReportMetric(gaps[len(gaps)*99/100], "ms/turn-p99-"+name)
		}
		for name, ms := range s.whereTheTimeGoes(res) {
			b.ReportMetric(ms, "ms/"+name)
		}
		bytes := s.historyPerTurn(res)
		b.ReportMetric(float64(bytes[10]), "history-bytes/turn-10")
		b.ReportMetric(float64(bytes[500]), "history-bytes/turn-500")
	}
}

// BenchmarkRuns measures what one worker gets done: a single run, 50 at once whose turns
// cost no more than their own records, and 50 at once that each run two subagents.
func BenchmarkRuns(b *testing.B) {
	for name, c := range map[string]struct {
		script string
		runs   int
		turns  int // of each
	}{
		"1":                 {reader, 1, 21},
		"50":                {reader, 50, 21},
		"50-with-subagents": {crowd, 50, 11},
	} {
		b.Run(name, func(b *testing.B) {
			s := newStack(b, c.script)
			w := s.worker()
			s.finishCrowd(b, s.startCrowd(c.runs), c.turns) // connections, caches and the heap have their size after it
			for b.Loop() {
				idle, peak, begun := w.memory("RssAnon"), w.watchMemory(), time.Now()
				s.finishCrowd(b, s.startCrowd(c.runs), c.turns)
				seconds := time.Since(begun).Seconds()
				b.ReportMetric(float64(c.runs)/seconds, "runs/s")
				b.ReportMetric(float64(c.runs*c.turns)/seconds, "turns/s")
				b.ReportMetric(mb(idle), "MB-before")
				b.ReportMetric(mb(peak()), "MB-peak")
			}
		})
	}
}

// BenchmarkMemory measures what runs in flight cost the worker that waits for the model
// with them: its private memory with none of them, with all, and the share of each.
func BenchmarkMemory(b *testing.B) {
	const inFlight = 50
	for b.Loop() {
		s := newStack(b, strings.Replace(reader, "repeat: 20", "repeat: 20\n        delay: 3s", 1))
		w := s.worker()
		time.Sleep(5 * time.Second) // what the start has left behind is collected
		idle, resident := w.memory("RssAnon"), w.memory("VmRSS")
		runs := s.startCrowd(inFlight)
		require.Eventually(b, func() bool { return s.modelCalls() >= 2*inFlight }, testPatience, tick)
		with := w.memory("RssAnon")
		b.ReportMetric(mb(resident), "MB-resident-idle")
		b.ReportMetric(mb(idle), "MB-idle")
		b.ReportMetric(mb(with), "MB-with-50")
		b.ReportMetric(float64(with-idle)/inFlight/1024, "KB/run")
		for _, r := range runs {
			require.NoError(b, s.temporal.TerminateWorkflow(b.Context(), r.GetID(), "", "measured"))
		}
	}
}

// reader is a model that searches the library 20 times.
const reader = `
conversations:
  - turns:
      - calls: [{name: list_saved_subagents, arguments: {query: anything}}]
        usage: {input: 100, output: 10}
        repeat: 20
      - calls: [{name: finish, arguments: {answer: done}}]
        usage: {input: 100, output: 10}
`

func (s *stack) finishCrowd(b *testing.B, runs []client.WorkflowRun, turns int) {
	for _, r := range runs {
		res, err := s.result(r)
		require.NoError(b, err)
		require.Equal(b, turns, res.Turns)
	}
}

func mb(bytes int64) float64 { return float64(bytes) / (1 << 20) }

// gaps are the milliseconds from the end of a model call to the start of the next, of
// the first so many turns, sorted.
func (s *stack) gaps(res run.Result, turns int) []float64 {
	chain, err := s.records.Chain(s.t.Context(), res.Transcript)
	require.NoError(s.t, err)
	var gaps []float64
	for i := 2; i < min(turns, len(chain)); i++ {
		gaps = append(gaps, ms(chain[i].At.Sub(chain[i-1].At))-1000*chain[i-1].Seconds)
	}
	slices.Sort(gaps)
	return gaps
}

// whereTheTimeGoes gives the median milliseconds of each activity at work, and of the
// time before it: from the end of the last activity until this one is at work.
func (s *stack) whereTheTimeGoes(res run.Result) map[string]float64 {
	samples := map[string][]float64{}
	for _, runID := range s.runsOf(res) {
		names := map[int64]string{}
		starts := map[int64]time.Time{}
		var ended time.Time
		history := s.temporal.GetWorkflowHistory(s.t.Context(), res.WorkflowID, runID, false, 0)
		for history.HasNext() {
			event, err := history.Next()
			require.NoError(s.t, err)
			at := event.EventTime.AsTime()
			if a := event.GetActivityTaskScheduledEventAttributes(); a != nil {
				names[event.EventId] = a.ActivityType.Name
			} else if a := event.GetActivityTaskStartedEventAttributes(); a != nil {
				starts[a.ScheduledEventId] = at
				if before := "before-" + names[a.ScheduledEventId]; !ended.IsZero() {
					samples[before] = append(samples[before], ms(at.Sub(ended)))
				}
			} else if a := event.GetActivityTaskCompletedEventAttributes(); a != nil {
				ended = at
				samples[names[a.ScheduledEventId]] = append(samples[names[a.ScheduledEventId]], ms(at.Sub(starts[a.ScheduledEventId])))
			}
		}
	}
	medians := map[string]float64{}
	for name, all := range samples {
		slices.Sort(all)
		medians[name] = all[len(all)/2]
	}
	return medians
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// historyPerTurn sums the sizes of the history events of each turn, by its number.
func (s *stack) historyPerTurn(res run.Result) map[int]int {
	sizes := map[int]int{}
	turn := 0
	for _, runID := range s.runsOf(res) {
		history := s.temporal.GetWorkflowHistory(s.t.Context(), res.WorkflowID, runID, false, 0)
		for history.HasNext() {
			event, err := history.Next()
			require.NoError(s.t, err)
			if a := event.GetActivityTaskScheduledEventAttributes(); a != nil && a.ActivityType.Name == "Think" {
				turn++
			}
			sizes[turn] += proto.Size(event)
		}
	}
	return sizes
}

// runsOf lists the run IDs of a workflow that continued as new, the first one first.
func (s *stack) runsOf(res run.Result) []string {
	runs := []string{res.RunID}
	for {
		history := s.temporal.GetWorkflowHistory(s.t.Context(), res.WorkflowID, runs[0], false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
		first, err := history.Next()
		require.NoError(s.t, err)
		before := first.GetWorkflowExecutionStartedEventAttributes().ContinuedExecutionRunId
		if before == "" {
			return runs
		}
		runs = slices.Insert(runs, 0, before)
	}
}
