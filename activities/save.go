package activities

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.temporal.io/sdk/activity"

	"agentfactory/internal/run"
	"agentfactory/internal/skill"
	"agentfactory/internal/workspace"
	"agentfactory/skillstore"
)

// planned is one skill of an accepted finish, with the draft of its version.
type planned struct {
	run.PlannedSave
	draft skillstore.Draft
	check string // key of the record of its check, or empty
}

func (l *Library) planned(ctx context.Context, stepKey string, index int) (planned, error) {
	step, err := l.Records.Step(ctx, stepKey)
	if err != nil {
		return planned{}, err
	}
	plan := step.Plan.Skills[index]
	chain, err := l.Records.Chain(ctx, step.Turn)
	if err != nil {
		return planned{}, err
	}
	exec := activity.GetInfo(ctx).WorkflowExecution
	lineage := skill.Lineage{
		WorkflowID: exec.ID, RunID: exec.RunID, Model: chain[0].Opening.Model, ParentVersion: plan.ParentVersion,
		PromotionID: fmt.Sprintf("%s/%s/%06d/%d", exec.ID, exec.RunID, step.Number, index), Source: skill.SourceRun,
	}
	if plan.Supersedes != "" {
		lineage.Supersedes = []string{plan.Supersedes}
	}
	files, err := l.contents(ctx, plan)
	return planned{PlannedSave: plan, draft: skillstore.Draft{
		Name: plan.Name, Description: plan.Description, EntryFile: plan.EntryFile, Interface: plan.Interface, Permissions: plan.Permissions, Tools: plan.Tools, Files: files, Lineage: lineage,
	}}, err
}

func (l *Library) contents(ctx context.Context, plan run.PlannedSave) (map[string][]byte, error) {
	files := map[string][]byte{}
	for _, f := range plan.Files {
		data, err := l.Blobs.Get(ctx, f.Digest)
		if err != nil {
			return nil, err
		}
		files[f.Path] = data
	}
	if plan.Lock != "" {
		lock, err := l.Blobs.Get(ctx, plan.Lock)
		if err != nil {
			return nil, err
		}
		files[skill.LockFile] = lock
	}
	return files, nil
}

// AddCandidate stores what is to replace a skill as a version that is not current, and names the head that it has to be
// held against: the one of this moment, which may be another than the one that was copied. Where a version of the skill
// cannot be read, nothing is stored.
func (l *Library) AddCandidate(ctx context.Context, in CandidateInput) (Candidate, error) {
	defer beat(ctx)()
	l, err := l.in(ctx, in.Library)
	if err != nil {
		return Candidate{}, err
	}
	p, err := l.planned(ctx, in.Step, in.Index)
	if err != nil {
		return Candidate{}, failure("read the plan", err)
	}
	c, err := l.addCandidate(ctx, p)
	if errors.Is(err, skillstore.ErrCorrupt) { // what is damaged in the library must not cost the run its answer
		return Candidate{VersionRef: VersionRef{Name: p.Name}, Hold: brief("it cannot be stored: " + err.Error())}, nil
	}
	return c, failure("store a candidate of "+p.Name, err)
}

func (l *Library) addCandidate(ctx context.Context, p planned) (Candidate, error) {
	before, err := l.Skills.Versions(ctx, p.Name)
	if err != nil && !errors.Is(err, skillstore.ErrUnknownSkill) {
		return Candidate{}, err
	}
	version, err := l.Skills.AddVersion(ctx, p.draft)
	if err != nil {
		return Candidate{}, err
	}
	head, err := l.Skills.Head(ctx, or(p.Supersedes, p.Name))
	if err != nil {
		return Candidate{}, err
	}
	c := Candidate{
		VersionRef: VersionRef{Name: p.Name, Version: version.Version, Digest: version.Digest},
		Base:       Base{VersionRef: VersionRef{Name: head.Name, Version: head.Version, Digest: head.VersionDigest}, Generation: head.Generation},
		Guarded:    head.Guarded != nil,
	}
	if c.More, err = l.more(ctx, c.Base.VersionRef, version.Permissions); err != nil {
		return Candidate{}, err
	}
	switch made := skill.MadeSince(before, time.Now().Add(-24*time.Hour)); {
	case head.Tombstone != nil:
		c.Hold = head.Name + " was retired in the meantime"
	case head.Frozen != nil:
		c.Hold = head.Name + " is frozen"
	case head.VersionDigest == version.Digest:
		c.Current = true
	case made >= l.VersionsPerDay && version.Version > len(before):
		c.Hold = fmt.Sprintf("runs made %d versions of %s within a day, the most that library.versions_per_day allows", made, head.Name)
	}
	return c, nil
}

