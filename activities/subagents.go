package activities

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"time"
	"unicode/utf8"

	"agentfactory/internal/egress"
	"agentfactory/internal/gateway"
	"agentfactory/internal/llm"
	"agentfactory/internal/metaskill"
	"agentfactory/internal/objectstore"
	"agentfactory/internal/pyruntime"
	"agentfactory/internal/run"
	"agentfactory/internal/sandbox"
	"agentfactory/internal/skill"
	"agentfactory/internal/workspace"
	"agentfactory/skillstore"
)

// savedSkillsDir is where copies of saved skills lie in a workspace.
const savedSkillsDir = "skills"

// workspaceLimits bound what a run may keep between subagents.
var workspaceLimits = workspace.Limits{Files: 5000, Bytes: 2 << 30, FileBytes: 256 << 20}

const (
	maxCode  = 1 << 20  // bytes of a subagent's source
	MaxQuery = 64 << 10 // bytes of a query: it is kept with the workspace, and with the skill as its case
)

// Subagents edits, runs and reviews subagents. Its activities need nothing from an
// earlier one but what is on S3, so any worker can take the next call.
type Subagents struct {
	Records *run.Records
	Blobs   *objectstore.Blobs
	Objects objectstore.Store
	Skills  skillstore.Store // the live library
	// Libraries opens those of evaluations.
	Libraries Libraries
	Models    Models
	Python    *pyruntime.Runtime // nil on workers that run no subagents
	Scratch   string             // directory for workspaces while they are in use
	Limits    sandbox.Limits
	Tools     map[string]gateway.Tool
	Policy    gateway.Policy // about every call of a subagent; nil allows all
	// Packages tells whether a package may be installed for a skill; nil allows all.
	Packages func(skill, name, version string) error
	// Dial connects plain HTTP requests; nil reaches the public internet alone.
	Dial    func(ctx context.Context, network, address string) (net.Conn, error)
	Secrets []string // never shown to a model, whatever code prints
	// Observe is told of each run of a subagent, by its skill, and with ended of what came of it; nil tells nobody.
	Observe func(ctx context.Context, skill string) (_ context.Context, ended func(pyruntime.Result, error))
}

func (s *Subagents) caller() caller { return caller{records: s.Records, blobs: s.Blobs} }

// EditWorkspace carries out create_subagent without a query, and modify_subagent.
func (s *Subagents) EditWorkspace(ctx context.Context, in CallInput) (CallResult, error) {
	s, err := s.in(ctx, in.Library)
	if err != nil {
		return CallResult{}, err
	}
	return s.caller().carryOut(ctx, in, func(ctx context.Context, c *call) error {
		switch args := c.args.(type) {
		case metaskill.Create:
			file, err := s.create(ctx, c, args)
			if err != nil {
				return err
			}
			c.succeed(fmt.Sprintf("Created %s. Run it with run_subagent {\"filename\": %q, \"query\": …}.", file, file), "created "+file)
			return nil
		case metaskill.Modify:
			return s.modify(ctx, c, args)
		}
		return complain("%s cannot edit the workspace", c.name)
	})
}

// RunSubagent carries out run_subagent, create_subagent with a query, and run_code.
func (s *Subagents) RunSubagent(ctx context.Context, in CallInput) (CallResult, error) {
	s, err := s.in(ctx, in.Library)
	if err != nil {
		return CallResult{}, err
	}
	return s.caller().carryOut(ctx, in, func(ctx context.Context, c *call) error {
		switch args := c.args.(type) {
		case metaskill.Create:
			file, err := s.create(ctx, c, args)
			if err != nil {
				return err
			}
			return s.run(ctx, c, file, args.Query)
		case metaskill.Run:
			file, err := s.locate(ctx, c, args.Filename, args.SkillName)
			if err != nil {
				return err
			}
			return s.run(ctx, c, file, args.Query)
		case metaskill.Code:
			return s.runProgram(ctx, c, args)
		}
		return complain("%s cannot run a subagent", c.name)
	})
}

// create writes a new subagent; creating it again under its own name rewrites it.
func (s *Subagents) create(ctx context.Context, c *call, args metaskill.Create) (string, error) {
	name, err := skill.NormalizeName(args.SkillName)
	if err != nil {
		return "", complain("skill_name: %v", err)
	}
	file, err := workspace.CleanPath(or(args.Filename, "subagent.py"))
	if err != nil {
		return "", complain("filename: %v", err)
	}
	tools, err := metaskill.NormalizeTools(args.Skills)
	if err != nil {
		return "", complaint{err.Error()}
	}
	if err := checkCode(args.Code); err != nil {
		return "", err
	}
	if err := s.mayCreate(ctx, c, name, file); err != nil {
		return "", err
	}
	if err := s.writeCode(ctx, c, file, args.Code); err != nil {
		return "", err
	}
	if _, existed := c.before.Subagents[file]; !existed {
		c.step.Usage.SubagentsCreated = 1
	}
	c.change().Subagents[file] = run.Subagent{SkillName: name, Tools: tools}
	return file, nil
}

