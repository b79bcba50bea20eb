package main

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"agentfactory/workflows"
)

func (a *app) runsBudgetCommand() *cobra.Command {
	var (
		set  workflows.SetBudget
		wall time.Duration

		turns, runs, created, rounds int
		orchestration, sub           int64
		cost                         float64
	)
	cmd := &cobra.Command{
		Use:   "budget ID",
		Short: "Show or change the budget of a run that goes on",
		Long: `Without flags show what a run may spend and what it has spent. With flags set new
absolute values; 0 lifts a limit, but for the turns, which every run has.`,
		Example: `  starter runs budget install-plot-the-totals-k3x9qa
  starter runs budget install-plot-the-totals-k3x9qa --max-turns 120 --budget-time 2h
  starter runs budget install-plot-the-totals-k3x9qa --budget-tokens 0`,
		Args: exactly("the ID of a run"),
		RunE: func(cmd *cobra.Command, args []string) error {
			seconds := int64((wall + time.Second - 1) / time.Second)
			given := false
			for name, take := range map[string]func(){
				"max-turns":              func() { set.Turns = &turns },
				"budget-tokens":          func() { set.OrchestrationTokens = &orchestration },
				"budget-subagent-tokens": func() { set.SubagentTokens = &sub },
				"budget-cost":            func() { set.CostUSD = &cost },
				"budget-time":            func() { set.WallSeconds = &seconds },
				"budget-runs":            func() { set.SubagentRuns = &runs },
				"budget-subagents":       func() { set.SubagentsCreated = &created },
				"rounds":                 func() { set.Rounds = &rounds },
			} {
				if cmd.Flags().Changed(name) {
					given = true
					take()
				}
			}
			if !given {
				return a.showBudget(cmd.Context(), args[0])
			}
			set.By = me()
			return a.steer(cmd.Context(), args[0], workflows.BudgetUpdate, set)
		},
	}
	f := cmd.Flags()
	f.IntVar(&turns, "max-turns", 0, "model calls of the meta-agent")
	f.Int64Var(&orchestration, "budget-tokens", 0, "output tokens of the meta-agent")
	f.Int64Var(&sub, "budget-subagent-tokens", 0, "output tokens of subagents' own model calls")
	f.Float64Var(&cost, "budget-cost", 0, "cost in USD by the price table")
	f.DurationVar(&wall, "budget-time", 0, "time at work, like 10m")
	f.IntVar(&runs, "budget-runs", 0, "executions of subagents")
	f.IntVar(&created, "budget-subagents", 0, "subagents that may be created")
	f.IntVar(&rounds, "rounds", 0, "repaired skills that are held against their past cases")
	return cmd
}

func (a *app) showBudget(ctx context.Context, id string) error {
	c, err := a.openRun(ctx, id)
	if err != nil {
		return err
	}
	defer c.Close()
	s, err := c.runStatus(ctx, id)
	if err != nil {
		return err
	}
	if a.json {
		return a.printJSON(map[string]any{"workflow_id": id, "budget": s.Budget, "usage": s.Usage, "turns": s.Turn})
	}
	b, u := s.Budget, s.Usage
	return table(a.stdout, []string{"", "USED", "OF"}, [][]string{
		{"turns", count(s.Turn), count(b.Turns)},
		{"orchestration tokens", count(u.OrchestrationOutputTokens), limit(b.OrchestrationTokens, count)},
		{"subagent and check tokens", count(u.SubagentOutputTokens + u.CheckOutputTokens), limit(b.SubagentTokens, count)},
		{"cost in USD", usd(u.CostUSD), limit(b.CostUSD, usd)},
		{"time at work", seconds(u.WallSeconds), limit(float64(b.WallSeconds), seconds)},
		{"subagent runs", count(u.SubagentRuns), limit(b.SubagentRuns, count)},
		{"subagents created", count(u.SubagentsCreated), limit(b.SubagentsCreated, count)},
		{"rounds", count(u.Rounds), limit(b.Rounds, count)},
	})
}

func limit[T int | int64 | float64](value T, text func(T) string) string {
	if value == 0 {
		return "no limit"
	}
	return text(value)
}
