package activities

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"agentfactory/internal/llm"
	"agentfactory/internal/metaskill"
	"agentfactory/internal/objectstore"
	"agentfactory/internal/run"
	"agentfactory/internal/skill"
	"agentfactory/internal/workspace"
	"agentfactory/skillstore"
)

// EvolveArg says which saved skill a run is to repair.
type EvolveArg struct {
	Skill string `json:"skill,omitempty"` // "": the one whose failure has been open for longest
	Query string `json:"query,omitempty"` // what to run it with first; "": what it was asked when it fell short
}

// retrieved is what is known of a skill before it is repaired.
type retrieved struct {
	head     skill.Head
	version  skill.Manifest
	code     string
	cases    []skill.Case
	rejected []skill.GateReport // of candidates that were not taken, the latest first
	failure  *skill.Use         // that is open, if there is one
	excerpt  string             // of what happened then
	task     string
	inputs   workspace.Manifest
	query    string
}

// nothingToRepair ends a run before it begins; the text says so to a person.
type nothingToRepair struct{ text string }

func (e nothingToRepair) Error() string { return e.text }

// retrieve finds the skill, what it fell short of, and what was tried before.
func (r *Runs) retrieve(ctx context.Context, in BeginInput) (*retrieved, error) {
	e := &retrieved{task: strings.TrimSpace(in.Task), query: in.Evolve.Query}
	name, err := r.chooseSkill(ctx, in.Evolve.Skill, e)
	if err != nil {
		return nil, err
	}
	if err := r.readSkill(ctx, name, e); err != nil {
		return nil, err
	}
	if e.inputs, err = r.inputs().store(ctx, in.Files); err != nil {
		return nil, err
	}
	if e.task == "" {
		return e, r.recallFailure(ctx, e, len(in.Files) == 0)
	}
	return e, nil
}

// chooseSkill settles which skill is repaired: the one that was named, or the one with the oldest open failure.
func (r *Runs) chooseSkill(ctx context.Context, wanted string, e *retrieved) (string, error) {
	if wanted != "" {
		name, err := skill.NormalizeName(wanted)
		if err != nil {
			return "", invalid("skill: %v", err)
		}
		return name, nil
	}
	open, err := r.Skills.OpenFailures(ctx, 1)
	if err != nil {
		return "", err
	}
	if len(open) == 0 {
		return "", nothingToRepair{"no saved skill has an open failure"}
	}
	e.failure = &open[0]
	return open[0].Name, nil
}

// readSkill reads what the library has of the skill, and refuses one that must not be changed.
func (r *Runs) readSkill(ctx context.Context, name string, e *retrieved) (err error) {
	if e.head, err = r.Skills.Head(ctx, name); errors.Is(err, skillstore.ErrUnknownSkill) {
		return invalid("skill: the library has no skill %s; `starter skills list` shows what there is", name)
	}
	if err != nil {
		return err
	}
	switch {
	case e.head.Tombstone != nil:
		return invalid("skill: %s was retired%s; `starter skills restore %s` brings it back", name, successor(e.head), name)
	case e.head.Frozen != nil:
		return invalid("skill: %s is frozen (%s); `starter skills unfreeze %s` lets it change again", name, e.head.Frozen.Why, name)
	}
	versions, err := r.Skills.Versions(ctx, name)
	if err != nil {
		return err
	}
	if made := skill.MadeSince(versions, time.Now().Add(-24*time.Hour)); made >= r.VersionsPerDay {
		return invalid("skill: runs made %d versions of %s within a day, the most that library.versions_per_day allows; try again later", made, name)
	}
	if e.version, err = r.Skills.Version(ctx, name, e.head.Version); err != nil {
		return err
	}
	if e.code, err = codeOf(ctx, r.Skills, e.version); err != nil {
		return err
	}
	if e.cases, err = r.Skills.Cases(ctx, name); err != nil {
		return err
	}
	reports, err := r.Skills.GateReports(ctx, name)
	if err != nil {
		return err
	}
	for _, g := range slices.Backward(reports) {
		if g.Verdict == skill.GateFailed && g.Candidate.Version != e.head.Version {
			e.rejected = append(e.rejected, g)
		}
	}
	return nil
}

