// Package lease lets an activity go on while heartbeats of it do not arrive, and no longer than nobody else has it.
//
// Temporal's SDK cancels an activity as soon as one heartbeat fails or takes too long, with a model call in flight that is
// then paid for again. But the server counts from the last heartbeat that it got: only when the heartbeat timeout has passed
// since does it give the activity to another worker. For so long an activity holds a lease, which each heartbeat renews;
// when it runs out, the activity is cancelled, because another worker may be at it.
//
// It may import Temporal's SDK alone.
package lease

import (
	"context"
	"errors"
	"sync"
	"time"

	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/interceptor"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
)

// ErrLost is the cause for which the context of an activity ends when no heartbeat has reached the server for so long that
// another worker may be given the activity.
var ErrLost = errors.New("no heartbeat has reached the Temporal server: another worker may have the activity")

// Leases are those of the activities that workers of one connection carry out. The zero value is ready for use.
type Leases struct {
	interceptor.WorkerInterceptorBase

	mu      sync.Mutex
	byToken map[string]*held
}

// held is the lease of one attempt at an activity.
type held struct {
	lasts time.Duration // from the sending of a heartbeat that arrives
	out   *time.Timer
}

// margin is how much earlier than the server the worker gives an activity up, to have ended it by then.
const margin = time.Second

// InterceptActivity implements [interceptor.WorkerInterceptor].
func (l *Leases) InterceptActivity(_ context.Context, next interceptor.ActivityInboundInterceptor) interceptor.ActivityInboundInterceptor {
	return &leased{interceptor.ActivityInboundInterceptorBase{Next: next}, l}
}

type leased struct {
	interceptor.ActivityInboundInterceptorBase
	leases *Leases
}

// ExecuteActivity cancels an activity with a heartbeat timeout when its lease runs out.
func (a *leased) ExecuteActivity(ctx context.Context, in *interceptor.ExecuteActivityInput) (any, error) {
	info := activity.GetInfo(ctx)
	if info.HeartbeatTimeout <= margin {
		return a.Next.ExecuteActivity(ctx, in)
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer a.leases.take(string(info.TaskToken), info.HeartbeatTimeout-margin, func() { cancel(ErrLost) })()
	return a.Next.ExecuteActivity(ctx, in)
}

// take begins a lease; the returned end gives it back.
func (l *Leases) take(token string, lasts time.Duration, lost func()) (end func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.byToken == nil {
		l.byToken = map[string]*held{}
	}
	h := &held{lasts: lasts, out: time.AfterFunc(lasts, lost)}
	l.byToken[token] = h
	return func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		h.out.Stop()
		delete(l.byToken, token)
	}
}

// renew counts a lease from the moment when a heartbeat was sent. One that has run out stays so: its activity is cancelled.
func (l *Leases) renew(token string, sent time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if h := l.byToken[token]; h != nil && h.out.Stop() {
		h.out.Reset(time.Until(sent.Add(h.lasts)))
	}
}

func (l *Leases) holds(token string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.byToken[token] != nil
}

// Dial is the option of a connection to Temporal that renews leases, and answers for the server when a heartbeat does not
// arrive. It stands before the SDK's own interceptors, whose retries are over then, as the one interceptor of
// [grpc.WithUnaryInterceptor] does.
func (l *Leases) Dial() grpc.DialOption { return grpc.WithUnaryInterceptor(l.call) }

func (l *Leases) call(ctx context.Context, method string, req, reply any, cc *grpc.ClientConn, invoker grpc.UnaryInvoker, opts ...grpc.CallOption) error {
	sent := time.Now()
	err := invoker(ctx, method, req, reply, cc, opts...)
	beat, ok := req.(*workflowservice.RecordActivityTaskHeartbeatRequest)
	if !ok {
		return err
	}
	token := string(beat.GetTaskToken())
	if err == nil {
		l.renew(token, sent)
		return nil
	}
	if l.holds(token) && outage(ctx, err) {
		return nil
	}
	return err
}

// outage tells that a server is slow, restarts or has too much to do. That says nothing about an activity.
func outage(ctx context.Context, err error) bool {
	switch serviceerror.ToStatus(err).Code() {
	case codes.DeadlineExceeded, codes.Unavailable, codes.ResourceExhausted, codes.Aborted, codes.Internal, codes.Unknown:
		return true
	}
	return errors.Is(ctx.Err(), context.DeadlineExceeded) // of the call: that of an activity which is over ends by Canceled
}
