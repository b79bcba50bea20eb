package activities

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"go.temporal.io/sdk/activity"

	"agentfactory/internal/checking"
	"agentfactory/internal/egress"
	"agentfactory/internal/gateway"
	"agentfactory/internal/objectstore"
	"agentfactory/internal/pyruntime"
	"agentfactory/internal/run"
	"agentfactory/internal/skill"
	"agentfactory/internal/workspace"
)

// TryCase runs a candidate and its base on one case, more than once, and says what became of it. Recordings answer what was
// recorded; calls that only look things up go live within the allowance, those that may change something are never made.
// Every reply that was paid for is journalled, so that a repeated attempt does not pay again.
func (s *Subagents) TryCase(ctx context.Context, in TrialInput) (TrialResult, error) {
	defer beat(ctx)()
	s, err := s.in(ctx, in.Library)
	if err != nil {
		return TrialResult{}, err
	}
	exec := activity.GetInfo(ctx).WorkflowExecution
	key := run.TrialKey(exec.ID, exec.RunID, or(in.Case, newCase))
	if done, err := s.Records.Trial(ctx, key); err == nil {
		return trialResult(key, done), nil
	} else if !notFound(err) {
		return TrialResult{}, failure("look for the trial", err)
	}
	started := time.Now()
	t, err := s.openTrial(ctx, in)
	if err == nil {
		err = t.decide(ctx)
	}
	if err != nil {
		return TrialResult{}, failure("try case "+or(in.Case, newCase), err)
	}
	t.record.Usage = t.record.Usage.Add(t.judge.usage)
	t.record.At, t.record.Usage.WallSeconds = started.UTC(), time.Since(started).Seconds()
	record, err := s.Records.CreateTrial(ctx, key, t.record)
	return trialResult(key, record), failure("try case "+or(in.Case, newCase), err)
}

// newCase stands for the ID of the case for which a candidate was made, which is not stored yet.
const newCase = "new"

func trialResult(key string, t run.Trial) TrialResult {
	return TrialResult{Trial: key, Outcome: t.Outcome, Query: t.Query, Usage: t.Usage}
}

// The sides of a trial.
const (
	baseSide      = "base"
	candidateSide = "candidate"
)

// trial is one case that is tried.
type trial struct {
	s      *Subagents
	past   skill.Case
	sides  map[string]code
	judge  asking
	left   Allowance
	prefix string // of the keys of its journals
	record run.Trial
}

// code is a version of a skill as it is run.
type code struct {
	entry string
	tools []string
	files workspace.Manifest // paths relative to the skill
	lock  string             // see pyruntime.Call
}

func (s *Subagents) openTrial(ctx context.Context, in TrialInput) (*trial, error) {
	past, err := s.caseOf(ctx, in)
	if err != nil {
		return nil, err
	}
	exec := activity.GetInfo(ctx).WorkflowExecution
	t := &trial{
		s: s, past: past, sides: map[string]code{}, left: in.Remaining,
		judge:  asking{records: s.Records, models: s.Models, model: in.Model, left: in.Remaining},
		prefix: objectstore.RunKey(exec.ID, exec.RunID, "journal", or(in.Case, newCase)),
		record: run.Trial{Query: cut(past.Query, maxShownAnswer), Outcome: skill.GateCase{Case: past.ID, Keep: in.Keep, New: in.New != nil}},
	}
	for side, v := range map[string]VersionRef{baseSide: in.Base, candidateSide: in.Candidate} {
		m, err := s.Skills.Version(ctx, v.Name, v.Version)
		if err != nil {
			return nil, err
		}
		lock, _ := m.File(skill.LockFile)
		text, err := s.lockText(ctx, objectstore.Digest(lock.Digest))
		if err != nil {
			return nil, err
		}
		t.sides[side] = code{entry: m.EntryFile, tools: m.Tools, files: codeFiles(m), lock: text}
	}
	return t, nil
}

