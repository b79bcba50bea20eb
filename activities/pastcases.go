package activities

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"sync/atomic"
	"time"

	"agentfactory/internal/gateway"
	"agentfactory/internal/objectstore"
	"agentfactory/internal/pyruntime"
	"agentfactory/internal/run"
	"agentfactory/internal/skill"
	"agentfactory/internal/workspace"
)

// maxPastCases is how many cases a repaired skill is held against: the latest ones.
const maxPastCases = 20

// verdict is what became of a version on a past case.
type verdict struct {
	kind run.Verdict
	why  string // what was expected and what came, or why nobody can tell
}

// holdPastCases runs a repaired skill on the cases of the version that it was made from. A
// case that the old version passes and the new one does not is a complaint: a skill is
// only ever replaced by one that passes its own past. Recordings answer every call, so
// that nothing is paid for and nothing has an effect; a case that cannot be told without
// a new call, or that the old version fails as well, decides nothing.
func (s *Subagents) holdPastCases(ctx context.Context, c *call, k *candidate) error {
	if k.plan.ParentVersion == 0 {
		return nil
	}
	cases, err := s.Skills.Cases(ctx, k.plan.Name)
	if err != nil {
		return err
	}
	slices.SortFunc(cases, func(a, b skill.Case) int { return b.CreatedAt.Compare(a.CreatedAt) })
	base, err := s.Skills.Version(ctx, k.plan.Name, k.plan.ParentVersion)
	if err != nil {
		return err
	}
	old := code{entry: base.EntryFile, tools: base.Tools, files: manifestOf(base.Files)}
	repaired := code{entry: k.plan.EntryFile, tools: k.plan.Tools, files: k.plan.Files}
	gate := &run.Gate{Inconclusive: []run.Gap{}, Sampled: len(cases) > maxPastCases}
	defer func(begun time.Time) { gate.Seconds = time.Since(begun).Seconds() }(time.Now())
	for _, past := range cases[:min(len(cases), maxPastCases)] {
		v, err := s.flips(ctx, c, past, old, repaired)
		if err != nil {
			return err
		}
		switch v.kind {
		case run.Fails:
			return complain("subagents (%s): the repaired version breaks a case that version %d of %s passes. Its query was %s. %s Make it handle both. "+
				"If the new answer is right for all such queries, save it under another skill_name with supersedes.",
				k.entry, base.Version, k.plan.Name, cut(past.Query, maxShownAnswer), v.why)
		case run.Passes:
			gate.Passed++
		default:
			gate.Inconclusive = append(gate.Inconclusive, run.Gap{Case: past.ID, Why: v.why})
		}
	}
	k.plan.Gate = gate
	return nil
}

// code is a version of a skill as it is run.
type code struct {
	entry string
	tools []string
	files workspace.Manifest // paths relative to the skill
}

func manifestOf(files []skill.File) workspace.Manifest {
	var m workspace.Manifest
	for _, f := range files {
		m = m.With(workspace.File{Path: f.Path, Digest: objectstore.Digest(f.Digest), Size: f.Size, Executable: f.Executable})
	}
	return m
}

// flips tries the repaired version, and the old one only where that fails: what both fail
// says nothing about the repair.
func (s *Subagents) flips(ctx context.Context, c *call, past skill.Case, old, repaired code) (verdict, error) {
	now, err := s.try(ctx, c, past, repaired)
	if err != nil || now.kind != run.Fails {
		return now, err
	}
	before, err := s.try(ctx, c, past, old)
	if err != nil {
		return verdict{}, err
	}
	if before.kind != run.Passes {
		return verdict{run.Inconclusive, "the version before does not pass it either"}, nil
	}
	return now, nil
}

