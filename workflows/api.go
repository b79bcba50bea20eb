// Package workflows holds the deterministic orchestration: the meta-agent loop behind
// Install, and what later workflows share with it. It decides, counts and waits; every
// side effect is an activity. It imports the activities package only for typed method
// references and messages, and never reads configuration, clocks or files.
package workflows

import (
	"encoding/json"

	"agentfactory/activities"
	"agentfactory/internal/run"
)

// Task queues.
const (
	TaskQueue        = "agentfactory"         // workflows, model calls, library
	SandboxTaskQueue = "agentfactory-sandbox" // subagent runs; small concurrency
)

// Names that other programs rely on.
const (
	InstallType = "Install"    // workflow type: solve a task, build what it needs
	SolveType   = "Solve"      // workflow type: the front door, which begins with the library; takes InstallInput as well
	EvolveType  = "SelfEvolve" // workflow type: repair a saved skill; takes EvolveInput
	GateType    = "Gate"       // workflow type: hold a version against the past cases of its skill; takes GateInput
	ReActType   = "ReAct"      // workflow type: solve a task by programs, with no library; takes InstallInput without save and approval
	TextualType = "Textual"    // workflow type: ReAct with the lessons of earlier tasks, which leaves one itself; takes the same
	StatusQuery = "status"     // answers run.Status

	ApproveUpdate  = "approve"  // takes Approve
	InstructUpdate = "instruct" // takes Instruct
	BudgetUpdate   = "budget"   // takes SetBudget
	PauseUpdate    = "pause"    // takes Pause
	ResumeUpdate   = "resume"   // takes Resume
	AmendUpdate    = "amend"    // takes Amend
)

// All are the workflows by their types, for a worker to register.
func All() map[string]any {
	return map[string]any{
		InstallType: Install, SolveType: Solve, EvolveType: SelfEvolve, GateType: Gate, DeployType: Deploy, RunSkillType: RunSkill,
		ReActType: ReAct, TextualType: Textual, EvaluateType: Evaluate,
	}
}

// Approval policies: what a person has to release before it happens.
const (
	ApproveNever  = "never"  // nothing
	ApproveFinish = "finish" // the answer, and with it the skills to be saved
	ApproveSave   = "save"   // skills to be saved; a run that saves none is not held up
	// ApprovePromotion: versions that replace others. Guarded skills, and installations that ask for it, have it always.
	ApprovePromotion = "promotion"
)

// ApprovePolicy is the kind of an approval that a rule of the policy asks for: a call of a subagent waits for it.
const ApprovePolicy = "policy"

// InstallInput is the one argument of Install. Only Task is required.
type InstallInput struct {
	Task     string          `json:"task"`               // in plain words, at most MaxTask bytes
	Files    []run.InputFile `json:"files,omitempty"`    // put into the workspace
	Model    string          `json:"model,omitempty"`    // default: the worker's configured model
	Budget   run.Budget      `json:"budget,omitzero"`    // zeros mean the defaults
	Approval string          `json:"approval,omitempty"` // approval policy, default never
	Save     *bool           `json:"save,omitempty"`     // whether skills are saved, default true
	Library  string          `json:"library,omitempty"`  // skill library to work with, of an evaluation; default: the live one
	Paused   bool            `json:"paused,omitempty"`   // pause before the first turn, to go through the run step by step
	Carry    *Carry          `json:"carry,omitempty"`    // set by continue-as-new, never by people
}

// EvolveInput is the one argument of SelfEvolve, which repairs a saved skill: it runs the skill on what it fell short of, has
// it changed, and replaces it by a version that passes its past cases. Nothing is required: without a skill it takes the
// one whose failure has been open for longest; without a task, the task of that failure. Save is of no use here.
type EvolveInput struct {
	Skill string `json:"skill,omitempty"`
	Query string `json:"query,omitempty"` // what the skill is run with first; default: what it was asked when it fell short
	InstallInput
}

// GateInput is the one argument of Gate. It moves no head: the report is kept with the candidate, whatever it says.
type GateInput struct {
	Skill   string `json:"skill"`
	Version int    `json:"version"`           // the candidate
	Cases   *int   `json:"cases,omitempty"`   // at most so many are tried, default DefaultGateCases
	AtOnce  int    `json:"at_once,omitempty"` // cases that are tried side by side, default 8
	Model   string `json:"model,omitempty"`   // behind call_llm and judges; default: the configured one

	// What a run says that gates its own candidate.
	Base    *activities.Base      `json:"base,omitempty"`    // default: the current version
	New     *activities.PlanRef   `json:"new,omitempty"`     // the case that the candidate was made for
	Grant   *activities.Allowance `json:"grant,omitempty"`   // of the run's budget; default: that of a run
	Library string                `json:"library,omitempty"` // that the run works with
}

// Bounds of a gate.
const (
	DefaultGateCases = 50
	MaxGateCases     = 500
	defaultAtOnce    = 8
	maxAtOnce        = 64
)

// GateResult is what came of a gate.
type GateResult struct {
	activities.GateVerdict
	Base  activities.Base `json:"base"`
	Cases int             `json:"cases"`          // tried
	Told  string          `json:"told,omitempty"` // what broke, for whoever repairs it
	Usage run.Usage       `json:"usage"`
}