// caseOf reads a stored case, or makes one of what a run is about to save.
func (s *Subagents) caseOf(ctx context.Context, in TrialInput) (skill.Case, error) {
	if in.New == nil {
		return s.Skills.Case(ctx, in.Base.Name, in.Case)
	}
	step, err := s.Records.Step(ctx, in.New.Step)
	if err != nil {
		return skill.Case{}, err
	}
	return plannedCase(ctx, s.Records, step.Plan.Skills[in.New.Index], in.New.Check, skill.Lineage{})
}

// codeFiles are the files of a version that its code may read.
func codeFiles(m skill.Manifest) workspace.Manifest {
	return manifestOf(m.Files).Without(skill.DocumentFile).Without(skill.LockFile)
}

func manifestOf(files []skill.File) workspace.Manifest {
	var m workspace.Manifest
	for _, f := range files {
		m = m.With(workspace.File{Path: f.Path, Digest: objectstore.Digest(f.Digest), Size: f.Size, Executable: f.Executable})
	}
	return m
}

// repeats is how often a version is run on a case when it matters whether it always does the same.
const repeats = 3

// decide runs the candidate once and the base twice, which shows cases that are flaky by themselves; where the two differ,
// or the base from itself, both are repeated. Of a new case the candidate alone is repeated: the base need not pass it.
func (t *trial) decide(ctx context.Context) error {
	o := &t.record.Outcome
	candidates, bases := 1, 2
	if o.New {
		candidates, bases = 2, 1
	}
	if err := t.runBoth(ctx, candidates, bases); err != nil {
		return err
	}
	if o.Candidate != o.Base && !o.New && o.Candidate != skill.CaseUnknown && o.Base != skill.CaseUnknown {
		return t.runBoth(ctx, repeats-candidates, repeats-bases)
	}
	return nil
}

// runBoth runs both versions and sums up all their runs so far.
func (t *trial) runBoth(ctx context.Context, candidates, bases int) error {
	for _, part := range []struct {
		side  string
		times int
	}{{candidateSide, candidates}, {baseSide, bases}} {
		for range part.times {
			if err := t.run(ctx, part.side); err != nil {
				return err
			}
		}
	}
	t.sumUp()
	return nil
}

// sumUp takes the result of each side from its runs: unknown if one of them is; runs that differ make the case flaky.
func (t *trial) sumUp() {
	o := &t.record.Outcome
	first := map[string]run.TrialRun{}
	for _, r := range t.record.Runs {
		was, ok := first[r.Side]
		switch {
		case !ok || r.Result == skill.CaseUnknown:
			first[r.Side] = r
		case was.Result != skill.CaseUnknown && was.Result != r.Result:
			o.Flaky = true
		}
	}
	o.Base, o.Candidate = first[baseSide].Result, first[candidateSide].Result
	o.Why = ""
	for _, side := range []string{candidateSide, baseSide} {
		if r := first[side]; o.Why == "" && r.Result != skill.CasePassed && !(side == baseSide && o.Candidate == skill.CasePassed) {
			o.Why = r.Why
		}
	}
}

// run runs one version on the case once more.
func (t *trial) run(ctx context.Context, side string) error {
	n := 1
	for _, r := range t.record.Runs {
		if r.Side == side {
			n++
		}
	}
	r := run.TrialRun{Side: side}
	err := t.s.inScratch(func(dir string) error { return t.tryIn(ctx, dir, &r, n) })
	t.record.Runs = append(t.record.Runs, r)
	return err
}

func (s *Subagents) inScratch(do func(dir string) error) error {
	dir, err := s.scratch()
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	return do(dir)
}

