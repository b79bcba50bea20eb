// Package workflows holds the deterministic orchestration: the meta-agent loop behind
// Install, and what later workflows share with it. It decides, counts and waits; every
// side effect is an activity. It imports the activities package only for typed method
// references and messages, and never reads configuration, clocks or files.
package workflows

import (
	"agentfactory/internal/run"
)

// Task queues.
const (
	TaskQueue        = "agentfactory"         // workflows, model calls, library
	SandboxTaskQueue = "agentfactory-sandbox" // subagent runs; small concurrency
)

// Names that other programs rely on.
const (
	InstallType = "Install" // workflow type
	StatusQuery = "status"  // answers run.Status
)

// Approval policies: what a person has to release. Steering by approvals is not built
// yet: any policy but never is refused, so that nobody believes to be asked.
const (
	ApproveNever = "never"
)

// InstallInput is the one argument of Install. Only Task is required.
type InstallInput struct {
	Task     string          `json:"task"`               // in plain words, at most MaxTask bytes
	Files    []run.InputFile `json:"files,omitempty"`    // put into the workspace
	Model    string          `json:"model,omitempty"`    // default: the worker's configured model
	Budget   run.Budget      `json:"budget,omitzero"`    // zeros mean the defaults
	Approval string          `json:"approval,omitempty"` // approval policy, default never
	Save     *bool           `json:"save,omitempty"`     // whether skills are saved, default true
	Carry    *Carry          `json:"carry,omitempty"`    // set by continue-as-new, never by people
}

// Carry is what a run that continues as new hands to its successor: references and counters.
type Carry struct {
	Model     string     `json:"model"`
	Budget    run.Budget `json:"budget"`
	Turn      string     `json:"turn"`      // key of the last turn
	Number    int        `json:"number"`    // its number
	Answers   []string   `json:"answers"`   // keys of the steps that answer its calls
	Workspace string     `json:"workspace"` // key of the step that holds the files
	NextStep  int        `json:"next_step"`
	Note      string     `json:"note,omitempty"`
	Warned    bool       `json:"warned,omitempty"`
	Idle      int        `json:"idle,omitempty"`
	Usage     run.Usage  `json:"usage"`
	Events    int        `json:"events"` // number of story lines so far
}

// MaxTask is the longest task, in bytes: it is sent with every model call. Longer
// material belongs into an input file.
const MaxTask = 64 << 10
