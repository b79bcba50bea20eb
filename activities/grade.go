package activities

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"agentfactory/internal/checking"
	"agentfactory/internal/evaluation"
	"agentfactory/internal/evaluation/archive"
	"agentfactory/internal/lesson"
	"agentfactory/internal/objectstore"
	"agentfactory/internal/pyruntime"
	"agentfactory/internal/run"
	"agentfactory/internal/workspace"
	"agentfactory/skillstore"
)

// Grader says whether what a run made of a task is right, and keeps it with what it cost.
type Grader struct {
	Archive   *archive.Archive
	Libraries *skillstore.Libraries
	Agents    *Subagents
}

// GradeTask grades one run. A check that hangs or crashes is an error of the check and not of the task.
func (g *Grader) GradeTask(ctx context.Context, in GradeInput) (TaskDone, error) {
	defer beat(ctx)()
	if done, err := g.Archive.Outcome(ctx, in.Evaluation, in.Arm, in.Number); err != nil || done != nil {
		return graded(done), failure("look for the outcome", err)
	}
	_, tasks, err := g.Archive.Begun(ctx, in.Evaluation)
	if err != nil {
		return TaskDone{}, failure("read the evaluation", err)
	}
	o, err := g.outcome(ctx, in, tasks[in.Number-1])
	if err != nil {
		return TaskDone{}, failure("grade task "+tasks[in.Number-1].ID, err)
	}
	o, err = g.Archive.KeepOutcome(ctx, in.Evaluation, in.Arm, o)
	return countOf(o), failure("keep the outcome", err)
}

func graded(o *evaluation.Outcome) TaskDone {
	if o == nil {
		return TaskDone{}
	}
	return countOf(*o)
}

func (g *Grader) outcome(ctx context.Context, in GradeInput, task evaluation.Task) (evaluation.Outcome, error) {
	o := evaluation.Outcome{
		Number: in.Number, Task: task.ID, Batch: task.Batch, Category: task.Category, Method: in.Arm.Method, Repeat: in.Arm.Repeat,
		WorkflowID: in.WorkflowID, RunID: in.RunID, StartedAt: in.Started, Seconds: in.Seconds,
	}
	res, err := g.result(ctx, in)
	switch {
	case notFound(err): // it did not live to write one
		o.Ended, o.Reason, o.Verdict = in.Ended, in.Reason, evaluation.Failed
	case err != nil:
		return o, err
	default:
		o.Ended, o.Reason, o.AnswerKey = res.Outcome, res.Reason, run.ResultKey(res.WorkflowID, res.RunID)
		o.RunID = res.RunID
		o.Usage, o.Turns, o.Model, o.SkillsUsed, o.FinishedAt = res.Usage, res.Turns, res.Model, res.SkillsUsed, res.FinishedAt
		shareOf(&o, res)
		if err := g.check(ctx, in, task, res, &o); err != nil {
			return o, err
		}
	}
	return o, g.measure(ctx, in.Library, &o)
}

// result is what the run wrote at its end. Of a run that failed, only the record tells which of those that it continued as was the
// last.
func (g *Grader) result(ctx context.Context, in GradeInput) (run.Result, error) {
	if in.RunID != "" {
		return g.Agents.Records.Result(ctx, in.WorkflowID, in.RunID)
	}
	return g.Agents.Records.LastResult(ctx, in.WorkflowID, in.Started.Add(-clockSkew))
}

// measure counts what the arm's library holds after the task.
func (g *Grader) measure(ctx context.Context, library string, o *evaluation.Outcome) (err error) {
	if o.LibrarySize, err = g.Libraries.Size(ctx, library); err != nil {
		return err
	}
	objects, err := g.Libraries.Objects(ctx, library)
	if err != nil {
		return err
	}
	if o.Lessons, err = lesson.Count(ctx, objects); err != nil {
		return err
	}
	return g.weigh(ctx, library, o)
}

// weigh measures the code of the skills that the run saved.
func (g *Grader) weigh(ctx context.Context, library string, o *evaluation.Outcome) error {
	skills, err := g.Libraries.Open(ctx, library)
	if err != nil {
		return err
	}
	for _, name := range slices.Concat(o.Created, o.Modified) {
		head, err := skills.Head(ctx, name)
		if err != nil {
			return err
		}
		version, err := skills.Version(ctx, name, head.Version)
		if err != nil {
			return err
		}
		size, err := skillstore.SizeOf(ctx, skills, version)
		if err != nil {
			return err
		}
		o.Saved = append(o.Saved, evaluation.SavedCode{Name: name, Lines: size.Lines, Functions: size.Functions, Tools: size.Tools})
	}
	return nil
}