func (t *trial) tryIn(ctx context.Context, dir string, r *run.TrialRun, n int) error {
	version := t.sides[r.Side]
	files := manifestOf(t.past.Inputs)
	for _, f := range version.files {
		files = files.With(f)
	}
	if t.past.Output == nil {
		r.Result, r.By, r.Why = skill.CaseUnknown, "recording", "its output was not kept"
		return nil
	}
	expected, err := t.s.Blobs.Get(ctx, objectstore.Digest(t.past.Output.Answer))
	if err == nil {
		err = workspace.Materialise(ctx, t.s.Blobs, files, dir)
	}
	if errors.Is(err, objectstore.ErrNotFound) {
		r.Result, r.By, r.Why = skill.CaseUnknown, "recording", "a file of it is gone"
		return nil
	}
	if err != nil {
		return err
	}
	door, err := t.door(dir, version.tools, fmt.Sprintf("%s-%s-%d", t.prefix, r.Side, n))
	if err != nil {
		return err
	}
	res, err := t.execute(ctx, pyruntime.Call{Workspace: dir, Entry: version.entry, Query: t.past.Query, Lock: version.lock}, door)
	if err != nil {
		return err
	}
	r.Answer = cut(res.Answer, maxShownAnswer)
	if why := door.silent(); why != "" {
		r.Result, r.By, r.Why = skill.CaseUnknown, "recording", why
		return nil
	}
	return t.verdict(ctx, dir, files, string(expected), res, r)
}

func (t *trial) execute(ctx context.Context, call pyruntime.Call, door *trialDoor) (pyruntime.Result, error) {
	call.Limits = t.s.limitsWithin(t.left.Seconds, 0)
	res, spent, err := t.s.runPython(ctx, call, door.Session, egress.LiveReads, door.onlyReads)
	t.record.Usage = t.record.Usage.Add(spent)
	return res, err
}

// trialDoor is the gateway of one run of a trial.
type trialDoor struct {
	*gateway.Session
	missing atomic.Bool // a call was asked for that the recording lacks and that is not made
}

// onlyReads lets out what only looks something up; what else the recording lacks is not done again.
func (d *trialDoor) onlyReads(ctx context.Context, r egress.Request) error {
	reads := !r.Tunnel && (r.Method == http.MethodGet || r.Method == http.MethodHead)
	if !reads && !d.Recorded(ctx, gateway.KindHTTP, r) {
		d.missing.Store(true)
		return gateway.Errorf(gateway.Unavailable, "the recording of this case has no such request")
	}
	return d.Permit(ctx, gateway.KindHTTP, r)
}

// silent says why the run decides nothing, or "".
func (d *trialDoor) silent() string {
	switch {
	case d.missing.Load():
		return "it asks for a call that was not recorded and is not made again"
	case d.Exhausted():
		return "the budget does not allow a call that was not recorded"
	}
	return ""
}

// door answers from the case's recording, then from what earlier attempts at this run were answered, then live.
func (t *trial) door(dir string, tools []string, journal string) (*trialDoor, error) {
	d := &trialDoor{}
	lacking := func() error {
		d.missing.Store(true)
		return gateway.Errorf(gateway.Unavailable, "the recording of this case has no such call")
	}
	offered := map[string]gateway.Tool{}
	for _, name := range tools {
		if name == gateway.ShellCommand {
			continue // it runs in the sandbox
		}
		live := t.s.Tools[name]
		offered[name] = gateway.ToolFunc(func(ctx context.Context, r gateway.ToolRequest) (gateway.ToolReply, error) {
			if live == nil || !gateway.ReadOnly(name) {
				return gateway.ToolReply{}, lacking()
			}
			return live.Call(ctx, r)
		})
	}
	session, err := gateway.New(gateway.Config{
		Tools: offered, Granted: tools, Workspace: dir, Blobs: t.s.Blobs, Secrets: t.s.Secrets, Policy: unasked(t.s.Policy, &d.missing),
		Journal:    replaying{Journal: gateway.NewJournal(t.s.Objects, journal), past: t.recorded()},
		MaxTokens:  left(t.left.SubagentTokens, t.record.Usage.SubagentOutputTokens+t.judge.usage.CheckOutputTokens),
		MaxCostUSD: left(t.left.CostUSD, t.record.Usage.CostUSD+t.judge.usage.CostUSD),
		LLM:        orLacking(t.s.completion(t.judge.model), lacking),
		Transcribe: orLacking(t.s.transcription(t.judge.model), lacking),
		Model:      t.judge.model, AudioModel: t.s.Models.TranscriptionModel(),
	})
	d.Session = session
	return d, err
}

