package activities

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"go.temporal.io/sdk/activity"

	"agentfactory/internal/checking"
	"agentfactory/internal/pyruntime"
	"agentfactory/internal/run"
	"agentfactory/internal/skill"
	"agentfactory/internal/workspace"
)

// MakeCheck has a check written for the case of a planned skill, by a prompt that sees the task, the inputs and the output
// but never the code. A script is tried twice, then a model that judges; what does not pass the output and fail an empty and
// a perturbed one is not kept, and the reason is.
func (s *Subagents) MakeCheck(ctx context.Context, in CheckInput) (CheckResult, error) {
	defer beat(ctx)()
	started := time.Now()
	step, err := s.Records.Step(ctx, in.Step)
	if err != nil {
		return CheckResult{}, failure("read the plan", err)
	}
	exec := activity.GetInfo(ctx).WorkflowExecution
	key := run.CheckKey(exec.ID, exec.RunID, step.Number, in.Index)
	if done, err := s.Records.Check(ctx, key); err == nil {
		return checkResult(key, done), nil
	} else if !notFound(err) {
		return CheckResult{}, failure("look for the check", err)
	}
	record, err := s.makeCheck(ctx, step, in)
	if err != nil {
		return CheckResult{}, failure("make a check", err)
	}
	record.At, record.Usage.WallSeconds = started.UTC(), time.Since(started).Seconds()
	record, err = s.Records.CreateCheck(ctx, key, record)
	return checkResult(key, record), failure("make a check", err)
}

func checkResult(key string, r run.CheckRecord) CheckResult {
	res := CheckResult{Check: key, Why: cut(r.Why, maxReason), Usage: r.Usage}
	if r.Check != nil {
		res.Kind = string(r.Check.Kind)
	}
	return res
}

func (s *Subagents) makeCheck(ctx context.Context, step *run.Step, in CheckInput) (run.CheckRecord, error) {
	plan := step.Plan.Skills[in.Index]
	if plan.Output == nil {
		return run.CheckRecord{Why: "the output was not kept"}, nil
	}
	chain, err := s.Records.Chain(ctx, step.Turn)
	if err != nil {
		return run.CheckRecord{}, err
	}
	opening := chain[0].Opening
	w := &checkWriter{s: s, asking: asking{records: s.Records, models: s.Models, model: opening.SubagentModel, left: in.Remaining}}
	if err := w.load(ctx, or(opening.Task, chain[0].Added[1].Content), plan); err != nil {
		return run.CheckRecord{}, err
	}
	check, why, err := w.write(ctx)
	if final(err) {
		check, why, err = nil, err.Error(), nil
	}
	return run.CheckRecord{Check: check, Why: brief(why), Usage: w.asking.usage}, err
}

// checkWriter makes one check.
type checkWriter struct {
	s       *Subagents
	asking  asking
	subject checking.Subject
	inputs  workspace.Manifest
	output  checking.Output // as recorded
}

// maxChecked bounds what a check is proved on, in bytes: larger files are there when it runs, and stay as they are.
const maxChecked = 4 << 20

func (w *checkWriter) load(ctx context.Context, task string, plan run.PlannedSave) error {
	answer, err := w.s.Blobs.Get(ctx, plan.Output.Answer.Digest)
	if err != nil {
		return err
	}
	w.inputs = plan.Inputs
	w.output = checking.Output{Answer: string(answer), Files: map[string][]byte{}}
	for _, f := range plan.Output.Files {
		if f.Size > maxChecked {
			w.inputs = w.inputs.With(f)
			continue
		}
		if w.output.Files[f.Path], err = w.s.Blobs.Get(ctx, f.Digest); err != nil {
			return err
		}
	}
	w.subject = checking.Subject{Task: task, Query: plan.Query, Answer: w.output.Answer}
	if w.subject.Inputs, err = w.s.excerpts(ctx, plan.Inputs, checking.NewExcerpt); err != nil {
		return err
	}
	w.subject.Outputs, err = w.s.excerpts(ctx, plan.Output.Files, checking.NewExcerpt)
	return err
}

// maxExcerpts is how many files a tester or a judge sees the beginning of; the others are named.
const maxExcerpts = 12

// excerpting makes an excerpt: checking.NewExcerpt or NewLongExcerpt.
type excerpting func(path string, size int64, content []byte) checking.Excerpt

// excerpts are files as a model is shown them.
func (s *Subagents) excerpts(ctx context.Context, files workspace.Manifest, excerpt excerpting) ([]checking.Excerpt, error) {
	var list []checking.Excerpt
	for i, f := range files {
		if i >= maxExcerpts || f.Size > maxChecked {
			list = append(list, excerpt(f.Path, f.Size, nil))
			continue
		}
		data, err := s.Blobs.Get(ctx, f.Digest)
		if err != nil {
			return nil, err
		}
		list = append(list, excerpt(f.Path, f.Size, data))
	}
	return list, nil
}

// write returns a check that proved itself, or why there is none.
func (w *checkWriter) write(ctx context.Context) (*skill.Check, string, error) {
	script, complaint := "", ""
	for range 2 {
		reply, err := w.asking.ask(ctx, checking.TesterMessages(w.subject, script, complaint))
		if err != nil {
			return nil, "", err
		}
		script, err = checking.ParseScript(reply.Content)
		if errors.Is(err, checking.ErrNoCheck) {
			complaint = err.Error()
			break
		}
		if err != nil {
			script, complaint = reply.Content, err.Error()
			continue
		}
		check := &skill.Check{Kind: skill.CheckScript, Source: script, Model: w.asking.model}
		complaint, err = w.prove(ctx, check, w.tryScript(script))
		if err != nil || complaint == "" {
			return check, "", err
		}
	}
	check := &skill.Check{Kind: skill.CheckJudge, Task: cut(w.subject.Task, maxJudgedTask), Model: w.asking.model}
	why, err := w.prove(ctx, check, w.tryJudge)
	if err != nil || why != "" {
		return nil, fmt.Sprintf("no script (%s), no judge (%s)", complaint, why), err
	}
	return check, "", nil
}

