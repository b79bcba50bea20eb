package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"agentfactory/internal/skill"
	"agentfactory/skillstore"
)

func (a *app) skillsImportCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "import PATH",
		Short: "Add skills to the library",
		Long: `Add the skills at a path to the library: a directory with a SKILL.md and a Python file
with main(query), a checkout or directory of several, a ZIP archive, or an export of any
format (archive, wheel, plugin, server, single script). A skill of that name gets a new
version, which becomes the current one and is provisional. The layout of Agent Skills is
taken as it is; older ones (entry_file at the top level, names with underscores) are
normalised, and every change is told. Of an export the skill's own files come back.`,
		Example: `  starter skills import ./csv-summary
  starter skills import ~/.claude/skills/pdf-to-text --json
  starter skills import word_count_skill-3-py3-none-any.whl`,
		Args: exactly("a PATH of skills: a directory, an archive or an export"),
		RunE: func(cmd *cobra.Command, args []string) error { return a.importSkills(cmd.Context(), args[0]) },
	}
}

func (a *app) importSkills(ctx context.Context, path string) error {
	found, err := skillstore.ImportPath(path) // checks before anything is started
	if err != nil {
		return badInput("%s: %w", path, reason(err))
	}
	c, err := a.open(ctx, wanted{libraryOnly: true})
	if err != nil {
		return err
	}
	defer c.Close()
	for _, skill := range found {
		if err := a.importOne(ctx, c, skill); err != nil {
			return fmt.Errorf("import %s: %w", skill.Draft.Name, err)
		}
	}
	return nil
}

func (a *app) importOne(ctx context.Context, c *connection, found skillstore.Imported) error {
	head, err := c.addCurrent(ctx, found.Draft)
	if err != nil {
		return err
	}
	if a.json {
		return a.printJSON(map[string]any{"name": head.Name, "version": head.Version, "changes": withoutNull(found.Changes)})
	}
	for _, change := range found.Changes {
		a.say("normalised: %s", oneLine(change))
	}
	fmt.Fprintf(a.stdout, "%s version %d\n", head.Name, head.Version)
	a.say("it is in the library now: starter skills show %s", head.Name)
	return nil
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
