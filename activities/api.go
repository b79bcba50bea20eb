// Package activities holds every side effect of the workflows: model calls, subagent
// runs, the skill library, and the records on S3. There is one struct per dependency;
// its exported methods are the activities, named as they appear in a history.
//
// Inputs and results carry references (S3 keys) and counters only, so that histories
// stay small; the transcript, the code and the files stay on S3. An activity builds
// the keys it writes from its own run ID, and every record is written create-only, so
// that an attempt which is repeated finds what an earlier one has completed.
package activities

import (
	"agentfactory/internal/run"
	"agentfactory/internal/skill"
)

// BeginInput opens a run.
type BeginInput struct {
	Task   string          `json:"task"`
	Files  []run.InputFile `json:"files,omitempty"`
	Model  string          `json:"model,omitempty"` // "" is the worker's configured model
	Budget run.Budget      `json:"budget,omitzero"` // zeros are filled with defaults
	// Offer puts the saved skills that fit into the first message with their interfaces, so
	// that they can be run at once.
	Offer   bool   `json:"offer,omitempty"`
	Library string `json:"library,omitempty"` // skill library of the run; "": the live one
	// Evolve opens the run with a saved skill that is to be repaired; the task may then be left to what the skill fell short of.
	Evolve *EvolveArg `json:"evolve,omitempty"`
	// Method opens the run with a method that the meta-agent is compared with: the name of a metaskill.Method.
	Method string `json:"method,omitempty"`
}

// Policy is what this installation asks of versions that replace others.
type Policy struct {
	Checks        bool `json:"checks,omitempty"`         // checks are written for new cases
	AskPromotions bool `json:"ask_promotions,omitempty"` // a person releases every replacement
	GateCases     int  `json:"gate_cases"`               // cases of a gate, at most
}

// BeginResult refers to the opening of the transcript and the first workspace.
type BeginResult struct {
	Turn     string          `json:"turn"` // key of turn 0
	Step     string          `json:"step"` // key of step 0
	Model    string          `json:"model"`
	Budget   run.Budget      `json:"budget"` // resolved
	Priced   bool            `json:"priced,omitempty"`
	Offered  []run.Candidate `json:"offered,omitempty"` // saved skills that may fit, the best first
	Calls    []Call          `json:"calls,omitempty"`   // made for the model before its first turn
	Task     string          `json:"task,omitempty"`    // where it was left to Begin
	Evolves  string          `json:"evolves,omitempty"` // the skill that is to be repaired
	Nothing  string          `json:"nothing,omitempty"` // why there is nothing to do
	Policy   Policy          `json:"policy"`
	Searched string          `json:"searched,omitempty"` // how the library was searched: lexical or lexical+vector
	Notes    []string        `json:"notes,omitempty"`    // of the search, for people
	Usage    run.Usage       `json:"usage"`
	Lessons  []run.Lesson    `json:"lessons,omitempty"` // of earlier tasks that the first message holds
	// SubagentModel is behind call_llm and the judges of cases.
	SubagentModel string `json:"subagent_model,omitempty"`
	// Listed says that the server knows the search attributes; Unlisted why it does not.
	Listed   bool   `json:"listed,omitempty"`
	Unlisted string `json:"unlisted,omitempty"`
	// Versioned says that the run was begun by a worker of a deployment, whose versions come and go.
	Versioned bool `json:"versioned,omitempty"`
}

// ThinkInput asks for the next turn: one model call.
type ThinkInput struct {
	Number int      `json:"number"`
	Parent string   `json:"parent"`          // key of the turn before
	Steps  []string `json:"steps,omitempty"` // keys of the steps that answer its calls, in their order
	Note   string   `json:"note,omitempty"`  // said to the model after the observations
	// MaxOutputTokens is what is left for the reply; 0 leaves the model's own limit.
	MaxOutputTokens int64 `json:"max_output_tokens,omitempty"`
}

// ThinkResult is what the workflow needs to know of a turn.
type ThinkResult struct {
	Turn     string    `json:"turn"` // key
	Calls    []Call    `json:"calls,omitempty"`
	Text     string    `json:"text,omitempty"` // start of the reply's text
	Finish   string    `json:"finish,omitempty"`
	Refusal  string    `json:"refusal,omitempty"`
	Usage    run.Usage `json:"usage"`
	Replayed bool      `json:"replayed,omitempty"` // the turn was completed by an earlier attempt
}

