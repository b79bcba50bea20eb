package evaluation

import (
	"cmp"
	"slices"
	"time"

	"agentfactory/internal/run"
)

// Period is the length of the steps of a growth series.
type Period string

const (
	Day  Period = "day"  // from midnight to midnight, UTC
	Week Period = "week" // from Monday to Monday, UTC, as ISO 8601 counts
)

// RunFact is what growth needs to know of a run that is over.
type RunFact struct {
	At      time.Time   `json:"at"` // when it finished
	Outcome run.Outcome `json:"outcome"`
	Choice  run.Choice  `json:"choice,omitempty"` // "" for runs that made no decision about the library
	Usage   run.Usage   `json:"usage"`
	Turns   int         `json:"turns"`
}

// SkillFact is the state of a skill from a moment on. A skill has one fact for each time that it changed; the latest one
// up to the end of a period says how the skill stood then.
type SkillFact struct {
	Name      string    `json:"name"`
	At        time.Time `json:"at"`
	Versions  int       `json:"versions"`  // that exist
	Cases     int       `json:"cases"`     // that the current version has passed
	Lines     int       `json:"lines"`     // of Python of the current version that are neither blank nor comment
	Functions int       `json:"functions"` // that the current version defines, methods included
	Tools     int       `json:"tools"`     // tool skills that it is given
	Retired   bool      `json:"retired,omitempty"`
}

// GrowthSeries tells how a library and the runs that use it developed. Points follow each other without gaps.
type GrowthSeries struct {
	By     Period        `json:"by"`
	Points []GrowthPoint `json:"points"`
}

// GrowthPoint is one period: what its runs were like, and the library as it stood at its end.
type GrowthPoint struct {
	Start     time.Time `json:"start"`
	Runs      int       `json:"runs"`
	Completed int       `json:"completed"`
	Reusing   int       `json:"reusing"` // runs that used a saved skill: reused, evolved or mixed
	// Of a period without runs these are 0, as Runs tells.
	OrchestrationTokens float64 `json:"orchestration_tokens"` // output tokens per run, whatever became of it
	Turns               float64 `json:"turns"`                // per run
	CostUSD             float64 `json:"cost_usd"`             // per run

	Skills   int `json:"skills"`   // that are not retired
	Retired  int `json:"retired"`  // skills
	Versions int `json:"versions"` // of all skills, retired ones included
	Solvable int `json:"solvable"` // distinct cases that the current versions of skills not retired have passed
	// Sophistication is measured by what can be counted, per current version of a skill that is not retired.
	Lines     float64 `json:"lines"`     // of code
	Functions float64 `json:"functions"` // defined
	Tools     float64 `json:"tools"`     // tool skills given
}

// Success is the share of the runs that completed, 0 to 1.
func (p GrowthPoint) Success() float64 { return ratio(p.Completed, p.Runs) }

// Reuse is the share of the runs that used a saved skill, 0 to 1.
func (p GrowthPoint) Reuse() float64 { return ratio(p.Reusing, p.Runs) }

// maxPoints bounds a series; ten years of days fit. When facts lie further apart, the latest periods are told.
const maxPoints = 4000

// Growth returns the series from the period of the first fact to that of the last one. Facts without a time are left
// out. The order of the facts does not matter.
func Growth(runs []RunFact, skills []SkillFact, by Period) GrowthSeries {
	series := GrowthSeries{By: by, Points: []GrowthPoint{}}
	starts := periods(runs, skills, by)
	inPeriod := map[time.Time][]RunFact{}
	for _, r := range runs {
		if !r.At.IsZero() {
			inPeriod[by.start(r.At)] = append(inPeriod[by.start(r.At)], r)
		}
	}
	lib := newLibraryClock(skills)
	for _, start := range starts {
		point := pointOfRuns(start, inPeriod[start])
		lib.advance(by.next(start))
		lib.describe(&point)
		series.Points = append(series.Points, point)
	}
	return series
}

func periods(runs []RunFact, skills []SkillFact, by Period) []time.Time {
	var times []time.Time
	for _, r := range runs {
		times = append(times, r.At)
	}
	for _, s := range skills {
		times = append(times, s.At)
	}
	times = slices.DeleteFunc(times, time.Time.IsZero)
	if len(times) == 0 {
		return nil
	}
	first, last := by.start(slices.MinFunc(times, time.Time.Compare)), by.start(slices.MaxFunc(times, time.Time.Compare))
	var starts []time.Time
	for at := last; !at.Before(first) && len(starts) < maxPoints; at = by.start(at.Add(-time.Nanosecond)) {
		starts = append(starts, at)
	}
	slices.Reverse(starts)
	return starts
}

// start is the beginning of the period in which at lies.
func (p Period) start(at time.Time) time.Time {
	year, month, day := at.UTC().Date()
	midnight := time.Date(year, month, day, 0, 0, 0, 0, time.UTC)
	if p != Week {
		return midnight
	}
	sinceMonday := (int(midnight.Weekday()) + 6) % 7
	return midnight.AddDate(0, 0, -sinceMonday)
}

func (p Period) next(start time.Time) time.Time {
	if p == Week {
		return start.AddDate(0, 0, 7)
	}
	return start.AddDate(0, 0, 1)
}

func pointOfRuns(start time.Time, runs []RunFact) GrowthPoint {
	point := GrowthPoint{Start: start, Runs: len(runs)}
	for _, r := range runs {
		if r.Outcome == run.Completed {
			point.Completed++
		}
		if reuses(r.Choice) {
			point.Reusing++
		}
		n := float64(len(runs))
		point.OrchestrationTokens += float64(r.Usage.OrchestrationOutputTokens) / n
		point.Turns += float64(r.Turns) / n
		point.CostUSD += r.Usage.CostUSD / n
	}
	return point
}

// reuses reports whether a saved skill was run. Mixed holds at least one of the other two, as only one part of a
// decision can be new skills.
func reuses(c run.Choice) bool {
	return c == run.Reused || c == run.Evolved || c == run.Mixed
}

// libraryClock plays the facts of skills in the order of their time.
type libraryClock struct {
	ahead   []SkillFact
	current map[string]SkillFact
}

func newLibraryClock(skills []SkillFact) *libraryClock {
	ahead := slices.DeleteFunc(slices.Clone(skills), func(s SkillFact) bool { return s.At.IsZero() })
	slices.SortFunc(ahead, func(a, b SkillFact) int {
		return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.Name, b.Name), cmp.Compare(a.Versions, b.Versions), cmp.Compare(a.Cases, b.Cases))
	})
	return &libraryClock{ahead: ahead, current: map[string]SkillFact{}}
}

// advance takes over the facts from before until.
func (l *libraryClock) advance(until time.Time) {
	for len(l.ahead) > 0 && l.ahead[0].At.Before(until) {
		l.current[l.ahead[0].Name] = l.ahead[0]
		l.ahead = l.ahead[1:]
	}
}

func (l *libraryClock) describe(point *GrowthPoint) {
	var lines, functions, tools int
	for _, s := range l.current {
		point.Versions += s.Versions
		if s.Retired {
			point.Retired++
			continue
		}
		point.Skills++
		point.Solvable += s.Cases
		lines, functions, tools = lines+s.Lines, functions+s.Functions, tools+s.Tools
	}
	point.Lines, point.Functions, point.Tools = ratio(lines, point.Skills), ratio(functions, point.Skills), ratio(tools, point.Skills)
}

// ratio is a/b, or 0 where there is nothing to divide by.
func ratio(a, b int) float64 {
	if b == 0 {
		return 0
	}
	return float64(a) / float64(b)
}
