package main

import (
	"context"
	"fmt"

	"github.com/dustin/go-humanize/english"
	"github.com/spf13/cobra"

	"agentfactory/internal/upkeep"
)

func (a *app) fsckCommand() *cobra.Command {
	var o upkeep.Inspection
	cmd := &cobra.Command{
		Use:   "fsck",
		Short: "Check that every reference resolves and every digest matches",
		Long: `Check everything in the bucket: skills with their versions, cases, marks, gates and uses, also
those in the libraries of evaluations; runs with their turns, steps and recorded calls; exports,
lessons and snapshots. Each finding is a line with its key and what does not work because of it,
and ends the command with exit code 1.

The catalog, by which skills are searched, is made from heads: --repair makes it again where it
differs. Nothing else is changed. Workers may go on meanwhile; "starter gc" should not.`,
		Example: `  starter fsck
  starter fsck --fast
  starter fsck --repair --json | jq -r '.findings[].key'`,
		Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error { return a.fsck(cmd.Context(), o) },
	}
	f := cmd.Flags()
	f.BoolVar(&o.Fast, "fast", false, "do not read the blobs, so that only missing ones are found")
	f.BoolVar(&o.Repair, "repair", false, "make the catalog again where it differs from the heads")
	return cmd
}

// inspected is what fsck prints with --json.
type inspected struct {
	upkeep.Inspected
	Findings []upkeep.Finding `json:"findings"`
}

func (a *app) fsck(ctx context.Context, o upkeep.Inspection) error {
	c, err := a.open(ctx, wanted{libraryOnly: true})
	if err != nil {
		return err
	}
	defer c.Close()
	all := []upkeep.Finding{}
	o.Progress = a.say
	o.Found = func(f upkeep.Finding) {
		if a.json {
			all = append(all, f)
		} else {
			fmt.Fprintln(a.stdout, findingLine(f))
		}
	}
	sum, err := upkeep.Check(ctx, c.Objects, c.Libraries, o)
	if err != nil {
		return fmt.Errorf("check the data: %w", err)
	}
	if a.json {
		err = a.printJSON(inspected{sum, all})
	} else {
		a.say("looked at %s (%s), %s and %s: %s", english.Plural(sum.Blobs, "blob", ""), size(sum.Bytes), english.Plural(sum.Records, "record", ""),
			english.Plural(sum.Libraries, "library", "libraries"), english.Plural(sum.Findings, "finding", ""))
	}
	if err == nil && sum.Findings > sum.Repaired {
		return ended(exitFailed)
	}
	return err
}

func findingLine(f upkeep.Finding) string {
	line := fmt.Sprintf("%s: %s: %s", f.Key, oneLine(f.Problem), f.Consequence)
	if f.Repaired {
		line += " (repaired)"
	}
	return line
}