// clockSkew is by how much the clocks of a worker and of the Temporal server may differ.
const clockSkew = 10 * time.Second

// shareOf is what a run made of its library.
func shareOf(o *evaluation.Outcome, res run.Result) {
	if res.Decision != nil {
		o.Choice = res.Decision.Choice
	}
	for _, s := range res.Skills {
		switch {
		case !s.Promoted:
		case s.Parent > 0:
			o.Modified = append(o.Modified, s.Name)
		default:
			o.Created = append(o.Created, s.Name)
		}
	}
}

// check holds the answer and the files against the task's script, or has a model judge them.
func (g *Grader) check(ctx context.Context, in GradeInput, task evaluation.Task, res run.Result, o *evaluation.Outcome) error {
	if res.Answer == "" && res.Outcome != run.Completed {
		o.Verdict = evaluation.Failed
		return nil
	}
	inputs, err := inputStore{g.Agents.Blobs, g.Agents.Objects}.store(ctx, inputsOf(task))
	if err != nil {
		return err
	}
	left := manifestOfOutputs(res.Files)
	switch {
	case task.Check != nil && task.Check.Script != "":
		o.Check = evaluation.ByScript
		o.Verdict, o.CheckReason, err = g.runScript(ctx, task, inputs, left, res.Answer)
	case task.Reference != "" || task.Check != nil:
		o.Check = evaluation.ByJudge
		err = g.judge(ctx, in, task, inputs, left, res, o)
	default:
		o.Verdict = evaluation.NotChecked
	}
	return err
}

func manifestOfOutputs(files []run.OutputFile) workspace.Manifest {
	var m workspace.Manifest
	for _, f := range files {
		if digest, ok := objectstore.DigestOfKey(f.Key); ok {
			m = m.With(workspace.File{Path: f.Path, Digest: digest, Size: f.Size})
		}
	}
	return m
}

// runScript runs the task's check in a sandbox of its own. An AssertionError is its verdict; anything else went wrong with it.
func (g *Grader) runScript(ctx context.Context, task evaluation.Task, inputs, left workspace.Manifest, answer string) (evaluation.Verdict, string, error) {
	f, err := g.Agents.checkOutput(ctx, task.Check.Script, task.Task, inputs, checked{answer: answer, files: left})
	if err != nil {
		return "", "", err
	}
	if f == nil {
		return evaluation.Passed, "", nil
	}
	reason := cut(firstLine(f.Message), maxReason)
	if said, ok := strings.CutPrefix(reason, assertion); ok && f.Kind == pyruntime.Exception {
		return evaluation.Failed, strings.TrimPrefix(said, ": "), nil
	}
	return evaluation.CheckError, fmt.Sprintf("%s: %s", f.Kind, reason), nil
}

// assertion is how the message of a check's own verdict begins.
const assertion = "AssertionError"

// judge asks the model behind call_llm, which is not told what method the answer is of. A reply that is no verdict is an error of the check.
func (g *Grader) judge(ctx context.Context, in GradeInput, task evaluation.Task, inputs, left workspace.Manifest, res run.Result, o *evaluation.Outcome) error {
	settings, err := g.Agents.Models.Resolve(in.Model)
	if err != nil {
		return err
	}
	subject := checking.Graded{Task: task.Task, Reference: task.Reference, Answer: res.Answer}
	if task.Check != nil {
		subject.Rubric = task.Check.Rubric
	}
	if subject.Inputs, err = g.Agents.excerpts(ctx, inputs, checking.NewExcerpt); err != nil {
		return err
	}
	if subject.Outputs, err = g.Agents.excerpts(ctx, left, checking.NewLongExcerpt); err != nil {
		return err
	}
	asked := asking{records: g.Agents.Records, models: g.Agents.Models, model: settings.SubagentModel, left: Allowance{SubagentTokens: -1, CostUSD: -1, Seconds: -1}}
	reply, err := asked.ask(ctx, checking.GraderMessages(subject))
	o.JudgeUsage = asked.usage
	if final(err) {
		o.Verdict, o.CheckReason = evaluation.CheckError, brief(err.Error())
		return nil
	}
	if err != nil {
		return err
	}
	verdict, err := checking.ParseVerdict(reply.Content)
	switch {
	case err != nil:
		o.Verdict, o.CheckReason = evaluation.CheckError, cut(err.Error(), maxReason)
	case verdict.Pass:
		o.Verdict, o.CheckReason = evaluation.Passed, verdict.Reason
	default:
		o.Verdict, o.CheckReason = evaluation.Failed, verdict.Reason
	}
	return nil
}
