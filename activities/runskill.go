package activities

import (
	"context"
	"errors"
	"fmt"

	"go.temporal.io/sdk/activity"

	"agentfactory/internal/egress"
	"agentfactory/internal/gateway"
	"agentfactory/internal/objectstore"
	"agentfactory/internal/pyruntime"
	"agentfactory/internal/run"
	"agentfactory/internal/skill"
	"agentfactory/internal/workspace"
	"agentfactory/skillstore"
)

// RunSkillInput asks a saved skill, without a meta-agent.
type RunSkillInput struct {
	Skill     VersionRef      `json:"skill"` // version 0 is the current one
	Query     string          `json:"query"`
	Files     []run.InputFile `json:"files,omitempty"` // put into its workspace
	Model     string          `json:"model,omitempty"` // behind call_llm; default: the configured one
	Remaining Allowance       `json:"remaining"`
}

// RunSkillResult is its answer, or why there is none.
type RunSkillResult struct {
	Skill   VersionRef       `json:"skill"` // that was run
	OK      bool             `json:"ok"`
	Answer  string           `json:"answer,omitempty"`
	Summary string           `json:"summary,omitempty"`
	Failure string           `json:"failure,omitempty"` // kind and message, in a line
	Files   []run.OutputFile `json:"files,omitempty"`   // that it made or changed
	Usage   run.Usage        `json:"usage"`
}

// RunSkill runs a saved skill once. A repeated attempt answers from the journal what was answered before. What a rule would
// ask a person about is a failure here: nobody waits for the answer.
func (s *Subagents) RunSkill(ctx context.Context, in RunSkillInput) (RunSkillResult, error) {
	defer beat(ctx)()
	version, refused, err := s.versionToRun(ctx, in.Skill)
	if err != nil {
		return RunSkillResult{}, failure("read "+in.Skill.Name, err)
	}
	if refused != "" {
		return RunSkillResult{}, invalid("skill: %s", refused)
	}
	if len(in.Query) > MaxQuery {
		return RunSkillResult{}, invalid("query has %d bytes; at most %d are taken: put long material into a file", len(in.Query), MaxQuery)
	}
	inputs, err := inputStore{s.Blobs, s.Objects}.store(ctx, in.Files)
	if err != nil {
		return RunSkillResult{}, failure("take the files", err)
	}
	res := RunSkillResult{Skill: VersionRef{Name: version.Name, Version: version.Version, Digest: version.Digest}}
	err = s.inScratch(func(dir string) error { return s.ask(ctx, dir, version, inputs, in, &res) })
	var waits asks
	if errors.As(err, &waits) {
		res.Failure, err = waits.Error(), nil
	}
	return res, failure("run "+version.Name, err)
}

// versionToRun finds a version, or says why there is none.
func (s *Subagents) versionToRun(ctx context.Context, v VersionRef) (m skill.Manifest, refused string, err error) {
	head, err := s.Skills.Head(ctx, v.Name)
	switch {
	case errors.Is(err, skillstore.ErrUnknownSkill), errors.Is(err, skill.ErrInvalidName):
		return m, fmt.Sprintf("the library has no skill %.64q", v.Name), nil
	case err != nil:
		return m, "", err
	case head.Tombstone != nil && v.Version == 0:
		return m, v.Name + " was retired" + successor(head), nil
	case v.Version == 0:
		v.Version = head.Version
	}
	m, err = s.Skills.Version(ctx, v.Name, v.Version)
	if errors.Is(err, skillstore.ErrUnknownVersion) {
		return m, fmt.Sprintf("%s has no version %d", v.Name, v.Version), nil
	}
	return m, "", err
}

// ask runs main(query) in dir and keeps what it left there.
func (s *Subagents) ask(ctx context.Context, dir string, version skill.Manifest, inputs workspace.Manifest, in RunSkillInput, res *RunSkillResult) error {
	files := inputs
	for _, f := range codeFiles(version) {
		files = files.With(f)
	}
	if err := workspace.Materialise(ctx, s.Blobs, files, dir); err != nil {
		return err
	}
	settings, err := s.Models.Resolve(in.Model)
	if err != nil {
		return err
	}
	exec, model := activity.GetInfo(ctx).WorkflowExecution, or(in.Model, settings.SubagentModel)
	door, err := gateway.New(gateway.Config{
		Tools: s.Tools, Granted: version.Tools, Skill: version.Name, Workspace: dir, Secrets: s.Secrets, Policy: s.Policy, Blobs: s.Blobs,
		Journal:   gateway.NewJournal(s.Objects, run.JournalPrefix(exec.ID, exec.RunID, 1)),
		MaxTokens: in.Remaining.SubagentTokens, MaxCostUSD: in.Remaining.CostUSD, LLM: s.completion(model),
		Transcribe: s.transcription(model), Model: model, AudioModel: s.Models.TranscriptionModel(),
	})
	if err != nil {
		return err
	}
	lock, _ := version.File(skill.LockFile)
	call := pyruntime.Call{Workspace: dir, Entry: version.EntryFile, Query: in.Query, Limits: s.limitsWithin(in.Remaining.Seconds, 0)}
	if call.Lock, err = s.lockText(ctx, objectstore.Digest(lock.Digest)); err != nil {
		return err
	}
	out, spent, err := s.runPython(ctx, call, door, egress.LiveAll, permitted(door))
	res.Usage = spent
	if err != nil {
		return err
	}
	if f := out.Failure; f != nil {
		res.Failure = brief(fmt.Sprintf("%s: %s", f.Kind, firstLine(f.Message)))
		return nil
	}
	if len(out.Answer) > maxAnswer {
		res.Failure = fmt.Sprintf("its answer has %d bytes; at most %d are taken", len(out.Answer), maxAnswer)
		return nil
	}
	res.OK, res.Answer, res.Summary = true, out.Answer, cut(out.Summary, maxReason)
	return s.keepOutput(ctx, dir, files, out, res)
}

func (s *Subagents) keepOutput(ctx context.Context, dir string, before workspace.Manifest, out pyruntime.Result, res *RunSkillResult) error {
	kept, err := s.outputOf(ctx, dir, before, out)
	if errors.Is(err, workspace.ErrLimit) {
		res.OK, res.Failure = false, "what it left cannot be kept: "+brief(err.Error())
		return nil
	}
	if err != nil {
		return err
	}
	for i, f := range kept.Files {
		if i == maxListedOutputs {
			break
		}
		res.Files = append(res.Files, run.OutputFile{Path: f.Path, Key: objectstore.BlobKey(f.Digest), Size: f.Size})
	}
	return nil
}
