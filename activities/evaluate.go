package activities

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"go.temporal.io/sdk/activity"

	"agentfactory/internal/evaluation"
	"agentfactory/internal/evaluation/archive"
	"agentfactory/internal/objectstore"
	"agentfactory/internal/run"
	"agentfactory/skillstore"
)

// Evaluations opens evaluations, hands out their tasks and makes their reports.
type Evaluations struct {
	Archive   *archive.Archive
	Objects   objectstore.Store
	Libraries *skillstore.Libraries
	Models    Models
	Defaults  run.Budget // of runs that say nothing themselves; zeros leave run.DefaultBudget
	Namespace string     // of the runs
	// Listed reports whether the Temporal server knows the search attributes.
	Listed func(context.Context) error
	// Webhook is told of evaluations that got worse; nil tells nobody.
	Webhook *Webhook
	// Versioned says that this worker belongs to a worker deployment.
	Versioned bool
}

// LiveLibrary names the live library as what an evaluation begins with.
const LiveLibrary = "live"

// OpenEvaluation reads the tasks, resolves once what all runs rely on, and gives every arm its library. An evaluation that was
// begun before is gone on with as it was begun; other tasks or methods under its ID are refused.
func (e *Evaluations) OpenEvaluation(ctx context.Context, in OpenEvaluationInput) (OpenedEvaluation, error) {
	defer beat(ctx)()
	id := activity.GetInfo(ctx).WorkflowExecution.ID
	record, err := e.Archive.Record(ctx, id)
	if errors.Is(err, archive.ErrUnknown) {
		record, err = e.begin(ctx, id, in)
	}
	if err != nil {
		return OpenedEvaluation{}, failure("open the evaluation", err)
	}
	if record.TasksKey != in.Tasks || strings.Join(record.Methods, ",") != strings.Join(in.Methods, ",") || record.Repeat != in.Repeat || record.FromScratch != in.FromScratch {
		return OpenedEvaluation{}, invalid("evaluation %s was begun at %s with other tasks or methods: give this one another ID", id, record.StartedAt.Format(time.DateTime))
	}
	if err := e.forkAll(ctx, record); err != nil {
		return OpenedEvaluation{}, failure("make the libraries of the evaluation", err)
	}
	return OpenedEvaluation{
		Arms: record.Arms, Count: record.Count, Model: record.Model, Budget: record.Budget, Previous: record.Previous, Listed: e.Listed(ctx) == nil,
		Versioned: e.Versioned,
	}, nil
}

func (e *Evaluations) begin(ctx context.Context, id string, in OpenEvaluationInput) (archive.Record, error) {
	object, err := e.Objects.Get(ctx, in.Tasks)
	if errors.Is(err, objectstore.ErrNotFound) || errors.Is(err, objectstore.ErrInvalidKey) {
		return archive.Record{}, invalid("tasks: there is no object %s: upload the tasks file first (starter evaluate does that)", in.Tasks)
	}
	if err != nil {
		return archive.Record{}, err
	}
	tasks, err := evaluation.Parse("tasks", object.Body)
	if err != nil {
		return archive.Record{}, invalid("tasks: %v", err)
	}
	if i := localFile(tasks); i >= 0 {
		return archive.Record{}, invalid("tasks: task %s names a local file, which is not here: upload it and give its key (starter evaluate does that)", tasks[i].ID)
	}
	settings, err := e.Models.Resolve(in.Model)
	if err != nil {
		return archive.Record{}, err
	}
	budget := in.Budget.Or(e.Defaults).Or(run.DefaultBudget)
	if budget.CostUSD > 0 || in.CountsCost {
		if err := settings.mustBePriced("budget.cost_usd, total.cost_usd"); err != nil {
			return archive.Record{}, err
		}
	}
	digest := string(objectstore.DigestOf(object.Body))
	r := archive.Record{
		Meta: evaluation.Meta{
			ID: id, Name: in.Series, StartedAt: time.Now().UTC(), Model: settings.Model, SubagentModel: settings.SubagentModel, Scripted: settings.Scripted,
			Methods: in.Methods, Repeat: in.Repeat, FromScratch: in.FromScratch, Library: in.Library, TasksDigest: digest, UI: in.UI, Namespace: e.Namespace,
			Budget: budget, Previous: in.Against,
		},
		TasksKey: in.Tasks, Series: or(in.Series, digest), Arms: armsOf(in), Count: len(tasks), Batches: batchesOf(tasks),
	}
	if r.Previous == "" {
		if r.Previous, err = e.lastOf(ctx, r.Series); err != nil {
			return archive.Record{}, err
		}
	}
	if r.Snapshot, err = e.freeze(ctx, r); err != nil {
		return archive.Record{}, err
	}
	return e.Archive.Begin(ctx, r, tasks)
}

