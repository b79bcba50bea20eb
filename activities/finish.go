package activities

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"

	"agentfactory/internal/gateway"
	"agentfactory/internal/metaskill"
	"agentfactory/internal/pyruntime"
	"agentfactory/internal/run"
	"agentfactory/internal/skill"
	"agentfactory/internal/workspace"
	"agentfactory/skillstore"
)

// candidate is a subagent that finish lists, on its way into the library.
type candidate struct {
	item    metaskill.SavedItem
	entry   string // path in the workspace
	agent   run.Subagent
	files   workspace.Manifest // the entry and the local modules it imports, paths in the workspace
	inspect pyruntime.Inspection
	plan    run.PlannedSave
}

// ReviewFinish carries out finish: it accepts the answer and plans what is saved, or
// tells the meta-agent what is missing. Each subagent to be saved is run once more in
// a clean workspace that holds only its own files and the inputs.
func (s *Subagents) ReviewFinish(ctx context.Context, in CallInput) (CallResult, error) {
	s, err := s.in(ctx, in.Library)
	if err != nil {
		return CallResult{}, err
	}
	return s.caller().carryOut(ctx, in, func(ctx context.Context, c *call) error {
		args, ok := c.args.(metaskill.Final)
		if !ok {
			return complain("%s is not finish", c.name)
		}
		if strings.TrimSpace(args.Answer) == "" {
			return complain("answer is empty; finish with the complete answer for the user")
		}
		if len(args.Answer) > maxAnswer {
			return complain("answer has %d bytes; at most %d are taken: have a subagent write it into a file, and answer with the file's name", len(args.Answer), maxAnswer)
		}
		if !in.Finish.Save {
			args.Subagents = nil
		}
		candidates, err := s.candidates(ctx, c, args.Subagents)
		if err != nil {
			return err
		}
		if advice := s.advice(ctx, c, candidates); advice != "" && in.Finish.Save && !in.Finish.Warned {
			c.step.Review = &run.Review{Advised: true}
			c.step.Observation, c.step.Summary = advice, "asked to look again before saving"
			return nil
		}
		for i := range candidates {
			if err := s.proveClean(ctx, c, &candidates[i]); err != nil {
				return err
			}
			if err := s.notePermissions(ctx, &candidates[i]); err != nil {
				return err
			}
		}
		s.accept(c, args.Answer, candidates)
		return nil
	})
}

// maxAnswer bounds the answer, in bytes: it is part of the workflow's result, for which
// Temporal takes 2 MiB, and JSON may write a byte as six.
const maxAnswer = 128 << 10

func (s *Subagents) accept(c *call, answer string, candidates []candidate) {
	plan := &run.Plan{Answer: answer}
	for _, k := range candidates {
		plan.Skills = append(plan.Skills, k.plan)
	}
	c.step.Plan, c.step.Review = plan, &run.Review{Accepted: true}
	c.succeed("accepted", fmt.Sprintf("finished, %d to save", len(plan.Skills)))
}

// candidates checks each listed subagent; unchanged copies of saved skills drop out.
func (s *Subagents) candidates(ctx context.Context, c *call, items []metaskill.SavedItem) ([]candidate, error) {
	var found []candidate
	for i, item := range items {
		k := candidate{item: item}
		err := s.fill(ctx, c, &k)
		var said complaint
		if errors.As(err, &said) {
			return nil, complain("subagents[%d] (%s): %s", i, item.EntryFile, said.text)
		}
		if err != nil {
			return nil, err
		}
		if k.agent.From != nil && sameFiles(k.files, k.agent.From.Files) && item.Supersedes == "" {
			continue
		}
		if slices.ContainsFunc(found, func(o candidate) bool { return o.plan.Name == k.plan.Name }) {
			return nil, complain("subagents[%d]: two of them are called %s; give each its own skill_name", i, k.plan.Name)
		}
		found = append(found, k)
	}
	return found, nil
}

func (s *Subagents) fill(ctx context.Context, c *call, k *candidate) error {
	entry, err := inWorkspace(c.before, k.item.EntryFile)
	if err != nil {
		return err
	}
	agent, known := c.before.Subagents[entry]
	if !known {
		return complain("it was not made with create_subagent")
	}
	k.entry, k.agent = entry, agent
	if err := checkDescription(k.item.Description); err != nil {
		return err
	}
	if err := s.inspect(ctx, c, k); err != nil {
		return err
	}
	if agent.LastSuccess == nil {
		return complain("it has never run successfully; run it, or leave it out")
	}
	if !containsFiles(agent.LastSuccess.Code, k.files) {
		return complain("it was changed since its last successful run; run it again")
	}
	return s.name(ctx, k, c)
}

// minDescription is too short to say when a skill should be used, in characters.
const minDescription = 20

func checkDescription(d string) error {
	if len([]rune(strings.TrimSpace(d))) < minDescription {
		return complain("description: say in a sentence or two what it does, when to use it, and what query looks like")
	}
	if err := skill.CheckDescription(d); err != nil {
		return complain("description: %v", err)
	}
	return nil
}

