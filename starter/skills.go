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
		Short: "List, show, import and export the skills of the library",
		Example: `  starter skills list
  starter skills show csv-summary
  starter skills export csv-summary ./exported`,
		Args: cobra.ArbitraryArgs,
		RunE: group,
	}
	cmd.AddCommand(a.skillsListCommand(), a.skillsShowCommand(), a.skillsCodeCommand(), a.skillsHistoryCommand(),
		a.skillsImportCommand(), a.skillsExportCommand())
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
}

func (a *app) skillsListCommand() *cobra.Command {
	var retired bool
	cmd := &cobra.Command{
		Use:   "list [QUERY]",
		Short: "List the skills of the library, or those that fit a query",
		Long: `List the skills of the library. With QUERY only those that fit, the best first: it is the
search by which the meta-agent finds skills for a task.`,
		Example: `  starter skills list
  starter skills list "chart of monthly totals"
  starter skills list --json | jq -r '.skills[].name'`,
		Args: between(0, "a QUERY"),
		RunE: func(cmd *cobra.Command, args []string) error {
			query := ""
			if len(args) > 0 {
				query = args[0]
			}
			return a.listSkills(cmd.Context(), query, retired)
		},
	}
	cmd.Flags().BoolVar(&retired, "retired", false, "list retired skills as well")
	return cmd
}

func (a *app) listSkills(ctx context.Context, query string, retired bool) error {
	c, err := a.open(ctx, wanted{libraryOnly: true})
	if err != nil {
		return err
	}
	defer c.Close()
	heads, err := c.findSkills(ctx, query)
	if err != nil {
		return err
	}
	list := []listedSkill{}
	for _, h := range heads {
		if h.Tombstone == nil || retired {
			list = append(list, listedSkill{h.Name, h.Version, h.Description, h.Trust, withoutNull(h.Tools), h.UpdatedAt, h.Tombstone})
		}
	}
	if a.json {
		return a.printJSON(map[string]any{"skills": list})
	}
	if len(list) == 0 {
		a.say("%s", noSkills(query))
		return nil
	}
	rows := make([][]string, len(list))
	for i, s := range list {
		rows[i] = []string{s.Name, fmt.Sprint(s.Version), trustOf(s), ago(s.UpdatedAt), clip(oneLine(s.Description), 70)}
	}
	return table(a.stdout, []string{"SKILL", "VERSION", "TRUST", "UPDATED", "DESCRIPTION"}, rows)
}

func (c *connection) findSkills(ctx context.Context, query string) ([]skill.Head, error) {
	if query == "" {
		return c.Skills.Heads(ctx, "", 0)
	}
	hits, err := c.Skills.Search(ctx, query, 0)
	heads := make([]skill.Head, len(hits))
	for i, h := range hits {
		heads[i] = h.Head
	}
	return heads, err
}

func withoutNull(list []string) []string { return append([]string{}, list...) }

func noSkills(query string) string {
	if query != "" {
		return "no skill fits; `starter skills list` shows them all"
	}
	return "the library is empty; runs save skills (starter demo, starter solve), and `starter skills import DIR` adds one"
}

func trustOf(s listedSkill) string {
	if s.Retired != nil {
		return "retired"
	}
	return string(s.Trust)
}

// normalName takes names as models and people write them.
func normalName(name string) (string, error) {
	normal, err := skill.NormalizeName(name)
	return normal, withCode(exitUsage, err)
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
