package main

import (
	"context"
	"fmt"
	"slices"

	"github.com/spf13/cobra"
)

func (a *app) skillsHistoryCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "history NAME",
		Short: "List the versions of a skill and where they come from",
		Example: `  starter skills history csv-summary
  starter skills history csv-summary --json | jq '.versions[].lineage'`,
		Args: exactly("the NAME of a skill"),
		RunE: func(cmd *cobra.Command, args []string) error { return a.skillHistory(cmd.Context(), args[0]) },
	}
}

func (a *app) skillHistory(ctx context.Context, name string) error {
	c, err := a.open(ctx, wanted{libraryOnly: true})
	if err != nil {
		return err
	}
	defer c.Close()
	head, _, err := c.version(ctx, name, 0)
	if err != nil {
		return err
	}
	versions, err := c.Skills.Versions(ctx, head.Name)
	if err != nil {
		return err
	}
	slices.Reverse(versions)
	if a.json {
		return a.printJSON(map[string]any{"name": head.Name, "head": head, "versions": versions})
	}
	rows := make([][]string, len(versions))
	for i, v := range versions {
		mark := ""
		if v.Version == head.Version {
			mark = "current"
		}
		rows[i] = []string{fmt.Sprint(v.Version), mark, ago(v.CreatedAt), originOf(v.Lineage), clip(v.Digest, 13)}
	}
	return table(a.stdout, []string{"VERSION", "", "MADE", "ORIGIN", "DIGEST"}, rows)
}