// orLacking asks a model what the recording lacks; one that is not there, or that will not answer, leaves the call unmade.
func orLacking[Q, R any](ask func(context.Context, Q) (R, error), lacking func() error) func(context.Context, Q) (R, error) {
	return func(ctx context.Context, q Q) (R, error) {
		var none R
		if ask == nil {
			return none, lacking()
		}
		reply, err := ask(ctx, q)
		if final(err) {
			return none, lacking()
		}
		return reply, err
	}
}

// unasked is a policy in a gate: nobody is asked, so what a person would have to decide about is a call that is not made.
func unasked(policy gateway.Policy, missing *atomic.Bool) gateway.Policy {
	if policy == nil {
		return nil
	}
	return func(q gateway.Question) gateway.Ruling {
		ruling := policy(q)
		if ruling.Action == gateway.Ask {
			missing.Store(true)
			ruling.Action = gateway.Deny
		}
		return ruling
	}
}

// recorded is the journal of the run in which the case arose; an imported case may have none.
func (t *trial) recorded() gateway.Journal {
	if t.past.Journal == "" {
		return nothingRecorded{}
	}
	return gateway.NewJournal(t.s.Objects, t.past.Journal)
}

type nothingRecorded struct{}

func (nothingRecorded) Load(context.Context) ([]gateway.Entry, error) { return nil, nil }
func (nothingRecorded) Append(context.Context, gateway.Entry) error {
	return errors.New("a recording is only read")
}

// verdict judges what a version made of the case: the same answer with the same files is as good as the recorded one.
// Another output is judged by the case's check; without one, the answer and the text in the files have to say the same. Where
// that never holds, as with a report that has the time of day, the base fails as well, and the case decides nothing.
func (t *trial) verdict(ctx context.Context, dir string, before workspace.Manifest, expected string, res pyruntime.Result, r *run.TrialRun) error {
	if f := res.Failure; f != nil && (f.Kind == pyruntime.NoIndex || f.Kind == pyruntime.Denied) {
		r.Result, r.By, r.Why = skill.CaseUnknown, "packages", firstLine(f.Message) // says something about this worker
		return nil
	}
	if res.Failure != nil {
		r.Result, r.By = skill.CaseFailed, "run"
		r.Why = fmt.Sprintf("It answered %q, and now it fails (%s): %s", cut(expected, maxShownAnswer), res.Failure.Kind, cut(firstLine(res.Failure.Message), maxReason))
		return nil
	}
	files, err := t.compareFiles(ctx, dir)
	if err != nil {
		return err
	}
	same := checking.SameAnswer(expected, res.Answer)
	if same && (files.identical || files.wrong == "" && t.past.Check == nil) {
		r.Result, r.By = skill.CasePassed, "same"
		return nil
	}
	if t.past.Check != nil {
		output, err := t.s.outputOf(ctx, dir, before, res)
		if errors.Is(err, workspace.ErrLimit) {
			r.Result, r.By, r.Why = skill.CaseFailed, "run", "what it left cannot be kept: "+err.Error()
			return nil
		}
		if err != nil {
			return err
		}
		return t.check(ctx, expected, checked{answer: res.Answer, files: output.Files}, r)
	}
	r.Result, r.By, r.Why = skill.CaseFailed, "same", files.wrong
	if !same {
		r.Why = fmt.Sprintf("It answered %q, and now %q.", cut(expected, maxShownAnswer), cut(res.Answer, maxShownAnswer))
	}
	return nil
}

