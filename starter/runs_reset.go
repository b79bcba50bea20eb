package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"agentfactory/internal/rewind"
)

func (a *app) runsResetCommand() *cobra.Command {
	var turn int
	var o rewind.Options
	cmd := &cobra.Command{
		Use:   "reset ID --turn N",
		Short: "Take a run up again from one of its turns",
		Long: `Take a turn of a run again, and everything after it: the run that goes on is ended, and a
new one with the same ID goes on from before the turn. The turns before it are kept and
not paid for again; skills that were saved stay in the library. Approvals, instructions
and budgets given after that point are applied again unless --without-updates is given;
an approval of something that is not shown again releases nothing.`,
		Example: `  starter runs show install-plot-the-totals-k3x9qa
  starter runs reset install-plot-the-totals-k3x9qa --turn 4
  starter runs reset install-plot-the-totals-k3x9qa --turn 1 --without-updates`,
		Args: exactly("the ID of a run"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if turn < 1 {
				return badInput("--turn says which turn is taken again, from 1; `starter runs show %s` lists them", args[0])
			}
			return a.resetRun(cmd.Context(), args[0], turn, o)
		},
	}
	f := cmd.Flags()
	f.IntVar(&turn, "turn", 0, "the first turn that is taken again")
	f.BoolVar(&o.WithoutUpdates, "without-updates", false, "forget what people said after that turn")
	f.StringVar(&o.Reason, "reason", "starter runs reset", "why; kept in the history")
	return cmd
}

// resetOf is what `runs reset --json` prints.
type resetOf struct {
	WorkflowID string `json:"workflow_id"`
	RunID      string `json:"run_id"` // of the run that goes on
	Turn       int    `json:"turn"`
}

func (a *app) resetRun(ctx context.Context, id string, turn int, o rewind.Options) error {
	c, err := a.open(ctx, wanted{})
	if err != nil {
		return err
	}
	defer c.Close()
	if err := errors.Join(c.setModel(ctx), c.known(ctx, id)); err != nil {
		return err
	}
	point, err := rewind.Find(ctx, c.Temporal, c.Temporal.Payloads.Data, id, turn)
	if errors.Is(err, rewind.ErrNoTurn) {
		return badInput("run %s has not taken turn %d; `starter runs show %s` lists its turns", id, turn, id)
	}
	if err != nil {
		return err
	}
	runID, err := rewind.Reset(ctx, c.Temporal, c.Temporal.Namespace, point, o)
	if err != nil {
		return err
	}
	if a.json {
		return a.printJSON(resetOf{id, runID, turn})
	}
	fmt.Fprintf(a.stdout, "goes on from turn %d\n", turn)
	a.say("watch it with\n  starter runs watch %s", id)
	return nil
}

func (c *connection) known(ctx context.Context, id string) error {
	_, err := c.describe(ctx, id, "")
	return err
}
