package upkeep

import (
	"context"
	"fmt"
	"time"

	"agentfactory/internal/objectstore"
)

// Retention is how long things are kept that nothing else keeps. Versions, heads, cases, uses, lessons, exports and
// snapshots that people took are always kept, and everything that they refer to.
type Retention struct {
	Runs        time.Duration // after the last record of a run; at least objectstore.SparedFor
	Evaluations time.Duration // after the last record of an evaluation; 0: for ever
}

// DefaultRuns is how long runs are kept unless something else is said.
const DefaultRuns = 90 * 24 * time.Hour

// Check tells what is wrong with a retention.
func (r Retention) Check() error {
	for what, d := range map[string]time.Duration{"runs": r.Runs, "evaluations": r.Evaluations} {
		if d < objectstore.SparedFor && (d != 0 || what == "runs") {
			return fmt.Errorf("keep %s for %v: give at least %v, so that nothing goes that is still being worked on", what, d, objectstore.SparedFor)
		}
	}
	return nil
}

// Held is what is kept by things outside the bucket.
type Held struct {
	// Workflows are the IDs of workflows that are open, as objectstore.WorkflowSegment writes them.
	Workflows map[string]bool
	// Texts are inputs of open workflows and of schedules, in which references are looked for.
	Texts [][]byte
}

// Collection says how Collect works.
type Collection struct {
	Retention Retention
	// Held is asked before anything is looked at and again before anything is taken away.
	Held     func(context.Context) (Held, error)
	Delete   bool                             // false: nothing is changed
	Each     func(kind, key string, a Amount) // nil, or told of everything that goes, one call at a time
	Progress func(format string, args ...any) // nil, or told now and then

	now    time.Time     // zero: when it begins
	spared time.Duration // zero: objectstore.SparedFor
	before func()        // nil, or called between looking and taking away
}

// Amount is what adds up.
type Amount struct {
	Objects  int   `json:"objects"`
	Versions int   `json:"versions"` // of these objects, those that were replaced and delete markers included
	Bytes    int64 `json:"bytes"`    // of all versions
}

func (a Amount) plus(b Amount) Amount {
	return Amount{a.Objects + b.Objects, a.Versions + b.Versions, a.Bytes + b.Bytes}
}

// The kinds of what can go.
const (
	KindRuns        = "runs"        // records of old runs
	KindEvaluations = "evaluations" // records and libraries of old evaluations
	KindBlobs       = "blobs"       // that nothing refers to
	KindReplaced    = "replaced"    // copies of blobs that were renewed since
)

// Collected is what Collect found, and took away if it was told to.
type Collected struct {
	At      time.Time         `json:"at"`
	Deleted bool              `json:"deleted"` // false: this is what would go
	Gone    map[string]Amount `json:"gone"`    // by kind
	Kept    Amount            `json:"kept"`    // blobs that something refers to
	Spared  Amount            `json:"spared"`  // blobs that nothing refers to yet, and that are young
	Runs    Counted           `json:"runs"`
	// Evaluations that go whole; records of them that something refers to stay.
	Evaluations Counted `json:"evaluations"`
}

// Total adds up what has gone.
func (c Collected) Total() (all Amount) {
	for _, a := range c.Gone {
		all = all.plus(a)
	}
	return all
}

// Counted says how many there are and how many of them are too old.
type Counted struct {
	All int `json:"all"`
	Old int `json:"old"`
}

// Collect finds everything in the bucket that no record refers to which is kept, and takes it away if it is told to. It
// may run beside workers, and be repeated after it was ended anywhere.
//
// Nothing that is needed goes, because
//   - a record that is written while the bucket is looked at refers to blobs that were stored, or renewed, within the last
//     RenewedAfter, or that a record refers to which is kept as well;
//   - a blob goes only when every version of it is older than SparedFor at the time when Collect began, and exactly these
//     versions are removed: one that a worker writes at the same moment stays;
//   - runs that are open are kept however old they are, which is asked a second time before anything goes.
//
// What it holds in memory is 32 bytes for every blob that is referred to, and the keys of old runs that are kept in part.
func Collect(ctx context.Context, bucket *objectstore.Bucket, c Collection) (Collected, error) {
	if err := c.Retention.Check(); err != nil {
		return Collected{}, err
	}
	g, err := newCollector(bucket, c)
	if err != nil {
		return Collected{}, err
	}
	if err := g.mark(ctx); err != nil {
		return Collected{}, fmt.Errorf("find what is referred to: %w", err)
	}
	if err := g.sweep(ctx); err != nil {
		return g.found, fmt.Errorf("take away what is not referred to: %w; what is gone is gone, run it again for the rest", err)
	}
	return g.found, nil
}
