package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"agentfactory/internal/evaluation"
	"agentfactory/internal/evaluation/archive"
)

func (a *app) evaluationsCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "evaluations",
		Short: "List, show, compare, watch and resume evaluations",
		Example: `  starter evaluations list
  starter evaluations show evaluate-offline-k3x9qa --out ./report
  starter evaluations compare evaluate-offline-k3x9qa evaluate-offline-m7p2zz`,
		Args: cobra.ArbitraryArgs,
		RunE: group,
	}
	cmd.AddCommand(a.evaluationsListCommand(), a.evaluationsShowCommand(), a.evaluationsCompareCommand(), a.evaluationsWatchCommand(), a.evaluationsResumeCommand())
	return cmd
}

func (a *app) evaluationsListCommand() *cobra.Command {
	var limit int
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List evaluations, the latest first",
		Example: `  starter evaluations list
  starter evaluations list --json | jq -r '.evaluations[0].id'`,
		Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if limit < 1 {
				return badInput("--limit is %d: give a positive number", limit)
			}
			return a.listEvaluations(cmd.Context(), limit)
		},
	}
	cmd.Flags().IntVarP(&limit, "limit", "n", 20, "how many evaluations to list")
	return cmd
}

// listedEvaluation is an evaluation in a list.
type listedEvaluation struct {
	archive.Record
	Reported bool               `json:"reported"` // it came to an end, and left a report
	Change   evaluation.Change  `json:"change,omitempty"`
	Success  map[string]float64 `json:"success,omitempty"` // by method, 0 to 1
}

func (a *app) listEvaluations(ctx context.Context, limit int) error {
	c, err := a.open(ctx, wanted{libraryOnly: true})
	if err != nil {
		return err
	}
	defer c.Close()
	records, err := c.Evaluations.Records(ctx)
	if err != nil {
		return err
	}
	list := []listedEvaluation{}
	for _, r := range records[:min(limit, len(records))] {
		item, err := c.listedEvaluation(ctx, r)
		if err != nil {
			return err
		}
		list = append(list, item)
	}
	if a.json {
		return a.printJSON(map[string]any{"evaluations": list})
	}
	if len(list) == 0 {
		a.say("there are no evaluations yet; begin with `starter evaluate offline --scripted`")
		return nil
	}
	rows := make([][]string, len(list))
	for i, e := range list {
		rows[i] = []string{e.ID, ago(e.StartedAt), count(e.Count), count(e.Repeat), plain(e.Model), e.results(), string(e.Change)}
	}
	return table(a.stdout, []string{"EVALUATION", "STARTED", "TASKS", "REPEATS", "MODEL", "PASSED", "CHANGE"}, rows)
}

func (c *connection) listedEvaluation(ctx context.Context, r archive.Record) (listedEvaluation, error) {
	item := listedEvaluation{Record: r}
	report, err := c.Evaluations.Report(ctx, r.ID)
	if err != nil || report == nil {
		return item, err
	}
	item.Reported, item.Success = true, map[string]float64{}
	for _, m := range report.Methods {
		item.Success[m.Method] = m.Success.Value
	}
	if report.Against != nil {
		item.Change = report.Against.Verdict
	}
	return item, nil
}

// results are the success rates in a line.
func (e listedEvaluation) results() string {
	if !e.Reported {
		return "(no report yet)"
	}
	var parts []string
	for _, m := range e.Methods {
		parts = append(parts, fmt.Sprintf("%s %.0f %%", m, 100*e.Success[m]))
	}
	return strings.Join(parts, ", ")
}