// mayCreate refuses what would overwrite something else.
func (s *Subagents) mayCreate(ctx context.Context, c *call, name, file string) error {
	if !strings.HasSuffix(file, ".py") {
		return complain("filename: %s does not end in .py", file)
	}
	if strings.HasPrefix(file, savedSkillsDir+"/") {
		return complain("filename: %s/ holds copies of saved skills; choose another folder", savedSkillsDir)
	}
	if other, taken := c.before.Subagents[file]; taken && other.SkillName != name {
		return complain("filename: %s is the subagent %s; give %s another filename, or change it with modify_subagent", file, other.SkillName, name)
	}
	if _, input := c.before.Inputs.Lookup(file); input {
		return complain("filename: %s is an input file; choose another name", file)
	}
	head, err := s.Skills.Head(ctx, name)
	switch {
	case errors.Is(err, skillstore.ErrUnknownSkill):
		return nil
	case err != nil:
		return err
	case head.Tombstone != nil:
		return nil
	}
	return complain("skill_name: the library has a skill %s already; use it with run_subagent {\"skill_name\": %q}, or choose another name", name, name)
}

func checkCode(code string) error {
	switch {
	case strings.TrimSpace(code) == "":
		return complain("code is empty")
	case len(code) > maxCode:
		return complain("code has %d bytes; at most %d are taken", len(code), maxCode)
	case strings.ContainsRune(code, 0):
		return complain("code contains NUL bytes")
	case !utf8.ValidString(code):
		return complain("code is not valid UTF-8")
	}
	return nil
}

func (s *Subagents) writeCode(ctx context.Context, c *call, file, code string) error {
	digest, err := s.Blobs.Put(ctx, []byte(code))
	if err != nil {
		return err
	}
	w := c.change()
	w.Files = w.Files.With(workspace.File{Path: file, Digest: digest, Size: int64(len(code))})
	return nil
}

// modify replaces one exact piece of a file.
func (s *Subagents) modify(ctx context.Context, c *call, args metaskill.Modify) error {
	file, err := s.locate(ctx, c, args.Filename, args.SkillName)
	if err != nil {
		return err
	}
	entry, _ := c.files().Files.Lookup(file)
	old, err := s.Blobs.Get(ctx, entry.Digest)
	if err != nil {
		return err
	}
	if err := checkReplacement(file, string(old), args.OldContent); err != nil {
		return err
	}
	code := strings.Replace(string(old), args.OldContent, args.NewContent, 1)
	if err := checkCode(code); err != nil {
		return err
	}
	if err := s.writeCode(ctx, c, file, code); err != nil {
		return err
	}
	c.succeed(fmt.Sprintf("Changed %s. Run it again to see whether it works.", file), "changed "+file)
	return nil
}

// locate finds the entry file that a call means; a saved skill is copied into the
// workspace the first time it is named.
func (s *Subagents) locate(ctx context.Context, c *call, filename, skillName string) (string, error) {
	if (filename == "") == (skillName == "") {
		return "", complain("give filename for a subagent in the workspace, or skill_name for a saved skill: one of the two")
	}
	if filename != "" {
		return inWorkspace(c.files(), filename)
	}
	name, err := skill.NormalizeName(skillName)
	if err != nil {
		return "", complain("skill_name: %v", err)
	}
	for file, agent := range c.files().Subagents {
		if agent.SkillName == name {
			return file, nil
		}
	}
	return s.copySkill(ctx, c, name)
}

func inWorkspace(w *run.Workspace, filename string) (string, error) {
	file, err := workspace.CleanPath(filename)
	if err != nil {
		return "", complain("filename: %v", err)
	}
	if _, ok := w.Subagents[file]; ok {
		return file, nil
	}
	if _, ok := w.Files.Lookup(file); ok && strings.HasSuffix(file, ".py") {
		return file, nil
	}
	return "", complain("filename: there is no subagent %s; there are %s", file, listed(subagentFiles(w)))
}

