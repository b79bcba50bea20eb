package main

import (
	"encoding/json"

	"github.com/spf13/cobra"

	"agentfactory/workflows"
)

func (a *app) runsAmendCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "amend ID CALL_ID ARGUMENTS",
		Short: "Change the arguments of a call that a paused run has not carried out yet",
		Long: `Change what a paused run does next: "starter runs show ID" lists the calls that come
next with their IDs and arguments. ARGUMENTS is the whole JSON object that takes the
place of the model's, or - to read it from stdin. The transcript keeps both.`,
		Example: `  starter runs show install-plot-the-totals-k3x9qa
  starter runs amend install-plot-the-totals-k3x9qa call_7f3a '{"filename": "plot.py", "query": "a.csv"}'
  starter runs resume install-plot-the-totals-k3x9qa`,
		Args: exactly("the ID of a run", "the ID of a call", "its new ARGUMENTS as a JSON object, or - to read them from stdin"),
		RunE: func(cmd *cobra.Command, args []string) error {
			arguments, err := a.readTask(args[2])
			if err != nil {
				return err
			}
			if !json.Valid([]byte(arguments)) {
				return badInput("ARGUMENTS is not valid JSON: give an object such as '{\"query\": \"…\"}'")
			}
			return a.steer(cmd.Context(), args[0], workflows.AmendUpdate,
				workflows.Amend{CallID: args[1], Arguments: json.RawMessage(arguments), By: me()})
		},
	}
}
