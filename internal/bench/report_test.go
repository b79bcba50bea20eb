package bench

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"agentfactory/internal/run"
)

func TestRunsAreCountedByTheirEnds(t *testing.T) {
	var r Report
	r.count([]Run{
		{WorkflowID: "a", Outcome: run.Completed, Turns: 5}, {WorkflowID: "b", Outcome: run.Failed, Reason: "no model"}, {WorkflowID: "c", Outcome: run.Completed, Turns: 6},
		{WorkflowID: "d", Outcome: run.Failed, Reason: "no model"}, {WorkflowID: "e", Outcome: run.Cancelled}, {WorkflowID: "f", Reason: "connection refused"},
		{WorkflowID: "g", Outcome: run.BudgetExhausted, Reason: "turns"},
	})
	require.Equal(t, Counts{Begun: 7, Completed: 2, Cancelled: 1, Failed: 3, Unknown: 1}, r.Runs)
	require.Equal(t, 11, r.Turns)
	require.Equal(t, []Reason{{"no model", 2, "b"}, {"connection refused", 1, "f"}, {"turns", 1, "g"}}, r.Failures)
}

func TestWhatWasSpentIsSharedOutToTheTurns(t *testing.T) {
	r := Report{Turns: 4}
	r.spent(measured{
		cpu:      []CPU{{Process: "worker 1", Seconds: 2}},
		requests: map[request]tally{{"GetObject", "blobs", "ok"}: {2, 0.004}, {"PutObject", "runs/turns", "ok"}: {4, 0.02}, {"HeadObject", "other", "ok"}: {}},
	})
	require.Equal(t, 0.5, r.CPU[0].PerTurn)
	require.Equal(t, 1.5, r.S3.PerTurn)
	require.Equal(t, []RequestsByUse{{"PutObject", "runs/turns", "ok", 4, 1, 5}, {"GetObject", "blobs", "ok", 2, 0.5, 2}}, r.S3.By, "what was not asked for is left out")

	none := Report{}
	none.spent(measured{cpu: []CPU{{Seconds: 1}}})
	require.Zero(t, none.CPU[0].PerTurn, "there is no turn to share it out to")
}

func TestTheTimeOfTheModelIsTakenOffATurn(t *testing.T) {
	began := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	times := newTimings()
	times.firstOpen, times.lastClose = began, began.Add(30*time.Second)
	times.turns, times.runs, times.bytes = []float64{600, 700, 800}, []float64{2100}, []float64{9000}
	r := Report{Load: Load{Think: 500 * time.Millisecond}}
	r.timed(times)
	require.Equal(t, 30.0, r.Seconds)
	require.Equal(t, 2.0, r.PerMinute)
	require.Equal(t, 0.1, r.PerSecond)
	require.Equal(t, 700.0, r.Latency.Turn.P50)
	require.Equal(t, 200.0, r.Latency.BesideModel.P50)
	require.Equal(t, 3000.0, r.History.BytesPerTurn)
}

func TestPercentilesAreValuesThatWereSeen(t *testing.T) {
	values := make([]float64, 200)
	for i := range values {
		values[i] = float64(200 - i)
	}
	require.Equal(t, Distribution{N: 200, Mean: 100.5, P50: 100, P95: 190, P99: 198, Max: 200}, distributionOf(values))
	require.Equal(t, Distribution{N: 1, Mean: 7, P50: 7, P95: 7, P99: 7, Max: 7}, distributionOf([]float64{7}))
	require.Zero(t, distributionOf(nil))
}

func TestATrendIsThatOfTheSecondHalf(t *testing.T) {
	var samples []Sample
	for i := range 200 {
		at := float64(i) * 10
		s := Sample{Seconds: at, Worker: "worker 1", Resident: 100 << 20, Goroutines: 50}
		if i < 100 {
			s.Resident = int64(i) << 20 // it warms up
		} else {
			s.Heap = int64(at * 1000)
		}
		samples = append(samples, s, Sample{Worker: "worker 2", Resident: int64(i)})
	}
	m := memoryOf("worker 1", 123, samples)
	require.Equal(t, int64(123), m.Peak)
	require.Equal(t, "worker 1", m.Last.Worker)
	require.InDelta(t, 0, m.Trend.Resident, 1e-3)
	require.InDelta(t, 3_600_000, m.Trend.Heap, 1e-3)
	require.InDelta(t, 0, m.Trend.Goroutines, 1e-6)
	require.Equal(t, 100, m.Trend.Samples)
	require.Nil(t, memoryOf("worker 1", 0, samples[:20]).Trend, "too few to tell")
}