// more is what a candidate was seen to need beyond its base. Of a base that nobody looked at nothing can be said.
func (l *Library) more(ctx context.Context, base VersionRef, now *skill.Permissions) ([]string, error) {
	m, err := l.Skills.Version(ctx, base.Name, base.Version)
	if errors.Is(err, skillstore.ErrCorrupt) || err == nil && (m.Permissions == nil || now == nil) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return now.Beyond(*m.Permissions), nil
}

// SaveSkill makes a planned skill current: the immutable version first, then the head by compare-and-swap, then its case,
// then the tombstone of what it supersedes. Each part may have been done by an earlier attempt. A head that moved since
// the gate is left alone: the caller holds the candidate against the new one.
func (l *Library) SaveSkill(ctx context.Context, in SaveInput) (SaveResult, error) {
	defer beat(ctx)()
	l, err := l.in(ctx, in.Library)
	if err != nil {
		return SaveResult{}, err
	}
	p, err := l.planned(ctx, in.Step, in.Index)
	if err != nil {
		return SaveResult{}, failure("read the plan", err)
	}
	p.check = in.Check
	var res SaveResult
	if in.Candidate != nil {
		res, err = l.replace(ctx, p, in)
	} else {
		res.SavedSkill, err = l.add(ctx, p)
	}
	return res, failure("save skill "+p.Name, err)
}

// replace promotes a candidate over the base that it was held against. A candidate that supersedes another skill takes its
// name's first place, and then the other's.
func (l *Library) replace(ctx context.Context, p planned, in SaveInput) (SaveResult, error) {
	c := in.Candidate
	res := SaveResult{SavedSkill: run.SavedSkill{Name: c.Name, Version: c.Version, Parent: p.ParentVersion, Gate: in.Gate, Note: in.Note}}
	switch {
	case c.Version == 0:
		res.Note = in.Hold + "; its code stays in the workspace of the run"
		return res, nil
	case in.Hold != "":
		res.Note = fmt.Sprintf("%s; this version is kept, and a person can take it with `starter skills promote %s %d --reason …`", in.Hold, c.Name, c.Version)
		return res, nil
	}
	if c.Base.Name != c.Name {
		return l.supersede(ctx, p, in)
	}
	if c.Current {
		res.Note = "the library had this version as the current one already"
	} else if moved, err := l.moveHead(ctx, p, in); moved || err != nil {
		return SaveResult{Moved: moved}, err
	}
	res.Promoted = true
	return res, l.addCase(ctx, c.Name, p)
}

// moveHead promotes a candidate; moved tells that the skill is not any more as it was when the candidate was gated.
func (l *Library) moveHead(ctx context.Context, p planned, in SaveInput) (moved bool, err error) {
	c := in.Candidate
	_, err = l.Skills.Promote(ctx, skillstore.Promotion{
		Name: c.Name, Version: c.Version, BaseGeneration: c.Base.Generation, PromotionID: p.draft.Lineage.PromotionID, Why: in.Note, Approved: in.Approved,
	})
	for _, changed := range []error{skillstore.ErrHeadMoved, skillstore.ErrFrozen, skillstore.ErrGuarded} {
		if errors.Is(err, changed) {
			return true, nil
		}
	}
	return false, err
}

// supersede makes the candidate current under its own name, hands it the cases of the skill that it replaces, and retires
// that one. A base that moved since the gate is not retired.
func (l *Library) supersede(ctx context.Context, p planned, in SaveInput) (SaveResult, error) {
	c := in.Candidate
	head, err := l.Skills.Head(ctx, c.Base.Name)
	if err != nil {
		return SaveResult{}, err
	}
	byThis := head.Tombstone != nil && head.Tombstone.By == p.draft.Lineage.PromotionID
	if !byThis && !head.Unmoved(c.Base.Generation) {
		return SaveResult{Moved: true}, nil
	}
	saved, err := l.add(ctx, p)
	if err != nil || !saved.Promoted {
		return SaveResult{SavedSkill: saved}, err
	}
	if err := l.inherit(ctx, c.Base.Name, saved.Name); err != nil {
		return SaveResult{}, err
	}
	saved.Gate, saved.Note = in.Gate, or(in.Note, saved.Note)
	err = l.Skills.Retire(ctx, c.Base.Name, skill.Tombstone{SupersededBy: saved.Name, By: p.draft.Lineage.PromotionID})
	if errors.Is(err, skillstore.ErrFrozen) {
		saved.Note, err = c.Base.Name+" is frozen and stays beside it", nil
	}
	return SaveResult{SavedSkill: saved}, err
}

// inherit holds later versions of a skill against the cases of the one that it supersedes as well.
func (l *Library) inherit(ctx context.Context, from, to string) error {
	cases, err := l.Skills.Cases(ctx, from)
	if err != nil {
		return err
	}
	for _, c := range cases {
		if c.Mark != nil && c.Mark.Dropped {
			continue
		}
		if err := l.Skills.AddCase(ctx, to, c); err != nil {
			return err
		}
	}
	return nil
}

// maxRenames bounds the search for a free name when another run took the planned one.
const maxRenames = 20

