package activities

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"go.temporal.io/sdk/activity"

	"agentfactory/internal/metaskill"
	"agentfactory/internal/objectstore"
	"agentfactory/internal/run"
	"agentfactory/internal/skill"
	"agentfactory/internal/workspace"
	"agentfactory/skillstore"
)

// Library reads the skill library for the meta-agent and saves what a run made.
type Library struct {
	Records *run.Records
	Blobs   *objectstore.Blobs
	Skills  skillstore.Store
}

// Consult carries out the read-only meta skills, and answers calls that name no meta skill.
func (l *Library) Consult(ctx context.Context, in CallInput) (CallResult, error) {
	k := caller{records: l.Records, blobs: l.Blobs}
	return k.carryOut(ctx, in, func(ctx context.Context, c *call) error {
		switch args := c.args.(type) {
		case metaskill.List:
			return l.list(ctx, c, args)
		case metaskill.Describe:
			return l.describe(ctx, c, args)
		case metaskill.View:
			return l.view(ctx, c, args)
		}
		return complain("%s cannot be answered from the library", c.name)
	})
}

const (
	defaultListed = 10
	mostListed    = 50
)

func (l *Library) list(ctx context.Context, c *call, args metaskill.List) error {
	limit := min(max(args.Limit, 0), mostListed)
	if limit == 0 {
		limit = defaultListed
	}
	var lines []string
	if strings.TrimSpace(args.Query) != "" {
		found, err := l.Skills.Search(ctx, args.Query, limit)
		if err != nil {
			return err
		}
		for _, h := range found.Hits {
			lines = append(lines, fmt.Sprintf("%s: %s", h.Name, h.Description))
		}
	} else {
		heads, err := l.Skills.Heads(ctx, "", 0)
		if err != nil {
			return err
		}
		for _, h := range heads {
			if h.Tombstone == nil && len(lines) < limit {
				lines = append(lines, fmt.Sprintf("%s: %s", h.Name, h.Description))
			}
		}
	}
	text := "no saved skill found"
	if len(lines) > 0 {
		text = strings.Join(lines, "\n")
	}
	c.succeed(text, fmt.Sprintf("%d saved skills found", len(lines)))
	return nil
}

// describe answers for saved skills, and also for tool skills and meta skills, whose
// documentation models trained on the original system ask for.
func (l *Library) describe(ctx context.Context, c *call, args metaskill.Describe) error {
	if text, ok := metaskill.Documentation(args.SkillName); ok {
		c.succeed(text, "read about "+args.SkillName)
		return nil
	}
	head, err := l.head(ctx, args.SkillName)
	if err != nil {
		return err
	}
	text, err := l.Skills.File(ctx, head.Name, head.Version, skill.DocumentFile)
	if err != nil {
		return err
	}
	c.succeed(string(text), "read about "+head.Name)
	return nil
}

func (l *Library) view(ctx context.Context, c *call, args metaskill.View) error {
	head, err := l.head(ctx, args.SkillName)
	if err != nil {
		return err
	}
	number := args.Version
	if number == 0 {
		number = head.Version
	}
	version, err := l.Skills.Version(ctx, head.Name, number)
	if errors.Is(err, skillstore.ErrUnknownVersion) {
		return complain("version: %s has no version %d; the current one is %d", head.Name, number, head.Version)
	}
	if err != nil {
		return err
	}
	var b strings.Builder
	for _, f := range version.Files {
		if !strings.HasSuffix(f.Path, ".py") {
			continue
		}
		code, err := l.Skills.File(ctx, head.Name, number, f.Path)
		if err != nil {
			return err
		}
		fmt.Fprintf(&b, "# file: %s\n%s\n", f.Path, code)
	}
	c.succeed(b.String(), fmt.Sprintf("read the code of %s version %d", head.Name, number))
	return nil
}

