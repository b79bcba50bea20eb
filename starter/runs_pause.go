package main

import (
	"github.com/spf13/cobra"

	"agentfactory/workflows"
)

func (a *app) runsPauseCommand() *cobra.Command {
	var reason string
	cmd := &cobra.Command{
		Use:   "pause ID",
		Short: "Pause a run before its next action",
		Long: `Pause a run. What it is doing is finished first: the model call, or the call of a turn.
A paused run shows what comes next with "starter runs show", takes "instruct", "amend"
and "budget", and costs nothing.`,
		Example: `  starter runs pause install-plot-the-totals-k3x9qa --reason "look at the plan first"`,
		Args:    exactly("the ID of a run"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.steer(cmd.Context(), args[0], workflows.PauseUpdate, workflows.Pause{Reason: reason, By: me()})
		},
	}
	cmd.Flags().StringVar(&reason, "reason", "", "why; shown to whoever looks at the run")
	return cmd
}

func (a *app) runsResumeCommand() *cobra.Command {
	var steps int
	cmd := &cobra.Command{
		Use:   "resume ID",
		Short: "Let a paused run go on, or step through it",
		Long: `Let a paused run go on. With --steps it carries out so many actions (a model call, a call
of the turn, a save) and pauses again. A run that waits for a service tries again at once.`,
		Example: `  starter runs resume install-plot-the-totals-k3x9qa
  starter runs resume install-plot-the-totals-k3x9qa --steps 1`,
		Args: exactly("the ID of a run"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.steer(cmd.Context(), args[0], workflows.ResumeUpdate, workflows.Resume{Steps: steps, By: me()})
		},
	}
	cmd.Flags().IntVar(&steps, "steps", 0, "actions after which it pauses again (default: it goes on)")
	return cmd
}
