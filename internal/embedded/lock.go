package embedded

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/gofrs/flock"
)

// acquire takes the lock of the data directory or returns ErrRunning. It tries for a
// moment, because whoever asks whether the stack is live holds a shared lock meanwhile.
func acquire(ctx context.Context, l layout) (*flock.Flock, error) {
	lock := flock.New(l.lock(), flock.SetPermissions(0o600))
	within, cancel := context.WithTimeout(ctx, 300*time.Millisecond)
	defer cancel()
	ok, err := lock.TryLockContext(within, 10*time.Millisecond)
	switch {
	case ok:
		return lock, nil
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case errors.Is(err, context.DeadlineExceeded):
		return nil, fmt.Errorf("%w (%s)", ErrRunning, l.dir)
	}
	return nil, fmt.Errorf("lock the data directory: %w", err)
}

// live reports whether a process holds the lock. Askers share theirs, so that they are
// never taken for the stack by one another.
func live(l layout) (bool, error) {
	lock := flock.New(l.lock(), flock.SetPermissions(0o600))
	free, err := lock.TryRLock()
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil // there is no data directory yet
	}
	if err != nil {
		return false, fmt.Errorf("look at the stack's lock: %w", err)
	}
	return !free, lock.Close()
}
