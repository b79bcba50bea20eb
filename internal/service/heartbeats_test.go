package service

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/grpc"
)

func TestAHeartbeatThatDoesNotArriveIsNoCancellation(t *testing.T) {
	const beat, completion = workflowservice.WorkflowService_RecordActivityTaskHeartbeat_FullMethodName, workflowservice.WorkflowService_RespondActivityTaskCompleted_FullMethodName
	call := func(ctx context.Context, method string, err error) error {
		return outliveOutages(ctx, method, nil, nil, nil, func(context.Context, string, any, any, *grpc.ClientConn, ...grpc.CallOption) error { return err })
	}
	for _, err := range []error{
		serviceerror.NewDeadlineExceeded("slow"), serviceerror.NewUnavailable("restarts"), serviceerror.NewInternal("broken"),
		&serviceerror.ResourceExhausted{Message: "busy"}, context.DeadlineExceeded,
	} {
		require.NoError(t, call(t.Context(), beat, err))
		require.ErrorIs(t, call(t.Context(), completion, err), err)
	}
	for _, err := range []error{
		serviceerror.NewNotFound("the attempt is over"), serviceerror.NewNamespaceNotFound("n"), serviceerror.NewPermissionDenied("no", ""), serviceerror.NewCanceled("over"),
	} {
		require.ErrorIs(t, call(t.Context(), beat, err), err)
	}
	require.NoError(t, call(t.Context(), beat, nil))
}