// recallFailure takes the task from the run in which the skill fell short, with the inputs of then unless others are given.
func (r *Runs) recallFailure(ctx context.Context, e *retrieved, withInputs bool) error {
	if e.failure == nil {
		performance, err := r.Skills.Performance(ctx, e.head.Name)
		if err != nil {
			return err
		}
		open := performance.OpenFailures()
		if len(open) == 0 {
			return nothingToRepair{fmt.Sprintf("%s has no open failure; give a task to say what it shall do", e.head.Name)}
		}
		e.failure = &open[0]
	}
	res, err := r.Records.Result(ctx, e.failure.WorkflowID, e.failure.RunID)
	if err != nil {
		return fmt.Errorf("recall the run in which %s fell short: %w", e.head.Name, err)
	}
	chain, err := r.Records.Chain(ctx, res.Transcript)
	if err != nil {
		return err
	}
	opening := chain[0].Opening
	e.task, e.query = opening.Task, or(e.query, e.failure.Query)
	if withInputs {
		first, err := r.Records.Step(ctx, opening.InitialWorkspace)
		if err != nil {
			return err
		}
		e.inputs = first.Workspace.Inputs
	}
	e.excerpt = r.excerpt(ctx, chain, e.failure)
	return nil
}

// maxExcerpt bounds what is shown of the run in which a skill fell short, in characters.
const maxExcerpt = 3000

// excerpt is what the skill was seen to do then, and what the model did about it.
func (r *Runs) excerpt(ctx context.Context, chain []*run.Turn, f *skill.Use) string {
	step, err := r.Records.Step(ctx, f.Failed)
	if f.Failed == "" || err != nil {
		return f.Why
	}
	said := []string{cut(step.Observation, maxExcerpt)}
	for _, t := range chain[1:] {
		if t.Parent != step.Turn {
			continue
		}
		for _, c := range t.Reply.ToolCalls {
			hint, _ := metaskill.Hint(c.Name, c.Arguments)
			said = append(said, fmt.Sprintf("The run went on with %s %s", c.Name, hint))
		}
	}
	return strings.Join(said, "\n")
}

// codeOf is the Python code of a version as a model reads it.
func codeOf(ctx context.Context, skills skillstore.Store, version skill.Manifest) (string, error) {
	var b strings.Builder
	for _, f := range version.Files {
		if !strings.HasSuffix(f.Path, ".py") {
			continue
		}
		code, err := skills.File(ctx, version.Name, version.Version, f.Path)
		if err != nil {
			return "", err
		}
		fmt.Fprintf(&b, "# file: %s\n%s\n", f.Path, code)
	}
	return b.String(), nil
}

// maxShownCases is how many past queries a run that repairs a skill is shown.
const maxShownCases = 5

// repair is what the model is told of it.
func (e *retrieved) repair() metaskill.Repair {
	p := metaskill.Repair{
		Task: e.task, Skill: e.head.Name, Version: e.head.Version, Entry: savedSkillsDir + "/" + e.head.Name + "/" + e.version.EntryFile,
		Description: e.head.Description, Code: e.code, Cases: len(e.cases), Failure: e.excerpt,
	}
	for _, c := range e.cases[:min(len(e.cases), maxShownCases)] {
		p.Queries = append(p.Queries, cut(c.Query, maxReason))
	}
	for _, g := range e.rejected[:min(len(e.rejected), maxShownCases)] {
		p.Rejected = append(p.Rejected, fmt.Sprintf("version %d: %s", g.Candidate.Version, g.Why))
	}
	return p
}

// assessment is the call that opens a repair: the skill as it is, on the query that it fell short of. It is the model's
// first call, made for it.
func (e *retrieved) assessment() []llm.ToolCall {
	if e.query == "" {
		return nil
	}
	arguments, err := json.Marshal(metaskill.Run{SkillName: e.head.Name, Query: e.query})
	if err != nil {
		panic(fmt.Sprintf("encode the arguments of a call: %v", err)) // strings always encode
	}
	return []llm.ToolCall{{ID: "assessment_" + string(objectstore.DigestOf(arguments))[:16], Name: metaskill.RunSubagent, Arguments: string(arguments)}}
}
