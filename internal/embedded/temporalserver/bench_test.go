package temporalserver

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/workflow"
)

const activitiesPerWorkflow = 100

func increment(_ context.Context, n int) (int, error) { return n + 1, nil }

// sequence runs activities that do nothing, one after the other.
func sequence(ctx workflow.Context) (int, error) {
	ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{StartToCloseTimeout: time.Minute})
	n := 0
	for range activitiesPerWorkflow {
		if err := workflow.ExecuteActivity(ctx, increment, n).Get(ctx, &n); err != nil {
			return n, err
		}
	}
	return n, nil
}

// BenchmarkActivity measures what durability costs: one workflow of 100 sequential
// activities that do nothing.
func BenchmarkActivity(b *testing.B) {
	s := start(b, Options{Dir: b.TempDir()})
	defer s.Stop()
	c := dial(b, s)
	work(b, c)
	for b.Loop() {
		run, err := c.ExecuteWorkflow(b.Context(), client.StartWorkflowOptions{TaskQueue: "queue"}, sequence)
		require.NoError(b, err)
		var n int
		require.NoError(b, run.Get(b.Context(), &n))
		require.Equal(b, activitiesPerWorkflow, n)
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/1000/float64(b.N)/activitiesPerWorkflow, "ms/activity")
}

// BenchmarkStart measures the time until the server answers: cold creates the database.
func BenchmarkStart(b *testing.B) {
	b.Run("cold", func(b *testing.B) {
		for b.Loop() {
			s := start(b, Options{Dir: b.TempDir()})
			b.StopTimer()
			require.NoError(b, s.Stop())
			b.StartTimer()
		}
	})
	b.Run("warm", func(b *testing.B) {
		dir := b.TempDir()
		require.NoError(b, start(b, Options{Dir: dir}).Stop())
		for b.Loop() {
			s := start(b, Options{Dir: dir})
			b.StopTimer()
			require.NoError(b, s.Stop())
			b.StartTimer()
		}
	})
}
