package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	runs "agentfactory/internal/run"
)

func (a *app) runsCancelCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "cancel ID",
		Short: "Cancel a run and wait until it has ended",
		Long: `Cancel a run. What it was doing is stopped, its result says that it was cancelled, and
everything it made so far stays readable. The command waits for the end; Ctrl-C stops
waiting, not cancelling.`,
		Example: `  starter runs cancel install-plot-the-totals-k3x9qa`,
		Args:    exactly("the ID of a run"),
		RunE:    func(cmd *cobra.Command, args []string) error { return a.cancelRun(cmd.Context(), args[0]) },
	}
}

func (a *app) cancelRun(ctx context.Context, id string) error {
	c, err := a.open(ctx, wanted{})
	if err != nil {
		return err
	}
	defer c.Close()
	d, err := c.describe(ctx, id, "")
	if err != nil {
		return err
	}
	if o := outcomeOf(d.GetWorkflowExecutionInfo()); o != running {
		return badInput("run %s has ended already (%s): there is nothing to cancel", id, o)
	}
	if err := c.Temporal.CancelWorkflow(ctx, id, ""); err != nil {
		return fmt.Errorf("cancel run %s: %w", id, err)
	}
	res, err := a.await(ctx, c, id, newProgress(a.stderr, a.getenv))
	if errors.Is(err, errDetached) {
		return a.leave(id, "detached: the run will end as cancelled")
	}
	if err != nil {
		return err
	}
	if err := a.printResult(res); err != nil {
		return err
	}
	if res.Outcome == runs.Cancelled {
		return nil
	}
	return endOf(res.Outcome) // it came to its own end first
}
