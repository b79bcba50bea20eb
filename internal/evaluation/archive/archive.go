// Package archive keeps the records of evaluations in a bucket, with these keys:
//
//	evaluations/<id>/evaluation.json             immutable: what was asked for, and what was resolved once
//	evaluations/<id>/tasks.jsonl                 immutable: the tasks with their checks, as they were read
//	evaluations/<id>/outcomes/<arm>/<00001>.json immutable: what came of one task
//	evaluations/<id>/report.{json,csv,md,html}   made from the outcomes; made again when the evaluation goes on
//	evaluations/<id>/libraries/<arm>/…           the arms' skill libraries; see skillstore.Libraries
//
// <id> is the workflow ID as objectstore.WorkflowSegment writes it. The package imports internal/evaluation,
// internal/objectstore and internal/record and knows nothing of Temporal.
package archive

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	lru "github.com/hashicorp/golang-lru/v2"
	"golang.org/x/sync/errgroup"

	"agentfactory/internal/evaluation"
	"agentfactory/internal/objectstore"
	"agentfactory/internal/record"
)

// ErrUnknown: there is no evaluation of this ID.
var ErrUnknown = errors.New("unknown evaluation")

// Record is what an evaluation is, as it was begun.
type Record struct {
	evaluation.Meta
	TasksKey string   `json:"tasks_key"`          // the tasks file as it was given
	Series   string   `json:"series"`             // evaluations of one series are held against each other
	Snapshot string   `json:"snapshot,omitempty"` // of the library that the arms began with
	Arms     []Arm    `json:"arms"`
	Count    int      `json:"count"` // tasks
	Batches  []string `json:"batches"`
}

// Arm is one method in one repeat.
type Arm struct {
	Method string `json:"method"`
	Repeat int    `json:"repeat"` // from 1
}

// Name is how keys and workflow IDs call the arm.
func (a Arm) Name() string { return fmt.Sprintf("%s-%d", a.Method, a.Repeat) }

// Archive reads and writes the records. It is safe for concurrent use.
type Archive struct {
	objects objectstore.Store
	begun   *lru.Cache[string, begun]
}

// begun is what never changes of an evaluation; every task of it needs both.
type begun struct {
	record Record
	tasks  []evaluation.Task
}

// keptBegun is how many evaluations are remembered, decoded.
const keptBegun = 8

// New returns the records that lie in objects.
func New(objects objectstore.Store) *Archive {
	cache, err := lru.New[string, begun](keptBegun)
	if err != nil {
		panic(fmt.Sprintf("a cache of %d: %v", keptBegun, err)) // only a size below 1 can fail
	}
	return &Archive{objects, cache}
}

const root = "evaluations/"

// Key is the key of a record of an evaluation.
func Key(id string, parts ...string) string {
	return root + strings.Join(append([]string{objectstore.WorkflowSegment(id)}, parts...), "/")
}

// Library is the name of the library of an arm; task is the number of the task that has it alone, or 0.
func Library(id string, arm Arm, task int) string {
	name := arm.Name()
	if task > 0 {
		name = fmt.Sprintf("%s-%05d", name, task)
	}
	return Key(id, "libraries", name)
}

// Begin keeps a record with its tasks, and returns the record as it is stored: of one ID the first stays.
func (a *Archive) Begin(ctx context.Context, r Record, tasks []evaluation.Task) (Record, error) {
	if _, err := a.objects.Create(ctx, Key(r.ID, "tasks.jsonl"), evaluation.Encode(tasks)); err != nil && !errors.Is(err, objectstore.ErrExists) {
		return Record{}, fmt.Errorf("keep the tasks: %w", err)
	}
	_, err := a.objects.Create(ctx, Key(r.ID, "evaluation.json"), encode(r))
	if errors.Is(err, objectstore.ErrExists) {
		return a.Record(ctx, r.ID)
	}
	if err != nil {
		return Record{}, fmt.Errorf("keep the evaluation: %w", err)
	}
	return r, nil
}

// Record reads what an evaluation is. ErrUnknown.
func (a *Archive) Record(ctx context.Context, id string) (Record, error) {
	var r Record
	err := a.read(ctx, Key(id, "evaluation.json"), &r)
	if errors.Is(err, objectstore.ErrNotFound) {
		return r, fmt.Errorf("%w: %s", ErrUnknown, id)
	}
	return r, err
}

// Begun is the record of an evaluation with its tasks, which must not be changed. ErrUnknown.
func (a *Archive) Begun(ctx context.Context, id string) (Record, []evaluation.Task, error) {
	if b, ok := a.begun.Get(id); ok {
		return b.record, b.tasks, nil
	}
	record, err := a.Record(ctx, id)
	if err != nil {
		return record, nil, err
	}
	tasks, err := a.tasks(ctx, id)
	if err == nil {
		a.begun.Add(id, begun{record, tasks})
	}
	return record, tasks, err
}