// Call is one meta skill call that a turn asked for; its arguments stay in the turn.
type Call struct {
	ID   string `json:"id"` // the model's, or a digest of it if that is long
	Name string `json:"name"`
	Hint string `json:"hint,omitempty"` // what it is about, for the story
	Runs bool   `json:"runs,omitempty"` // it executes a subagent
}

// CallInput asks for one call of a turn to be carried out.
type CallInput struct {
	Turn      string    `json:"turn"` // key of the turn that asked
	CallID    string    `json:"call_id"`
	Amended   string    `json:"amended,omitempty"` // arguments in place of the model's
	Step      int       `json:"step"`              // number of the step it makes
	Workspace string    `json:"workspace"`         // key of the step that holds the files as they are
	Remaining Allowance `json:"remaining"`
	Refuse    string    `json:"refuse,omitempty"` // answer with this instead of carrying it out
	Library   string    `json:"library,omitempty"`
	// Grants are decisions of people about calls of the subagent that the policy asks about.
	Grants []Grant `json:"grants,omitempty"`
	// Journal is the key prefix of the journal that the call goes on with, when its run has moved since it was begun; "" is that
	// of its step.
	Journal string     `json:"journal,omitempty"`
	Finish  *FinishArg `json:"finish,omitempty"` // ReviewFinish only
	Lesson  *LessonArg `json:"lesson,omitempty"` // SaveLesson only
}

// FinishArg is what a review has to know of the run around it.
type FinishArg struct {
	Save   bool `json:"save"`   // false: nothing is saved, whatever finish lists
	Warned bool `json:"warned"` // advice was given once; do not give it again
}

// Allowance is what may still be spent by the call; a negative number is no limit.
type Allowance struct {
	SubagentTokens int64   `json:"subagent_tokens"`
	CostUSD        float64 `json:"cost_usd"`
	Seconds        int64   `json:"seconds"`
}

// CallResult is what the workflow needs to know of a carried-out call.
type CallResult struct {
	Step     string    `json:"step"` // key; the observation is in it
	OK       bool      `json:"ok"`
	Changed  bool      `json:"changed,omitempty"` // the step holds a new workspace
	Summary  string    `json:"summary,omitempty"`
	Usage    run.Usage `json:"usage"`
	Accepted bool      `json:"accepted,omitempty"` // ReviewFinish: the run may end
	Advised  bool      `json:"advised,omitempty"`  // ReviewFinish: advice was given
	Saves    []string  `json:"saves,omitempty"`    // ReviewFinish: names of the skills to save
	Replaces []Replace `json:"replaces,omitempty"` // ReviewFinish: those of them that replace a version
	Answer   string    `json:"answer,omitempty"`   // ReviewFinish: its beginning
	Digest   string    `json:"digest,omitempty"`   // ReviewFinish: of the answer and what is saved
	Skill    string    `json:"skill,omitempty"`    // saved skill that was run
	// Lesson is what SaveLesson has kept.
	Lesson *run.Lesson `json:"lesson,omitempty"`
	// Asked is a call of the subagent about which a person has to decide. There is no step: the same input with the
	// decision carries the call out again, and what was answered until then comes from the journal.
	Asked *Asked `json:"asked,omitempty"`
}

// Grant is a decision about an Asked.
type Grant struct {
	Digest  string `json:"digest"`
	Granted bool   `json:"granted"`
}

// Asked is a call that the policy asks a person about.
type Asked struct {
	Digest  string `json:"digest"` // of the request
	Request string `json:"request"`
	Rule    string `json:"rule"`
	Reason  string `json:"reason"`
}

// Replace says that a skill which an accepted finish saves replaces a version.
type Replace struct {
	Index  int    `json:"index"`            // among those that are saved
	Skill  string `json:"skill"`            // whose current version is replaced
	Parent int    `json:"parent,omitempty"` // version that it was made from
}

// VersionRef names a version by number and content.
type VersionRef struct {
	Name    string `json:"name"`
	Version int    `json:"version"`
	Digest  string `json:"digest,omitempty"` // skill.Manifest.Digest
}

// Base is a head that a candidate is held against.
type Base struct {
	VersionRef
	Generation int64 `json:"generation"`
}

// PlanRef names a planned skill, with the case that it leaves.
type PlanRef struct {
	Step  string `json:"step"`            // key of the step with the plan
	Index int    `json:"index"`           // of the skill in the plan
	Check string `json:"check,omitempty"` // key of the record of its check
}

// CheckInput asks for a check of a planned skill's case.
type CheckInput struct {
	Step      string    `json:"step"`
	Index     int       `json:"index"`
	Remaining Allowance `json:"remaining"`
}

