package main

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"agentfactory/internal/skill"
)

func (a *app) skillsStatsCommand() *cobra.Command {
	var unusedFor time.Duration
	cmd := &cobra.Command{
		Use:   "stats [NAME]",
		Short: "Show how skills did in use: successes, failures, tokens, time",
		Long: `Show how the versions of a skill did in use, and its failures that no later success on the
same task answers. Without NAME sum up all skills, and list those that were not used for
long (to be retired, if you like) and all open failures. How the library as a whole grows over
time is told by "starter stats".`,
		Example: `  starter skills stats
  starter skills stats --unused-for 2160h
  starter skills stats csv-summary
  starter skills stats --json | jq -r '.skills[] | select(.unused) | .name'`,
		Args: between(0, "the NAME of a skill"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return a.skillStats(cmd.Context(), args[0])
			}
			if unusedFor <= 0 {
				return badInput("--unused-for is %s: give a positive time such as 720h", unusedFor)
			}
			return a.libraryStats(cmd.Context(), unusedFor)
		},
	}
	cmd.Flags().DurationVar(&unusedFor, "unused-for", 30*24*time.Hour, "how long a skill is not used until it is listed as unused")
	return cmd
}

func (a *app) skillStats(ctx context.Context, name string) error {
	c, head, _, err := a.openSkill(ctx, name, 0)
	if err != nil {
		return err
	}
	defer c.Close()
	p, err := c.Skills.Performance(ctx, head.Name)
	if err != nil {
		return err
	}
	open := p.OpenFailures()
	if a.json {
		return a.printJSON(map[string]any{
			"name": p.Name, "version": head.Version, "trust": head.Trust, "versions": p.Versions, "open_failures": append([]skill.Use{}, open...),
		})
	}
	fmt.Fprintf(a.stdout, "%s version %d (%s)\n", head.Name, head.Version, trustOf(listed(head)))
	if len(p.Versions) == 0 {
		a.say("it has not been used since it was saved")
		return nil
	}
	var rows [][]string
	for _, v := range slices.Backward(p.Versions) {
		rows = append(rows, []string{
			fmt.Sprint(v.Version), count(v.Uses), count(v.Successes), count(v.Failures), count(v.NotItsFault), count(len(v.Tasks)),
			count(v.Tokens), seconds(v.Seconds), ago(v.LastUsed),
		})
	}
	heading := []string{"VERSION", "USES", "GOOD", "FAILED", "NOT ITS FAULT", "TASKS", "TOKENS", "TIME", "LAST USED"}
	if err := table(a.stdout, heading, rows); err != nil {
		return err
	}
	return a.printOpenFailures(open)
}

// skillSum is a skill in `skills stats --json`.
type skillSum struct {
	Name         string      `json:"name"`
	Version      int         `json:"version"`
	Trust        skill.Trust `json:"trust"`
	Uses         int         `json:"uses"` // of all versions, as are the sums below
	Successes    int         `json:"successes"`
	Failures     int         `json:"failures"`
	NotItsFault  int         `json:"not_its_fault"`
	Tokens       int64       `json:"tokens"`
	Seconds      float64     `json:"seconds"`
	LastUsed     *time.Time  `json:"last_used"` // null: never
	Unused       bool        `json:"unused"`    // neither used nor changed for long
	OpenFailures []skill.Use `json:"open_failures"`
}

func (a *app) libraryStats(ctx context.Context, unusedFor time.Duration) error {
	c, err := a.open(ctx, wanted{libraryOnly: true})
	if err != nil {
		return err
	}
	defer c.Close()
	sums, err := c.sums(ctx, time.Now().Add(-unusedFor))
	if err != nil {
		return err
	}
	if a.json {
		return a.printJSON(map[string]any{"skills": sums})
	}
	if len(sums) == 0 {
		a.say("the library has no skills in use; `starter skills list --retired` shows the others")
		return nil
	}
	var rows [][]string
	var open []skill.Use
	for _, s := range sums {
		mark, last := "", "never"
		if s.Unused {
			mark = "unused"
		}
		if s.LastUsed != nil {
			last = ago(*s.LastUsed)
		}
		rows = append(rows, []string{s.Name, fmt.Sprint(s.Version), string(s.Trust), count(s.Uses), count(s.Successes), count(s.Failures), count(s.Tokens), last, mark})
		open = append(open, s.OpenFailures...)
	}
	if err := table(a.stdout, []string{"SKILL", "VERSION", "TRUST", "USES", "GOOD", "FAILED", "TOKENS", "LAST USED", ""}, rows); err != nil {
		return err
	}
	return a.printOpenFailures(open)
}

// sums adds up the uses of every skill that is not retired. One that was neither used nor moved since the given time is unused.
func (c *connection) sums(ctx context.Context, since time.Time) ([]skillSum, error) {
	heads, err := c.Skills.Heads(ctx, "", 0)
	if err != nil {
		return nil, err
	}
	heads = slices.DeleteFunc(heads, func(h skill.Head) bool { return h.Tombstone != nil })
	sums := make([]skillSum, len(heads))
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(16) // skills that are read at a time
	for i, h := range heads {
		g.Go(func() error {
			p, err := c.Skills.Performance(ctx, h.Name)
			sums[i] = sumOf(h, p, since)
			return err
		})
	}
	return sums, g.Wait()
}

func sumOf(h skill.Head, p skill.Performance, since time.Time) skillSum {
	s := skillSum{Name: h.Name, Version: h.Version, Trust: h.Trust, OpenFailures: append([]skill.Use{}, p.OpenFailures()...)}
	for _, v := range p.Versions {
		s.Uses += v.Uses
		s.Successes += v.Successes
		s.Failures += v.Failures
		s.NotItsFault += v.NotItsFault
		s.Tokens += v.Tokens
		s.Seconds += v.Seconds
	}
	last := p.LastUsed()
	if s.Uses > 0 {
		s.LastUsed = &last
	}
	s.Unused = last.Before(since) && h.UpdatedAt.Before(since)
	return s
}

func (a *app) printOpenFailures(open []skill.Use) error {
	if len(open) == 0 {
		return nil
	}
	fmt.Fprintln(a.stdout, "\nOpen failures")
	return a.printFailures(open)
}
