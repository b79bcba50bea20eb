package main

import (
	"github.com/spf13/cobra"
)

func (a *app) runsWatchCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "watch ID",
		Short: "Watch a run until it ends, then print its result",
		Long: `Watch a run that is going on, or print the result of one that has ended. Progress goes
to stderr, the answer to stdout, and the exit code is the one that "starter solve"
would have had. Ctrl-C detaches again.`,
		Example: `  starter runs watch install-plot-the-totals-k3x9qa
  starter runs watch install-plot-the-totals-k3x9qa --json`,
		Args: exactly("the ID of a run"),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := a.open(cmd.Context(), wanted{})
			if err != nil {
				return err
			}
			defer c.Close()
			if err := c.setModel(cmd.Context()); err != nil {
				return err
			}
			return a.follow(cmd.Context(), c, args[0])
		},
	}
}
