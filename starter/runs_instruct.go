package main

import (
	"github.com/spf13/cobra"

	"agentfactory/workflows"
)

func (a *app) runsInstructCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "instruct ID MESSAGE",
		Short: "Say something to the model of a run that goes on",
		Long: `Say something to the model: it reads it with its next turn. A run that waits for an
approval goes back to work with it. MESSAGE - reads it from stdin.`,
		Example: `  starter runs instruct install-plot-the-totals-k3x9qa "Use a logarithmic axis"
  starter runs instruct install-plot-the-totals-k3x9qa - < remarks.txt`,
		Args: exactly("the ID of a run", "a MESSAGE, or - to read it from stdin"),
		RunE: func(cmd *cobra.Command, args []string) error {
			message, err := a.readTask(args[1])
			if err != nil {
				return err
			}
			return a.steer(cmd.Context(), args[0], workflows.InstructUpdate, workflows.Instruct{Message: message, By: me()})
		},
	}
}
