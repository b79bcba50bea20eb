package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"agentfactory/internal/skill"
)

func (a *app) skillsFailuresCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "failures [NAME]",
		Short: "List where skills fell short and nothing has repaired them since",
		Long: `List where skills fell short, oldest first, and no version has done the same task or was
promoted to repair it since. Without NAME it is the oldest such failure of each skill that is
neither retired nor frozen.`,
		Example: `  starter skills failures
  starter skills failures csv-summary
  starter skills failures --json | jq -r '.failures[].name'`,
		Args: between(0, "the NAME of a skill"),
		RunE: func(cmd *cobra.Command, args []string) error { return a.listFailures(cmd.Context(), args) },
	}
}

func (a *app) listFailures(ctx context.Context, names []string) error {
	c, err := a.open(ctx, wanted{libraryOnly: true})
	if err != nil {
		return err
	}
	defer c.Close()
	open, err := c.failures(ctx, names)
	if err != nil {
		return err
	}
	if a.json {
		return a.printJSON(map[string]any{"failures": append([]skill.Use{}, open...)})
	}
	if len(open) == 0 {
		a.say("there are no open failures")
		return nil
	}
	return a.printFailures(open)
}

// failures are those of one skill, or the oldest of each.
func (c *connection) failures(ctx context.Context, names []string) ([]skill.Use, error) {
	if len(names) == 0 {
		return c.Skills.OpenFailures(ctx, 0)
	}
	head, _, err := c.version(ctx, names[0], 0)
	if err != nil {
		return nil, err
	}
	p, err := c.Skills.Performance(ctx, head.Name)
	return p.OpenFailures(), err
}

func (a *app) printFailures(open []skill.Use) error {
	rows := make([][]string, len(open))
	for i, u := range open {
		rows[i] = []string{u.Name, fmt.Sprint(u.Version), ago(u.At), clip(oneLine(u.WorkflowID), 40), clip(oneLine(u.Query), 50), clip(oneLine(u.Why), 70)}
	}
	return table(a.stdout, []string{"SKILL", "VERSION", "WHEN", "RUN", "QUERY", "WHY"}, rows)
}
