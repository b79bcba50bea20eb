package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"go.temporal.io/api/serviceerror"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"agentfactory/internal/objectstore"
	"agentfactory/internal/service"
)

// errUnreachable says that a server did not come within --wait.
var errUnreachable = errors.New("gave up waiting")

const (
	betweenTries = time.Second     // a server that comes up is noticed soon
	patience     = 5 * time.Second // of one try
	sayAgain     = 5 * time.Second // that we still wait
)

// waiting is the patience of a start: servers may come up after their workers.
type waiting struct {
	log   *slog.Logger
	until time.Time
}

// wait tries until it works, says every few seconds why it does not, and gives up when the time is over (errUnreachable) or
// when no waiting will help, as with a wrong key.
func (w waiting) wait(ctx context.Context, what string, try func(context.Context) error) error {
	began, said := time.Now(), time.Time{}
	for {
		err := w.attempt(ctx, try)
		switch {
		case err == nil:
			return nil
		case ctx.Err() != nil:
			return ctx.Err()
		case hopeless(err):
			return fmt.Errorf("%w: %s: %w", errConfig, what, err)
		case time.Now().Add(betweenTries).After(w.until):
			return fmt.Errorf("%w for %s after %s (--wait, AGENTFACTORY_WORKER_WAIT): %w", errUnreachable, what, time.Since(began).Round(time.Second), err)
		}
		if time.Since(said) >= sayAgain {
			said = time.Now()
			w.log.Warn("waiting for "+what, "gives_up_in", time.Until(w.until).Round(time.Second).String(), "error", err)
		}
		select {
		case <-ctx.Done():
		case <-time.After(betweenTries):
		}
	}
}

func (w waiting) attempt(ctx context.Context, try func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, min(patience, time.Until(w.until)))
	defer cancel()
	return try(ctx)
}

// hopeless errors do not go away by themselves. A namespace or bucket that is missing may: somebody creates it once the servers
// are up.
func hopeless(err error) bool {
	var denied *serviceerror.PermissionDenied
	return errors.As(err, &denied) || status.Code(err) == codes.Unauthenticated || errors.Is(err, objectstore.ErrDenied)
}

// dial connects and looks whether the namespace can be used.
func dial(ctx context.Context, options service.TemporalSettings) (service.Temporal, error) {
	t, err := service.ConnectTemporal(ctx, options)
	if err != nil {
		return t, err
	}
	if err := service.CheckNamespace(ctx, t); err != nil {
		t.Close()
		return service.Temporal{}, err
	}
	return t, nil
}
