package main

import (
	"context"
	"errors"
	"io/fs"

	"github.com/spf13/cobra"

	"agentfactory/internal/upkeep"
)

func (a *app) restoreCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "restore FILE.tar.zst|DIR",
		Short: "Bring a backup into an empty library",
		Long: `Bring what "starter backup" has written into an empty library: that of another bucket, or of
another prefix (AGENTFACTORY_S3_PREFIX). Every digest is checked before anything is written. A
library that holds anything else is refused; a restore that was ended halfway is gone on with.`,
		Example: `  AGENTFACTORY_S3_PREFIX=team-b starter restore library-2026-11-21.tar.zst`,
		Args:    exactly("a FILE.tar.zst or DIR"),
		RunE:    func(cmd *cobra.Command, args []string) error { return a.restore(cmd.Context(), args[0]) },
	}
}

func (a *app) restore(ctx context.Context, path string) error {
	c, err := a.open(ctx, wanted{libraryOnly: true})
	if err != nil {
		return err
	}
	defer c.Close()
	saved, err := upkeep.Restore(ctx, c.Objects, c.Libraries.Live(), path)
	if errors.Is(err, upkeep.ErrNotEmpty) || errors.Is(err, fs.ErrNotExist) {
		return withCode(exitUsage, err)
	}
	if err != nil {
		return err
	}
	return a.printSaved(path, "is restored:", saved)
}