// check asks the case's check about an output that is not the recorded one.
func (t *trial) check(ctx context.Context, expected string, now checked, r *run.TrialRun) error {
	var (
		passed bool
		reason string
		err    error
	)
	check := t.past.Check
	if r.By = string(check.Kind); check.Kind == skill.CheckScript {
		passed, reason, err = t.s.runCheck(ctx, check.Source, t.past.Query, manifestOf(t.past.Inputs), now)
	} else {
		passed, reason, err = t.askJudge(ctx, expected, now)
	}
	switch {
	case final(err):
		r.Result, r.Why = skill.CaseUnknown, "the judge could not be asked: "+brief(err.Error())
	case err != nil:
		return err
	case passed:
		r.Result, r.Why = skill.CasePassed, cut(reason, maxReason)
	default:
		r.Result = skill.CaseFailed
		r.Why = fmt.Sprintf("It answered %q, and now %q, which its check refuses: %s", cut(expected, maxShownAnswer), cut(now.answer, maxShownAnswer), cut(reason, maxReason))
	}
	return nil
}

// askJudge asks the model that judges this case, with the recorded output as the reference.
func (t *trial) askJudge(ctx context.Context, expected string, now checked) (bool, string, error) {
	t.judge.left = Allowance{
		SubagentTokens: left(t.left.SubagentTokens, t.record.Usage.SubagentOutputTokens), CostUSD: left(t.left.CostUSD, t.record.Usage.CostUSD),
	}
	subject := checking.Subject{Task: t.past.Check.Task, Query: t.past.Query, Answer: expected}
	var err error
	if subject.Inputs, err = t.s.excerpts(ctx, manifestOf(t.past.Inputs), checking.NewExcerpt); err != nil {
		return false, "", err
	}
	if subject.Outputs, err = t.s.excerpts(ctx, manifestOf(t.past.Output.Files), checking.NewExcerpt); err != nil {
		return false, "", err
	}
	shown, err := t.s.excerpts(ctx, now.files, checking.NewExcerpt)
	if err != nil {
		return false, "", err
	}
	return t.judge.judge(ctx, subject, now.answer, shown)
}

// comparison is how the files that were left differ from the recorded ones.
type comparison struct {
	identical bool
	wrong     string // what is missing or says something else; binary files need only be there
}

// compareFiles looks at the files that the case recorded. The directory is what untrusted code left: links out of it are
// not followed.
func (t *trial) compareFiles(ctx context.Context, dir string) (comparison, error) {
	c := comparison{identical: true}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return c, err
	}
	defer root.Close()
	for _, f := range t.past.Output.Files {
		wrong, identical, err := t.compareFile(ctx, root, f)
		if err != nil {
			return c, err
		}
		c.identical, c.wrong = c.identical && identical, or(c.wrong, wrong)
	}
	return c, nil
}

func (t *trial) compareFile(ctx context.Context, root *os.Root, f skill.File) (wrong string, identical bool, err error) {
	info, err := root.Stat(f.Path)
	if err != nil || !info.Mode().IsRegular() || info.Size() == 0 && f.Size > 0 {
		return fmt.Sprintf("It left the file %s, and now it does not.", f.Path), false, nil
	}
	if info.Size() > maxChecked || f.Size > maxChecked {
		return "", info.Size() == f.Size, nil
	}
	now, err := root.ReadFile(f.Path)
	if err != nil || objectstore.DigestOf(now) == objectstore.Digest(f.Digest) {
		return "", err == nil, err
	}
	then, err := t.s.Blobs.Get(ctx, objectstore.Digest(f.Digest))
	if errors.Is(err, objectstore.ErrNotFound) || err == nil && (!utf8.Valid(then) || checking.SameAnswer(string(then), string(now))) {
		return "", false, nil
	}
	return fmt.Sprintf("The file %s says something else now.", f.Path), false, err
}
