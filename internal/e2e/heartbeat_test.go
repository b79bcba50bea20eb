package e2e

import (
	"context"
	"math"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"agentfactory/internal/config"
	"agentfactory/internal/lease"
	"agentfactory/internal/service"
)

// A heartbeat that does not arrive must not cancel its activity, whose model call would be paid for again; a cancellation must.
func TestAnActivityOutlivesHeartbeatsThatDoNotArrive(t *testing.T) {
	t.Parallel()
	const lost = 2
	b := newBeating(t, lost, testPatience)
	select {
	case <-b.arrived:
	case cause := <-b.cancelled:
		t.Fatalf("cancelled by a lost heartbeat: %v", cause)
	}
	require.NoError(t, b.client.CancelWorkflow(t.Context(), b.run.GetID(), b.run.GetRunID()))
	err := b.run.Get(t.Context(), nil)
	require.True(t, temporal.IsCanceledError(err), "%v", err)
}

// The server gives an activity to another worker when it has not heard of it for the heartbeat timeout; it must have ended here.
func TestAnActivityEndsWhenAnotherWorkerMayHaveIt(t *testing.T) {
	t.Parallel()
	b := newBeating(t, math.MaxInt64, 2*time.Second)
	require.ErrorIs(t, <-b.cancelled, lease.ErrLost)
}

// beating is a workflow with one activity, which sends heartbeats until it is cancelled.
type beating struct {
	client    client.Client
	run       client.WorkflowRun
	arrived   chan struct{} // closed when a heartbeat has
	cancelled chan error    // the cause
}

// newBeating begins one whose first heartbeats are lost.
func newBeating(t *testing.T, lost int64, timeout time.Duration) *beating {
	t.Helper()
	var beats atomic.Int64
	c := dialBehind(t, newStack(t, "{}").address, func(ctx context.Context, method string, req, reply any, cc *grpc.ClientConn, next grpc.UnaryInvoker, opts ...grpc.CallOption) error {
		if method != workflowservice.WorkflowService_RecordActivityTaskHeartbeat_FullMethodName || beats.Add(1) > lost {
			return next(ctx, method, req, reply, cc, opts...)
		}
		<-ctx.Done()
		return status.Error(codes.Unavailable, "the connection is lost")
	})
	b := &beating{client: c.Client, arrived: make(chan struct{}), cancelled: make(chan error, 1)}
	w := worker.New(c.Client, "heartbeats", worker.Options{MaxHeartbeatThrottleInterval: time.Second, Interceptors: []interceptor.WorkerInterceptor{c.Leases}})
	w.RegisterActivityWithOptions(func(ctx context.Context) error {
		tell := sync.OnceFunc(func() { close(b.arrived) })
		for ctx.Err() == nil {
			activity.RecordHeartbeat(ctx)
			time.Sleep(tick)
			if beats.Load() > lost {
				tell()
			}
		}
		b.cancelled <- context.Cause(ctx)
		return ctx.Err()
	}, activity.RegisterOptions{Name: "beat"})
	w.RegisterWorkflowWithOptions(func(ctx workflow.Context) error {
		ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{StartToCloseTimeout: 2 * testPatience, HeartbeatTimeout: timeout, WaitForCancellation: true,
			RetryPolicy: &temporal.RetryPolicy{MaximumAttempts: 1}})
		return workflow.ExecuteActivity(ctx, "beat").Get(ctx, nil)
	}, workflow.RegisterOptions{Name: "beats"})
	require.NoError(t, w.Start())
	t.Cleanup(w.Stop)
	var err error
	b.run, err = c.ExecuteWorkflow(t.Context(), client.StartWorkflowOptions{TaskQueue: "heartbeats"}, "beats")
	require.NoError(t, err)
	return b
}

// dialBehind connects as the product does, with what is sent going through the interceptor.
func dialBehind(t *testing.T, address string, through grpc.UnaryClientInterceptor) service.Temporal {
	t.Helper()
	options, err := service.TemporalOptions(address, config.Encryption{})
	require.NoError(t, err)
	options.ConnectionOptions.DialOptions = append(options.ConnectionOptions.DialOptions, grpc.WithChainUnaryInterceptor(through))
	c, err := service.ConnectTemporal(t.Context(), options)
	require.NoError(t, err)
	t.Cleanup(c.Close)
	return c
}
