package activities

import (
	"time"

	"agentfactory/internal/evaluation"
	"agentfactory/internal/evaluation/archive"
	"agentfactory/internal/run"
)

// OpenEvaluationInput begins an evaluation, or goes on with it.
type OpenEvaluationInput struct {
	Tasks       string     `json:"tasks"` // S3 key of the tasks file
	Methods     []string   `json:"methods"`
	Repeat      int        `json:"repeat"`
	FromScratch bool       `json:"from_scratch,omitempty"`
	Library     string     `json:"library,omitempty"`
	Model       string     `json:"model,omitempty"`
	Budget      run.Budget `json:"budget,omitzero"`
	CountsCost  bool       `json:"counts_cost,omitempty"` // a cost of the whole evaluation is limited
	Series      string     `json:"series,omitempty"`
	Against     string     `json:"against,omitempty"`
	UI          string     `json:"ui,omitempty"`
}

// OpenedEvaluation is what the workflow needs to know of an evaluation.
type OpenedEvaluation struct {
	Arms     []archive.Arm `json:"arms"`
	Count    int           `json:"count"` // tasks
	Model    string        `json:"model"`
	Budget   run.Budget    `json:"budget"` // of each task, resolved
	Previous string        `json:"previous,omitempty"`
	Listed   bool          `json:"listed,omitempty"` // the server knows the search attributes
	// Versioned says that it was opened by a worker of a deployment, whose versions come and go.
	Versioned bool `json:"versioned,omitempty"`
}

// TaskRef names a task of an arm.
type TaskRef struct {
	Evaluation string      `json:"evaluation"`
	Arm        archive.Arm `json:"arm"`
	Number     int         `json:"number"` // from 1
}

// OpenedTask is a task as a run takes it, or what came of it before.
type OpenedTask struct {
	ID      string          `json:"id"`
	Task    string          `json:"task,omitempty"`
	Files   []run.InputFile `json:"files,omitempty"`
	Library string          `json:"library,omitempty"`
	Done    *TaskDone       `json:"done,omitempty"`
}

// GradeInput asks for what a run made of a task to be graded and kept.
type GradeInput struct {
	TaskRef
	Library    string `json:"library,omitempty"`
	WorkflowID string `json:"workflow_id"`
	RunID      string `json:"run_id,omitempty"` // "": it ended without saying so
	// Ended and Reason are what Temporal tells of a run that left no result.
	Ended   run.Outcome `json:"ended,omitempty"`
	Reason  string      `json:"reason,omitempty"`
	Started time.Time   `json:"started,omitzero"`
	Seconds float64     `json:"seconds"` // from the start of the run to its end
	Model   string      `json:"model,omitempty"`
}

// TaskDone is what an evaluation counts of a task.
type TaskDone struct {
	ID      string             `json:"id"`
	Verdict evaluation.Verdict `json:"verdict"`
	Reason  string             `json:"reason,omitempty"`
	Ended   run.Outcome        `json:"ended,omitempty"`
	Choice  run.Choice         `json:"choice,omitempty"`
	Tokens  int64              `json:"tokens"`   // orchestration output tokens
	CostUSD float64            `json:"cost_usd"` // with grading
}

// ReportInput asks for the report of what has been done so far.
type ReportInput struct {
	Evaluation string `json:"evaluation"`
}

// EvaluationReport is where the report lies, and the gist of it.
type EvaluationReport struct {
	Keys     map[string]string `json:"keys"` // S3 keys by form: json, csv, summary.csv, md, html
	Previous string            `json:"previous,omitempty"`
	Change   evaluation.Change `json:"change,omitempty"` // against the previous evaluation; "": there is none
	Why      string            `json:"why,omitempty"`
	Methods  []MethodSummary   `json:"methods"`
}

// MethodSummary is one method in a line.
type MethodSummary struct {
	Method      string  `json:"method"`
	Passed      int     `json:"passed"`
	Failed      int     `json:"failed"`
	CheckErrors int     `json:"check_errors"`
	NotChecked  int     `json:"not_checked"`
	Tokens      float64 `json:"tokens"` // orchestration output tokens per task
	Reuse       float64 `json:"reuse"`  // share of the runs
	CostUSD     float64 `json:"cost_usd"`
}

// AnnounceInput asks for a web hook to be told that an evaluation got worse.
type AnnounceInput struct {
	Evaluation string           `json:"evaluation"`
	Report     EvaluationReport `json:"report"`
}
