package run

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/hashicorp/golang-lru/v2/expirable"

	"agentfactory/internal/objectstore"
	"agentfactory/internal/record"
)

// Records reads and writes the immutable records of runs. They are cached decoded,
// because every model call reads the whole chain of turns before it.
type Records struct {
	store objectstore.Store
	turns cache[Turn]
	steps cache[Step]
}

// NewRecords returns records kept in store.
func NewRecords(store objectstore.Store) *Records {
	return &Records{store: store, turns: newCache[Turn](keptFor), steps: newCache[Step](keptFor)}
}

// TurnKey is the key of a turn of the given run.
func TurnKey(workflowID, runID string, number int) string {
	return objectstore.RunKey(workflowID, runID, "turns", fmt.Sprintf("%06d.json", number))
}

// StepKey is the key of a step of the given run.
func StepKey(workflowID, runID string, number int) string {
	return objectstore.RunKey(workflowID, runID, "workspace", fmt.Sprintf("%06d.json", number))
}

// JournalPrefix is where the gateway calls of a step are recorded.
func JournalPrefix(workflowID, runID string, step int) string {
	return objectstore.RunKey(workflowID, runID, "journal", fmt.Sprintf("%06d", step))
}

// ResultKey is the key of a run's result.json.
func ResultKey(workflowID, runID string) string {
	return objectstore.RunKey(workflowID, runID, "result.json")
}

// Turn reads one turn. It must not be changed.
func (r *Records) Turn(ctx context.Context, key string) (*Turn, error) {
	if t := r.turns.get(key); t != nil {
		return t, nil
	}
	var t Turn
	if err := r.read(ctx, key, &t); err != nil {
		return nil, fmt.Errorf("read turn: %w", err)
	}
	r.turns.Add(key, &t)
	return &t, nil
}

// Chain reads a turn and everything before it, the opening first.
func (r *Records) Chain(ctx context.Context, key string) ([]*Turn, error) {
	var chain []*Turn
	for key != "" {
		t, err := r.Turn(ctx, key)
		if err != nil {
			return nil, err
		}
		chain = append(chain, t)
		key = t.Parent
	}
	slices.Reverse(chain)
	if len(chain) == 0 || chain[0].Opening == nil {
		return nil, fmt.Errorf("transcript: the chain of turns does not begin with an opening: %w", objectstore.ErrCorrupt)
	}
	return chain, nil
}

// CreateTurn writes a turn. A turn that is there already is returned instead, with
// the caller to judge whether it is the same one.
func (r *Records) CreateTurn(ctx context.Context, key string, t *Turn) (*Turn, error) {
	err := r.create(ctx, key, t)
	if errors.Is(err, objectstore.ErrExists) {
		return r.Turn(ctx, key)
	}
	if err != nil {
		return nil, fmt.Errorf("write turn: %w", err)
	}
	r.turns.Add(key, t)
	return t, nil
}

// Step reads one step. It must not be changed.
func (r *Records) Step(ctx context.Context, key string) (*Step, error) {
	if s := r.steps.get(key); s != nil {
		return s, nil
	}
	var s Step
	if err := r.read(ctx, key, &s); err != nil {
		return nil, fmt.Errorf("read step: %w", err)
	}
	r.steps.Add(key, &s)
	return &s, nil
}

// CreateStep writes a step; one that is there already, left by an earlier attempt, is returned instead.
func (r *Records) CreateStep(ctx context.Context, key string, s *Step) (*Step, error) {
	err := r.create(ctx, key, s)
	if errors.Is(err, objectstore.ErrExists) {
		return r.Step(ctx, key)
	}
	if err != nil {
		return nil, fmt.Errorf("write step: %w", err)
	}
	r.steps.Add(key, s)
	return s, nil
}

// LastResult reads the latest result.json that the runs of a workflow ID left since then.
func (r *Records) LastResult(ctx context.Context, workflowID string, since time.Time) (Result, error) {
	runIDs, err := r.store.Folders(ctx, "runs/"+objectstore.WorkflowSegment(workflowID)+"/")
	if err != nil {
		return Result{}, fmt.Errorf("list the runs of %s: %w", workflowID, err)
	}
	last := Result{}
	for _, id := range runIDs {
		res, err := r.Result(ctx, workflowID, id)
		switch {
		case errors.Is(err, objectstore.ErrNotFound):
		case err != nil:
			return Result{}, err
		case res.FinishedAt.After(last.FinishedAt) && !res.FinishedAt.Before(since):
			last = res
		}
	}
	if last.FinishedAt.IsZero() {
		return Result{}, fmt.Errorf("result of %s: %w", workflowID, objectstore.ErrNotFound)
	}
	return last, nil
}

// Result reads a run's result.json.
func (r *Records) Result(ctx context.Context, workflowID, runID string) (Result, error) {
	return r.ResultAt(ctx, ResultKey(workflowID, runID))
}

// ResultAt reads the result.json with this key, which a listing found.
func (r *Records) ResultAt(ctx context.Context, key string) (Result, error) {
	var res Result
	if err := r.read(ctx, key, &res); err != nil {
		return Result{}, fmt.Errorf("read result: %w", err)
	}
	return res, nil
}

// CreateResult writes result.json; one that is there already stays and is returned instead.
func (r *Records) CreateResult(ctx context.Context, res Result) (Result, error) {
	return createOnce(ctx, r, ResultKey(res.WorkflowID, res.RunID), res, "result")
}

func (r *Records) read(ctx context.Context, key string, v any) error {
	obj, err := r.store.Get(ctx, key)
	if err != nil {
		return err
	}
	if err := record.One.Decode(obj.Body, v); err != nil {
		return fmt.Errorf("%s: %w: %w", key, objectstore.ErrCorrupt, err)
	}
	return nil
}

func (r *Records) create(ctx context.Context, key string, v any) error {
	body, err := record.One.Encode(v)
	if err != nil {
		return fmt.Errorf("encode %s: %w", key, err)
	}
	_, err = r.store.Create(ctx, key, body)
	return err
}

const (
	// A chain is read with every model call of its run. What no call has read for so long belongs to a run that has ended
	// or waits; for one that goes on it costs a read of its chain.
	keptFor = 10 * time.Minute
	// Dozens of long runs at once (a record is 1–20 KB). More of them make each model call read its chain from the store.
	maxCached = 5000
)

// cache keeps decoded immutable records by key while they are in use.
type cache[T any] struct{ *expirable.LRU[string, *T] }

func newCache[T any](keptFor time.Duration) cache[T] {
	return cache[T]{expirable.NewLRU[string, *T](maxCached, nil, keptFor)}
}

// get is nil for what is not there.
func (c cache[T]) get(key string) *T {
	v, ok := c.Get(key)
	if ok {
		c.Add(key, v) // its time begins anew
	}
	return v
}
