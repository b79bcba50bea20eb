package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"
)

func (a *app) skillsSearchCommand() *cobra.Command {
	var limit int
	cmd := &cobra.Command{
		Use:   "search QUERY",
		Short: "Find the skills that fit a task in plain words, the best first",
		Long: `Find the skills that fit a task in plain words, the best first. It is the search by which
a run finds skills for its task; retired ones are not found.`,
		Example: `  starter skills search "chart of monthly totals"
  starter skills search "read tables out of a PDF" --limit 3
  starter skills search "count words" --json | jq -r '.skills[0].name'`,
		Args: exactly("a QUERY"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if limit < 1 {
				return badInput("--limit is %d: give a positive number", limit)
			}
			return a.searchSkills(cmd.Context(), args[0], limit)
		},
	}
	cmd.Flags().IntVarP(&limit, "limit", "n", 10, "how many at most")
	return cmd
}

// foundSkill is a skill in `skills search --json`.
type foundSkill struct {
	listedSkill
	Score float64 `json:"score"`
}

func (a *app) searchSkills(ctx context.Context, query string, limit int) error {
	c, err := a.open(ctx, wanted{libraryOnly: true})
	if err != nil {
		return err
	}
	defer c.Close()
	result, err := c.Skills.Search(ctx, query, limit)
	if err != nil {
		return err
	}
	found := []foundSkill{}
	for _, h := range result.Hits {
		found = append(found, foundSkill{listed(h.Head), h.Score})
	}
	if a.json {
		return a.printJSON(map[string]any{"query": query, "kind": result.Kind, "notes": append([]string{}, result.Notes...), "skills": found})
	}
	for _, note := range append([]string{"searched: " + string(result.Kind)}, result.Notes...) {
		a.say("%s", note)
	}
	if len(found) == 0 {
		a.say("no skill fits; `starter skills list` shows them all")
		return nil
	}
	rows := make([][]string, len(found))
	for i, s := range found {
		rows[i] = []string{s.Name, fmt.Sprint(s.Version), fmt.Sprintf("%.2f", s.Score), trustOf(s.listedSkill), clip(oneLine(s.Description), 70)}
	}
	return table(a.stdout, []string{"SKILL", "VERSION", "FIT", "TRUST", "DESCRIPTION"}, rows)
}
