package skill

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// GateCase is what a candidate and its base made of one case.
type GateCase struct {
	Case      string     `json:"case"` // its ID
	Base      CaseResult `json:"base"`
	Candidate CaseResult `json:"candidate"`
	Flaky     bool       `json:"flaky,omitempty"` // a version did not always do the same
	Keep      bool       `json:"keep,omitempty"`  // a person insists on this case
	New       bool       `json:"new,omitempty"`   // of the task for which the candidate was made; the base need not pass it
	Why       string     `json:"why,omitempty"`   // what went wrong, or why nobody can tell
}

// tells reports whether the case decides anything: not when it is flaky, when a call was missing, nor when neither
// version passes, which says nothing about the difference between them.
func (c GateCase) tells() bool {
	return !c.Flaky && c.Base.known() && c.Candidate.known() && (c.Base == CasePassed || c.Candidate == CasePassed)
}

// broken reports a case that the candidate made worse.
func (c GateCase) broken() bool {
	return c.tells() && c.Base == CasePassed && c.Candidate == CaseFailed
}

// Decide fills in what came of the cases: flips, gaps, flaky ones, the verdict and its reason.
//
//   - A case that the base passes and the candidate fails fails the gate, and so does the candidate's failure of its new case.
//   - Every case that a person marked must tell something; if none is marked, at least half of all must. Else a person decides.
//   - A flaky case neither fails the gate nor counts as telling.
func (r *GateReport) Decide(cases []GateCase) {
	cases = slices.SortedFunc(slices.Values(cases), func(a, b GateCase) int { return strings.Compare(a.Case, b.Case) })
	r.Flips, r.Inconclusive, r.Flaky, r.Cases = []GateFlip{}, []GateGap{}, []string{}, len(cases)
	for _, c := range cases {
		switch {
		case c.Flaky:
			r.Flaky = append(r.Flaky, c.Case)
		case c.New && c.Candidate.known():
		case !c.tells():
			r.Inconclusive = append(r.Inconclusive, GateGap{Case: c.Case, Why: cmp.Or(c.Why, "neither version passes it")})
		case c.Base != c.Candidate:
			r.Flips = append(r.Flips, GateFlip{Case: c.Case, Base: c.Base, Candidate: c.Candidate})
		}
	}
	r.Verdict, r.Why = decide(cases)
}

// tally counts what the cases of a gate say.
type tally struct {
	past, told, broken int
	marked, silent     int // cases that a person marked, and those of them that tell nothing
}

func (t *tally) add(c GateCase) {
	t.past++
	if c.broken() {
		t.broken++
	}
	if c.tells() {
		t.told++
	}
	if c.Keep {
		t.marked++
		if !c.tells() {
			t.silent++
		}
	}
}

func decide(cases []GateCase) (Verdict, string) {
	var t tally
	fresh := CasePassed
	for _, c := range cases {
		switch {
		case !c.New:
			t.add(c)
		case c.Flaky:
			fresh = CaseUnknown
		default:
			fresh = c.Candidate
		}
	}
	switch {
	case fresh == CaseFailed:
		return GateFailed, "it does not pass the case that it was made for"
	case t.broken > 0:
		return GateFailed, fmt.Sprintf("breaks %d of %d past cases", t.broken, t.past)
	case fresh != CasePassed:
		return GateInconclusive, "the case that it was made for could not be told"
	case t.silent > 0:
		return GateInconclusive, fmt.Sprintf("%d of %d cases that must be kept could not be told", t.silent, t.marked)
	case t.marked == 0 && 2*t.told < t.past:
		return GateInconclusive, fmt.Sprintf("only %d of %d past cases could be told", t.told, t.past)
	case t.past == 0:
		return GatePassed, "there are no past cases"
	}
	return GatePassed, fmt.Sprintf("breaks none of %d past cases, of which %d could be told", t.past, t.told)
}

// Sample chooses at most limit cases: first those that a person marked; of the places that remain, half go to the latest
// cases, the rest to those whose digest together with seed comes first, so that different candidates meet different ones
// and a repeated gate the same. Dropped cases are left out. sampled tells that some were not chosen.
func Sample(cases []Case, limit int, seed string) (chosen []Case, sampled bool) {
	var marked, others []Case
	for _, c := range cases {
		switch {
		case c.Mark != nil && c.Mark.Dropped:
		case c.Mark != nil && c.Mark.Keep:
			marked = append(marked, c)
		default:
			others = append(others, c)
		}
	}
	latest := func(a, b Case) int { return cmp.Or(b.CreatedAt.Compare(a.CreatedAt), strings.Compare(a.ID, b.ID)) }
	slices.SortFunc(marked, latest)
	slices.SortFunc(others, latest)
	if len(marked)+len(others) <= limit {
		return append(marked, others...), false
	}
	if len(marked) >= limit {
		return marked[:limit], true
	}
	room := limit - len(marked)
	chosen = append(marked, others[:(room+1)/2]...)
	rest := others[(room+1)/2:]
	slices.SortFunc(rest, func(a, b Case) int { return strings.Compare(digestOf(seed, a.ID), digestOf(seed, b.ID)) })
	return append(chosen, rest[:room/2]...), true
}
