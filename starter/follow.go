package main

import (
	"context"
	"errors"
	"fmt"

	runs "agentfactory/internal/run"
)

// errDetached says that Ctrl-C came while a run was watched.
var errDetached = errors.New("detached")

// maxReturns is how often a stack that ends while it is watched is brought back.
const maxReturns = 3

// follow watches a run to its end, prints its result, and returns the error that
// carries the exit code.
func (a *app) follow(ctx context.Context, c *connection, id string) error {
	res, err := a.await(ctx, c, id, newProgress(a.stderr, a.getenv))
	if errors.Is(err, errDetached) {
		return a.leave(id, "detached: the run goes on")
	}
	if codeOf(err) == exitUnreachable {
		return fmt.Errorf("%w; come back with `starter runs watch %s`", err, id)
	}
	if err != nil {
		return err
	}
	if err := a.printResult(res); err != nil {
		return err
	}
	return endOf(res.Outcome)
}

// await watches a run until it has ended. When the embedded stack ends meanwhile it is
// started again, and the run goes on in it.
func (a *app) await(ctx context.Context, c *connection, id string, p *progress) (runs.Result, error) {
	defer p.close()
	for returns := 0; ; returns++ {
		w := &watcher{connection: c, id: id, progress: p}
		res, err := w.watch(ctx)
		if !errors.Is(err, errStackGone) {
			return res, err
		}
		if returns == maxReturns {
			return res, withCode(exitUnreachable, errors.New("the embedded servers end again and again; see `starter doctor`"))
		}
		p.line("the embedded servers have ended; starting them again")
		if err := a.reconnect(ctx, c); err != nil {
			return res, err
		}
	}
}

func (a *app) reconnect(ctx context.Context, c *connection) error {
	again, err := a.connect(ctx, c.Config, c.wanted)
	if errors.Is(err, context.Canceled) {
		return errDetached
	}
	if err != nil {
		return err
	}
	c.Close()
	*c = *again
	return c.setModel(ctx)
}

// leave ends a command whose run goes on: it says how to come back.
func (a *app) leave(id, how string) error {
	if a.json {
		if err := a.printJSON(unfinished(id)); err != nil {
			return err
		}
	}
	a.say("%s; come back with\n  starter runs watch %s", how, id)
	return ended(exitDetached)
}

func unfinished(id string) runs.Result {
	return withoutNulls(runs.Result{WorkflowID: id, Outcome: running})
}

// running stands in for the outcome of a run that has none yet.
const running runs.Outcome = "running"
