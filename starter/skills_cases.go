package main

import (
	"context"

	"github.com/spf13/cobra"

	"agentfactory/internal/skill"
)

func (a *app) skillsCasesCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "cases NAME",
		Short: "List the past queries that later versions of a skill are tested against",
		Example: `  starter skills cases csv-summary
  starter skills cases csv-summary --json | jq -r '.cases[].query'`,
		Args: exactly("the NAME of a skill"),
		RunE: func(cmd *cobra.Command, args []string) error { return a.listCases(cmd.Context(), args[0]) },
	}
}

func (a *app) listCases(ctx context.Context, name string) error {
	c, head, _, err := a.openSkill(ctx, name, 0)
	if err != nil {
		return err
	}
	defer c.Close()
	cases, err := c.Skills.Cases(ctx, head.Name)
	if err != nil {
		return err
	}
	if a.json {
		return a.printJSON(map[string]any{"name": head.Name, "cases": append([]skill.Case{}, cases...)})
	}
	if len(cases) == 0 {
		a.say("%s has no cases: each verified success of a run adds one", head.Name)
		return nil
	}
	rows := make([][]string, len(cases))
	for i, k := range cases {
		check := "the same output"
		if k.Check != nil {
			check = string(k.Check.Kind)
		}
		rows[i] = []string{k.ID, ago(k.CreatedAt), clip(oneLine(k.Lineage.WorkflowID), 40), plain(check), plural(len(k.Inputs), "file"), clip(oneLine(k.Query), 60)}
	}
	return table(a.stdout, []string{"CASE", "MADE", "RUN", "CHECK", "INPUTS", "QUERY"}, rows)
}
