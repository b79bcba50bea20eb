package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"agentfactory/internal/schedule"
)

func (a *app) scheduleCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "schedule",
		Short: "Start runs at set times: create, show, trigger, pause and delete schedules",
		Long: `A schedule starts a run at set times, again and again. It is kept by the Temporal server and
fires there: no process of yours has to be up but the server and a worker.

What happens when a time comes while an earlier run goes on (--overlap), and which times are
made up for after the server was down (--catchup), is always stated: "describe" shows both.`,
		Example: `  starter schedule create nightly-care --cron "0 3 * * *" -- evolve
  starter schedule list
  starter schedule describe nightly-care
  starter schedule trigger nightly-care`,
		Args: cobra.ArbitraryArgs,
		RunE: group,
	}
	cmd.AddCommand(a.scheduleCreateCommand(), a.scheduleListCommand(), a.scheduleDescribeCommand(), a.scheduleTriggerCommand(),
		a.schedulePauseCommand(), a.scheduleUnpauseCommand(), a.scheduleBackfillCommand(), a.scheduleDeleteCommand())
	return cmd
}

// theName is what the commands about one schedule take.
const theName = "the NAME of a schedule"

// openSchedule connects and finds a schedule.
func (a *app) openSchedule(ctx context.Context, name string) (*connection, client.ScheduleHandle, *client.ScheduleDescription, error) {
	if err := schedule.CheckName(name); err != nil {
		return nil, nil, nil, withCode(exitUsage, err)
	}
	c, err := a.open(ctx, wanted{})
	if err != nil {
		return nil, nil, nil, err
	}
	h := c.Temporal.ScheduleClient().GetHandle(ctx, name)
	d, err := h.Describe(ctx)
	if err != nil {
		c.Close()
		return nil, nil, nil, scheduleError("find", name, err)
	}
	return c, h, d, nil
}

// scheduleError says what went wrong with a schedule, and what to do where that is known.
func scheduleError(doing, name string, err error) error {
	var unknown *serviceerror.NotFound
	switch {
	case errors.As(err, &unknown):
		return badInput("there is no schedule %s; `starter schedule list` shows those that there are", name)
	case errors.Is(err, temporal.ErrScheduleAlreadyRunning):
		return badInput("there is a schedule %s already: see `starter schedule describe %s`, and delete it first or choose another name", name, name)
	}
	return fmt.Errorf("%s schedule %s: %w", doing, name, err)
}
