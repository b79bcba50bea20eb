package main

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/spf13/cobra"

	"agentfactory/internal/export"
)

func (a *app) verifyCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "verify FILE…",
		Short: "Check exported artifacts: every file as it was, and where it comes from",
		Long: `Check artifacts of "starter deploy", files or unpacked directories: each file has the digest
that the artifact lists, none is missing or added, and the code is that of the versions that
it names. It needs no server. A file that fails ends the command with exit code 1.`,
		Example: `  starter verify exports/word-count-3.agent-skills.zip
  starter verify ~/.claude/skills/word-count
  starter verify exports/* --json | jq '.artifacts[] | select(.problems)'`,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return exactly("an artifact's FILE")(cmd, args)
			}
			return a.verify(args)
		},
	}
}

// verified is what was found out about one artifact.
type verified struct {
	File string `json:"file"`
	export.Report
	Error string `json:"error,omitempty"` // why it could not be looked at
}

func (a *app) verify(files []string) error {
	var all []verified
	sound := true
	for _, file := range files {
		v := verified{File: file}
		var err error
		if v.Report, err = export.Verify(file); err != nil {
			v.Error = withoutPath(err, file).Error()
		}
		sound = sound && err == nil && v.OK()
		all = append(all, v)
	}
	if a.json {
		if err := a.printJSON(map[string]any{"artifacts": all}); err != nil {
			return err
		}
	} else {
		for _, v := range all {
			a.printVerified(v)
		}
	}
	if !sound {
		return ended(exitFailed)
	}
	return nil
}

// withoutPath leaves out the file's own path, which stands before the error anyway.
func withoutPath(err error, file string) error {
	var at *fs.PathError
	if errors.As(err, &at) && at.Path == file {
		return at.Err
	}
	return err
}

func (a *app) printVerified(v verified) {
	switch {
	case v.Error != "":
		fmt.Fprintf(a.stdout, "%s: %s\n", plain(v.File), oneLine(v.Error))
	case !v.OK():
		fmt.Fprintf(a.stdout, "%s: changed\n", plain(v.File))
		for _, p := range v.Problems {
			fmt.Fprintf(a.stdout, "  %s\n", oneLine(p.String()))
		}
	default:
		fmt.Fprintf(a.stdout, "%s: ok, %s\n", plain(v.File), v.about())
	}
}

// about says what a sound artifact is.
func (v verified) about() string {
	var skills []string
	for _, s := range v.Skills {
		skills = append(skills, fmt.Sprintf("%s version %d", plain(s.Name), s.Version))
	}
	return fmt.Sprintf("%s of %s, %d files", plain(v.Format), strings.Join(skills, ", "), v.Files)
}
