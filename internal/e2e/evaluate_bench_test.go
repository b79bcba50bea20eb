package e2e

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"agentfactory/internal/evaluation"
	"agentfactory/internal/run"
	"agentfactory/workflows"
)

// atOnceDone is a model that answers without doing anything.
const atOnceDone = `conversations: [{turns: [{calls: [{name: finish, arguments: {answer: done}}], usage: {input: 100, output: 10}}]}]`

// BenchmarkEvaluation measures 1,000 trivial tasks, 50 side by side, each with a library of its own: how many are done in a
// second, what private memory the worker has after a hundred, after half of them and at the end, and how long the longest history grows
// before the evaluation continues as new.
func BenchmarkEvaluation(b *testing.B) {
	const tasks = 1000
	for name, check := range map[string]*evaluation.Check{
		"unchecked": nil,
		"checked":   {Script: "def check(query, answer):\n    assert answer == 'done'\n"},
	} {
		b.Run(name, func(b *testing.B) {
			s := newStack(b, atOnceDone)
			w := s.worker()
			var list []evaluation.Task
			for i := range tasks {
				list = append(list, evaluation.Task{ID: fmt.Sprintf("t%04d", i), Batch: "trivial", Task: "say done", Check: check})
			}
			key := s.upload(list...)
			for b.Loop() {
				begun := time.Now()
				r := s.startAs(workflows.EvaluateType, "trivial-"+name, workflows.EvaluateInput{Tasks: key, FromScratch: true, Concurrency: 50})
				memory := w.watchMemory()
				for _, done := range []int{tasks / 10, tasks / 2} {
					require.Eventually(b, func() bool { return len(s.listOutcomes("trivial-"+name)) >= done }, 5*time.Minute, 200*time.Millisecond)
					b.ReportMetric(mb(w.memory("RssAnon")), fmt.Sprint("MB-after-", done))
				}
				var res workflows.EvaluateResult
				require.NoError(b, r.Get(b.Context(), &res))
				require.Len(b, s.listOutcomes("trivial-"+name), tasks)
				b.ReportMetric(tasks/time.Since(begun).Seconds(), "tasks/s")
				b.ReportMetric(mb(w.memory("RssAnon")), "MB-after-1000")
				b.ReportMetric(mb(memory()), "MB-peak")
				executions := s.runsOf(run.Result{WorkflowID: r.GetID(), RunID: s.latest(r.GetID())})
				events, bytes := s.longestHistory(r.GetID(), executions)
				b.ReportMetric(float64(len(executions)), "executions")
				b.ReportMetric(float64(events), "events-longest")
				b.ReportMetric(float64(bytes)/1024, "KB-longest")
			}
		})
	}
}

// listOutcomes are the keys of what is done, without reading it.
func (s *stack) listOutcomes(id string) []string { return s.keys("evaluations/" + id + "/outcomes/") }

func (s *stack) latest(id string) string {
	d, err := s.temporal.DescribeWorkflowExecution(s.t.Context(), id, "")
	require.NoError(s.t, err)
	return d.WorkflowExecutionInfo.Execution.RunId
}

func (s *stack) longestHistory(id string, executions []string) (events, bytes int) {
	for _, runID := range executions {
		n, size := 0, 0
		history := s.temporal.GetWorkflowHistory(s.t.Context(), id, runID, false, 0)
		for history.HasNext() {
			event, err := history.Next()
			require.NoError(s.t, err)
			n, size = n+1, size+proto.Size(event)
		}
		events, bytes = max(events, n), max(bytes, size)
	}
	return events, bytes
}