func (a *Archive) tasks(ctx context.Context, id string) ([]evaluation.Task, error) {
	object, err := a.objects.Get(ctx, Key(id, "tasks.jsonl"))
	if err != nil {
		return nil, fmt.Errorf("read the tasks of %s: %w", id, err)
	}
	return evaluation.Parse("tasks", object.Body)
}

func outcomeKey(id string, arm Arm, number int) string {
	return Key(id, "outcomes", arm.Name(), fmt.Sprintf("%05d.json", number))
}

// Outcome reads what came of a task; nil if nothing has come of it yet.
func (a *Archive) Outcome(ctx context.Context, id string, arm Arm, number int) (*evaluation.Outcome, error) {
	var o evaluation.Outcome
	err := a.read(ctx, outcomeKey(id, arm, number), &o)
	if errors.Is(err, objectstore.ErrNotFound) {
		return nil, nil
	}
	return &o, err
}

// KeepOutcome keeps what came of a task, and returns it as it is stored: of one task and arm the first stays.
func (a *Archive) KeepOutcome(ctx context.Context, id string, arm Arm, o evaluation.Outcome) (evaluation.Outcome, error) {
	_, err := a.objects.Create(ctx, outcomeKey(id, arm, o.Number), encode(o))
	if errors.Is(err, objectstore.ErrExists) {
		kept, err := a.Outcome(ctx, id, arm, o.Number)
		if err != nil || kept == nil {
			return o, err
		}
		return *kept, nil
	}
	return o, err
}

// atOnce is how many records are read side by side.
const atOnce = 16

// Outcomes reads what has come of an evaluation so far, in the order of the arms' names and the tasks.
func (a *Archive) Outcomes(ctx context.Context, id string) ([]evaluation.Outcome, error) {
	keys, err := a.objects.List(ctx, Key(id, "outcomes")+"/", "", 0)
	if err != nil {
		return nil, fmt.Errorf("list the outcomes of %s: %w", id, err)
	}
	outcomes := make([]evaluation.Outcome, len(keys))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(atOnce)
	for i, k := range keys {
		group.Go(func() error { return a.read(ctx, k.Key, &outcomes[i]) })
	}
	return outcomes, group.Wait()
}

// Records are all evaluations, the latest first.
func (a *Archive) Records(ctx context.Context) ([]Record, error) {
	folders, err := a.objects.Folders(ctx, root)
	if err != nil {
		return nil, fmt.Errorf("list the evaluations: %w", err)
	}
	records := make([]Record, len(folders))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(atOnce)
	for i, folder := range folders {
		group.Go(func() error {
			err := a.read(ctx, root+folder+"/evaluation.json", &records[i])
			if errors.Is(err, objectstore.ErrNotFound) { // it is being begun
				return nil
			}
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	records = slices.DeleteFunc(records, func(r Record) bool { return r.ID == "" })
	slices.SortFunc(records, func(x, y Record) int { return y.StartedAt.Compare(x.StartedAt) })
	return records, nil
}

// Report reads the report of an evaluation that came to its end, in whatever way; nil if none has been made.
func (a *Archive) Report(ctx context.Context, id string) (*evaluation.Report, error) {
	var r evaluation.Report
	err := a.read(ctx, ReportKey(id, "json"), &r)
	if errors.Is(err, objectstore.ErrNotFound) {
		return nil, nil
	}
	return &r, err
}

// ReportKey is the key of a report; form is json, csv, summary.csv, md or html.
func ReportKey(id, form string) string { return Key(id, "report."+form) }

// KeepReport writes a form of the report over what an earlier end of the evaluation left.
func (a *Archive) KeepReport(ctx context.Context, id, form string, body []byte) (string, error) {
	key := ReportKey(id, form)
	for {
		_, err := a.objects.Create(ctx, key, body)
		if errors.Is(err, objectstore.ErrExists) {
			var old objectstore.Info
			if old, err = a.objects.Stat(ctx, key); err == nil {
				_, err = a.objects.Replace(ctx, key, body, old.ETag)
			}
		}
		if errors.Is(err, objectstore.ErrChanged) || errors.Is(err, objectstore.ErrNotFound) {
			continue // another attempt writes as well
		}
		return key, err
	}
}

func (a *Archive) read(ctx context.Context, key string, into any) error {
	object, err := a.objects.Get(ctx, key)
	if err != nil {
		return fmt.Errorf("read %s: %w", key, err)
	}
	if err := record.One.Decode(object.Body, into); err != nil {
		return fmt.Errorf("read %s: %w: %w", key, objectstore.ErrCorrupt, err)
	}
	return nil
}

func encode(v any) []byte {
	raw, err := record.One.Encode(v)
	if err != nil {
		panic(fmt.Sprintf("encode a record: %v", err)) // strings and numbers always encode
	}
	return raw
}