// add makes a new skill. A name that another run took in the meantime gets a number.
func (l *Library) add(ctx context.Context, p planned) (run.SavedSkill, error) {
	for attempt := 1; attempt <= maxRenames; attempt++ {
		if attempt > 1 {
			p.draft.Name = fmt.Sprintf("%s-%d", cut(p.Name, skill.MaxName-4), attempt)
		}
		base, taken, err := l.base(ctx, p.draft)
		if err != nil {
			return run.SavedSkill{}, err
		}
		if taken {
			same, err := sameCode(ctx, l.Skills, p.draft.Name, p.Files)
			if err != nil {
				return run.SavedSkill{}, err
			}
			if same > 0 {
				return run.SavedSkill{Name: p.draft.Name, Version: same, Promoted: true, Note: "the library had this code under this name already"}, nil
			}
			continue
		}
		saved, err := l.promote(ctx, p, base)
		if !errors.Is(err, skillstore.ErrHeadMoved) {
			return saved, err
		}
	}
	return run.SavedSkill{}, fmt.Errorf("no free name for %s after %d tries", p.Name, maxRenames)
}

// promote stores the version of a new skill, makes it current and keeps its case.
func (l *Library) promote(ctx context.Context, p planned, base int64) (run.SavedSkill, error) {
	version, err := l.Skills.AddVersion(ctx, p.draft)
	if err != nil {
		return run.SavedSkill{}, err
	}
	saved := run.SavedSkill{Name: p.draft.Name, Version: version.Version, Promoted: true}
	if p.draft.Name != p.Name {
		saved.Note = p.Name + " was taken by another run"
	}
	_, err = l.Skills.Promote(ctx, skillstore.Promotion{Name: p.draft.Name, Version: version.Version, BaseGeneration: base, PromotionID: p.draft.Lineage.PromotionID})
	if errors.Is(err, skillstore.ErrFrozen) {
		saved.Promoted, saved.Note = false, "the skill is frozen; this version is kept beside the current one"
		return saved, nil
	}
	if err != nil {
		return run.SavedSkill{}, err
	}
	return saved, l.addCase(ctx, saved.Name, p)
}

// base is the generation that the promotion of a new skill replaces; taken says that its name belongs to another.
func (l *Library) base(ctx context.Context, draft skillstore.Draft) (generation int64, taken bool, err error) {
	head, err := l.Skills.Head(ctx, draft.Name)
	if errors.Is(err, skillstore.ErrUnknownSkill) {
		return 0, false, nil
	}
	if err != nil {
		return 0, false, err
	}
	if own, ok := head.Moved(draft.Lineage.PromotionID); ok { // by an attempt before this one
		return own.Generation - 1, false, nil
	}
	return head.Generation, head.Tombstone == nil, nil
}

// sameCode returns the current version of a skill if its code is exactly these files, else
// 0: a run that was reset, or a task that was given twice, makes again what was saved before.
func sameCode(ctx context.Context, skills skillstore.Store, name string, files workspace.Manifest) (int, error) {
	head, err := skills.Head(ctx, name)
	if err != nil {
		return 0, err
	}
	version, err := skills.Version(ctx, name, head.Version)
	if err != nil {
		return 0, err
	}
	if code := codeFiles(version); len(code) != len(files) || !sameFiles(code, files) {
		return 0, nil
	}
	return version.Version, nil
}

func (l *Library) addCase(ctx context.Context, name string, p planned) error {
	c, err := plannedCase(ctx, l.Records, p.PlannedSave, p.check, p.draft.Lineage)
	if err != nil {
		return err
	}
	return l.Skills.AddCase(ctx, name, c)
}

// plannedCase is the case that a planned skill leaves: what it was asked, what it was answered by tools and models, what it
// made of it, and the check.
func plannedCase(ctx context.Context, records *run.Records, plan run.PlannedSave, checkKey string, lineage skill.Lineage) (skill.Case, error) {
	c := skill.Case{Query: plan.Query, Journal: plan.Journal, Inputs: filesOf(plan.Inputs), Output: outputOf(plan.Output), Lineage: lineage}
	c.ID = c.ContentID()
	if checkKey == "" {
		return c, nil
	}
	record, err := records.Check(ctx, checkKey)
	c.Check = record.Check
	return c, err
}

// outputOf is what a case keeps of an output; plans of runs that began before outputs were kept have none.
func outputOf(o *run.Output) *skill.Output {
	if o == nil {
		return nil
	}
	return &skill.Output{Answer: string(o.Answer.Digest), Size: o.Answer.Size, Summary: o.Summary, Files: filesOf(o.Files)}
}

func filesOf(m workspace.Manifest) []skill.File {
	var files []skill.File
	for _, f := range m {
		files = append(files, skill.File{Path: f.Path, Digest: string(f.Digest), Size: f.Size, Executable: f.Executable})
	}
	return files
}
