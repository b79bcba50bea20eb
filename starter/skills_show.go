package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"agentfactory/internal/skill"
)

func (a *app) skillsShowCommand() *cobra.Command {
	var version int
	cmd := &cobra.Command{
		Use:   "show NAME",
		Short: "Show what a skill does: its SKILL.md, files and origin",
		Example: `  starter skills show csv-summary
  starter skills show csv-summary --version 2
  starter skills show csv-summary --json | jq -r .skill_md`,
		Args: exactly("the NAME of a skill"),
		RunE: func(cmd *cobra.Command, args []string) error { return a.showSkill(cmd.Context(), args[0], version) },
	}
	versionFlag(cmd, &version)
	return cmd
}

// shownSkill is what `skills show --json` prints.
type shownSkill struct {
	Head    skill.Head     `json:"head"`
	Version skill.Manifest `json:"version"`
	SkillMD string         `json:"skill_md"`
}

func (a *app) showSkill(ctx context.Context, name string, version int) error {
	c, head, m, err := a.openSkill(ctx, name, version)
	if err != nil {
		return err
	}
	defer c.Close()
	document, err := c.Skills.File(ctx, m.Name, m.Version, skill.DocumentFile)
	if err != nil {
		return err
	}
	if a.json {
		return a.printJSON(shownSkill{head, m, string(document)})
	}
	printSkill(a.stdout, head, m)
	return printDocument(a.stdout, document)
}

func printSkill(w io.Writer, head skill.Head, m skill.Manifest) {
	state := string(head.Trust)
	switch {
	case head.Tombstone != nil:
		state = "retired"
		if by := head.Tombstone.SupersededBy; by != "" {
			state += ", superseded by " + by
		}
	case m.Version != head.Version:
		state = fmt.Sprintf("the current version is %d", head.Version)
	}
	if f := head.Frozen; f != nil {
		state += fmt.Sprintf("; frozen by %s: %s", plain(f.By), oneLine(f.Why))
	}
	if g := head.Guarded; g != nil {
		state += fmt.Sprintf("; guarded by %s: %s", plain(g.By), oneLine(g.Why))
	}
	fmt.Fprintf(w, "%s version %d (%s)\n", m.Name, m.Version, state)
	fmt.Fprintf(w, "made %s %s\n", ago(m.CreatedAt), originOf(m.Lineage))
	for _, f := range m.Files {
		mark := ""
		if f.Path == m.EntryFile {
			mark = "  (entry file)"
		}
		fmt.Fprintf(w, "  %s  %s%s\n", plain(f.Path), size(f.Size), mark)
	}
	if len(m.Tools) > 0 {
		fmt.Fprintf(w, "tools: %s\n", strings.Join(m.Tools, ", "))
	}
	if m.Permissions != nil {
		fmt.Fprintf(w, "seen to need: %s\n", plain(m.Permissions.String()))
	}
}

// originOf tells where a version comes from.
func originOf(l skill.Lineage) string {
	if l.Source == skill.SourceImport {
		return "by an import"
	}
	text := "by run " + plain(l.WorkflowID)
	if l.Model != "" {
		text += " with " + plain(l.Model)
	}
	if l.ParentVersion > 0 {
		text += strings.TrimRight(fmt.Sprintf(" from version %d of %s", l.ParentVersion, l.ParentSkill), " of")
	}
	if len(l.Supersedes) > 0 {
		text += ", superseding " + strings.Join(l.Supersedes, ", ")
	}
	return text
}

// printDocument renders a SKILL.md plainly: its fields as lines, its body as it is.
func printDocument(w io.Writer, document []byte) error {
	d, err := skill.Parse(document)
	if err != nil {
		return fmt.Errorf("read SKILL.md: %w", err)
	}
	fmt.Fprintf(w, "\n%s\n", wrapped(plain(d.Description)))
	for _, field := range [][2]string{{"license", d.License}, {"compatibility", d.Compatibility}, {"allowed tools", d.AllowedTools}} {
		if field[1] != "" {
			fmt.Fprintf(w, "%s: %s\n", field[0], plain(field[1]))
		}
	}
	var keys []string
	for key := range d.Metadata {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	for _, key := range keys {
		fmt.Fprintf(w, "%s: %s\n", plain(key), plain(d.Metadata[key]))
	}
	if d.Body != "" {
		fmt.Fprintf(w, "\n%s\n", wrapped(plain(strings.TrimSpace(d.Body))))
	}
	return nil
}
