package service

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/worker"

	"agentfactory/internal/config"
	"agentfactory/internal/lease"
	"agentfactory/internal/telemetry"
)

// unconnected is a client that has no server yet.
func unconnected(t *testing.T) Temporal {
	t.Helper()
	c, err := client.NewLazyClient(client.Options{HostPort: "127.0.0.1:1", Logger: slog.New(slog.DiscardHandler)})
	require.NoError(t, err)
	t.Cleanup(c.Close)
	return Temporal{Client: c, Namespace: client.DefaultNamespace, Leases: &lease.Leases{}}
}

func TestAProcessServesTheQueuesThatItIsTold(t *testing.T) {
	for name, c := range map[string]struct {
		queues        []string
		main, sandbox bool
	}{
		"nothing said": {nil, true, true},
		"one":          {[]string{config.QueueSandbox}, false, true},
		"both":         {[]string{config.QueueSandbox, config.QueueMain}, true, true},
	} {
		t.Run(name, func(t *testing.T) {
			p := Parts{Temporal: unconnected(t), Telemetry: telemetry.New(), Worker: config.Worker{Queues: c.queues, Deployment: "agentfactory", BuildID: "1"}}
			q := newQueues(p.Worker)
			require.Equal(t, c.main, q.serve(p, config.QueueMain, mainOptions(config.MainQueue{WorkflowTasks: 4, WorkflowPollers: 2})) != nil)
			require.Equal(t, c.sandbox, q.serve(p, config.QueueSandbox, sandboxOptions(config.SandboxQueue{})) != nil)
		})
	}
}

func TestDrainingEndsTheActivitiesThatAreLeft(t *testing.T) {
	q := newQueues(config.Worker{})
	require.NoError(t, q.working.Err())
	q.drain()
	require.Error(t, q.working.Err())
	q.fail(errors.New("first"))
	q.fail(errors.New("second"))
	q.fail(errors.New("nobody listens any more"))
	require.EqualError(t, <-q.Failed(), "first")
}

// stubborn does not stop.
type stubborn struct{ worker.Worker }

func (stubborn) Stop() { select {} }

func TestDrainingTakesNoLongerThanIsSaid(t *testing.T) {
	q := newQueues(config.Worker{Drain: config.Duration(20 * time.Millisecond)})
	q.workers = []worker.Worker{stubborn{}}
	q.drain() // else the test does not end
	require.ErrorIs(t, context.Cause(q.working), worker.ErrWorkerShutdown)
}

func TestTheSandboxRunsNoMoreThanItIsToldTo(t *testing.T) {
	require.Equal(t, worker.Options{DisableWorkflowWorker: true, MaxConcurrentActivityExecutionSize: 3, MaxConcurrentActivityTaskPollers: 4},
		sandboxOptions(config.SandboxQueue{Activities: 3, ActivityPollers: 4}))
	require.GreaterOrEqual(t, sandboxOptions(config.SandboxQueue{}).MaxConcurrentActivityExecutionSize, 2)
}

func TestTemporalIsConfiguredByItsOwnVariablesAndProfiles(t *testing.T) {
	file := filepath.Join(t.TempDir(), "temporal.toml")
	require.NoError(t, os.WriteFile(file, []byte(`
[profile.default]
address = "plain.example.org:7233"
[profile.cloud]
address = "eu.api.example.org:7233"
namespace = "agents.a1b2c"
api_key = "very-secret"
[profile.broken]
address = "x:1"
[profile.broken.tls]
client_cert_path = "/none/such.pem"
client_key_path = "/none/such.key"
`), 0o600))
	t.Setenv("TEMPORAL_CONFIG_FILE", file)

	plain, err := TemporalOptions("", config.Encryption{})
	require.NoError(t, err)
	require.Equal(t, "plain.example.org:7233", plain.HostPort)
	require.Equal(t, client.DefaultNamespace, plain.Namespace)
	require.Nil(t, plain.ConnectionOptions.TLS)

	t.Setenv("TEMPORAL_PROFILE", "cloud")
	t.Setenv("TEMPORAL_NAMESPACE", "others.a1b2c")
	cloud, err := TemporalOptions("", config.Encryption{})
	require.NoError(t, err)
	require.Equal(t, "others.a1b2c", cloud.Namespace, "a variable comes before the file")
	require.NotNil(t, cloud.ConnectionOptions.TLS, "a key is sent over TLS alone")
	require.NotNil(t, cloud.Credentials)

	t.Setenv("TEMPORAL_PROFILE", "broken")
	_, err = TemporalOptions("", config.Encryption{})
	require.ErrorIs(t, err, ErrTemporalConfig)
	require.NotContains(t, err.Error(), "very-secret")
}
