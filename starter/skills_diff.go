package main

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"slices"
	"unicode/utf8"

	"github.com/aymanbagabas/go-udiff"
	"github.com/spf13/cobra"

	"agentfactory/internal/skill"
)

func (a *app) skillsDiffCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "diff NAME [A [B]]",
		Short: "Show what changed between two versions of a skill",
		Long: `Show what changed from version A to version B of a skill, as a unified diff that patch and
git apply understand. B is the current version if it is not given, and A the one that B was made from.`,
		Example: `  starter skills diff csv-summary
  starter skills diff csv-summary 2
  starter skills diff csv-summary 1 3 | less
  starter skills diff csv-summary --json | jq -r '.files[].path'`,
		Args: between(1, "the NAME of a skill", "version A", "version B"),
		RunE: func(cmd *cobra.Command, args []string) error {
			var numbers [2]int
			for i, text := range args[1:] {
				n, err := versionNumber(text)
				if err != nil {
					return err
				}
				numbers[i] = n
			}
			return a.diffSkill(cmd.Context(), args[0], numbers[0], numbers[1])
		},
	}
}

func (a *app) diffSkill(ctx context.Context, name string, from, to int) error {
	c, _, newer, err := a.openSkill(ctx, name, to)
	if err != nil {
		return err
	}
	defer c.Close()
	if from == 0 {
		from = before(newer)
	}
	if from == 0 {
		return badInput("version 1 of %s is the first: there is nothing before it; `starter skills code %s` shows it", newer.Name, newer.Name)
	}
	_, older, err := c.version(ctx, name, from)
	if err != nil {
		return err
	}
	files, err := c.diff(ctx, older, newer)
	if err != nil {
		return err
	}
	if a.json {
		return a.printJSON(map[string]any{"name": newer.Name, "from": older.Version, "to": newer.Version, "files": files})
	}
	if len(files) == 0 {
		a.say("versions %d and %d of %s have the same files", older.Version, newer.Version, newer.Name)
	}
	a.printDiff(files)
	return nil
}

// fileDiff is a file that differs between two versions.
type fileDiff struct {
	Path   string `json:"path"`
	Change string `json:"change"` // added, removed or changed
	Diff   string `json:"diff"`   // unified; a line that says so for files that are no text
}

// diff compares the files of two versions, in the order of their paths.
func (c *connection) diff(ctx context.Context, older, newer skill.Manifest) ([]fileDiff, error) {
	paths := map[string]bool{}
	for _, f := range slices.Concat(older.Files, newer.Files) {
		paths[f.Path] = true
	}
	diffs := []fileDiff{}
	for _, path := range slices.Sorted(maps.Keys(paths)) {
		before, inOlder := older.File(path)
		after, inNewer := newer.File(path)
		if inOlder && inNewer && before.Digest == after.Digest {
			continue
		}
		old, err := c.side(ctx, older, path, inOlder)
		if err != nil {
			return nil, err
		}
		new, err := c.side(ctx, newer, path, inNewer)
		if err != nil {
			return nil, err
		}
		diffs = append(diffs, fileDiff{Path: path, Change: changeOf(inOlder, inNewer), Diff: unified(old, new)})
	}
	return diffs, nil
}

// side is one side of a comparison: a file of a version, or nothing.
type side struct {
	label string
	data  []byte
}

func (c *connection) side(ctx context.Context, m skill.Manifest, path string, exists bool) (side, error) {
	if !exists {
		return side{label: "/dev/null"}, nil
	}
	data, err := c.Skills.File(ctx, m.Name, m.Version, path)
	return side{fmt.Sprintf("%s@%d/%s", m.Name, m.Version, path), data}, err
}

func changeOf(inOlder, inNewer bool) string {
	switch {
	case !inOlder:
		return "added"
	case !inNewer:
		return "removed"
	}
	return "changed"
}

func unified(old, new side) string {
	if !isText(old.data) || !isText(new.data) {
		return fmt.Sprintf("Binary files %s and %s differ\n", old.label, new.label)
	}
	return udiff.Unified(old.label, new.label, string(old.data), string(new.data))
}

func isText(data []byte) bool { return utf8.Valid(data) && bytes.IndexByte(data, 0) < 0 }

// printDiff prints diffs as they are, unless a terminal would obey what is in them.
func (a *app) printDiff(files []fileDiff) {
	for _, f := range files {
		if terminal(a.stdout) {
			f.Diff = plain(f.Diff)
		}
		fmt.Fprint(a.stdout, f.Diff)
	}
}
