package lease

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/grpc"
)

// send sends a request for which the server takes some time and then answers with err.
func send(ctx context.Context, l *Leases, request any, takes time.Duration, err error) error {
	return l.call(ctx, "", request, nil, nil, func(context.Context, string, any, any, *grpc.ClientConn, ...grpc.CallOption) error {
		time.Sleep(takes)
		return err
	})
}

func beat(token string) any {
	return &workflowservice.RecordActivityTaskHeartbeatRequest{TaskToken: []byte(token)}
}

func TestAHeartbeatThatDoesNotArriveIsNoCancellation(t *testing.T) {
	l := &Leases{}
	defer l.take("a", time.Hour, func() {})()
	for _, err := range []error{
		serviceerror.NewDeadlineExceeded("slow"), serviceerror.NewUnavailable("restarts"), serviceerror.NewInternal("broken"),
		&serviceerror.ResourceExhausted{Message: "busy"}, context.DeadlineExceeded,
	} {
		require.NoError(t, send(t.Context(), l, beat("a"), 0, err))
		require.ErrorIs(t, send(t.Context(), l, beat("b"), 0, err), err, "nobody holds a lease of it")
		require.ErrorIs(t, send(t.Context(), l, &workflowservice.RespondActivityTaskCompletedRequest{}, 0, err), err)
	}
	for _, err := range []error{
		serviceerror.NewNotFound("the attempt is over"), serviceerror.NewNamespaceNotFound("n"), serviceerror.NewPermissionDenied("no", ""), serviceerror.NewCanceled("over"),
	} {
		require.ErrorIs(t, send(t.Context(), l, beat("a"), 0, err), err)
	}
}

func TestALeaseCountsFromTheSendingOfTheLastHeartbeatThatArrived(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, began := &Leases{}, time.Now()
		lost := make(chan time.Duration, 1)
		end := l.take("a", 9*time.Second, func() { lost <- time.Since(began) })
		time.Sleep(4 * time.Second)
		require.NoError(t, send(t.Context(), l, beat("a"), 3*time.Second, nil))                                  // sent after 4 s
		require.NoError(t, send(t.Context(), l, beat("a"), 3*time.Second, serviceerror.NewUnavailable("it is"))) // after 7 s
		require.Equal(t, 13*time.Second, <-lost)
		require.NoError(t, send(t.Context(), l, beat("a"), 0, nil))
		time.Sleep(time.Hour)
		require.Empty(t, lost, "it is lost once, and for good")
		end()
		require.Empty(t, l.byToken)
	})
}

func TestALeaseThatIsGivenBackRunsOutNeverAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &Leases{}
		l.take("a", 9*time.Second, func() { t.Error("lost") })()
		l.renew("a", time.Now())
		time.Sleep(time.Hour)
	})
}