// name settles under which name the skill is saved, and on which base.
func (s *Subagents) name(ctx context.Context, k *candidate, c *call) error {
	if k.item.SkillName != "" && k.item.Supersedes != "" {
		return complain("skill_name and supersedes exclude each other")
	}
	wanted := or(k.item.SkillName, k.agent.SkillName)
	name, err := skill.NormalizeName(wanted)
	if err != nil {
		return complain("skill_name: %v", err)
	}
	success := k.agent.LastSuccess
	k.plan = run.PlannedSave{
		Name: name, Description: strings.Join(strings.Fields(k.item.Description), " "),
		EntryFile: relative(k.entry, path.Dir(k.entry)), Tools: k.agent.Tools,
		Query: success.Query, Journal: success.Journal, Inputs: c.before.Inputs,
	}
	k.plan.Interface = k.inspect.Docstring
	for _, f := range k.files {
		f.Path = relative(f.Path, path.Dir(k.entry))
		k.plan.Files = k.plan.Files.With(f)
	}
	if k.agent.From != nil && name == k.agent.SkillName {
		k.plan.ParentVersion, k.plan.BaseGeneration = k.agent.From.Version, k.agent.From.Generation
		return nil
	}
	return s.newName(ctx, k)
}

// newName demands that a new skill's name is free and that what it supersedes exists.
func (s *Subagents) newName(ctx context.Context, k *candidate) error {
	if k.item.Supersedes != "" {
		old, err := skill.NormalizeName(k.item.Supersedes)
		if err != nil {
			return complain("supersedes: %v", err)
		}
		if _, err := s.Skills.Head(ctx, old); errors.Is(err, skillstore.ErrUnknownSkill) {
			return complain("supersedes: the library has no skill %s", old)
		} else if err != nil {
			return err
		}
		k.plan.Supersedes = old
	}
	head, err := s.Skills.Head(ctx, k.plan.Name)
	if errors.Is(err, skillstore.ErrUnknownSkill) || err == nil && head.Tombstone != nil {
		return nil
	}
	if err != nil {
		return err
	}
	if k.plan.Supersedes == k.plan.Name {
		k.plan.Supersedes, k.plan.ParentVersion, k.plan.BaseGeneration = "", head.Version, head.Generation
		return nil
	}
	if same, err := sameCode(ctx, s.Skills, k.plan.Name, k.plan.Files); err != nil || same > 0 {
		return err
	}
	return complain("skill_name: the library has another skill %s; choose another name, or name it in supersedes", k.plan.Name)
}

// relative is the path as seen from dir; modules beside the workspace root keep their path.
func relative(p, dir string) string {
	if dir == "." {
		return p
	}
	return strings.TrimPrefix(p, dir+"/")
}

// inspect finds the local modules that the entry imports.
func (s *Subagents) inspect(ctx context.Context, c *call, k *candidate) error {
	dir, err := s.scratch()
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if err := workspace.Materialise(ctx, s.Blobs, pythonFiles(c.before.Files), dir); err != nil {
		return err
	}
	k.inspect, err = s.Python.Inspect(ctx, dir, k.entry)
	if err != nil {
		return err
	}
	for _, p := range append([]string{k.entry}, k.inspect.LocalModules...) {
		if f, ok := c.before.Files.Lookup(p); ok {
			k.files = k.files.With(f)
		}
	}
	return nil
}

// advice is what the meta-agent is told once before it may finish: subagents that
// would be lost, and literals of the task in code that should be general.
func (s *Subagents) advice(_ context.Context, c *call, candidates []candidate) string {
	var points []string
	if lost := unsaved(c.before, candidates); len(lost) > 0 {
		points = append(points, fmt.Sprintf("These subagents work and are not listed: %s. List those that a similar task could reuse.", strings.Join(lost, ", ")))
	}
	for _, k := range candidates {
		if found := taskLiterals(k.inspect.Literals, c.task, c.before.Inputs); len(found) > 0 {
			points = append(points, fmt.Sprintf("%s contains literals of this task: %s. A skill must be general: take them from query (modify_subagent, run again).",
				k.entry, listed(found)))
		}
	}
	if len(points) == 0 {
		return ""
	}
	return "Not finished yet.\n- " + strings.Join(points, "\n- ") + "\nCall finish again; the same call as before is then accepted."
}

func unsaved(w *run.Workspace, candidates []candidate) []string {
	var lost []string
	for _, file := range subagentFiles(w) {
		agent := w.Subagents[file]
		listed := slices.ContainsFunc(candidates, func(k candidate) bool { return k.entry == file || hasFile(k.files, file) })
		if !listed && agent.From == nil && agent.LastSuccess != nil {
			lost = append(lost, file)
		}
	}
	return lost
}

func hasFile(m workspace.Manifest, p string) bool { _, ok := m.Lookup(p); return ok }

// particular matches what belongs to one task: URLs, e-mail addresses, paths and file names, quoted words.
var particular = regexp.MustCompile(`https?://[^\s"'<>)]+|[\w.+-]+@[\w-]+\.[\w.]+|[\w./-]*/[\w./-]+|[\w-]+\.[A-Za-z][A-Za-z0-9]{1,5}\b|"[^"\n]{4,80}"`)