// localFile finds a task whose files or check are still on somebody's disk.
func localFile(tasks []evaluation.Task) int {
	for i, t := range tasks {
		if t.Check != nil && t.Check.ScriptFile != "" {
			return i
		}
		for _, f := range t.Files {
			if f.File != "" {
				return i
			}
		}
	}
	return -1
}

func armsOf(in OpenEvaluationInput) []archive.Arm {
	var arms []archive.Arm
	for repeat := range in.Repeat {
		for _, method := range in.Methods {
			arms = append(arms, archive.Arm{Method: method, Repeat: repeat + 1})
		}
	}
	return arms
}

func batchesOf(tasks []evaluation.Task) []string {
	var batches []string
	for _, t := range tasks {
		if len(batches) == 0 || batches[len(batches)-1] != t.Batch {
			batches = append(batches, t.Batch)
		}
	}
	return batches
}

// lastOf is the latest evaluation of a series that left a report; "": there is none.
func (e *Evaluations) lastOf(ctx context.Context, series string) (string, error) {
	records, err := e.Archive.Records(ctx)
	if err != nil {
		return "", err
	}
	for _, r := range records {
		if r.Series != series {
			continue
		}
		report, err := e.Archive.Report(ctx, r.ID)
		if err != nil {
			return "", err
		}
		if report != nil {
			return r.ID, nil
		}
	}
	return "", nil
}

// freeze settles what the arms begin with: nothing, the live library as it is now, a snapshot that somebody took, or what the
// arms of another evaluation left, which each arm takes from the one of its name.
func (e *Evaluations) freeze(ctx context.Context, r archive.Record) (snapshot string, err error) {
	switch r.Library {
	case "":
		return "", nil
	case LiveLibrary:
		return e.snapshot(ctx, r.ID, LiveLibrary, "")
	}
	if _, err := e.Archive.Record(ctx, r.Library); err == nil {
		return "", e.followable(ctx, r)
	} else if !errors.Is(err, archive.ErrUnknown) {
		return "", err
	}
	_, err = e.Libraries.SnapshotInfo(ctx, r.Library)
	if errors.Is(err, skillstore.ErrUnknownSnapshot) || errors.Is(err, skillstore.ErrInvalid) {
		return "", invalid("library: %q is neither %s nor a snapshot nor an evaluation: `starter skills snapshots` and `starter evaluations list` show what there is", r.Library, LiveLibrary)
	}
	return r.Library, err
}

// snapshot freezes a library for an evaluation alone; repeating it changes nothing.
func (e *Evaluations) snapshot(ctx context.Context, id, part, library string) (name string, err error) {
	name = fmt.Sprintf("evaluation-%.16s-%s", objectstore.DigestOf([]byte(id)), part)
	_, err = e.Libraries.Snapshot(ctx, skillstore.SnapshotDraft{Name: name, Of: library, ID: id, By: "evaluation " + id})
	return name, err
}

// followable checks that an evaluation left a library for every arm.
func (e *Evaluations) followable(ctx context.Context, r archive.Record) error {
	for _, arm := range r.Arms {
		if _, err := e.Libraries.Open(ctx, archive.Library(r.Library, arm, 0)); errors.Is(err, skillstore.ErrUnknownLibrary) {
			return invalid("library: evaluation %s left no library for %s: take the same methods, as many repeats at most, and one that was not from scratch", r.Library, arm.Name())
		} else if err != nil {
			return err
		}
	}
	return nil
}

