package activities

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"go.temporal.io/sdk/activity"

	"agentfactory/internal/llm"
	"agentfactory/internal/metaskill"
	"agentfactory/internal/objectstore"
	"agentfactory/internal/run"
	"agentfactory/internal/workspace"
	"agentfactory/skillstore"
)

// Limits of what a run is handed.
const (
	MaxInputFiles    = 500
	MaxInputFile     = 256 << 20 // bytes of one input file
	MaxInlineFiles   = 256 << 10 // bytes of all files inside the workflow input
	suggestedSkills  = 5         // saved skills named in the first message
	offeredWhole     = 3         // of them with their interface
	maxListedOutputs = 500
)

// Runs opens and closes runs.
type Runs struct {
	Records *run.Records
	Blobs   *objectstore.Blobs
	Objects objectstore.Store
	Skills  skillstore.Store // the live library
	// Libraries opens those of evaluations.
	Libraries Libraries
	Models    Models
	Lessons   *Lessons   // of the textual method
	Tools     []string   // tool skills that this installation can give to subagents
	Defaults  run.Budget // of runs that say nothing themselves; zeros leave run.DefaultBudget
	Policy    Policy
	// VersionsPerDay is how many versions of one skill runs may make within 24 hours.
	VersionsPerDay int
	// Listed reports whether the Temporal server knows the search attributes; its error says why not.
	Listed func(context.Context) error
	// Versioned says that this worker belongs to a worker deployment.
	Versioned bool
}

// Begin resolves once what the whole run relies on (the model, its limits, the
// prompt), stores the input files, looks for saved skills that fit the task, and
// writes turn 0 and step 0.
func (r *Runs) Begin(ctx context.Context, in BeginInput) (BeginResult, error) {
	defer beat(ctx)()
	r, err := r.in(ctx, in.Library)
	if err != nil {
		return BeginResult{}, err
	}
	settings, err := r.Models.Resolve(in.Model)
	if err != nil {
		return BeginResult{}, failure("resolve the model", err)
	}
	budget := in.Budget.Or(r.Defaults).Or(run.DefaultBudget)
	if budget.CostUSD > 0 {
		if err := settings.mustBePriced("budget.cost_usd"); err != nil {
			return BeginResult{}, err
		}
	}
	method, err := metaskill.MethodNamed(in.Method)
	if err != nil {
		return BeginResult{}, failure("begin the run", err)
	}
	o, err := r.prepareOpening(ctx, in)
	var nothing nothingToRepair
	if errors.As(err, &nothing) {
		o, err = &opened{task: nothing.text, nothing: nothing.text}, nil
	}
	if err != nil {
		return BeginResult{}, failure("begin the run", err)
	}
	exec := activity.GetInfo(ctx).WorkflowExecution
	stepKey := run.StepKey(exec.ID, exec.RunID, 0)
	step := &run.Step{OK: true, Changed: true, At: time.Now().UTC(), Summary: "the input files",
		Workspace: &run.Workspace{Files: o.inputs, Inputs: o.inputs, Subagents: map[string]run.Subagent{}}}
	if _, err := r.Records.CreateStep(ctx, stepKey, step); err != nil {
		return BeginResult{}, failure("begin the run", err)
	}
	turnKey := run.TurnKey(exec.ID, exec.RunID, 0)
	turn, err := r.Records.CreateTurn(ctx, turnKey, o.turn(settings, method, stepKey))
	if err != nil {
		return BeginResult{}, failure("begin the run", err)
	}
	res := BeginResult{Turn: turnKey, Step: stepKey, Model: turn.Opening.Model, SubagentModel: turn.Opening.SubagentModel, Budget: budget, Priced: settings.Priced,
		Offered: o.offered, Calls: callsOf(turn.Reply), Policy: r.Policy, Listed: true, Searched: o.searched, Notes: o.notes, Usage: run.Usage{EmbeddingTokens: o.embedding},
		Task: turn.Opening.Task, Evolves: turn.Opening.Evolves, Nothing: o.nothing, Lessons: turn.Opening.Lessons, Versioned: r.Versioned}
	if err := r.Listed(ctx); err != nil {
		res.Listed, res.Unlisted = false, cut(err.Error(), maxReason)
	}
	return res, nil
}

// opened is what a run begins with.
type opened struct {
	task, message string
	inputs        workspace.Manifest
	suggested     []string
	offered       []run.Candidate
	evolves       string         // the skill to be repaired
	calls         []llm.ToolCall // made for the model before its first turn
	searched      string         // how
	notes         []string       // on the search, for people
	embedding     int64          // tokens of it
	nothing       string         // why there is nothing to do
	lessons       []run.Lesson   // of earlier tasks
}

func (r *Runs) prepareOpening(ctx context.Context, in BeginInput) (*opened, error) {
	if in.Evolve != nil {
		e, err := r.retrieve(ctx, in)
		if err != nil {
			return nil, err
		}
		return &opened{task: e.task, inputs: e.inputs, message: metaskill.RepairMessage(e.repair(), listedFiles(e.inputs), r.Tools),
			evolves: e.head.Name, calls: e.assessment(), offered: []run.Candidate{{Name: e.head.Name, Version: e.head.Version, Score: 1}}}, nil
	}
	inputs, err := r.inputs().store(ctx, in.Files)
	if err != nil {
		return nil, err
	}
	o := &opened{task: in.Task, inputs: inputs}
	if in.Method != metaskill.AgentFactoryName {
		return o, r.openMethod(ctx, in, o)
	}
	skills, err := r.suggest(ctx, in, o)
	if err != nil {
		return nil, fmt.Errorf("search the skill library: %w", err)
	}
	o.message = metaskill.FirstMessage(in.Task, listedFiles(inputs), r.Tools, skills)
	return o, nil
}

