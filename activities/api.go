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
)

// BeginInput opens a run.
type BeginInput struct {
	Task   string          `json:"task"`
	Files  []run.InputFile `json:"files,omitempty"`
	Model  string          `json:"model,omitempty"` // "" is the worker's configured model
	Budget run.Budget      `json:"budget,omitzero"` // zeros are filled with defaults
	// Offer puts the saved skills that fit into the first message with their interfaces, so
	// that they can be run at once.
	Offer bool `json:"offer,omitempty"`
}

// BeginResult refers to the opening of the transcript and the first workspace.
type BeginResult struct {
	Turn    string          `json:"turn"` // key of turn 0
	Step    string          `json:"step"` // key of step 0
	Model   string          `json:"model"`
	Budget  run.Budget      `json:"budget"` // resolved
	Priced  bool            `json:"priced,omitempty"`
	Offered []run.Candidate `json:"offered,omitempty"` // saved skills that may fit, the best first
	// Listed says that the server knows the search attributes; Unlisted why it does not.
	Listed   bool   `json:"listed,omitempty"`
	Unlisted string `json:"unlisted,omitempty"`
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
	Turn      string     `json:"turn"` // key of the turn that asked
	CallID    string     `json:"call_id"`
	Amended   string     `json:"amended,omitempty"` // arguments in place of the model's
	Step      int        `json:"step"`              // number of the step it makes
	Workspace string     `json:"workspace"`         // key of the step that holds the files as they are
	Remaining Allowance  `json:"remaining"`
	Refuse    string     `json:"refuse,omitempty"` // answer with this instead of carrying it out
	Finish    *FinishArg `json:"finish,omitempty"` // ReviewFinish only
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
	Answer   string    `json:"answer,omitempty"`   // ReviewFinish: its beginning
	Digest   string    `json:"digest,omitempty"`   // ReviewFinish: of the answer and what is saved
	Skill    string    `json:"skill,omitempty"`    // saved skill that was run
}

// SaveInput asks for one planned skill to be saved.
type SaveInput struct {
	Step  string `json:"step"`  // key of the step with the plan
	Index int    `json:"index"` // of the skill in the plan
}

// CloseInput ends a run: its result, without what only S3 knows.
type CloseInput struct {
	Result    run.Result `json:"result"`
	Plan      string     `json:"plan,omitempty"` // key of the step with the accepted finish; the answer is there
	Workspace string     `json:"workspace,omitempty"`
}