// forkAll makes the libraries of the arms; those of tasks from scratch are made when it is their turn.
func (e *Evaluations) forkAll(ctx context.Context, r archive.Record) error {
	if r.FromScratch {
		return nil
	}
	for _, arm := range r.Arms {
		snapshot := r.Snapshot
		if snapshot == "" && r.Library != "" {
			var err error
			if snapshot, err = e.snapshot(ctx, r.ID, arm.Name(), archive.Library(r.Library, arm, 0)); err != nil {
				return err
			}
		}
		if err := e.Libraries.Fork(ctx, archive.Library(r.ID, arm, 0), snapshot); err != nil {
			return err
		}
	}
	return nil
}

// OpenTask reads a task for a run, or what came of it when the evaluation was at it before.
func (e *Evaluations) OpenTask(ctx context.Context, in TaskRef) (OpenedTask, error) {
	defer beat(ctx)()
	done, err := e.Archive.Outcome(ctx, in.Evaluation, in.Arm, in.Number)
	if err != nil {
		return OpenedTask{}, failure("look for the outcome", err)
	}
	if done != nil {
		counted := countOf(*done)
		return OpenedTask{ID: done.Task, Done: &counted}, nil
	}
	record, tasks, err := e.Archive.Begun(ctx, in.Evaluation)
	if err != nil {
		return OpenedTask{}, failure("read the evaluation", err)
	}
	task := tasks[in.Number-1]
	library := archive.Library(in.Evaluation, in.Arm, 0)
	if record.FromScratch {
		library = archive.Library(in.Evaluation, in.Arm, in.Number)
		if err := e.Libraries.Fork(ctx, library, record.Snapshot); err != nil {
			return OpenedTask{}, failure("make the library of the task", err)
		}
	}
	return OpenedTask{ID: task.ID, Task: task.Task, Files: inputsOf(task), Library: library}, nil
}

func inputsOf(t evaluation.Task) []run.InputFile {
	var files []run.InputFile
	for _, f := range t.Files {
		files = append(files, run.InputFile{Path: f.Path, Text: f.Text, Base64: f.Base64, Key: f.Key})
	}
	return files
}

func countOf(o evaluation.Outcome) TaskDone {
	return TaskDone{
		ID: o.Task, Verdict: o.Verdict, Reason: cut(or(o.Reason, o.CheckReason), maxReason), Ended: o.Ended, Choice: o.Choice,
		Tokens: o.Usage.OrchestrationOutputTokens, CostUSD: o.Usage.CostUSD + o.JudgeUsage.CostUSD,
	}
}

// ReportEvaluation makes the report of what has been done so far, and holds it against the previous evaluation.
func (e *Evaluations) ReportEvaluation(ctx context.Context, in ReportInput) (EvaluationReport, error) {
	defer beat(ctx)()
	report, err := e.Archive.Make(ctx, in.Evaluation, time.Now().UTC())
	if err != nil {
		return EvaluationReport{}, failure("make the report", err)
	}
	keys, err := e.Archive.KeepReports(ctx, report)
	if err != nil {
		return EvaluationReport{}, failure("keep the report", err)
	}
	res := EvaluationReport{Keys: keys, Previous: report.Meta.Previous}
	if report.Against != nil {
		res.Change, res.Why = report.Against.Verdict, brief(report.Against.Reason)
	}
	for _, m := range report.Methods {
		res.Methods = append(res.Methods, MethodSummary{
			Method: m.Method, Passed: m.Passed, Failed: m.Failed, CheckErrors: m.CheckErrors, NotChecked: m.NotChecked,
			Tokens: m.OrchestrationTokens.Value, Reuse: m.Reuse.Value, CostUSD: m.TotalCostUSD,
		})
	}
	return res, nil
}

// Announce tells the web hook.
func (e *Evaluations) Announce(ctx context.Context, in AnnounceInput) error {
	defer beat(ctx)()
	return e.Webhook.tell(ctx, in)
}