// maxJudgedTask bounds the task that a judge is told, in characters.
const maxJudgedTask = 4000

// opinion says whether an output is good, and why not.
type opinion func(ctx context.Context, o checking.Output) (passed bool, reason string, err error)

// prove tries a check on the recorded output, an empty one and a perturbed one; it returns what is wrong with the check.
func (w *checkWriter) prove(ctx context.Context, check *skill.Check, try opinion) (string, error) {
	wrong, differs := checking.Perturb(w.output)
	if !differs {
		return "the output has nothing that could be wrong", nil
	}
	for _, p := range []struct {
		name   string
		output checking.Output
		passes bool
	}{{"recorded", w.output, true}, {"empty", checking.Empty(w.output), false}, {"perturbed", wrong, false}} {
		passed, reason, err := try(ctx, p.output)
		if err != nil {
			return "", err
		}
		check.Proof = append(check.Proof, skill.Proof{Output: p.name, Passed: passed, Reason: cut(reason, maxReason)})
		switch {
		case p.passes && !passed:
			return fmt.Sprintf("it refuses the %s output: %s", p.name, reason), nil
		case !p.passes && passed:
			return fmt.Sprintf("it accepts an output that is wrong (%s): %s", p.name, cut(p.output.Answer, maxShownAnswer)), nil
		}
	}
	return "", nil
}

func (w *checkWriter) tryScript(source string) opinion {
	return func(ctx context.Context, o checking.Output) (bool, string, error) {
		return w.s.runCheck(ctx, source, w.subject.Query, w.inputs, checked{answer: o.Answer, changed: o.Files})
	}
}

func (w *checkWriter) tryJudge(ctx context.Context, o checking.Output) (bool, string, error) {
	var shown []checking.Excerpt
	for _, e := range w.subject.Outputs {
		if data, ok := o.Files[e.Path]; ok {
			e = checking.NewExcerpt(e.Path, int64(len(data)), data)
		}
		shown = append(shown, e)
	}
	return w.asking.judge(ctx, w.subject, o.Answer, shown)
}

// judge asks the model for a verdict; a reply that is none is a refusal of the output.
func (k *asking) judge(ctx context.Context, s checking.Subject, answer string, outputs []checking.Excerpt) (bool, string, error) {
	reply, err := k.ask(ctx, checking.JudgeMessages(s, answer, outputs))
	if err != nil {
		return false, "", err
	}
	v, err := checking.ParseVerdict(reply.Content)
	if err != nil {
		return false, err.Error(), nil
	}
	return v.Pass, v.Reason, nil
}

// checkTime bounds a check script.
const checkTime = time.Minute

// checked is an output that a check is asked about.
type checked struct {
	answer  string
	files   workspace.Manifest // that were left
	changed map[string][]byte  // contents that no blob holds
}

// runCheck asks a check script about an output; whatever keeps it from passing is the reason.
func (s *Subagents) runCheck(ctx context.Context, source, query string, inputs workspace.Manifest, o checked) (passed bool, reason string, err error) {
	f, err := s.checkOutput(ctx, source, query, inputs, o)
	if f == nil {
		return err == nil, "", err
	}
	return false, firstLine(strings.TrimPrefix(f.Message, "AssertionError: ")), nil
}

// checkOutput runs a check script in a sandbox of its own that holds the inputs and the output, and no code of the skill.
// No failure: the output is right.
func (s *Subagents) checkOutput(ctx context.Context, source, query string, inputs workspace.Manifest, o checked) (failed *pyruntime.Failure, err error) {
	err = s.inScratch(func(dir string) error {
		if err := workspace.Materialise(ctx, s.Blobs, o.over(inputs), dir); err != nil {
			return err
		}
		if err := o.place(dir, source); err != nil {
			return fmt.Errorf("place what is checked: %w", err)
		}
		order, err := json.Marshal(map[string]string{"query": query, "answer": o.answer})
		if err != nil {
			return err
		}
		limits := s.Limits
		limits.Wall = min(limits.Wall, checkTime)
		res, err := s.Python.Run(ctx, pyruntime.Call{Workspace: dir, Entry: checking.EntryFile, Query: string(order), Limits: limits, Mask: s.Secrets})
		failed = res.Failure
		return err
	})
	return failed, err
}

// over is what lies in the directory: the output, and the inputs that it did not replace, be it by a file where a folder was.
func (o checked) over(inputs workspace.Manifest) workspace.Manifest {
	names := slices.Collect(maps.Keys(o.changed))
	for _, f := range o.files {
		names = append(names, f.Path)
	}
	all := slices.Clone(o.files)
	for _, f := range inputs {
		replaced := slices.ContainsFunc(names, func(name string) bool {
			return name == f.Path || strings.HasPrefix(name, f.Path+"/") || strings.HasPrefix(f.Path, name+"/")
		})
		if !replaced {
			all = all.With(f)
		}
	}
	return all
}

// place writes what no blob holds, the check last. No untrusted code has touched the directory.
func (o checked) place(dir, source string) error {
	for _, files := range []map[string][]byte{o.changed, {checking.ScriptFile: []byte(source), checking.EntryFile: []byte(checking.Runner())}} {
		for name, data := range files {
			path := filepath.Join(dir, filepath.FromSlash(name))
			if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
				return err
			}
			if err := os.WriteFile(path, data, 0o644); err != nil {
				return err
			}
		}
	}
	return nil
}
