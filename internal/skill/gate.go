package skill

import (
	"fmt"
	"regexp"
	"time"
)

// Verdict is what came out of trying a candidate against its base.
type Verdict string

// The verdicts of a gate.
const (
	GatePassed       Verdict = "passed"
	GateFailed       Verdict = "failed"
	GateInconclusive Verdict = "inconclusive" // a person decides
)

// GateReport is the record of one gate: a candidate version tried on the stored cases of a skill beside the version that
// was current. It is kept with the candidate, passed or not.
type GateReport struct {
	ID           string      `json:"id"` // unique to this gate, the same when it is repeated: 1 to 120 of A-Z a-z 0-9 . _ -, the first a letter or digit
	Name         string      `json:"name"`
	Candidate    GateVersion `json:"candidate"`
	Base         GateBase    `json:"base"` // zero: the skill had no version before
	Verdict      Verdict     `json:"verdict"`
	Why          string      `json:"why,omitempty"` // the verdict in a line
	Flips        []GateFlip  `json:"flips"`         // cases whose result differs
	Inconclusive []GateGap   `json:"inconclusive"`  // cases that told nothing
	Flaky        []string    `json:"flaky"`         // IDs of cases that neither block nor carry the verdict
	Cases        int         `json:"cases"`         // tried
	Sampled      bool        `json:"sampled"`       // the skill has more cases than were tried
	CostUSD      float64     `json:"cost_usd"`
	Tokens       int64       `json:"tokens"`
	Seconds      float64     `json:"seconds"`
	RunIDs       []string    `json:"run_ids"` // of the workflows that tried the cases
	At           time.Time   `json:"at"`
}

// GateVersion names a version by number and content.
type GateVersion struct {
	Version int    `json:"version"`
	Digest  string `json:"digest"` // Manifest.Digest
}

// GateBase is the head that a candidate was tried against.
type GateBase struct {
	Name string `json:"name,omitempty"` // of another skill, which the candidate supersedes
	GateVersion
	Generation int64 `json:"generation"`
}

// GateFlip is a case with different results.
type GateFlip struct {
	Case      string     `json:"case"` // its ID
	Base      CaseResult `json:"base"`
	Candidate CaseResult `json:"candidate"`
}

// CaseResult is what a version made of a case.
type CaseResult string

// The results of a case.
const (
	CasePassed  CaseResult = "pass"
	CaseFailed  CaseResult = "fail"
	CaseUnknown CaseResult = "unknown" // it asks for a call that was not recorded and may not be made
)

// GateGap is a case that told nothing, and why.
type GateGap struct {
	Case string `json:"case"`
	Why  string `json:"why"`
}

// Broken lists the IDs of the cases that the base passed and the candidate failed.
func (r GateReport) Broken() []string {
	var ids []string
	for _, f := range r.Flips {
		if f.Base == CasePassed && f.Candidate == CaseFailed {
			ids = append(ids, f.Case)
		}
	}
	return ids
}

var gateID = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,119}$`)

// Check tells what is wrong with a report, naming the field.
func (r GateReport) Check() error {
	switch {
	case !gateID.MatchString(r.ID):
		return fmt.Errorf("id: %.40q is not 1 to 120 of A-Z a-z 0-9 . _ - that begin with a letter or digit", r.ID)
	case r.Candidate.Version < 1 || r.Candidate.Digest == "":
		return fmt.Errorf("candidate: version %d with digest %.12q names no version", r.Candidate.Version, r.Candidate.Digest)
	case r.Base.Generation < 0 || r.Base.Version < 0:
		return fmt.Errorf("base: generation %d of version %d is negative", r.Base.Generation, r.Base.Version)
	case r.Verdict != GatePassed && r.Verdict != GateFailed && r.Verdict != GateInconclusive:
		return fmt.Errorf("verdict: %.40q is none of %s, %s, %s", r.Verdict, GatePassed, GateFailed, GateInconclusive)
	case r.Cases < 0 || r.Tokens < 0 || !amount(r.CostUSD) || !amount(r.Seconds):
		return fmt.Errorf("cases, tokens, cost_usd, seconds: %d, %d, %g, %g: give numbers that are not negative", r.Cases, r.Tokens, r.CostUSD, r.Seconds)
	case r.Verdict == GatePassed && len(r.Broken()) > 0:
		return fmt.Errorf("verdict: passed, but case %.40q turned from pass to fail", r.Broken()[0])
	}
	return checkFlips(r.Flips)
}

func checkFlips(flips []GateFlip) error {
	for _, f := range flips {
		if f.Case == "" || !f.Base.known() || !f.Candidate.known() || f.Base == f.Candidate {
			return fmt.Errorf("flips: case %.40q from %.20q to %.20q is no flip between %s and %s", f.Case, f.Base, f.Candidate, CasePassed, CaseFailed)
		}
	}
	return nil
}

func (r CaseResult) known() bool { return r == CasePassed || r == CaseFailed }
