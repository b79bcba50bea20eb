package main

import (
	"context"

	"github.com/spf13/cobra"

	"agentfactory/internal/evaluation"
)

func (a *app) evaluationsCompareCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "compare A B",
		Short: "Say what got better and what got worse from one evaluation to another, case by case",
		Long: `Hold evaluation B against evaluation A: which tasks passed and fail now, which failed and
pass now, and how tokens changed, method by method. Only tasks that are the same in both
are compared. The exit code is 1 if B is worse, and 0 otherwise.`,
		Example: `  starter evaluations compare nightly-1 nightly-2
  starter evaluations compare nightly-1 nightly-2 --json | jq -r '.methods[].flips[].task'`,
		Args: exactly("the ID of an evaluation", "the ID of a later one"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.compareEvaluations(cmd.Context(), args[0], args[1])
		},
	}
}

func (a *app) compareEvaluations(ctx context.Context, before, after string) error {
	c, err := a.open(ctx, wanted{libraryOnly: true})
	if err != nil {
		return err
	}
	defer c.Close()
	x, err := c.report(ctx, before)
	if err != nil {
		return err
	}
	y, err := c.report(ctx, after)
	if err != nil {
		return err
	}
	compared := evaluation.Compare(x, y)
	if a.json {
		err = a.printJSON(compared)
	} else {
		err = a.print(compared)
	}
	if err == nil && compared.Verdict == evaluation.Worse {
		return ended(exitFailed)
	}
	return err
}
