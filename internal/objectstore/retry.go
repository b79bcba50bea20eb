package objectstore

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"time"
)

// do checks the key, carries a request out and names both in its error.
func (b *Bucket) do(ctx context.Context, verb, key string, size int64, request func(context.Context) error) error {
	if err := CheckKey(key); err != nil {
		return fmt.Errorf("%s: %w", verb, err)
	}
	if err := b.retry(ctx, size, request); err != nil {
		return fmt.Errorf("%s %s in bucket %q: %w", verb, key, b.name, err)
	}
	return nil
}

const (
	patience     = 30 * time.Second // for an answer without a body to speak of
	slowestBytes = 256 << 10        // per second; a slower connection counts as stalled
	retries      = 5
	firstPause   = 20 * time.Millisecond // doubled each time: 620 ms in all
)

func (b *Bucket) retry(ctx context.Context, size int64, request func(context.Context) error) error {
	pause := firstPause
	for n := 0; ; n++ {
		err := b.once(ctx, size, request)
		if n == retries || !askedToRetry(err) {
			return err
		}
		if err := wait(ctx, pause); err != nil {
			return err
		}
		pause *= 2
	}
}

func (b *Bucket) once(ctx context.Context, size int64, request func(context.Context) error) error {
	attempt, cancel := context.WithTimeout(ctx, b.patience+time.Duration(size/slowestBytes)*time.Second)
	defer cancel()
	return request(attempt)
}

func askedToRetry(err error) bool {
	status := statusOf(err)
	return status == http.StatusConflict || status == http.StatusServiceUnavailable
}

// wait sleeps between half and all of d, so that writers who collided do not collide again.
func wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d/2 + rand.N(d/2))
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
