package skill

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
)

// Use is the record of one time that a version of a skill was used.
type Use struct {
	ID         string     `json:"id"` // ContentID
	Name       string     `json:"name"`
	Version    int        `json:"version"`
	WorkflowID string     `json:"workflow_id"`
	RunID      string     `json:"run_id"`
	Step       string     `json:"step"` // of the run, any text that is unique in it
	Task       string     `json:"task"` // digest of the task, so that uses for the same one are told apart from others
	Outcome    UseOutcome `json:"outcome"`
	Why        string     `json:"why,omitempty"`         // of a failure, in a line
	Query      string     `json:"query,omitempty"`       // what it was asked when it fell short
	Failed     string     `json:"failed,omitempty"`      // key of the step in which it was run as saved and fell short
	RepairedBy int        `json:"repaired_by,omitempty"` // the version that was promoted by the run that repaired it; 0: none
	Seconds    float64    `json:"seconds"`               // of wall time
	Tokens     int64      `json:"tokens"`                // that the subagent's own model calls took
	At         time.Time  `json:"at"`
}

// UseOutcome says how a use ended.
type UseOutcome string

// The outcomes of a use.
const (
	UseSuccess     UseOutcome = "success"
	UseFailure     UseOutcome = "failure"
	UseNotItsFault UseOutcome = "not_its_fault" // it failed for a reason outside the skill: a service, the input, a limit, a cancellation
)

// FellShort tells whether the skill, as it was saved, did not do what it was asked, and nobody repaired it: it failed by
// its own fault without a version that repairs it, or was given up after a run of it that failed.
func (u Use) FellShort() bool {
	return u.Outcome == UseFailure && u.RepairedBy == 0 || u.Outcome == UseNotItsFault && u.Failed != ""
}

// settles tells whether the skill can do the task since this use.
func (u Use) settles() bool {
	return u.Outcome == UseSuccess || u.Outcome == UseFailure && u.RepairedBy > 0
}

// ContentID is the ID of a use: the first 16 hex digits of a SHA-256 over skill, version, run and step. The use that an
// activity records twice is one.
func (u Use) ContentID() string {
	return digestOf("agentfactory use 1", u.Name, u.Version, u.WorkflowID, u.RunID, u.Step)[:16]
}

// Check tells what is wrong with a use, naming the field.
func (u Use) Check() error {
	switch {
	case u.Version < 1:
		return fmt.Errorf("version: %d; versions count from 1", u.Version)
	case u.WorkflowID == "" || u.RunID == "" || u.Step == "" || u.Task == "":
		return fmt.Errorf("workflow_id, run_id, step, task: none may be empty")
	case u.Outcome != UseSuccess && u.Outcome != UseFailure && u.Outcome != UseNotItsFault:
		return fmt.Errorf("outcome: %.40q is none of %s, %s, %s", u.Outcome, UseSuccess, UseFailure, UseNotItsFault)
	case !amount(u.Seconds) || u.Tokens < 0:
		return fmt.Errorf("seconds, tokens: %g, %d: give numbers that are not negative", u.Seconds, u.Tokens)
	case u.RepairedBy < 0:
		return fmt.Errorf("repaired_by: %d; versions count from 1, 0 is none", u.RepairedBy)
	case max(len(u.WorkflowID), len(u.RunID), len(u.Step), len(u.Task), len(u.Failed)) > maxReference:
		return fmt.Errorf("workflow_id, run_id, step, task, failed: each may have %d bytes", maxReference)
	}
	return nil
}

// maxReference is what Temporal allows for an ID, in bytes.
const maxReference = 1000

// amount tells numbers that can be added up, and written as JSON, from others.
func amount(x float64) bool { return x >= 0 && x <= math.MaxFloat64 }

// Performance is what all uses of a skill add up to.
type Performance struct {
	Name     string               `json:"name"`
	Versions []VersionPerformance `json:"versions"` // those that were used, ascending
}

// VersionPerformance is what the uses of one version add up to.
type VersionPerformance struct {
	Version     int       `json:"version"`
	Uses        int       `json:"uses"`
	Successes   int       `json:"successes"`
	Failures    int       `json:"failures"` // that are the skill's fault
	NotItsFault int       `json:"not_its_fault"`
	Tokens      int64     `json:"tokens"`  // sum
	Seconds     float64   `json:"seconds"` // sum
	Tasks       []string  `json:"tasks"`   // the distinct ones, as 16 hex digits each, sorted
	LastUsed    time.Time `json:"last_used"`
	Recent      []Use     `json:"recent"` // the latest MaxRecent, oldest first
}

// MaxRecent bounds the uses of a version that are kept one by one.
const MaxRecent = 64

// Add counts a use. The order in which uses are added does not matter; each may be added once.
func (p *Performance) Add(u Use) {
	i, found := slices.BinarySearchFunc(p.Versions, u.Version, func(v VersionPerformance, n int) int { return cmp.Compare(v.Version, n) })
	if !found {
		p.Versions = slices.Insert(p.Versions, i, VersionPerformance{Version: u.Version})
	}
	p.Versions[i].add(u)
}

func (v *VersionPerformance) add(u Use) {
	v.Uses++
	switch u.Outcome {
	case UseSuccess:
		v.Successes++
	case UseFailure:
		v.Failures++
	default:
		v.NotItsFault++
	}
	v.Tokens += u.Tokens
	v.Seconds += u.Seconds
	task := digestOf("agentfactory task 1", u.Task)[:16]
	if i, found := slices.BinarySearch(v.Tasks, task); !found {
		v.Tasks = slices.Insert(v.Tasks, i, task)
	}
	if u.At.After(v.LastUsed) {
		v.LastUsed = u.At
	}
	i, _ := slices.BinarySearchFunc(v.Recent, u, Use.Compare)
	v.Recent = slices.Insert(v.Recent, i, u)
	v.Recent = v.Recent[max(0, len(v.Recent)-MaxRecent):]
}

// Compare orders uses by time, those of the same time by ID.
func (u Use) Compare(other Use) int {
	return cmp.Or(u.At.Compare(other.At), strings.Compare(u.ID, other.ID))
}

// Of returns the performance of one version, zero of one that was never used.
func (p Performance) Of(version int) VersionPerformance {
	for _, v := range p.Versions {
		if v.Version == version {
			return v
		}
	}
	return VersionPerformance{Version: version}
}

// Uses counts the uses of all versions.
func (p Performance) Uses() int {
	n := 0
	for _, v := range p.Versions {
		n += v.Uses
	}
	return n
}

// LastUsed is the time of the latest use, zero if there was none.
func (p Performance) LastUsed() time.Time {
	var last time.Time
	for _, v := range p.Versions {
		if v.LastUsed.After(last) {
			last = v.LastUsed
		}
	}
	return last
}

// OpenFailures lists the uses that fell short, oldest first, after which no version did the same task and none was promoted
// that repairs it. It sees the recent uses of each version, and of several uses on one task the latest that fell short.
func (p Performance) OpenFailures() []Use {
	open := map[string]Use{}
	for _, u := range p.recent() {
		switch {
		case u.FellShort():
			open[u.Task] = u
		case u.settles():
			delete(open, u.Task)
		}
	}
	var list []Use
	for _, u := range open {
		list = append(list, u)
	}
	slices.SortFunc(list, Use.Compare)
	return list
}

// recent are the recent uses of all versions, oldest first.
func (p Performance) recent() []Use {
	var all []Use
	for _, v := range p.Versions {
		all = append(all, v.Recent...)
	}
	slices.SortFunc(all, Use.Compare)
	return all
}
