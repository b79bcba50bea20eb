package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"agentfactory/internal/evaluation/archive"
	"agentfactory/workflows"
)

func (a *app) evaluationsWatchCommand() *cobra.Command {
	var out string
	cmd := &cobra.Command{
		Use:     "watch ID",
		Short:   "Come back to an evaluation that goes on, and wait for its report",
		Example: `  starter evaluations watch evaluate-offline-k3x9qa --out ./report`,
		Args:    exactly("the ID of an evaluation"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := makeReportDir(out); err != nil {
				return err
			}
			c, err := a.open(cmd.Context(), wanted{})
			if err != nil {
				return err
			}
			defer c.Close()
			return a.followEvaluation(cmd.Context(), c, args[0], out)
		},
	}
	cmd.Flags().StringVarP(&out, "out", "o", "", "directory for the report; it is created")
	return cmd
}

func (a *app) evaluationsResumeCommand() *cobra.Command {
	var concurrency int
	var total workflows.EvaluationTotal
	var out string
	var detach bool
	cmd := &cobra.Command{
		Use:   "resume ID",
		Short: "Go on with an evaluation that was cancelled, ran out of its budget or failed",
		Long: `Start an evaluation again where it ended. Tasks that were done are not done again; those
that were under way begin anew. Tasks, methods, model and budgets of tasks are as they were.

To hold one that goes on, and to let it go on, use "starter runs pause" and "resume".`,
		Example: `  starter evaluations resume evaluate-offline-k3x9qa
  starter evaluations resume evaluate-offline-k3x9qa --total-cost 10`,
		Args: exactly("the ID of an evaluation"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := makeReportDir(out); err != nil {
				return err
			}
			c, err := a.open(cmd.Context(), wanted{})
			if err != nil {
				return err
			}
			defer c.Close()
			if err := a.resumeEvaluation(cmd.Context(), c, args[0], concurrency, total); err != nil {
				return err
			}
			if detach {
				return a.leaveEvaluation(args[0], "started")
			}
			return a.followEvaluation(cmd.Context(), c, args[0], out)
		},
	}
	f := cmd.Flags()
	f.IntVar(&concurrency, "concurrency", 4, "tasks that go on side by side")
	f.Float64Var(&total.CostUSD, "total-cost", 0, "cost of the whole evaluation in USD, what is spent included (default: no limit)")
	f.Int64Var(&total.OrchestrationTokens, "total-tokens", 0, "output tokens of the whole evaluation, what is spent included (default: no limit)")
	f.StringVarP(&out, "out", "o", "", "directory for the report; it is created")
	f.BoolVarP(&detach, "detach", "d", false, "start it and return at once")
	return cmd
}

func (a *app) resumeEvaluation(ctx context.Context, c *connection, id string, concurrency int, total workflows.EvaluationTotal) error {
	r, err := c.Evaluations.Record(ctx, id)
	if errors.Is(err, archive.ErrUnknown) {
		return badInput("%s: %w", id, errNoEvaluation)
	}
	if err != nil {
		return err
	}
	in := workflows.EvaluateInput{
		Tasks: r.TasksKey, Methods: r.Methods, Repeat: r.Repeat, FromScratch: r.FromScratch, Library: r.Library, Concurrency: concurrency, Model: r.Model,
		Budget: r.Budget, Total: total, Series: r.Name, Against: r.Previous, UI: r.UI,
	}
	if err := in.Check(); err != nil {
		return withCode(exitUsage, err)
	}
	if err := c.setModel(ctx); err != nil {
		return err
	}
	_, err = c.start(ctx, workflows.EvaluateType, r.ID, fmt.Sprintf("go on with %s", id), in)
	return err
}
