package main

import (
	"context"
	"fmt"

	"github.com/dustin/go-humanize/english"
	"github.com/spf13/cobra"

	"agentfactory/internal/upkeep"
)

func (a *app) backupCommand() *cobra.Command {
	var of string
	cmd := &cobra.Command{
		Use:   "backup FILE.tar.zst|DIR",
		Short: "Write the library to a file or a directory",
		Long: `Write the library: every version, head, case, mark, use and lesson with all the files that they
refer to, and the recorded calls from which cases are replayed. The library may be in use
meanwhile; what is saved is as it could have been at one time. Runs, evaluations and exports are
not part of it.

A name that ends in .tar.zst is one file, any other a directory. It appears when it is whole.`,
		Example: `  starter backup library-2026-11-21.tar.zst
  starter backup ./library --of evaluations/march/libraries/agentfactory-1`,
		Args: exactly("a FILE.tar.zst or DIR"),
		RunE: func(cmd *cobra.Command, args []string) error { return a.backup(cmd.Context(), args[0], of) },
	}
	cmd.Flags().StringVar(&of, "of", "", "the library of an evaluation (default: the live one)")
	return cmd
}

func (a *app) backup(ctx context.Context, path, of string) error {
	c, err := a.open(ctx, wanted{libraryOnly: true})
	if err != nil {
		return err
	}
	defer c.Close()
	to, err := upkeep.NewWriter(path)
	if err != nil {
		return withCode(exitUsage, err)
	}
	saved, err := upkeep.Backup(ctx, c.Objects, c.Libraries, of, to)
	if err != nil {
		return err
	}
	for _, key := range saved.Missing {
		a.say("warning: %s is missing in the library; see `starter fsck`", key)
	}
	return a.printSaved(path, "holds", saved)
}

func (a *app) printSaved(path, verb string, saved upkeep.Saved) error {
	if a.json {
		return a.printJSON(saved)
	}
	_, err := fmt.Fprintf(a.stdout, "%s %s %s, %s and %s (%s in %s records and %s blobs)\n", path, verb, english.Plural(saved.Skills, "skill", ""),
		english.Plural(saved.Versions, "version", ""), english.Plural(saved.Cases, "case", ""), size(saved.Bytes), count(saved.Records), count(saved.Blobs))
	return err
}
