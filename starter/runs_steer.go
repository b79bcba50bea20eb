package main

import (
	"context"
	"errors"
	"fmt"
	"os/user"
	"time"

	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	runs "agentfactory/internal/run"
	"agentfactory/workflows"
)

// steerWithin bounds the wait for a worker to take an update.
const steerWithin = 30 * time.Second

// steered is what a steering command prints with --json.
type steered struct {
	WorkflowID string `json:"workflow_id"`
	Text       string `json:"text"` // what happens now
}

// steer sends an update to a run and prints what happens now.
func (a *app) steer(ctx context.Context, id, update string, arg any) error {
	c, err := a.openRun(ctx, id)
	if err != nil {
		return err
	}
	defer c.Close()
	text, err := c.update(ctx, id, update, arg)
	if err != nil {
		return err
	}
	if a.json {
		return a.printJSON(steered{id, text})
	}
	fmt.Fprintln(a.stdout, plain(text))
	return nil
}

// openRun connects for a command that needs a run which goes on: the embedded stack may
// have been started just now, and then the run needs the model as well.
func (a *app) openRun(ctx context.Context, id string) (*connection, error) {
	c, err := a.open(ctx, wanted{})
	if err != nil {
		return nil, err
	}
	if err := errors.Join(c.setModel(ctx), c.goesOn(ctx, id)); err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

func (c *connection) goesOn(ctx context.Context, id string) error {
	d, err := c.describe(ctx, id, "")
	if err != nil {
		return err
	}
	if o := outcomeOf(d.GetWorkflowExecutionInfo()); o != running {
		return badInput("run %s has ended (%s); `starter runs reset %s --turn N` takes it up again", id, o, id)
	}
	return nil
}

// update sends an update and waits for the answer of the run. A refusal is the mistake
// of whoever typed it.
func (c *connection) update(ctx context.Context, id, name string, arg any) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, steerWithin)
	defer cancel()
	handle, err := c.Temporal.UpdateWorkflow(ctx, client.UpdateWorkflowOptions{
		WorkflowID: id, UpdateName: name, Args: []any{arg}, WaitForStage: client.WorkflowUpdateStageCompleted,
	})
	var reply workflows.Reply
	if err == nil {
		err = handle.Get(ctx, &reply)
	}
	var refused *temporal.ApplicationError
	var gone *serviceerror.NotFound
	switch {
	case err == nil:
		return reply.Text, nil
	case errors.As(err, &refused):
		return "", withCode(exitUsage, errors.New(refused.Message()))
	case errors.As(err, &gone):
		return "", badInput("run %s has ended in the meantime", id)
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		return "", withCode(exitUnreachable, fmt.Errorf("no worker answered for run %s within %s; is one running? (`starter doctor`)", id, steerWithin))
	}
	return "", fmt.Errorf("%s run %s: %w", name, id, err)
}

// runStatus asks a run what it is doing.
func (c *connection) runStatus(ctx context.Context, id string) (runs.Status, error) {
	ctx, cancel := context.WithTimeout(ctx, steerWithin)
	defer cancel()
	var status runs.Status
	value, err := c.Temporal.QueryWorkflow(ctx, id, "", workflows.StatusQuery)
	if err == nil {
		err = value.Get(&status)
	}
	if err != nil {
		return status, fmt.Errorf("ask run %s for its status: %w", id, err)
	}
	return status, nil
}

// me is who steers: the name of the user at this terminal.
func me() string {
	if u, err := user.Current(); err == nil {
		return u.Username
	}
	return ""
}
