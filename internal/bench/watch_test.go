package bench

import (
	"bytes"
	"net/http/httptest"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"agentfactory/internal/telemetry"
)

func TestAWatchMeasuresTheProcessAndWhatItsMetricsHaveGrown(t *testing.T) {
	to := telemetry.New()
	worker := httptest.NewServer(to.Handler())
	defer worker.Close()
	to.S3Request("GetObject", "blobs", 200, time.Second) // before
	w, err := StartWatch(t.Context(), []Process{{Name: "worker 1", PID: os.Getpid(), Metrics: worker.URL}, {Name: "other", PID: os.Getpid()}}, time.Millisecond)
	require.NoError(t, err)
	to.S3Request("GetObject", "blobs", 200, 20*time.Millisecond)
	to.S3Request("PutObject", "runs/turns", 412, 10*time.Millisecond)
	m := w.end(t.Context())

	require.Empty(t, m.troubles)
	require.Equal(t, tally{1, 0.020}, rounded(m.requests[request{"GetObject", "blobs", "ok"}]))
	require.Equal(t, tally{1, 0.010}, rounded(m.requests[request{"PutObject", "runs/turns", "conflict"}]))
	require.Len(t, m.cpu, 2)
	require.Len(t, m.memory, 1, "of workers alone")
	last := m.memory[0].Last
	require.Positive(t, last.Heap)
	require.Positive(t, last.Goroutines)
	require.Greater(t, last.Resident, last.Private)
	require.GreaterOrEqual(t, m.memory[0].Peak, last.Private)

	var table bytes.Buffer
	require.NoError(t, WriteSamples(&table, m.samples[:1]))
	require.Regexp(t, `^seconds,worker,resident_bytes,private_bytes,heap_bytes,goroutines\n\d+\.\d,worker 1,\d+,\d+,\d+,\d+\n$`, table.String())
}

func rounded(t tally) tally {
	return tally{t.count, float64(time.Duration(t.seconds*float64(time.Second)).Round(time.Millisecond)) / float64(time.Second)}
}

func TestAWorkerThatIsGoneIsTold(t *testing.T) {
	metrics := httptest.NewServer(telemetry.New().Handler())
	w, err := StartWatch(t.Context(), []Process{{Name: "worker 1", PID: os.Getpid(), Metrics: metrics.URL}}, time.Hour)
	require.NoError(t, err)
	metrics.Close()
	m := w.end(t.Context())
	require.Len(t, m.troubles, 1)
	require.Contains(t, m.troubles[0], "read metrics")
	_, err = StartWatch(t.Context(), []Process{{Name: "worker 1", PID: 1 << 30}}, time.Hour)
	require.ErrorContains(t, err, "worker 1 (process 1073741824) is gone")
}
