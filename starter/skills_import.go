package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"agentfactory/internal/skill"
	"agentfactory/skillstore"
)

func (a *app) skillsImportCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "import DIR",
		Short: "Add a skill directory to the library",
		Long: `Add a directory with a SKILL.md and a Python file with main(query) to the library. A skill
of that name gets a new version, which becomes the current one. The layout of Agent
Skills is taken as it is; older ones (entry_file at the top level, names with
underscores) are normalised, and every change is told.`,
		Example: `  starter skills import ./csv-summary
  starter skills import ~/.claude/skills/pdf-to-text --json`,
		Args: exactly("a DIRectory with a SKILL.md"),
		RunE: func(cmd *cobra.Command, args []string) error { return a.importSkill(cmd.Context(), args[0]) },
	}
}

func (a *app) importSkill(ctx context.Context, dir string) error {
	draft, changes, err := readSkill(dir)
	if err != nil {
		return err
	}
	c, err := a.open(ctx, wanted{libraryOnly: true})
	if err != nil {
		return err
	}
	defer c.Close()
	head, err := c.addCurrent(ctx, draft)
	if err != nil {
		return err
	}
	if a.json {
		return a.printJSON(map[string]any{"name": head.Name, "version": head.Version, "changes": withoutNull(changes)})
	}
	for _, change := range changes {
		a.say("normalised: %s", oneLine(change))
	}
	fmt.Fprintf(a.stdout, "%s version %d\n", head.Name, head.Version)
	a.say("it is in the library now: starter skills show %s", head.Name)
	return nil
}

// readSkill checks a directory before anything is started.
func readSkill(dir string) (skillstore.Draft, []string, error) {
	info, err := os.Stat(dir)
	if err != nil {
		return skillstore.Draft{}, nil, badInput("%s: %w", dir, reason(err))
	}
	if !info.IsDir() {
		return skillstore.Draft{}, nil, badInput("%s is not a directory: give the one that holds SKILL.md", dir)
	}
	absolute, err := filepath.Abs(dir)
	if err != nil {
		return skillstore.Draft{}, nil, err
	}
	draft, changes, err := skillstore.Import(os.DirFS(dir), filepath.Base(absolute))
	if err != nil {
		return draft, nil, badInput("%s: %w", dir, err)
	}
	draft.Lineage.Source = skill.SourceImport
	return draft, changes, nil
}

// addCurrent stores a draft and makes it the current version. When somebody else moves
// the head meanwhile, the person who imports decides by repeating the command.
func (c *connection) addCurrent(ctx context.Context, draft skillstore.Draft) (skill.Head, error) {
	var base int64
	head, err := c.Skills.Head(ctx, draft.Name)
	switch {
	case err == nil:
		base, draft.Lineage.ParentVersion = head.Generation, head.Version
	case !errors.Is(err, skillstore.ErrUnknownSkill):
		return head, err
	}
	m, err := c.Skills.AddVersion(ctx, draft)
	if err != nil {
		return head, err
	}
	if base > 0 && m.Version == head.Version && head.Tombstone == nil {
		return head, nil // it is the current version already
	}
	me := whoever()
	promotion := skillstore.Promotion{
		Name: draft.Name, Version: m.Version, BaseGeneration: base, PromotionID: "import-" + rand.Text(), Approved: me, By: me, Why: "imported",
	}
	head, err = c.Skills.Promote(ctx, promotion)
	return head, frozenHint(draft.Name, err)
}
