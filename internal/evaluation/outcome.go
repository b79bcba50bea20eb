package evaluation

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"agentfactory/internal/run"
)

// Verdict is what grading made of a task's result.
type Verdict string

const (
	Passed     Verdict = "passed"      // the check accepted the answer
	Failed     Verdict = "failed"      // the check refused the answer, or the run gave none
	CheckError Verdict = "check_error" // the check itself crashed, hung or gave no verdict: nothing is known of the answer
	NotChecked Verdict = "not_checked" // the task has neither check nor reference
	NotRun     Verdict = "not_run"     // the task was not begun, or was stopped from outside with the evaluation
)

// CheckKind is who gave the verdict.
type CheckKind string

const (
	ByScript CheckKind = "script" // the task's check script
	ByJudge  CheckKind = "judge"  // a model that was shown the reference or the rubric
)

// Outcome is the record of one task with one method in one repeat. It is written once.
type Outcome struct {
	Number   int    `json:"number"` // of the task in its file, from 1
	Task     string `json:"task"`   // its ID
	Batch    string `json:"batch,omitempty"`
	Category string `json:"category,omitempty"`
	Method   string `json:"method"`
	Repeat   int    `json:"repeat"` // from 1

	WorkflowID string      `json:"workflow_id,omitempty"` // "" for a task that was not run
	RunID      string      `json:"run_id,omitempty"`
	Ended      run.Outcome `json:"ended,omitempty"`      // how the run ended; "" for a task that was not run
	Reason     string      `json:"reason,omitempty"`     // one line: why it did not complete, or was not run
	AnswerKey  string      `json:"answer_key,omitempty"` // S3 key of the run's result.json, which holds the answer

	Verdict     Verdict   `json:"verdict"`
	Check       CheckKind `json:"check,omitempty"`        // "" where nothing was checked
	CheckReason string    `json:"check_reason,omitempty"` // one line

	Usage      run.Usage `json:"usage"`       // of the run
	JudgeUsage run.Usage `json:"judge_usage"` // of grading; never counted as the method's
	Turns      int       `json:"turns"`

	Choice      run.Choice  `json:"choice,omitempty"`      // what the run made of its library
	SkillsUsed  []string    `json:"skills_used,omitempty"` // saved skills that were run
	Created     []string    `json:"created,omitempty"`     // skills that it added to its library
	Modified    []string    `json:"modified,omitempty"`    // skills that got a new version
	Saved       []SavedCode `json:"saved,omitempty"`       // how much those of both are
	LibrarySize int         `json:"library_size"`          // skills in the arm's library after the task
	Lessons     int         `json:"lessons"`               // textual lessons of the arm after the task

	Model      string    `json:"model,omitempty"`
	StartedAt  time.Time `json:"started_at,omitzero"`
	FinishedAt time.Time `json:"finished_at,omitzero"`
	Seconds    float64   `json:"seconds"` // wall time of the run, waiting included
}

// SavedCode says how much the code of a saved skill is.
type SavedCode struct {
	Name      string `json:"name"`
	Lines     int    `json:"lines"` // that are neither blank nor comment
	Functions int    `json:"functions"`
	Tools     int    `json:"tools"` // tool skills that it is given
}

// Ran reports whether the task was given to the method at all. Only such outcomes are in any mean.
func (o Outcome) Ran() bool { return o.Verdict != NotRun }

// Graded reports whether the outcome counts in a success rate. A check that failed by itself says nothing of the
// answer, so its task is neither a success nor a failure; neither is a task that has no check.
func (o Outcome) Graded() bool { return o.Verdict == Passed || o.Verdict == Failed }

// Succeeded reports whether the run completed and its answer passed. An answer that passes out of a run that did not
// complete (a budget ran out, a person rejected it) is no success: whoever had asked would not have got it.
func (o Outcome) Succeeded() bool { return o.Ended == run.Completed && o.Verdict == Passed }

// Reuses reports whether the run completed by means of a saved skill.
func (o Outcome) Reuses() bool { return reuses(o.Choice) }

// Why says in a line why the outcome is no success; "" for one that is.
func (o Outcome) Why() string { return oneLine(o.why()) }

func (o Outcome) why() string {
	switch {
	case o.Succeeded():
		return ""
	case !o.Ran():
		return cmp.Or(o.Reason, "it was not run")
	case o.Ended != run.Completed:
		return strings.TrimSuffix(fmt.Sprintf("%s: %s", o.Ended, o.Reason), ": ")
	case o.Verdict == NotChecked:
		return "it has no check"
	case o.Verdict == CheckError:
		return "the check itself failed: " + cmp.Or(o.CheckReason, "no reason was kept")
	}
	return cmp.Or(o.CheckReason, "no reason was kept")
}

// sorted returns the outcomes in the order of methods, then repeat and number; what has the same place is ordered by
// its run, so that the order of the input never shows.
func sorted(outcomes []Outcome, methods []string) []Outcome {
	rank := map[string]int{}
	for i, m := range methods {
		rank[m] = i
	}
	out := slices.Clone(outcomes)
	slices.SortFunc(out, func(a, b Outcome) int {
		return cmp.Or(cmp.Compare(rank[a.Method], rank[b.Method]), cmp.Compare(a.Method, b.Method), cmp.Compare(a.Repeat, b.Repeat),
			cmp.Compare(a.Number, b.Number), cmp.Compare(a.Task, b.Task), cmp.Compare(a.WorkflowID, b.WorkflowID), cmp.Compare(a.RunID, b.RunID))
	})
	return out
}