// try runs a version on a case and compares what comes with what was recorded.
func (s *Subagents) try(ctx context.Context, c *call, past skill.Case, version code) (verdict, error) {
	if past.Output == nil {
		return verdict{run.Inconclusive, "its output was not kept"}, nil
	}
	dir, err := s.scratch()
	if err != nil {
		return verdict{}, err
	}
	defer os.RemoveAll(dir)
	files := manifestOf(past.Inputs)
	for _, f := range version.files {
		files = files.With(f)
	}
	expected, err := s.Blobs.Get(ctx, objectstore.Digest(past.Output.Answer))
	if err == nil {
		err = workspace.Materialise(ctx, s.Blobs, files, dir)
	}
	if errors.Is(err, objectstore.ErrNotFound) {
		return verdict{run.Inconclusive, "a file of it is gone"}, nil
	}
	if err != nil {
		return verdict{}, err
	}
	door, missing, err := s.recordedDoor(past, version.tools)
	if err != nil {
		return verdict{}, err
	}
	res, err := s.execute(ctx, c, dir, version.entry, past.Query, door)
	if err != nil {
		return verdict{}, err
	}
	if missing.Load() {
		return verdict{run.Inconclusive, "it asks for a call that was not recorded"}, nil
	}
	return judge(dir, string(expected), past.Output.Files, res), nil
}

// recordedDoor is a gateway that answers from a case's recording alone; missing tells
// that a call was asked for which the recording lacks.
func (s *Subagents) recordedDoor(past skill.Case, tools []string) (door *gateway.Session, missing *atomic.Bool, err error) {
	missing = &atomic.Bool{}
	lacking := func() error {
		missing.Store(true)
		return gateway.Errorf(gateway.Unavailable, "the recording of this case has no such call")
	}
	stand := map[string]gateway.Tool{}
	for _, name := range tools {
		if name != gateway.ShellCommand { // it runs in the sandbox
			stand[name] = gateway.ToolFunc(func(context.Context, gateway.ToolRequest) (gateway.ToolReply, error) {
				return gateway.ToolReply{}, lacking()
			})
		}
	}
	door, err = gateway.New(gateway.Config{
		Tools: stand, Granted: tools, Secrets: s.Secrets, Journal: recording{gateway.NewJournal(s.Objects, past.Journal)}, MaxTokens: -1, MaxCostUSD: -1,
		LLM: func(context.Context, gateway.LLMRequest) (gateway.LLMReply, error) {
			return gateway.LLMReply{}, lacking()
		},
	})
	return door, missing, err
}

// recording is the journal of a run that is over: it answers, and keeps nothing.
type recording struct{ past gateway.Journal }

// Load returns the recorded calls, which were paid for then.
func (r recording) Load(ctx context.Context) ([]gateway.Entry, error) {
	entries, err := r.past.Load(ctx)
	for i := range entries {
		entries[i].Usage = gateway.Usage{}
	}
	return entries, err
}

// Append forgets what a replay does.
func (recording) Append(context.Context, gateway.Entry) error { return nil }

// judge compares a run with a recorded output: the same answer, and the same files left.
func judge(dir, expected string, files []skill.File, res pyruntime.Result) verdict {
	if res.Failure != nil {
		return verdict{run.Fails, fmt.Sprintf("It answered %q then, and now: %s", cut(expected, maxShownAnswer), observe(res, workspace.Changes{}))}
	}
	if !sameAnswer(expected, res.Answer) {
		return verdict{run.Fails, fmt.Sprintf("It answered %q then, and now %q.", cut(expected, maxShownAnswer), cut(res.Answer, maxShownAnswer))}
	}
	if lost := lostFile(dir, files); lost != "" {
		return verdict{run.Fails, fmt.Sprintf("It left the file %s then, and now it does not.", lost)}
	}
	return verdict{kind: run.Passes}
}

// lostFile is the first of the files that is not there any more, or empty. The directory
// is what untrusted code left: links out of it are not followed.
func lostFile(dir string, files []skill.File) string {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return dir
	}
	defer root.Close()
	for _, f := range files {
		if info, err := root.Stat(f.Path); err != nil || info.Size() == 0 && f.Size > 0 {
			return f.Path
		}
	}
	return ""
}