// copySkill puts the current version of a saved skill into the workspace.
func (s *Subagents) copySkill(ctx context.Context, c *call, name string) (string, error) {
	head, err := s.Skills.Head(ctx, name)
	if errors.Is(err, skillstore.ErrUnknownSkill) {
		return "", complain("skill_name: the library has no skill %s; search it with list_saved_subagents", name)
	}
	if err != nil {
		return "", damaged(name, err)
	}
	if head.Tombstone != nil {
		return "", complain("skill_name: %s was retired%s", name, successor(head))
	}
	version, err := s.Skills.Version(ctx, name, head.Version)
	if err != nil {
		return "", damaged(name, err)
	}
	dir := savedSkillsDir + "/" + name + "/"
	w := c.change()
	origin := run.Origin{Version: head.Version, Generation: head.Generation}
	for _, f := range codeFiles(version) {
		f.Path = dir + f.Path
		w.Files = w.Files.With(f)
		origin.Files = origin.Files.With(f)
	}
	entry := dir + version.EntryFile
	lock, _ := version.File(skill.LockFile)
	w.Subagents[entry] = run.Subagent{SkillName: name, Tools: version.Tools, Lock: objectstore.Digest(lock.Digest), From: &origin}
	return entry, nil
}

func successor(h skill.Head) string {
	if h.Tombstone.SupersededBy == "" {
		return ""
	}
	return "; use " + h.Tombstone.SupersededBy
}

// run executes a subagent in the workspace and keeps what it left there.
func (s *Subagents) run(ctx context.Context, c *call, file, query string) error {
	if len(query) > MaxQuery {
		return complain("query has %d bytes; at most %d are taken: have a subagent write the data into a file, and name the file in the query", len(query), MaxQuery)
	}
	agent := c.files().Subagents[file]
	code := pythonFiles(c.files().Files)
	dir, err := s.scratch()
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if err := workspace.Materialise(ctx, s.Blobs, c.files().Files, dir); err != nil {
		return err
	}
	door, err := s.door(c, agent, dir, "")
	if err != nil {
		return err
	}
	res, err := s.execute(ctx, c, pyruntime.Call{Workspace: dir, Entry: file, Query: query}, agent.Lock, door)
	if err != nil {
		return err
	}
	c.step.Usage.SubagentRuns = 1 // the reruns of a review do not count: nobody asked for them
	after, changes, err := workspace.Snapshot(ctx, s.Blobs, dir, c.files().Files, workspaceLimits)
	if errors.Is(err, workspace.ErrLimit) {
		return complain("%s ran, but nothing that it left was kept: %v", file, err)
	}
	if err != nil {
		return err
	}
	before := c.files()
	if res.Failure == nil {
		agent.LastSuccess = &run.Success{
			Query: query, Code: code, Journal: c.journal, Seconds: time.Since(c.step.At).Seconds(), Tokens: c.step.Usage.SubagentOutputTokens,
			Alone: onlyGiven(before),
		}
		if agent.LastSuccess.Output, err = s.output(ctx, before.Files, after, res); err != nil {
			return err
		}
		if agent.Lock, err = s.keepLock(ctx, res.Lock); err != nil {
			return err
		}
	}
	if agent.From != nil && containsFiles(before.Files, agent.From.Files) {
		agent.AsSaved = &run.Attempt{Step: c.key, Query: query, OK: res.Failure == nil}
	}
	w := c.change()
	w.Files = after
	if agent.SkillName != "" {
		w.Subagents[file] = agent
	}
	if agent.From != nil {
		c.step.Skill = agent.SkillName
	}
	c.step.OK, c.step.Observation, c.step.Summary = res.Failure == nil, observe(res, changes), summarise(file, res)
	return nil
}

// onlyGiven tells that nothing lies in the workspace but the inputs as they were given, and code: what a subagent makes of
// it can be made again from the inputs.
func onlyGiven(w *run.Workspace) bool {
	for _, f := range w.Files {
		given, ok := w.Inputs.Lookup(f.Path)
		if !(ok && given.Digest == f.Digest) && !isCode(w, f.Path) && !strings.HasSuffix(f.Path, ".py") {
			return false
		}
	}
	return true
}

// execute runs main(query), with the packages of a lock where it has one, and counts what it spent.
func (s *Subagents) execute(ctx context.Context, c *call, call pyruntime.Call, lock objectstore.Digest, door *gateway.Session) (pyruntime.Result, error) {
	var err error
	if call.Lock, err = s.lockText(ctx, lock); err != nil {
		return pyruntime.Result{}, err
	}
	call.Limits = s.limitsWithin(c.in.Remaining.Seconds, time.Since(c.step.At))
	res, spent, err := s.runPython(ctx, call, door, egress.LiveAll, permitted(door))
	c.step.Usage = c.step.Usage.Add(spent)
	return res, err
}

