package service

import (
	"context"
	"errors"
	"log/slog"
	"slices"

	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
)

// outages are the answers of a server that is slow, restarts or has too much to do. They say nothing about an activity.
var outages = []codes.Code{codes.DeadlineExceeded, codes.Unavailable, codes.ResourceExhausted, codes.Aborted, codes.Internal, codes.Unknown}

// outliveOutages lets an activity go on when a heartbeat does not reach the server: the SDK would cancel it, with a model call
// in flight that is then paid for again. Whether the worker is to be taken for dead is for the server to say, by the heartbeat
// timeout; the next beat that arrives learns of that, as of every cancellation. It has to stand before the SDK's own
// interceptors, whose retries are over here, as the only one given by [grpc.WithUnaryInterceptor] does.
func outliveOutages(ctx context.Context, method string, req, reply any, cc *grpc.ClientConn, invoker grpc.UnaryInvoker, opts ...grpc.CallOption) error {
	err := invoker(ctx, method, req, reply, cc, opts...)
	if method != workflowservice.WorkflowService_RecordActivityTaskHeartbeat_FullMethodName || err == nil {
		return err
	}
	late := errors.Is(ctx.Err(), context.DeadlineExceeded) // of the call: an activity that is over ends by Canceled
	if late || slices.Contains(outages, serviceerror.ToStatus(err).Code()) {
		slog.Warn("a heartbeat did not reach Temporal; its activity goes on", "error", err)
		return nil
	}
	return err
}