// minLiteral keeps short generic words (".py", "/tmp") out of the advice, in characters.
const minLiteral = 5

func taskLiterals(literals []string, task string, inputs workspace.Manifest) []string {
	words := particular.FindAllString(task, -1)
	for _, f := range inputs {
		words = append(words, f.Path, path.Base(f.Path))
	}
	var found []string
	for _, w := range words {
		w = strings.Trim(w, `".,;:`)
		if len(w) < minLiteral || slices.Contains(found, w) {
			continue
		}
		if slices.ContainsFunc(literals, func(l string) bool { return strings.Contains(l, w) }) {
			found = append(found, w)
		}
	}
	return found
}

// proveClean runs a candidate where nothing but its files and the inputs are there, and
// keeps what it answers and leaves as the output of its case.
func (s *Subagents) proveClean(ctx context.Context, c *call, k *candidate) error {
	dir, err := s.scratch()
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	clean := slices.Clone(c.before.Inputs)
	for _, f := range k.plan.Files {
		clean = clean.With(f)
	}
	if err := workspace.Materialise(ctx, s.Blobs, clean, dir); err != nil {
		return err
	}
	door, err := s.door(c, k.agent, dir, k.agent.LastSuccess.Journal)
	if err != nil {
		return err
	}
	call := pyruntime.Call{Workspace: dir, Entry: k.plan.EntryFile, Query: k.agent.LastSuccess.Query}
	res, err := s.execute(ctx, c, call, k.agent.Lock, door)
	if err != nil {
		return err
	}
	if res.Failure != nil {
		return complain("subagents (%s): it fails in a clean workspace that holds only its own files and the input files. %s",
			k.entry, observe(res, workspace.Changes{}))
	}
	if k.plan.Lock, err = s.keepLock(ctx, res.Lock); err != nil {
		return err
	}
	k.plan.Output, err = s.outputOf(ctx, dir, clean, res)
	if errors.Is(err, workspace.ErrLimit) {
		return complain("subagents (%s): %v", k.entry, err)
	}
	return err
}

// notePermissions keeps with a skill what it was seen to need: the tools that it called, the hosts that it named to them, and
// the packages that it declares.
func (s *Subagents) notePermissions(ctx context.Context, k *candidate) error {
	calls, err := gateway.NewJournal(s.Objects, k.agent.LastSuccess.Journal).Load(ctx)
	if err != nil {
		return err
	}
	seen := &skill.Permissions{}
	seen.Tools, seen.Hosts = gateway.Seen(calls)
	entry, _ := k.files.Lookup(k.entry)
	source, err := s.Blobs.Get(ctx, entry.Digest)
	if err != nil {
		return err
	}
	declared, err := pyruntime.Dependencies(source)
	if err != nil {
		return complain("subagents (%s): %v", k.entry, err)
	}
	for _, requirement := range declared.Dependencies {
		seen.Packages = append(seen.Packages, strings.ToLower(packageName.FindString(requirement)))
	}
	slices.Sort(seen.Packages)
	k.plan.Permissions = seen
	return nil
}

// packageName is the beginning of a requirement, without extras and versions.
var packageName = regexp.MustCompile(`^[A-Za-z0-9._-]+`)

// outputOf stores what a run answered and the files that it made or changed.
func (s *Subagents) outputOf(ctx context.Context, dir string, before workspace.Manifest, res pyruntime.Result) (*run.Output, error) {
	after, _, err := workspace.Snapshot(ctx, s.Blobs, dir, before, workspaceLimits)
	if err != nil {
		return nil, err
	}
	return s.output(ctx, before, after, res)
}

func (s *Subagents) output(ctx context.Context, before, after workspace.Manifest, res pyruntime.Result) (*run.Output, error) {
	answer, err := s.Blobs.Put(ctx, []byte(res.Answer))
	if err != nil {
		return nil, err
	}
	out := &run.Output{Answer: workspace.File{Digest: answer, Size: int64(len(res.Answer))}, Summary: cut(res.Summary, maxReason)}
	for _, f := range after {
		if was, ok := before.Lookup(f.Path); !ok || was.Digest != f.Digest {
			out.Files = append(out.Files, f)
		}
	}
	return out, nil
}

func containsFiles(all, some workspace.Manifest) bool {
	for _, f := range some {
		if was, ok := all.Lookup(f.Path); !ok || was.Digest != f.Digest {
			return false
		}
	}
	return true
}

func sameFiles(a, b workspace.Manifest) bool { return containsFiles(a, b) || containsFiles(b, a) }

// replaying is a journal that also knows the replies of an earlier run of the same
// code, so that a clean rerun makes no call that was made before.
type replaying struct {
	gateway.Journal
	past gateway.Journal
}

func (r replaying) Load(ctx context.Context) ([]gateway.Entry, error) {
	past, err := r.past.Load(ctx)
	if err != nil {
		return nil, err
	}
	for i := range past {
		past[i].Usage = gateway.Usage{} // spent by the run that made the call
	}
	own, err := r.Journal.Load(ctx)
	return append(past, own...), err
}
