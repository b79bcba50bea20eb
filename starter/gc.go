package main

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"github.com/dustin/go-humanize/english"
	"github.com/spf13/cobra"

	"agentfactory/internal/config"
	"agentfactory/internal/upkeep"
)

// keep is a flag that takes days as well; it stays nil when it is not given, because 0 says something.
type keep struct{ d **config.Duration }

func (k keep) String() string {
	if k.d == nil || *k.d == nil {
		return ""
	}
	return days(time.Duration(**k.d))
}

func (k keep) Set(s string) error {
	*k.d = new(config.Duration)
	return (*k.d).UnmarshalText([]byte(s))
}

func (k keep) Type() string { return "duration" }

// days shows a retention as people write it.
func days(d time.Duration) string {
	switch {
	case d == 0:
		return "for ever"
	case d%(24*time.Hour) == 0:
		return fmt.Sprintf("%dd", d/(24*time.Hour))
	}
	return d.String()
}

type gcOptions struct {
	runs, evaluations *config.Duration // nil: as it is configured
	remove, list      bool
}

func (a *app) gcCommand() *cobra.Command {
	var o gcOptions
	cmd := &cobra.Command{
		Use:   "gc",
		Short: "Find what nothing refers to any more, and take it away with --delete",
		Long: `Find the records of old runs and evaluations that nothing refers to, and the blobs that no
head, version, case, use, export, snapshot, evaluation, schedule, open run or kept run refers to.
Without --delete nothing is changed: the sizes of what would go are shown.

Versions, heads, cases, uses, lessons, exports and snapshots that people took are never taken
away. Blobs younger than 7 days are spared, and workers may go on meanwhile. What is taken away
is gone: the versions that the bucket keeps of it are removed as well.`,
		Example: `  starter gc
  starter gc --keep-runs 30d --keep-evaluations 180d
  starter gc --list
  starter gc --delete --json | jq .gone`,
		Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error { return a.gc(cmd.Context(), o) },
	}
	f := cmd.Flags()
	f.Var(keep{&o.runs}, "keep-runs", "keep runs this long after their last record, at least 7d (default: as configured, 90d)")
	f.Var(keep{&o.evaluations}, "keep-evaluations", "keep evaluations this long, at least 7d, or 0: for ever (default: as configured, for ever)")
	f.BoolVar(&o.remove, "delete", false, "take it away")
	f.BoolVar(&o.list, "list", false, "show the key of everything that goes")
	return cmd
}

// retention is what was asked for, else what is configured, else the default.
func (o gcOptions) retention(c config.Retention) upkeep.Retention {
	runs, evaluations := cmp.Or(c.Runs, config.Duration(upkeep.DefaultRuns)), c.Evaluations
	if o.runs != nil {
		runs = *o.runs
	}
	if o.evaluations != nil {
		evaluations = *o.evaluations
	}
	return upkeep.Retention{Runs: time.Duration(runs), Evaluations: time.Duration(evaluations)}
}

func (a *app) gc(ctx context.Context, o gcOptions) error {
	cfg, err := a.load()
	if err != nil {
		return err
	}
	retention := o.retention(cfg.Retention)
	if err := retention.Check(); err != nil {
		return withCode(exitUsage, err)
	}
	c, err := a.connect(ctx, cfg, wanted{})
	if err != nil {
		return err
	}
	defer c.Close()
	found, err := upkeep.Collect(ctx, c.Objects, upkeep.Collection{
		Retention: retention, Held: c.held, Delete: o.remove, Progress: a.say,
		Each: func(kind, key string, amount upkeep.Amount) {
			if o.list && !a.json {
				fmt.Fprintf(a.stdout, "%s\t%s\t%s\n", kind, size(amount.Bytes), key)
			}
		},
	})
	if gone := found.Total(); err != nil && o.remove && gone.Objects > 0 {
		a.say("%s (%s) have gone; the rest goes when it is run again", english.Plural(gone.Objects, "object", ""), size(gone.Bytes))
	}
	if err != nil {
		return err
	}
	if a.json {
		return a.printJSON(found)
	}
	return a.printCollected(found, retention)
}

func (a *app) printCollected(found upkeep.Collected, kept upkeep.Retention) error {
	what := map[string]string{
		upkeep.KindRuns:        "records of runs older than " + days(kept.Runs),
		upkeep.KindEvaluations: "records and libraries of evaluations; they are kept for ever",
		upkeep.KindBlobs:       "blobs that nothing refers to",
		upkeep.KindReplaced:    "older copies of blobs that were stored again",
	}
	if kept.Evaluations > 0 {
		what[upkeep.KindEvaluations] = "records and libraries of evaluations older than " + days(kept.Evaluations)
	}
	rows := [][]string{}
	for _, kind := range []string{upkeep.KindRuns, upkeep.KindEvaluations, upkeep.KindBlobs, upkeep.KindReplaced} {
		amount := found.Gone[kind]
		rows = append(rows, []string{kind, count(amount.Objects), count(amount.Versions), size(amount.Bytes), what[kind]})
	}
	if err := table(a.stdout, []string{"KIND", "OBJECTS", "VERSIONS", "SIZE", "WHAT"}, rows); err != nil {
		return err
	}
	a.say("kept: %s (%s); spared because they are young: %s (%s)", english.Plural(found.Kept.Objects, "blob", ""), size(found.Kept.Bytes), count(found.Spared.Objects), size(found.Spared.Bytes))
	a.say("runs: %s, of which %s are old; evaluations: %s, of which %s are old", count(found.Runs.All), count(found.Runs.Old), count(found.Evaluations.All), count(found.Evaluations.Old))
	if !found.Deleted {
		a.say("nothing was changed; `starter gc --delete` takes it away")
	}
	return nil
}
