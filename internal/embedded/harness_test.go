package embedded

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"

	"agentfactory/internal/config"
)

// patience is for what comes by itself: only a fault is waited for so long.
const patience = 2 * time.Minute

// place is a data directory with the means to use its stack.
type place struct {
	t       *testing.T
	layout  layout
	options EnsureOptions

	mu    sync.Mutex
	heard []string // progress
}

// newPlace makes a data directory whose stack ends with the test.
func newPlace(t *testing.T) *place {
	t.Helper()
	for _, name := range []string{"TEMPORAL_ADDRESS", "TEMPORAL_PROFILE", "TEMPORAL_CONFIG_FILE", "AGENTFACTORY_S3_BUCKET", "AGENTFACTORY_CONFIG"} {
		t.Setenv(name, "")
	}
	p := &place{t: t, layout: layout{dir: t.TempDir()}}
	p.options = EnsureOptions{Config: config.Config{Data: p.layout.dir}, Args: []string{stackCommand}, Progress: p.hear}
	t.Cleanup(func() {
		if err := Stop(context.Background(), p.layout.dir); err != nil && !errors.Is(err, ErrNotRunning) {
			t.Error(err)
		}
		if t.Failed() {
			log, _ := os.ReadFile(p.layout.stackLog())
			t.Logf("stack.log:\n%s", log)
		}
	})
	return p
}

func (p *place) hear(line string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.heard = append(p.heard, line)
}

func (p *place) progress() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return strings.Join(p.heard, "\n")
}

// ensure returns a client that leaves at the end of the test at the latest.
func (p *place) ensure() *Client {
	p.t.Helper()
	c, err := Ensure(p.t.Context(), p.options)
	require.NoError(p.t, err)
	p.t.Cleanup(func() { _ = c.Close() })
	return c
}

func (p *place) temporal(c *Client) client.Client {
	p.t.Helper()
	t, err := client.Dial(client.Options{HostPort: c.Addresses().Temporal, Logger: slog.New(slog.DiscardHandler)})
	require.NoError(p.t, err)
	p.t.Cleanup(t.Close)
	return t
}

func (p *place) startWaiting(c *Client, id string) {
	p.t.Helper()
	t := p.temporal(c)
	_, err := t.ExecuteWorkflow(p.t.Context(), client.StartWorkflowOptions{ID: id, TaskQueue: testQueue}, waitForGo)
	require.NoError(p.t, err)
	// A worker killed in the middle of a workflow task is given 10 s by Temporal before another one gets it.
	require.Eventually(p.t, func() bool {
		d, err := t.DescribeWorkflowExecution(p.t.Context(), id, "")
		return err == nil && d.GetPendingWorkflowTask() == nil
	}, patience, 5*time.Millisecond)
}

// countsOpen waits until Temporal counts so many open runs, which takes a moment after their start.
func (p *place) countsOpen(c *Client, n int64) {
	p.t.Helper()
	t := p.temporal(c)
	require.Eventually(p.t, func() bool {
		counted, err := t.CountWorkflow(p.t.Context(), &workflowservice.CountWorkflowExecutionsRequest{Query: `ExecutionStatus = "Running"`})
		return err == nil && counted.GetCount() == n
	}, patience, 5*time.Millisecond)
}

func (p *place) finishWaiting(c *Client, id, with string) {
	p.t.Helper()
	t := p.temporal(c)
	require.NoError(p.t, t.SignalWorkflow(p.t.Context(), id, "", "go", with))
	var got string
	require.NoError(p.t, t.GetWorkflow(p.t.Context(), id, "").Get(p.t.Context(), &got))
	require.Equal(p.t, with, got)
}

// gone waits until no process holds the data directory.
func (p *place) gone() {
	p.t.Helper()
	require.True(p.t, released(p.t.Context(), p.layout, patience), "the stack still runs")
}

func (p *place) live() bool {
	p.t.Helper()
	running, err := live(p.layout)
	require.NoError(p.t, err)
	return running
}