// limitsWithin are the limits of a run that has so many seconds left, less what was used of them; negative is no limit.
func (s *Subagents) limitsWithin(seconds int64, used time.Duration) sandbox.Limits {
	limits := s.Limits
	if seconds >= 0 {
		limits.Wall = min(limits.Wall, max(time.Second, time.Duration(seconds)*time.Second-used))
	}
	return limits
}

// door is the gateway session of one run. It replays what earlier attempts at this
// step have journalled and, when past names the journal of another run, that too.
func (s *Subagents) door(c *call, agent run.Subagent, dir, past string) (*gateway.Session, error) {
	journal := gateway.NewJournal(s.Objects, c.journal)
	if past != "" {
		journal = replaying{Journal: journal, past: gateway.NewJournal(s.Objects, past)}
	}
	return gateway.New(gateway.Config{
		Tools: s.Tools, Granted: agent.Tools, Skill: agent.SkillName, Workspace: dir, Blobs: s.Blobs, Secrets: s.Secrets, Journal: journal, Policy: s.Policy, Grants: granted(c.in.Grants),
		MaxTokens:  left(c.in.Remaining.SubagentTokens, c.step.Usage.SubagentOutputTokens),
		MaxCostUSD: left(c.in.Remaining.CostUSD, c.step.Usage.CostUSD), LLM: s.completion(c.opening.SubagentModel),
		Transcribe: s.transcription(c.opening.SubagentModel), Model: c.opening.SubagentModel, AudioModel: s.Models.TranscriptionModel(),
	})
}

func granted(grants []Grant) map[string]bool {
	byDigest := map[string]bool{}
	for _, g := range grants {
		byDigest[g.Digest] = g.Granted
	}
	return byDigest
}

// left is what remains of an allowance after something was spent; negative is no limit.
func left[T int64 | float64](allowed, spent T) T {
	if allowed < 0 {
		return allowed
	}
	return max(0, allowed-spent)
}

// completion is a model as it stands behind call_llm.
func (s *Subagents) completion(model string) gateway.LLM {
	return func(ctx context.Context, req gateway.LLMRequest) (gateway.LLMReply, error) {
		client, err := s.Models.Completer(model)
		if err != nil {
			return gateway.LLMReply{}, err
		}
		messages := []llm.Message{}
		if req.System != "" {
			messages = append(messages, llm.Message{Role: "system", Content: req.System})
		}
		for _, m := range req.Messages {
			messages = append(messages, llm.Message{Role: m.Role, Content: m.Content, Parts: parts(m.Parts)})
		}
		res, err := client.Complete(ctx, llm.Request{Model: model, Messages: messages, MaxOutputTokens: req.MaxTokens}, nil)
		if err != nil {
			return gateway.LLMReply{}, err
		}
		return gateway.LLMReply{Text: or(res.Message.Content, res.Message.Refusal), Usage: gatewayUsage(res.Usage)}, nil
	}
}

func parts(given []gateway.Part) []llm.Part {
	var parts []llm.Part
	for _, p := range given {
		parts = append(parts, llm.Part{Text: p.Text, MediaType: p.MediaType, Data: p.Data})
	}
	return parts
}

// transcription is the model for audio of the server that serves a model; nil when none is configured.
func (s *Subagents) transcription(model string) gateway.Transcribe {
	name := s.Models.TranscriptionModel()
	if name == "" {
		return nil
	}
	return func(ctx context.Context, req gateway.TranscribeRequest) (gateway.TranscribeReply, error) {
		client, err := s.Models.Completer(model)
		if err != nil {
			return gateway.TranscribeReply{}, err
		}
		heard, err := client.Transcribe(ctx, name, llm.Audio{Name: req.Name, Language: req.Language, Data: req.Audio})
		if err != nil {
			return gateway.TranscribeReply{}, err
		}
		return gateway.TranscribeReply{Text: heard.Text, Usage: gatewayUsage(heard.Usage)}, nil
	}
}

func gatewayUsage(u llm.Usage) gateway.Usage {
	return gateway.Usage{InputTokens: u.InputTokens, OutputTokens: u.OutputTokens, CostUSD: u.CostUSD, Estimated: u.Estimated}
}

func (s *Subagents) scratch() (string, error) {
	dir, err := os.MkdirTemp(s.Scratch, "run-")
	if err != nil {
		return "", fmt.Errorf("make a scratch workspace: %w", err)
	}
	return dir, nil
}

func or(value, fallback string) string {
	if value == "" {
		return fallback
	}
	return value
}
