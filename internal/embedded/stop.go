package embedded

import (
	"context"
	"fmt"
	"net/http"
	"syscall"
	"time"
)

// How long Stop waits for each way of ending: a worker finishes what it is doing first.
// They are variables for tests.
var (
	answerWithin = 10 * time.Second
	stopWithin   = 30 * time.Second
	termWithin   = 10 * time.Second
	killWithin   = 5 * time.Second
	exitWithin   = 3 * time.Second // from the release of the lock to the end of the process
)

// Stop ends the stack of a data directory and returns when it is gone; ErrNotRunning
// when there is none. Open runs go on at the next start. It asks first; a stack that
// does not answer gets SIGTERM and then SIGKILL, if the recorded process is still that one.
func Stop(ctx context.Context, dataDir string) error {
	l := layout{dir: dataDir}
	running, err := live(l)
	if err != nil {
		return err
	}
	if !running {
		return fmt.Errorf("%w (%s)", ErrNotRunning, dataDir)
	}
	s, err := readState(l.state())
	if err != nil {
		return err
	}
	conn := connection{address: s.Control, token: s.Token}
	if s.Control != "" && conn.stop(ctx, stopRequest{}) == nil && ended(ctx, l, s.Process, stopWithin) {
		return nil
	}
	for _, try := range []struct {
		signal syscall.Signal
		within time.Duration
	}{{syscall.SIGTERM, termWithin}, {syscall.SIGKILL, killWithin}} {
		s.Process.signal(try.signal)
		if ended(ctx, l, s.Process, try.within) {
			return nil
		}
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return fmt.Errorf("process %d does not end: its data directory %s stays locked", s.Process.PID, dataDir)
}

// stop asks the stack to end and returns when it has agreed.
func (c connection) stop(ctx context.Context, r stopRequest) error {
	ctx, cancel := context.WithTimeout(ctx, answerWithin)
	defer cancel()
	return c.call(ctx, http.MethodPost, "/stop", r, nil)
}

// ended reports whether the lock came free within the time, and then waits a little for
// the process, which may be one that does other things as well.
func ended(ctx context.Context, l layout, p process, within time.Duration) bool {
	if !released(ctx, l, within) {
		return false
	}
	p.waitGone(ctx, exitWithin)
	return true
}

// released reports whether the lock came free within the time.
func released(ctx context.Context, l layout, within time.Duration) bool {
	return poll(ctx, within, func() bool {
		running, err := live(l)
		return err == nil && !running
	})
}
