package main

import (
	"context"
	"errors"
	"fmt"
	"path"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"agentfactory/internal/evaluation"
	"agentfactory/internal/objectstore"
	runs "agentfactory/internal/run"
	"agentfactory/internal/service"
)

// endedRuns are the runs that ended in a span of time, as far as growth needs to know them. Those of evaluations are not among
// them: their libraries are others, and have reports of their own.
type endedRuns struct {
	facts    []evaluation.RunFact
	scripted bool // some had a scripted model
}

const (
	atOnce    = 32        // requests in flight
	clockSkew = time.Hour // between the clocks of workers and the store
)

// endedSince reads the results of the runs that ended at that time or later. The store's listing tells which results
// are older, so that those are never read; what is read is bounded by the runs of that time, not by all there ever
// were. A result that cannot be decoded is an error: it would be missing from every number.
func (c *connection) endedSince(ctx context.Context, since time.Time, show func(string)) (endedRuns, error) {
	ids, err := c.Objects.Folders(ctx, "runs/")
	if err != nil {
		return endedRuns{}, fmt.Errorf("list runs: %w", err)
	}
	var (
		all  endedRuns
		mu   sync.Mutex
		done atomic.Int64
	)
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(atOnce)
	for _, id := range ids {
		g.Go(func() error {
			results, err := c.resultsOf(ctx, "runs/"+id+"/", since)
			if err != nil {
				return err
			}
			mu.Lock()
			defer mu.Unlock()
			for _, r := range results {
				all.add(r, since)
			}
			if n := done.Add(1); n%100 == 0 {
				show(fmt.Sprintf("looked at %s of %s workflows", count(n), count(len(ids))))
			}
			return nil
		})
	}
	return all, g.Wait()
}

func (e *endedRuns) add(r runs.Result, since time.Time) {
	if r.FinishedAt.Before(since) || idle(r) || r.Library != "" {
		return
	}
	fact := evaluation.RunFact{At: r.FinishedAt, Outcome: r.Outcome, Usage: r.Usage, Turns: r.Turns}
	if r.Decision != nil {
		fact.Choice = r.Decision.Choice
	}
	e.facts = append(e.facts, fact)
	e.scripted = e.scripted || service.Scripted(r.Model)
}

// idle tells of a run that found nothing to do, such as a scheduled repair while no skill has an open failure.
func idle(r runs.Result) bool { return r.Outcome == runs.Completed && r.Turns == 0 }

// resultsOf reads the results below runs/<workflow>/ that were written since then, one for each of its executions. The
// listing leaps over the other records of an execution, of which there may be thousands.
func (c *connection) resultsOf(ctx context.Context, prefix string, since time.Time) ([]runs.Result, error) {
	var results []runs.Result
	for after := ""; ; {
		page, err := c.Objects.List(ctx, prefix, after, resultsPage)
		if err != nil {
			return nil, fmt.Errorf("list runs: %w", err)
		}
		for _, o := range page {
			if path.Base(o.Key) != resultFile || o.Modified.Before(since.Add(-clockSkew)) {
				continue
			}
			r, err := c.Records.ResultAt(ctx, o.Key)
			if errors.Is(err, objectstore.ErrNotFound) {
				continue // removed meanwhile
			}
			if err != nil {
				return nil, err
			}
			results = append(results, r)
		}
		if len(page) < resultsPage {
			return results, nil
		}
		after = leap(page[len(page)-1].Key)
	}
}

const (
	resultFile  = "result.json"
	resultsPage = 100 // keys; most runs have fewer
)

// leap returns what the listing goes on after: keys are runs/<workflow>/<run>/<folder or file>/…, and ~ sorts behind
// everything that a key may hold.
func leap(key string) string {
	parts := strings.SplitN(key, "/", 5)
	if len(parts) == 5 && parts[3] < resultFile {
		return strings.Join(parts[:4], "/") + "/~" // the result is still to come
	}
	return strings.Join(parts[:3], "/") + "/~"
}
