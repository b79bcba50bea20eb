package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"agentfactory/internal/skill"
	"agentfactory/skillstore"
)

func (a *app) skillsCodeCommand() *cobra.Command {
	var version int
	cmd := &cobra.Command{
		Use:   "code NAME [FILE]",
		Short: "Print the code of a skill",
		Long: `Print the code of a skill: FILE, or its entry file. The other files are listed on stderr,
so that stdout can be piped into a file.`,
		Example: `  starter skills code csv-summary > csv_summary.py
  starter skills code csv-summary helpers.py --version 2
  starter skills code csv-summary --json | jq -r '.files | keys[]'`,
		Args: between(1, "the NAME of a skill", "a FILE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.showCode(cmd.Context(), args[0], append(args[1:], "")[0], version)
		},
	}
	versionFlag(cmd, &version)
	return cmd
}

func (a *app) showCode(ctx context.Context, name, file string, version int) error {
	c, _, m, err := a.openSkill(ctx, name, version)
	if err != nil {
		return err
	}
	defer c.Close()
	if a.json {
		return a.printAllCode(ctx, c, m)
	}
	if file == "" {
		file = m.EntryFile
	}
	code, err := c.Skills.File(ctx, m.Name, m.Version, file)
	if errors.Is(err, skillstore.ErrUnknownFile) {
		return fmt.Errorf("%w; `starter skills show %s` lists the files", err, m.Name)
	}
	if err != nil {
		return err
	}
	if err := a.printCode(code); err != nil {
		return err
	}
	for _, f := range m.Files {
		if f.Path != file && f.Path != skill.DocumentFile {
			a.say("also: starter skills code %s %s", m.Name, plain(f.Path))
		}
	}
	return nil
}

// printCode prints code as it is, unless a terminal would obey what is in it.
func (a *app) printCode(code []byte) error {
	if terminal(a.stdout) {
		code = []byte(plain(string(code)))
	}
	_, err := a.stdout.Write(append(bytes.TrimRight(code, "\n"), '\n'))
	return err
}

func (a *app) printAllCode(ctx context.Context, c *connection, m skill.Manifest) error {
	files := map[string]string{}
	for _, f := range m.Files {
		content, err := c.Skills.File(ctx, m.Name, m.Version, f.Path)
		if err != nil {
			return err
		}
		files[f.Path] = string(content)
	}
	return a.printJSON(map[string]any{"name": m.Name, "version": m.Version, "entry_file": m.EntryFile, "files": files})
}
