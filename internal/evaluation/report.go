package evaluation

import (
	"time"

	"agentfactory/internal/run"
)

// Baseline is the method against which savings are told.
const Baseline = "react"

// Meta is what an evaluation was: its settings, not its results.
type Meta struct {
	ID            string     `json:"id"`
	Name          string     `json:"name,omitempty"`
	StartedAt     time.Time  `json:"started_at,omitzero"`
	FinishedAt    time.Time  `json:"finished_at,omitzero"` // zero: it still runs
	Model         string     `json:"model,omitempty"`
	SubagentModel string     `json:"subagent_model,omitempty"`
	Scripted      bool       `json:"scripted,omitempty"`     // the model is a script: its numbers say nothing about any real model
	Methods       []string   `json:"methods"`                // in the order in which they are told
	Repeat        int        `json:"repeat"`                 // how often each method does each task
	FromScratch   bool       `json:"from_scratch,omitempty"` // each task began with an empty library of its own
	Library       string     `json:"library,omitempty"`      // the snapshot that each arm began with; "": an empty library
	TasksDigest   string     `json:"tasks_digest,omitempty"` // SHA-256 of the resolved tasks
	UI            string     `json:"ui,omitempty"`           // base URL of the Temporal UI, for links to the runs; "": no links
	Namespace     string     `json:"namespace,omitempty"`    // of the runs, for the links; "": default
	Previous      string     `json:"previous,omitempty"`     // ID of the evaluation that this one is held against
	Budget        run.Budget `json:"budget"`                 // of each task
}

// Report is all that an evaluation came to.
type Report struct {
	Meta       Meta         `json:"meta"`
	Methods    []Summary    `json:"methods"`              // one per method
	Batches    []Summary    `json:"batches"`              // method × batch, batches in the order of the tasks
	Categories []Summary    `json:"categories,omitempty"` // method × category, by name
	Tasks      []TaskResult `json:"tasks"`                // in the order of the file
	Growth     []Curve      `json:"growth"`               // one per method
	Against    *Comparison  `json:"against,omitempty"`    // what changed since the previous evaluation
	Outcomes   []Outcome    `json:"outcomes"`             // by method, repeat and number
}

// Summary is what one method came to over some tasks. Means are per run of a task: successes, failures and runs whose
// check crashed are all in, tasks that were not run are not.
type Summary struct {
	Method   string `json:"method"`
	Batch    string `json:"batch,omitempty"`
	Category string `json:"category,omitempty"`

	Tasks       int `json:"tasks"` // distinct ones with an outcome
	Runs        int `json:"runs"`
	Unfinished  int `json:"unfinished"` // runs that did not complete
	Passed      int `json:"passed"`     // successes: the run completed and its answer passed
	Failed      int `json:"failed"`
	CheckErrors int `json:"check_errors"` // neither passed nor failed
	NotChecked  int `json:"not_checked"`
	NotRun      int `json:"not_run"`

	Success Estimate `json:"success"` // Passed of Passed + Failed, 0 to 1, with the 95 % Wilson interval
	Reuse   Estimate `json:"reuse"`   // runs that completed by a saved skill, of Runs, with the 95 % Wilson interval

	OrchestrationTokens Estimate `json:"orchestration_tokens"` // output tokens of the meta-agent: the paper's metric
	InputTokens         Estimate `json:"input_tokens"`         // of the meta-agent, cached ones included
	CachedTokens        Estimate `json:"cached_tokens"`        // part of the input tokens
	SubagentTokens      Estimate `json:"subagent_tokens"`      // output tokens of subagents' own model calls
	CheckTokens         Estimate `json:"check_tokens"`         // output tokens by which the method wrote its own checks; the evaluation's judge is not in
	JudgeTokens         Estimate `json:"judge_tokens"`         // output tokens of grading by the evaluation
	CostUSD             Estimate `json:"cost_usd"`             // of the run, without grading
	Turns               Estimate `json:"turns"`
	Seconds             Estimate `json:"seconds"` // wall time

	TotalCostUSD float64 `json:"total_cost_usd"` // of the runs, without grading
	Created      int     `json:"created"`        // skills
	Modified     int     `json:"modified"`       // new versions of skills
	LibrarySize  float64 `json:"library_size"`   // skills after the last task, mean over repeats
	Savings      *Saving `json:"savings,omitempty"`
	Estimated    bool    `json:"estimated,omitempty"` // some tokens were counted by a tokenizer, as the server sent none
}

// Estimate is a mean or a share with its 95 % confidence interval.
type Estimate struct {
	Value    float64   `json:"value"`
	Interval *Interval `json:"interval,omitempty"` // nil: there are too few values for one
	N        int       `json:"n"`                  // values
}

// Interval is a 95 % confidence interval.
type Interval struct {
	Low  float64 `json:"low"`
	High float64 `json:"high"`
	Over Over    `json:"over"`
}

// Over says of what an interval tells the variation.
type Over string

const (
	OverRuns    Over = "runs"    // of shares: Wilson's score interval over single runs
	OverRepeats Over = "repeats" // Student's t over the means of the repeats: another repeat of the same tasks
	OverTasks   Over = "tasks"   // Student's t over the tasks of the only repeat: other tasks like these
)

// Saving is how many orchestration tokens fewer a method took than the baseline, over the tasks that both ran.
type Saving struct {
	Percent float64 `json:"percent"` // negative: it took more
	Tasks   int     `json:"tasks"`
}

// TaskResult is one task with all methods.
type TaskResult struct {
	Number   int    `json:"number"`
	ID       string `json:"id"`
	Batch    string `json:"batch,omitempty"`
	Category string `json:"category,omitempty"`
	Task     string `json:"task"`
	Digest   string `json:"digest"` // of the task with its files and check; only tasks of one digest can be compared
	Cells    []Cell `json:"cells"`  // in the order of the methods
}

// Cell is one task with one method over its repeats.
type Cell struct {
	Method              string   `json:"method"`
	Runs                int      `json:"runs"`
	Passed              int      `json:"passed"` // of Graded
	Graded              int      `json:"graded"`
	CheckErrors         int      `json:"check_errors"`
	NotRun              int      `json:"not_run"`
	Success             Estimate `json:"success"`
	OrchestrationTokens Estimate `json:"orchestration_tokens"`
	Turns               Estimate `json:"turns"`
	Seconds             Estimate `json:"seconds"`
	CostUSD             Estimate `json:"cost_usd"`
}

// Curve is how one method went on from task to task, the mean over its repeats.
type Curve struct {
	Method string       `json:"method"`
	Points []CurvePoint `json:"points"`
}

// CurvePoint is the state after a task.
type CurvePoint struct {
	Number              int     `json:"number"`
	Task                string  `json:"task"`
	Batch               string  `json:"batch,omitempty"`
	Success             float64 `json:"success"`              // of everything graded so far
	Reuse               float64 `json:"reuse"`                // of the latest ReuseWindow tasks
	OrchestrationTokens float64 `json:"orchestration_tokens"` // of this task
	CumulativeTokens    float64 `json:"cumulative_tokens"`    // of one repeat so far
	CumulativeCostUSD   float64 `json:"cumulative_cost_usd"`  // of one repeat so far
	Solved              float64 `json:"solved"`               // tasks of one repeat that succeeded so far
	LibrarySize         float64 `json:"library_size"`
	CodeLines           float64 `json:"code_lines"` // of a skill, mean over those that the evaluation has saved so far
	Lessons             float64 `json:"lessons"`
}

// ReuseWindow is over how many tasks the reuse rate of a curve is told.
const ReuseWindow = 5