func listedFiles(inputs workspace.Manifest) []string {
	files := make([]string, len(inputs))
	for i, f := range inputs {
		files[i] = fmt.Sprintf("%s (%d bytes)", f.Path, f.Size)
	}
	return files
}

// maxReason bounds an explanation that goes into the history, in characters.
const maxReason = 200

// turn is the opening of the transcript.
func (o *opened) turn(m ModelSettings, method *metaskill.Method, step string) *run.Turn {
	t := &run.Turn{
		At: time.Now().UTC(),
		Opening: &run.Opening{
			Task: o.task, Evolves: o.evolves,
			Model: m.Model, SubagentModel: m.SubagentModel, ContextWindow: m.ContextWindow, MaxOutputTokens: m.MaxOutputTokens,
			PromptDigest: method.PromptDigest(), SchemaDigest: method.SchemaDigest(),
			SuggestedSkills: o.suggested, InitialWorkspace: step, Method: method.Name, Lessons: o.lessons,
		},
		Added: []llm.Message{
			{Role: "system", Content: method.SystemPrompt},
			{Role: "user", Content: o.message},
		},
	}
	if len(o.calls) > 0 {
		t.Reply = llm.Message{Role: "assistant", ToolCalls: o.calls}
	}
	return t
}

// suggest looks for saved skills that fit the task. Those that are offered come with
// their interface, the best few, so that the message stays short. A search may know the
// library as it was a moment ago; the heads tell what has been retired since.
func (r *Runs) suggest(ctx context.Context, in BeginInput, o *opened) ([]metaskill.Suggestion, error) {
	found, err := r.Skills.Search(ctx, in.Task, suggestedSkills)
	if err != nil {
		return nil, err
	}
	o.searched, o.notes, o.embedding = string(found.Kind), found.Notes, found.EmbeddingTokens
	var suggestions []metaskill.Suggestion
	for _, h := range found.Hits {
		head, err := r.Skills.Head(ctx, h.Name)
		if err != nil {
			return nil, err
		}
		if head.Tombstone != nil {
			continue
		}
		s := metaskill.Suggestion{Name: head.Name, Description: head.Description}
		if in.Offer && len(o.offered) < offeredWhole {
			version, err := r.Skills.Version(ctx, head.Name, head.Version)
			if errors.Is(err, skillstore.ErrCorrupt) {
				o.notes = append(o.notes, brief(fmt.Sprintf("%s is not offered: %v", head.Name, err)))
				continue
			}
			if err != nil {
				return nil, err
			}
			s.Interface = version.Interface
		}
		suggestions = append(suggestions, s)
		o.suggested = append(o.suggested, head.Name)
		o.offered = append(o.offered, run.Candidate{Name: head.Name, Version: head.Version, Score: h.Score})
	}
	return suggestions, nil
}

// Close writes result.json at every ending that our code lives to see, and returns the result as written.
func (r *Runs) Close(ctx context.Context, in CloseInput) (run.Result, error) {
	defer beat(ctx)()
	r, err := r.in(ctx, in.Library)
	if err != nil {
		return run.Result{}, err
	}
	exec := activity.GetInfo(ctx).WorkflowExecution
	res := in.Result
	res.WorkflowID, res.RunID, res.Workspace, res.FinishedAt = exec.ID, exec.RunID, in.Workspace, time.Now().UTC()
	res.Answer = in.Answer
	if in.Plan != "" {
		step, err := r.Records.Step(ctx, in.Plan)
		if err == nil {
			res.Answer = step.Plan.Answer
			err = r.used(ctx, res, step.Plan)
		}
		if err != nil {
			return run.Result{}, failure("close the run", err)
		}
	}
	files, err := r.outputs(ctx, in.Workspace)
	if err != nil {
		return run.Result{}, failure("close the run", err)
	}
	res.Files = files
	if res.Skills == nil {
		res.Skills = []run.SavedSkill{}
	}
	written, err := r.Records.CreateResult(ctx, res)
	if err != nil {
		return run.Result{}, failure("close the run", err)
	}
	return written, nil
}

// used tells the library how its skills did in a run that completed.
func (r *Runs) used(ctx context.Context, res run.Result, plan *run.Plan) error {
	if res.Outcome != run.Completed {
		return nil
	}
	step, err := r.Records.Step(ctx, res.Workspace)
	if err != nil {
		return err
	}
	return r.recordUses(ctx, res, step.Workspace, plan)
}

// outputs are the files that are neither inputs as they were given, nor code of subagents.
func (r *Runs) outputs(ctx context.Context, workspaceKey string) ([]run.OutputFile, error) {
	files := []run.OutputFile{}
	if workspaceKey == "" {
		return files, nil
	}
	step, err := r.Records.Step(ctx, workspaceKey)
	if err != nil {
		return nil, err
	}
	for _, f := range step.Workspace.Files {
		if given, ok := step.Workspace.Inputs.Lookup(f.Path); ok && given.Digest == f.Digest || isCode(step.Workspace, f.Path) {
			continue
		}
		if len(files) == maxListedOutputs {
			break
		}
		files = append(files, run.OutputFile{Path: f.Path, Key: objectstore.BlobKey(f.Digest), Size: f.Size})
	}
	return files, nil
}

func isCode(w *run.Workspace, p string) bool {
	_, entry := w.Subagents[p]
	return entry || strings.HasPrefix(p, savedSkillsDir+"/")
}
