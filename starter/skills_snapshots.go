package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"fmt"
	"slices"
	"strings"

	"github.com/dustin/go-humanize/english"
	"github.com/spf13/cobra"

	"agentfactory/skillstore"
)

func (a *app) skillsSnapshotCommand() *cobra.Command {
	var of string
	cmd := &cobra.Command{
		Use:   "snapshot NAME",
		Short: "Take a snapshot: keep the library as it is now under a name",
		Long: `Keep the library as it is now under a name, so that evaluations begin with the same skills
however it goes on. Nothing is copied but what may change, and the library may be in use
meanwhile. A snapshot never changes; NAME is of a–z, 0–9 and single hyphens.

An evaluation has a library for each method and repeat, named evaluations/ID/libraries/ARM.
With --of you keep what it has learned, for another evaluation to go on with.`,
		Example: `  starter skills snapshot before-the-new-model
  starter skills snapshot after-march --of evaluations/march/libraries/agentfactory-1`,
		Args: exactly("a NAME for the snapshot"),
		RunE: func(cmd *cobra.Command, args []string) error { return a.takeSnapshot(cmd.Context(), args[0], of) },
	}
	cmd.Flags().StringVar(&of, "of", "", "the library of an evaluation (default: the live one)")
	return cmd
}

func (a *app) takeSnapshot(ctx context.Context, name, of string) error {
	c, err := a.open(ctx, wanted{libraryOnly: true})
	if err != nil {
		return err
	}
	defer c.Close()
	s, err := c.Libraries.Snapshot(ctx, skillstore.SnapshotDraft{Name: name, Of: of, ID: "person-" + rand.Text(), By: whoever()})
	if err != nil {
		return err
	}
	if a.json {
		return a.printJSON(s)
	}
	fmt.Fprintf(a.stdout, "%s holds %s, %s and %s\n", s.Name, english.Plural(s.Skills, "skill", ""), english.Plural(s.Versions, "version", ""), english.Plural(s.Cases, "case", ""))
	return nil
}

func (a *app) skillsSnapshotsCommand() *cobra.Command {
	var all bool
	cmd := &cobra.Command{
		Use:   "snapshots",
		Short: "List the snapshots of the library, the latest first",
		Long: `List the snapshots of the library, the latest first. Those that evaluations took of their own
accord, to begin all their methods with the same skills, are listed with --all.`,
		Example: `  starter skills snapshots
  starter skills snapshots --all
  starter skills snapshots --json | jq -r '.snapshots[].name'`,
		Args: exactly(),
		RunE: func(cmd *cobra.Command, args []string) error { return a.listSnapshots(cmd.Context(), all) },
	}
	cmd.Flags().BoolVar(&all, "all", false, "list those of evaluations as well")
	return cmd
}

func (a *app) listSnapshots(ctx context.Context, all bool) error {
	c, err := a.open(ctx, wanted{libraryOnly: true})
	if err != nil {
		return err
	}
	defer c.Close()
	list, err := c.Libraries.Snapshots(ctx)
	if err != nil {
		return err
	}
	list = slices.DeleteFunc(list, func(s skillstore.Snapshot) bool { return !all && strings.Contains(s.Name, "/") })
	slices.SortStableFunc(list, func(x, y skillstore.Snapshot) int { return y.At.Compare(x.At) })
	if a.json {
		return a.printJSON(map[string]any{"snapshots": append([]skillstore.Snapshot{}, list...)})
	}
	if len(list) == 0 {
		a.say("there are no snapshots; `starter skills snapshot NAME` takes one")
		return nil
	}
	return a.printSnapshots(list)
}

func (a *app) printSnapshots(list []skillstore.Snapshot) error {
	rows := make([][]string, len(list))
	for i, s := range list {
		rows[i] = []string{s.Name, count(s.Skills), count(s.Versions), count(s.Cases), ago(s.At), oneLine(s.By), cmp.Or(s.Of, "the live library")}
	}
	return table(a.stdout, []string{"SNAPSHOT", "SKILLS", "VERSIONS", "CASES", "TAKEN", "BY", "OF"}, rows)
}
