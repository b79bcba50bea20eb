package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"github.com/spf13/cobra"

	"agentfactory/skillstore"
)

func (a *app) skillsExportCommand() *cobra.Command {
	var version int
	cmd := &cobra.Command{
		Use:   "export NAME DIR",
		Short: "Write a skill as an Agent Skills directory: DIR/NAME/SKILL.md and its files",
		Example: `  starter skills export csv-summary ./exported
  starter skills export csv-summary ~/.claude/skills
  starter skills export csv-summary ./exported --version 2`,
		Args: exactly("the NAME of a skill", "a DIRectory to write it into"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.exportSkill(cmd.Context(), args[0], args[1], version)
		},
	}
	versionFlag(cmd, &version)
	return cmd
}

func (a *app) exportSkill(ctx context.Context, name, dir string, version int) error {
	c, _, m, err := a.openSkill(ctx, name, version)
	if err != nil {
		return err
	}
	defer c.Close()
	target, err := skillstore.Export(ctx, c.Skills, m.Name, m.Version, dir)
	if errors.Is(err, fs.ErrExist) {
		return withCode(exitUsage, err)
	}
	if err != nil {
		return err
	}
	if a.json {
		return a.printJSON(map[string]any{"name": m.Name, "version": m.Version, "directory": target})
	}
	fmt.Fprintln(a.stdout, target)
	return nil
}
