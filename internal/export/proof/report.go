package proof

import (
	"fmt"

	"agentfactory/internal/skill"
)

// Outcome is what the cases together say about an artifact.
type Outcome string

// The outcomes.
const (
	Proved   Outcome = "proved"   // no case failed and at least one passed
	Failed   Outcome = "failed"   // a case failed
	Unproved Outcome = "unproved" // no case could tell
)

// Report is what was found out about one skill of an artifact.
type Report struct {
	Skill   string  `json:"skill"`
	Version int     `json:"version"`
	Program string  `json:"program"` // path in the artifact
	Outcome Outcome `json:"outcome"`
	Why     string  `json:"why,omitempty"` // of an outcome other than proved; one line
	Cases   []Case  `json:"cases"`
	Left    int     `json:"left,omitempty"` // cases that were not tried, for there are many
}

// Case is what became of a stored case.
type Case struct {
	ID      string           `json:"id"`
	Result  skill.CaseResult `json:"result"`
	By      string           `json:"by,omitempty"`  // what decided: same, check, run or recording
	Why     string           `json:"why,omitempty"` // unless it passed; one line
	Answer  string           `json:"answer,omitempty"`
	Seconds float64          `json:"seconds"`
}

// decide sets the outcome by the cases.
func (r *Report) decide() {
	count := map[skill.CaseResult]int{}
	why := map[skill.CaseResult]string{}
	for _, c := range r.Cases {
		if count[c.Result]++; count[c.Result] == 1 {
			why[c.Result] = fmt.Sprintf("case %s: %s", c.ID, c.Why)
		}
	}
	switch {
	case count[skill.CaseFailed] > 0:
		r.Outcome, r.Why = Failed, why[skill.CaseFailed]
	case count[skill.CasePassed] > 0:
		r.Outcome = Proved
	case len(r.Cases) > 0:
		r.Outcome, r.Why = Unproved, why[skill.CaseUnknown]
	default:
		r.Outcome, r.Why = Unproved, "the skill has no stored cases"
	}
}
