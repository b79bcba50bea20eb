package bench

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"agentfactory/internal/run"
	"agentfactory/workflows"
)

// Kind is what the runs of a load do.
type Kind string

// The kinds of loads.
const (
	Build Kind = "install"     // build a subagent, run it in every turn, save it as a skill
	Reuse Kind = "solve-reuse" // run a saved skill in every turn
	Mixed Kind = "mixed"       // every fourth run builds, the others reuse
)

// Kinds lists them in the order in which they are best explained.
func Kinds() []Kind { return []Kind{Build, Reuse, Mixed} }

// Load is what is asked of the workers.
type Load struct {
	ID          string        `json:"id"` // of the bench; what the IDs of its workflows begin with
	Kind        Kind          `json:"task_kind"`
	Runs        int           `json:"runs,omitempty"`        // 0 with a duration
	Duration    time.Duration `json:"duration_ns,omitempty"` // for which runs are begun
	Concurrency int           `json:"concurrency"`           // runs in flight
	Turns       int           `json:"turns"`                 // of each run
	Think       time.Duration `json:"think_ns"`              // that the model takes for a turn
}

const (
	minTurns = 2 // one to run something, one to finish
	// maxTurns keeps a run in one execution: one that continues as new has its history in parts.
	maxTurns       = 200
	maxConcurrency = 1000
	maxRuns        = 1_000_000
)

// Check refuses what cannot be carried out; its error names the flag of `starter bench`.
func (l Load) Check() error {
	switch {
	case !slices.Contains(Kinds(), l.Kind):
		return fmt.Errorf("--task-kind is %q: give %s", l.Kind, kindList())
	case l.Turns < minTurns || l.Turns > maxTurns:
		return fmt.Errorf("--turns is %d: give %d to %d", l.Turns, minTurns, maxTurns)
	case l.Concurrency < 1 || l.Concurrency > maxConcurrency:
		return fmt.Errorf("--concurrency is %d: give 1 to %d", l.Concurrency, maxConcurrency)
	case l.Duration < 0:
		return fmt.Errorf("--duration is %s: give a positive duration", l.Duration)
	case l.Duration == 0 && (l.Runs < 1 || l.Runs > maxRuns):
		return fmt.Errorf("--runs is %d: give 1 to %d", l.Runs, maxRuns)
	case l.Think < 0:
		return fmt.Errorf("--think is %s: give 0 or more", l.Think)
	}
	return nil
}

func kindList() string {
	var names []string
	for _, k := range Kinds() {
		names = append(names, string(k))
	}
	return strings.Join(names, ", ")
}

// Query is a list filter of Temporal that finds the workflows of this load and no others.
func (l Load) Query() string { return fmt.Sprintf("WorkflowId STARTS_WITH %q", l.ID+"-") }

// seeds are how many skills the reusing runs share: a library has more than one that is in use.
const seeds = 8

// seedName is the name of one of the skills that are built before anything is measured.
func seedName(n int) string { return fmt.Sprintf("bench-adder-%d", n%seeds+1) }

// work is one workflow to start.
type work struct {
	id   string
	kind string // workflow type
	in   workflows.InstallInput
}

// seed is a run that builds a skill for others to reuse.
func (l Load) seed(n int) work {
	return l.build(fmt.Sprintf("%s-seed-%d", l.ID, n+1), seedName(n))
}

// work is the run of this number, counted from 0.
func (l Load) work(n int) work {
	id := fmt.Sprintf("%s-%06d", l.ID, n+1)
	if l.Kind == Build || l.Kind == Mixed && n%4 == 0 {
		return l.build(id, fmt.Sprintf("bench-adder-of-run-%d", n+1))
	}
	return l.made(id, workflows.SolveType, fmt.Sprintf("Benchmark %s: add up the numbers %d 2 3 with the saved skill %s.", id, n+1, seedName(n)))
}

func (l Load) build(id, name string) work {
	return l.made(id, workflows.InstallType, fmt.Sprintf("Benchmark %s: build a subagent named %s that adds up numbers, and add up 1 2 3 with it.", id, name))
}

func (l Load) made(id, kind, task string) work {
	return work{id, kind, workflows.InstallInput{Task: task, Model: ModelName, Budget: run.Budget{Turns: l.Turns + spareTurns}}}
}

// spareTurns are left to a run that is asked to finish differently: its turns are counted as they come.
const spareTurns = 3