// CheckResult refers to what came of it.
type CheckResult struct {
	Check string    `json:"check"`          // key of the record
	Kind  string    `json:"kind,omitempty"` // script or judge; "" is no check
	Why   string    `json:"why,omitempty"`  // there is none
	Usage run.Usage `json:"usage"`
}

// CandidateInput asks for a planned skill to be stored as a version that is not current.
type CandidateInput struct {
	Step    string `json:"step"`
	Index   int    `json:"index"`
	Library string `json:"library,omitempty"`
}

// Candidate is a stored version that is to replace another.
type Candidate struct {
	VersionRef
	Base    Base     `json:"base"`
	Guarded bool     `json:"guarded,omitempty"` // a person has to release its promotion
	Current bool     `json:"current,omitempty"` // the library has it as the current version already
	Hold    string   `json:"hold,omitempty"`    // why it must not replace the base
	More    []string `json:"more,omitempty"`    // what it was seen to need beyond the base
}

// OpenGateInput asks on which cases a candidate is to be tried.
type OpenGateInput struct {
	Skill   string   `json:"skill"`
	Version int      `json:"version"`
	Base    *Base    `json:"base,omitempty"` // nil: the current version
	New     *PlanRef `json:"new,omitempty"`  // the case that it was made for, which is not stored yet
	Cases   int      `json:"cases"`          // at most
	Model   string   `json:"model,omitempty"`
	Library string   `json:"library,omitempty"`
}

// OpenGateResult is what a gate works through.
type OpenGateResult struct {
	Candidate VersionRef `json:"candidate"`
	Base      Base       `json:"base"`
	Cases     []Chosen   `json:"cases"`
	Sampled   bool       `json:"sampled,omitempty"` // there are more
	Model     string     `json:"model"`             // behind call_llm and judges
}

// Chosen is a case to be tried.
type Chosen struct {
	Case string `json:"case"`
	Keep bool   `json:"keep,omitempty"` // a person insists on it
}

// TrialInput asks for a candidate and its base to be run on one case.
type TrialInput struct {
	Candidate VersionRef `json:"candidate"`
	Base      VersionRef `json:"base"`
	Case      string     `json:"case,omitempty"`
	Keep      bool       `json:"keep,omitempty"`
	New       *PlanRef   `json:"new,omitempty"` // instead of Case
	Model     string     `json:"model"`         // behind call_llm and judges
	Remaining Allowance  `json:"remaining"`
	Library   string     `json:"library,omitempty"`
}

// TrialResult is what came of a case.
type TrialResult struct {
	Trial   string         `json:"trial"` // key of the record
	Outcome skill.GateCase `json:"outcome"`
	Query   string         `json:"query"` // its beginning
	Usage   run.Usage      `json:"usage"`
}

// CloseGateInput ends a gate.
type CloseGateInput struct {
	Gate    OpenGateResult   `json:"gate"`
	Cases   []skill.GateCase `json:"cases"`
	Usage   run.Usage        `json:"usage"`
	Seconds float64          `json:"seconds"` // from its beginning to its end
	Library string           `json:"library,omitempty"`
}

// GateVerdict is what came of a gate; the report is kept with the candidate.
type GateVerdict struct {
	Report  string        `json:"report"` // its ID
	Verdict skill.Verdict `json:"verdict"`
	Why     string        `json:"why"`
}

// SaveInput asks for one planned skill to be saved.
type SaveInput struct {
	Step  string `json:"step"`            // key of the step with the plan
	Index int    `json:"index"`           // of the skill in the plan
	Check string `json:"check,omitempty"` // key of the record of its case's check

	Candidate *Candidate `json:"candidate,omitempty"` // that replaces another version; nil: a new skill
	Gate      string     `json:"gate,omitempty"`      // ID of the report
	Note      string     `json:"note,omitempty"`      // what the gate said
	Approved  string     `json:"approved,omitempty"`  // who released the promotion
	Hold      string     `json:"hold,omitempty"`      // why the version is only kept
	Library   string     `json:"library,omitempty"`
}

// SaveResult is what was saved.
type SaveResult struct {
	run.SavedSkill
	Moved bool `json:"moved,omitempty"` // nothing was saved: the base is not the current version any more
}

// CloseInput ends a run: its result, without what only S3 knows.
type CloseInput struct {
	Result    run.Result `json:"result"`
	Plan      string     `json:"plan,omitempty"` // key of the step with the accepted finish; the answer is there
	Workspace string     `json:"workspace,omitempty"`
	Answer    string     `json:"answer,omitempty"` // of a run without a finish
	Library   string     `json:"library,omitempty"`
}