// MaxTask is the longest task, in bytes: it is sent with every model call. Longer
// material belongs into an input file.
const MaxTask = 64 << 10

// Reply answers every update.
type Reply struct {
	Text string `json:"text"` // one line: what happens now
}

// Approve decides about what waits for an approval. ApprovalID is the digest of what was
// shown: an approval of something else, such as one that a reset applies again, is refused.
type Approve struct {
	ApprovalID string `json:"approval_id"`
	Decision   string `json:"decision"`       // approve or reject
	Note       string `json:"note,omitempty"` // why; kept in the result
	By         string `json:"by,omitempty"`
}

// Decisions of Approve.
const (
	DecideApprove = "approve"
	DecideReject  = "reject" // the run ends with the outcome rejected; to have it changed instead, instruct it
)

// Instruct says something to the model with its next turn. A run that waits for an
// approval goes back to work with it.
type Instruct struct {
	Message string `json:"message"` // at most MaxMessage bytes
	By      string `json:"by,omitempty"`
}

// MaxMessage is the longest message to the model, in bytes; those that wait for its next
// turn may have MaxMessages together.
const (
	MaxMessage  = 16 << 10
	MaxMessages = 64 << 10
)

// SetBudget sets absolute values while the run goes on. What is left out stays as it
// is; a zero lifts the limit, but for turns, which every run has.
type SetBudget struct {
	Turns               *int     `json:"turns,omitempty"`
	OrchestrationTokens *int64   `json:"orchestration_tokens,omitempty"`
	SubagentTokens      *int64   `json:"subagent_tokens,omitempty"`
	CostUSD             *float64 `json:"cost_usd,omitempty"`
	WallSeconds         *int64   `json:"wall_seconds,omitempty"`
	SubagentRuns        *int     `json:"subagent_runs,omitempty"`
	SubagentsCreated    *int     `json:"subagents_created,omitempty"`
	Rounds              *int     `json:"rounds,omitempty"`
	By                  string   `json:"by,omitempty"`
}

// Pause stops the run before its next action: a model call, a call of the turn, a save.
type Pause struct {
	Reason string `json:"reason,omitempty"`
	By     string `json:"by,omitempty"`
}

// Resume lets a paused run go on. A run that waits for a service tries again at once.
type Resume struct {
	Steps int    `json:"steps,omitempty"` // actions after which it pauses again; 0: it goes on
	By    string `json:"by,omitempty"`
}

// Amend replaces the arguments of a call that a paused run has not carried out yet. The
// transcript keeps both, and the model is told.
type Amend struct {
	CallID    string          `json:"call_id"`
	Arguments json.RawMessage `json:"arguments"` // a JSON object; all that wait have at most MaxArguments bytes
	By        string          `json:"by,omitempty"`
}

// MaxArguments is how many bytes the amended calls of a turn may have together: they are
// kept in the history, and go along when the run continues as new.
const MaxArguments = 128 << 10

// Begun is the call after the answered ones, when the run moves while a person is asked about what a subagent wants to do in it.
type Begun struct {
	Journal string             `json:"journal"` // key prefix of what was answered before
	Grants  []activities.Grant `json:"grants,omitempty"`
}

// Carry is what a run that continues as new hands to its successor: references and counters.
type Carry struct {
	Model     string            `json:"model"`
	Subagents string            `json:"subagent_model,omitempty"`
	Policy    activities.Policy `json:"policy"`
	Evolves   string            `json:"evolves,omitempty"`
	Lessons   []run.Lesson      `json:"lessons,omitempty"`
	Gates     int               `json:"gates,omitempty"` // begun so far
	Budget    run.Budget        `json:"budget"`
	Priced    bool              `json:"priced,omitempty"`
	Listed    bool              `json:"listed,omitempty"`
	Turn      string            `json:"turn"`   // key of the last turn
	Number    int               `json:"number"` // its number
	Calls     []activities.Call `json:"calls,omitempty"`
	Amended   map[string]string `json:"amended,omitempty"`
	Answers   []string          `json:"answers"` // keys of the steps that answer its calls, in their order
	Begun     *Begun            `json:"begun,omitempty"`
	Workspace string            `json:"workspace"` // key of the step that holds the files
	NextStep  int               `json:"next_step"`
	Note      string            `json:"note,omitempty"`
	Messages  []string          `json:"messages,omitempty"` // of people, for the next turn
	Warned    bool              `json:"warned,omitempty"`
	Idle      int               `json:"idle,omitempty"`
	Accepted  *accepted         `json:"accepted,omitempty"`
	Usage     run.Usage         `json:"usage"`
	Offered   []run.Candidate   `json:"offered,omitempty"`
	Skills    []run.SavedSkill  `json:"skills,omitempty"`
	Used      []string          `json:"used,omitempty"`
	Paused    *Pause            `json:"paused,omitempty"`
	Steps     int               `json:"steps,omitempty"`
	Versioned bool              `json:"versioned,omitempty"`
	Events    int               `json:"events"`           // number of story lines so far
	Recent    []run.Event       `json:"recent,omitempty"` // the latest of them
}
