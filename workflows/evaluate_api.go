package workflows

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"agentfactory/activities"
	"agentfactory/internal/evaluation"
	"agentfactory/internal/metaskill"
	"agentfactory/internal/run"
)

// EvaluateType is the workflow type that gives the tasks of a file to several methods and reports; it takes EvaluateInput.
const EvaluateType = "Evaluate"

// The methods of an evaluation.
const (
	MethodAgentFactory = "agentfactory"        // Solve
	MethodReAct        = metaskill.ReActName   // code for each task from scratch
	MethodTextual      = metaskill.TextualName // ReAct with lessons of earlier tasks
)

// Methods are the names of all methods, in the order in which reports show them.
func Methods() []string { return []string{MethodReAct, MethodTextual, MethodAgentFactory} }

// EvaluateInput is the one argument of Evaluate. Only Tasks is required. The workflow ID is the evaluation's: started again
// under it, with the same tasks and methods, it goes on where it ended.
type EvaluateInput struct {
	Tasks   string   `json:"tasks"`             // S3 key of the tasks, one JSON object per line; docs/evaluation.md has its fields
	Methods []string `json:"methods,omitempty"` // agentfactory (default), react, textual
	Repeat  int      `json:"repeat,omitempty"`  // how often each method does all tasks, default 1
	// FromScratch gives every task an empty library of its own, so that all can go on side by side. Else each method does the
	// tasks in their order, and finds what it saved before.
	FromScratch bool `json:"from_scratch,omitempty"`
	// Library is what each method begins with: nothing (default), "live", a snapshot's name, or the ID of an evaluation whose
	// libraries are gone on with. The live library is never written.
	Library     string          `json:"library,omitempty"`
	Concurrency int             `json:"concurrency,omitempty"` // tasks side by side, default 4
	Model       string          `json:"model,omitempty"`       // default: the worker's configured model
	Budget      run.Budget      `json:"budget,omitzero"`       // of each task; zeros mean the defaults
	Total       EvaluationTotal `json:"total,omitzero"`        // of the whole evaluation; zeros mean no limit
	Series      string          `json:"series,omitempty"`      // evaluations of one series are held against the one before; default: those of the same tasks
	Against     string          `json:"against,omitempty"`     // ID of the evaluation to be held against, in place of the one before
	UI          string          `json:"ui,omitempty"`          // base URL of the Temporal UI, for links in the report

	Carry *EvaluationCarry `json:"carry,omitempty"` // set by continue-as-new, never by people
}

// EvaluationTotal limits what an evaluation may spend. It is looked at before each task; tasks under way end by their own budgets.
type EvaluationTotal struct {
	CostUSD             float64 `json:"cost_usd,omitempty"`             // by the price table, with grading
	OrchestrationTokens int64   `json:"orchestration_tokens,omitempty"` // output tokens
}

// EvaluateResult is what came of an evaluation; the report has the rest.
type EvaluateResult struct {
	Evaluation string                      `json:"evaluation"` // its ID
	Outcome    run.Outcome                 `json:"outcome"`    // completed or budget_exhausted
	Reason     string                      `json:"reason,omitempty"`
	Report     activities.EvaluationReport `json:"report"`
}

// EvaluationCarry is what an evaluation that continues as new hands to its successor.
type EvaluationCarry struct {
	Opened activities.OpenedEvaluation `json:"opened"`
	First  int                         `json:"first"` // lanes before it are done
	Next   []int                       `json:"next"`  // tasks that each arm has done; unused from scratch
	Tally  map[string]*Tally           `json:"tally"` // by method
	Spent  EvaluationTotal             `json:"spent"`
	Paused *Pause                      `json:"paused,omitempty"`
	Events int                         `json:"events"`
	Recent []run.Event                 `json:"recent,omitempty"`
}

// Tally counts what one method has done so far.
type Tally struct {
	Done   int `json:"done"`
	Passed int `json:"passed"`
}

// Bounds of an evaluation.
const (
	MaxRepeat          = 20
	MaxConcurrency     = 200
	defaultConcurrency = 4
)

// DecodeEvaluate reads the input of an Evaluate strictly, as people write it.
func DecodeEvaluate(raw []byte) (EvaluateInput, error) {
	var in EvaluateInput
	if err := strict(raw, &in); err != nil {
		return EvaluateInput{}, err
	}
	return in.filled(), in.Check()
}

func (in EvaluateInput) filled() EvaluateInput {
	if len(in.Methods) == 0 {
		in.Methods = []string{MethodAgentFactory}
	}
	if in.Repeat == 0 {
		in.Repeat = 1
	}
	if in.Concurrency == 0 {
		in.Concurrency = defaultConcurrency
	}
	return in
}

// Check refuses what no evaluation can start with.
func (in EvaluateInput) Check() error {
	switch {
	case in.Tasks == "":
		return errors.New("tasks is empty: give the S3 key of the tasks file (starter evaluate uploads it)")
	case in.Repeat < 0 || in.Repeat > MaxRepeat:
		return fmt.Errorf("repeat is %d: give 1 to %d", in.Repeat, MaxRepeat)
	case in.Concurrency < 0 || in.Concurrency > MaxConcurrency:
		return fmt.Errorf("concurrency is %d: give 1 to %d", in.Concurrency, MaxConcurrency)
	case in.FromScratch && in.Library != "":
		return errors.New("from_scratch and library exclude each other: runs from scratch begin with empty libraries")
	case in.Total.CostUSD < 0 || in.Total.OrchestrationTokens < 0:
		return errors.New("total: give positive numbers, or leave them out for no limit")
	case len(in.Model) > maxModel:
		return fmt.Errorf("model has %d bytes: give the name of a model", len(in.Model))
	}
	for i, m := range in.Methods {
		if MethodTypes[m] == "" {
			return fmt.Errorf("methods: there is no method %q; there are %s", m, strings.Join(Methods(), ", "))
		}
		if slices.Contains(in.Methods[:i], m) {
			return fmt.Errorf("methods: %s is given twice; repeat says how often each is tried", m)
		}
	}
	return in.Budget.Check()
}

// count adds a task to what a method has done.
func (t *Tally) count(d activities.TaskDone) {
	t.Done++
	if d.Verdict == evaluation.Passed {
		t.Passed++
	}
}