func (l *Library) head(ctx context.Context, wanted string) (skill.Head, error) {
	name, err := skill.NormalizeName(wanted)
	if err != nil {
		return skill.Head{}, complain("skill_name: %v", err)
	}
	head, err := l.Skills.Head(ctx, name)
	if errors.Is(err, skillstore.ErrUnknownSkill) {
		return skill.Head{}, complain("skill_name: the library has no skill %s; search it with list_saved_subagents", name)
	}
	return head, err
}

// SaveSkill adds one planned skill to the library: the immutable version first, then
// its case, then the head by compare-and-swap, then the tombstone of what it
// supersedes. Each part may have been done by an earlier attempt.
func (l *Library) SaveSkill(ctx context.Context, in SaveInput) (run.SavedSkill, error) {
	defer beat(ctx)()
	step, err := l.Records.Step(ctx, in.Step)
	if err != nil {
		return run.SavedSkill{}, failure("read the plan", err)
	}
	saved, err := l.save(ctx, step, in.Index)
	return saved, failure("save skill "+step.Plan.Skills[in.Index].Name, err)
}

func (l *Library) save(ctx context.Context, step *run.Step, index int) (run.SavedSkill, error) {
	plan := step.Plan.Skills[index]
	chain, err := l.Records.Chain(ctx, step.Turn)
	if err != nil {
		return run.SavedSkill{}, err
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
	if err != nil {
		return run.SavedSkill{}, err
	}
	draft := skillstore.Draft{Name: plan.Name, Description: plan.Description, EntryFile: plan.EntryFile, Interface: plan.Interface, Tools: plan.Tools, Files: files, Lineage: lineage}
	saved, err := l.promote(ctx, plan, draft)
	if err != nil || !saved.Promoted || plan.Supersedes == "" || plan.Supersedes == saved.Name {
		return saved, err
	}
	err = l.Skills.Retire(ctx, plan.Supersedes, skill.Tombstone{SupersededBy: saved.Name, By: lineage.PromotionID})
	if errors.Is(err, skillstore.ErrFrozen) {
		saved.Note, err = plan.Supersedes+" is frozen and stays beside it", nil
	}
	return saved, err
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
	return files, nil
}

// maxRenames bounds the search for a free name when another run took the planned one.
const maxRenames = 20

// promote stores the version and moves the head. A name that another run took in the
// meantime gets a number; a head that moved is left alone and the version only kept.
func (l *Library) promote(ctx context.Context, plan run.PlannedSave, draft skillstore.Draft) (run.SavedSkill, error) {
	for attempt := 1; attempt <= maxRenames; attempt++ {
		if attempt > 1 {
			draft.Name = fmt.Sprintf("%s-%d", cut(plan.Name, skill.MaxName-4), attempt)
		}
		base, taken, err := l.base(ctx, plan, draft)
		if err != nil {
			return run.SavedSkill{}, err
		}
		if taken {
			same, err := sameCode(ctx, l.Skills, draft.Name, plan.Files)
			if err != nil {
				return run.SavedSkill{}, err
			}
			if same > 0 {
				return run.SavedSkill{Name: draft.Name, Version: same, Promoted: true, Note: "the library had this code under this name already"}, nil
			}
			continue
		}
		version, err := l.Skills.AddVersion(ctx, draft)
		if err != nil {
			return run.SavedSkill{}, err
		}
		if err := l.Skills.AddCase(ctx, draft.Name, caseOf(plan, draft)); err != nil {
			return run.SavedSkill{}, err
		}
		saved := run.SavedSkill{Name: draft.Name, Version: version.Version, Parent: plan.ParentVersion, Promoted: true}
		if draft.Name != plan.Name {
			saved.Note = plan.Name + " was taken by another run"
		}
		if moves, err := l.gated(ctx, plan, version, &saved); err != nil || !moves {
			return saved, err
		}
		_, err = l.Skills.Promote(ctx, skillstore.Promotion{Name: draft.Name, Version: version.Version, BaseGeneration: base, PromotionID: draft.Lineage.PromotionID})
		switch {
		case errors.Is(err, skillstore.ErrFrozen):
			saved.Promoted, saved.Note = false, "the skill is frozen; this version is kept beside the current one"
			return saved, nil
		case !errors.Is(err, skillstore.ErrHeadMoved):
			return saved, err
		case plan.ParentVersion > 0:
			saved.Promoted, saved.Note = false, "another run promoted a version in the meantime; this one is kept beside it"
			return saved, nil
		}
	}
	return run.SavedSkill{}, fmt.Errorf("no free name for %s after %d tries", plan.Name, maxRenames)
}

// gated keeps with a repaired version how it did on its past cases, and reports whether
// it may replace the version that it was made from: if most cases could not be told, a
// person decides.
func (l *Library) gated(ctx context.Context, plan run.PlannedSave, version skill.Manifest, saved *run.SavedSkill) (bool, error) {
	g := plan.Gate
	if g == nil || version.Name != plan.Name {
		return true, nil
	}
	saved.Note = fmt.Sprintf("passes %d of its past cases, %d could not be told", g.Passed, len(g.Inconclusive))
	report := skill.GateReport{
		ID: "gate-" + string(objectstore.DigestOf([]byte(version.Lineage.PromotionID)))[:16], Name: plan.Name,
		Candidate: skill.GateVersion{Version: version.Version, Digest: version.Digest},
		Base:      skill.GateBase{GateVersion: skill.GateVersion{Version: plan.ParentVersion}, Generation: plan.BaseGeneration},
		Verdict:   skill.GatePassed, Why: saved.Note, Cases: g.Cases(), Sampled: g.Sampled, Seconds: g.Seconds,
		RunIDs: []string{version.Lineage.RunID},
	}
	for _, gap := range g.Inconclusive {
		report.Inconclusive = append(report.Inconclusive, skill.GateGap{Case: gap.Case, Why: gap.Why})
	}
	if !g.Tells() {
		report.Verdict, saved.Promoted = skill.GateInconclusive, false
		saved.Note += fmt.Sprintf("; look at it and promote it with `starter skills rollback %s %d --force --reason …`", plan.Name, version.Version)
	}
	_, err := l.Skills.AddGateReport(ctx, report)
	return saved.Promoted, err
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
	var code workspace.Manifest
	for _, f := range version.Files {
		if f.Path != skill.DocumentFile {
			code = code.With(workspace.File{Path: f.Path, Digest: objectstore.Digest(f.Digest), Size: f.Size, Executable: f.Executable})
		}
	}
	if len(code) != len(files) || !sameFiles(code, files) {
		return 0, nil
	}
	return version.Version, nil
}

// base is the generation that the promotion replaces; taken says that a new skill's name belongs to another.
func (l *Library) base(ctx context.Context, plan run.PlannedSave, draft skillstore.Draft) (generation int64, taken bool, err error) {
	if plan.ParentVersion > 0 && draft.Name == plan.Name {
		return plan.BaseGeneration, false, nil
	}
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

func caseOf(plan run.PlannedSave, draft skillstore.Draft) skill.Case {
	c := skill.Case{Query: plan.Query, Journal: plan.Journal, Inputs: filesOf(plan.Inputs), Lineage: draft.Lineage}
	if o := plan.Output; o != nil { // plans of runs that began before outputs were kept have none
		c.Output = &skill.Output{Answer: string(o.Answer.Digest), Size: o.Answer.Size, Summary: o.Summary, Files: filesOf(o.Files)}
	}
	return c
}

func filesOf(m workspace.Manifest) []skill.File {
	var files []skill.File
	for _, f := range m {
		files = append(files, skill.File{Path: f.Path, Digest: string(f.Digest), Size: f.Size, Executable: f.Executable})
	}
	return files
}
