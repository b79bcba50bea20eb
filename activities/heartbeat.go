package activities

import (
	"context"
	"time"

	"go.temporal.io/sdk/activity"
)

// beatEvery is a fifth of the heartbeat timeout that the workflows set, so that a few
// lost beats do not look like a dead worker, and a cancellation comes within seconds.
const beatEvery = 2 * time.Second

// beat heartbeats on a timer, which is also how a cancellation reaches the activity.
// The first beat comes after the interval: most activities are over by then, and each
// beat is a write on the server. The returned stop joins the goroutine.
func beat(ctx context.Context) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		ticker := time.NewTicker(beatEvery)
		defer ticker.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-ticker.C:
				activity.RecordHeartbeat(ctx)
			}
		}
	}()
	return func() { cancel(); <-done }
}
