package e2e

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"agentfactory/internal/config"
	"agentfactory/internal/service"
)

// A heartbeat that does not arrive must not cancel its activity, whose model call would be paid for again; a cancellation must.
func TestAnActivityOutlivesHeartbeatsThatDoNotArrive(t *testing.T) {
	t.Parallel()
	const lost = 2
	var beats atomic.Int64
	c := dialBehind(t, newStack(t, "{}").address, func(ctx context.Context, method string, req, reply any, cc *grpc.ClientConn, next grpc.UnaryInvoker, opts ...grpc.CallOption) error {
		if method != workflowservice.WorkflowService_RecordActivityTaskHeartbeat_FullMethodName || beats.Add(1) > lost {
			return next(ctx, method, req, reply, cc, opts...)
		}
		<-ctx.Done()
		return status.Error(codes.Unavailable, "the connection is lost")
	})

	w := worker.New(c, "heartbeats", worker.Options{MaxHeartbeatThrottleInterval: time.Second, DefaultHeartbeatThrottleInterval: time.Second})
	arrived := make(chan struct{})
	w.RegisterActivityWithOptions(func(ctx context.Context) error {
		var told bool
		for ctx.Err() == nil {
			activity.RecordHeartbeat(ctx)
			time.Sleep(tick)
			if beats.Load() > lost && !told {
				told = true
				close(arrived)
			}
		}
		if !told {
			return temporal.NewNonRetryableApplicationError("cancelled by a lost heartbeat", "", context.Cause(ctx))
		}
		return ctx.Err()
	}, activity.RegisterOptions{Name: "beat"})
	w.RegisterWorkflowWithOptions(func(ctx workflow.Context) error {
		ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{StartToCloseTimeout: 2 * testPatience, HeartbeatTimeout: testPatience, WaitForCancellation: true})
		return workflow.ExecuteActivity(ctx, "beat").Get(ctx, nil)
	}, workflow.RegisterOptions{Name: "beats"})
	require.NoError(t, w.Start())
	defer w.Stop()

	run, err := c.ExecuteWorkflow(t.Context(), client.StartWorkflowOptions{TaskQueue: "heartbeats"}, "beats")
	require.NoError(t, err)
	ended := make(chan error, 1)
	go func() { ended <- run.Get(t.Context(), nil) }()
	select {
	case <-arrived:
	case err := <-ended:
		require.NoError(t, err)
	}
	require.NoError(t, c.CancelWorkflow(t.Context(), run.GetID(), run.GetRunID()))
	err = <-ended
	require.True(t, temporal.IsCanceledError(err), "%v", err)
}

// dialBehind connects as the product does, with what is sent going through the interceptor.
func dialBehind(t *testing.T, address string, through grpc.UnaryClientInterceptor) client.Client {
	t.Helper()
	options, err := service.TemporalOptions(address, config.Encryption{})
	require.NoError(t, err)
	options.ConnectionOptions.DialOptions = append(options.ConnectionOptions.DialOptions, grpc.WithChainUnaryInterceptor(through))
	c, err := service.ConnectTemporal(t.Context(), options)
	require.NoError(t, err)
	t.Cleanup(c.Close)
	return c.Client
}
