package main

import (
	"context"
	"fmt"
	"os"
	"regexp"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"agentfactory/internal/evaluation"
)

// statsOptions are the flags of stats.
type statsOptions struct {
	since string
	by    string
	html  string
}

func (a *app) statsCommand() *cobra.Command {
	o := statsOptions{}
	cmd := &cobra.Command{
		Use:   "stats",
		Short: "Show how the library and its use grow: success, reuse, tokens, skills, tasks solvable",
		Long: `Show how the library and its use developed, day by day or week by week, from the stored
results of runs and the stored skills. Nothing is asked of Temporal, so that it reaches back
beyond the server's retention.

Of the runs that ended in a period: how many, how many of them completed, how many used a
saved skill (reuse), and per run the output tokens of the meta-agent, its turns, and the cost.
Runs that found nothing to do are left out.

Of the library at the end of a period: skills in use, retired ones, versions of all skills, and
  tasks solvable   distinct stored cases of the skills in use; dropped cases do not count
  sophistication   means over the current versions: lines of Python that are neither blank nor
                   comment, functions that they define, and tool skills that they are given

How single skills do in use, and which ones fail, is told by "starter skills stats".`,
		Example: `  starter stats
  starter stats --since 180d --by week
  starter stats --since 2026-09-01 --html growth.html
  starter stats --json | jq '.points[-1]'`,
		Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error { return a.stats(cmd.Context(), o) },
	}
	f := cmd.Flags()
	f.StringVar(&o.since, "since", "30d", "how far back: a time such as 30d or 12h, or a date such as 2026-09-01 (UTC)")
	f.StringVar(&o.by, "by", string(evaluation.Day), "day or week")
	f.StringVar(&o.html, "html", "", "write a page with charts to this file, which may not exist yet")
	return cmd
}

func (a *app) stats(ctx context.Context, o statsOptions) error {
	since, err := sinceFlag(o.since, time.Now().UTC())
	if err != nil {
		return err
	}
	by := evaluation.Period(o.by)
	if by != evaluation.Day && by != evaluation.Week {
		return badInput("--by is %q: give day or week", o.by)
	}
	c, err := a.open(ctx, wanted{libraryOnly: true})
	if err != nil {
		return err
	}
	defer c.Close()
	p := newProgress(a.stderr, a.getenv)
	defer p.close()
	ended, err := c.endedSince(ctx, since, p.setBelow)
	if err != nil {
		return err
	}
	skills, err := c.skillFacts(ctx, since, p.setBelow)
	if err != nil {
		return err
	}
	p.close()
	return a.printGrowth(evaluation.Growth(ended.facts, skills, by), ended.scripted, o.html)
}

// printGrowth prints a series, or writes it as a page.
func (a *app) printGrowth(series evaluation.GrowthSeries, scripted bool, html string) error {
	if html != "" {
		if err := writeGrowth(series, scripted, html); err != nil {
			return err
		}
		a.say("wrote %s", html)
	}
	switch {
	case a.json:
		return a.printJSON(series)
	case len(series.Points) == 0:
		a.say("nothing has happened since then: no run has ended, and the library is empty")
		return nil
	case html != "":
		return nil
	}
	if scripted {
		a.say("some of these runs had a scripted model: their numbers say nothing about real ones")
	}
	return series.Text(a.stdout)
}

func writeGrowth(series evaluation.GrowthSeries, scripted bool, path string) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if os.IsExist(err) {
		return badInput("--html %s: the file exists already; choose another name or remove it", path)
	}
	if err != nil {
		return badInput("--html %s: %w", path, reason(err))
	}
	err = series.HTML(f, "Growth of the skill library", scripted)
	if closing := f.Close(); err == nil {
		err = closing
	}
	if err != nil {
		os.Remove(path) // half a page is none
		return fmt.Errorf("write %s: %w", path, err)
	}
	return nil
}

var daysBack = regexp.MustCompile(`^(\d{1,5})d$`)

// sinceFlag reads 30d, 12h or a date.
func sinceFlag(value string, now time.Time) (time.Time, error) {
	if m := daysBack.FindStringSubmatch(value); m != nil {
		days, err := strconv.Atoi(m[1])
		return now.AddDate(0, 0, -days), err
	}
	if d, err := time.ParseDuration(value); err == nil && d > 0 {
		return now.Add(-d), nil
	}
	if t, err := time.Parse(time.DateOnly, value); err == nil && t.Before(now) {
		return t, nil
	}
	return time.Time{}, badInput("--since is %q: give a time such as 30d or 12h, or a past date such as 2026-09-01", clip(value, 40))
}
