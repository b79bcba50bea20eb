package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"agentfactory/internal/skill"
	"agentfactory/skillstore"
)

func (a *app) skillsCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "skills",
		Short: "Find, show, compare, move, import and export the skills of the library",
		Example: `  starter skills list
  starter skills show csv-summary
  starter skills history csv-summary
  starter skills rollback csv-summary 2 --reason "3 drops the last column"
  starter skills export csv-summary ./exported`,
		Args: cobra.ArbitraryArgs,
		RunE: group,
	}
	cmd.AddCommand(a.skillsListCommand(), a.skillsSearchCommand(), a.skillsShowCommand(), a.skillsCodeCommand(), a.skillsHistoryCommand(),
		a.skillsDiffCommand(), a.skillsCasesCommand(), a.skillsStatsCommand(), a.skillsFailuresCommand(), a.skillsPromoteCommand(), a.skillsRollbackCommand(),
		a.skillsFreezeCommand(), a.skillsUnfreezeCommand(), a.skillsGuardCommand(), a.skillsUnguardCommand(), a.skillsRetireCommand(), a.skillsRestoreCommand(), a.skillsImportCommand(), a.skillsExportCommand(),
		a.skillsSnapshotCommand(), a.skillsSnapshotsCommand())
	return cmd
}

// listedSkill is a skill in `skills list --json`.
type listedSkill struct {
	Name        string           `json:"name"`
	Version     int              `json:"version"`
	Description string           `json:"description"`
	Trust       skill.Trust      `json:"trust"`
	Tools       []string         `json:"tools"`
	UpdatedAt   time.Time        `json:"updated_at"`
	Retired     *skill.Tombstone `json:"retired,omitempty"`
	Frozen      *skill.Freeze    `json:"frozen,omitempty"`
	Guarded     *skill.Freeze    `json:"guarded,omitempty"`
}

func listed(h skill.Head) listedSkill {
	return listedSkill{h.Name, h.Version, h.Description, h.Trust, withoutNull(h.Tools), h.UpdatedAt, h.Tombstone, h.Frozen, h.Guarded}
}

func (a *app) skillsListCommand() *cobra.Command {
	var retired bool
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the skills of the library",
		Example: `  starter skills list
  starter skills list --retired
  starter skills list --json | jq -r '.skills[].name'`,
		Args: exactly(),
		RunE: func(cmd *cobra.Command, args []string) error { return a.listSkills(cmd.Context(), retired) },
	}
	cmd.Flags().BoolVar(&retired, "retired", false, "list retired skills as well")
	return cmd
}

func (a *app) listSkills(ctx context.Context, retired bool) error {
	c, err := a.open(ctx, wanted{libraryOnly: true})
	if err != nil {
		return err
	}
	defer c.Close()
	heads, err := c.Skills.Heads(ctx, "", 0)
	if err != nil {
		return err
	}
	list := []listedSkill{}
	for _, h := range heads {
		if h.Tombstone == nil || retired {
			list = append(list, listed(h))
		}
	}
	if a.json {
		return a.printJSON(map[string]any{"skills": list})
	}
	if len(list) == 0 {
		a.say("no skill is in use; runs save skills (starter demo, starter solve), and `starter skills import PATH` adds one")
		return nil
	}
	rows := make([][]string, len(list))
	for i, s := range list {
		rows[i] = []string{s.Name, fmt.Sprint(s.Version), trustOf(s), ago(s.UpdatedAt), clip(oneLine(s.Description), 70)}
	}
	return table(a.stdout, []string{"SKILL", "VERSION", "TRUST", "UPDATED", "DESCRIPTION"}, rows)
}

func withoutNull(list []string) []string { return append([]string{}, list...) }

// trustOf is the state of a skill in a word or two.
func trustOf(s listedSkill) string {
	switch {
	case s.Retired != nil:
		return "retired"
	case s.Frozen != nil:
		return string(s.Trust) + ", frozen"
	case s.Guarded != nil:
		return string(s.Trust) + ", guarded"
	}
	return string(s.Trust)
}

// normalName takes names as models and people write them.
func normalName(name string) (string, error) {
	normal, err := skill.NormalizeName(name)
	return normal, withCode(exitUsage, err)
}

// openSkill connects to the library and finds a skill and one of its versions; 0 is the current one.
func (a *app) openSkill(ctx context.Context, name string, version int) (*connection, skill.Head, skill.Manifest, error) {
	c, err := a.open(ctx, wanted{libraryOnly: true})
	if err != nil {
		return nil, skill.Head{}, skill.Manifest{}, err
	}
	head, m, err := c.version(ctx, name, version)
	if err != nil {
		c.Close()
		return nil, head, m, err
	}
	return c, head, m, nil
}

// version returns the head of a skill and one of its versions; 0 is the current one.
func (c *connection) version(ctx context.Context, name string, version int) (skill.Head, skill.Manifest, error) {
	name, err := normalName(name)
	if err != nil {
		return skill.Head{}, skill.Manifest{}, err
	}
	head, err := c.Skills.Head(ctx, name)
	if errors.Is(err, skillstore.ErrUnknownSkill) {
		return head, skill.Manifest{}, fmt.Errorf("%w; `starter skills list` shows the library", err)
	}
	if err != nil {
		return head, skill.Manifest{}, err
	}
	if version == 0 {
		version = head.Version
	}
	m, err := c.Skills.Version(ctx, name, version)
	if errors.Is(err, skillstore.ErrUnknownVersion) {
		err = fmt.Errorf("%w; `starter skills history %s` lists the versions", err, name)
	}
	return head, m, err
}

// versionFlag is shared by the commands that take an older version as well.
func versionFlag(cmd *cobra.Command, version *int) {
	cmd.Flags().IntVarP(version, "version", "v", 0, "version (default: the current one)")
}
