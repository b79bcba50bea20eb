package evaluation

import (
	"bytes"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"agentfactory/internal/run"
)

func sampleGrowth() (runs []RunFact, skills []SkillFact) {
	at := func(day, hour int) time.Time { return monday.AddDate(0, 0, day).Add(time.Duration(hour) * time.Hour) }
	fact := func(at time.Time, outcome run.Outcome, choice run.Choice, tokens int64) RunFact {
		return RunFact{At: at, Outcome: outcome, Choice: choice, Usage: run.Usage{OrchestrationOutputTokens: tokens, CostUSD: float64(tokens) / 1e5}, Turns: int(tokens / 100)}
	}
	runs = []RunFact{
		fact(at(0, 0), run.Completed, run.Built, 4000), fact(at(0, 1), run.BudgetExhausted, "", 6000),
		fact(at(2, 0), run.Completed, run.Reused, 1000), fact(at(8, 0), run.Completed, run.Mixed, 2000), fact(time.Time{}, run.Completed, run.Reused, 1),
	}
	skills = []SkillFact{
		{Name: "sales", At: at(0, 1), Versions: 1, Cases: 1, Lines: 20, Functions: 2, Tools: 1},
		{Name: "sales", At: at(2, 1), Versions: 2, Cases: 3, Lines: 40, Functions: 4, Tools: 1},
		{Name: "old", At: at(0, 2), Versions: 1, Cases: 1, Lines: 10, Functions: 1},
		{Name: "old", At: at(8, 1), Versions: 1, Cases: 1, Lines: 10, Functions: 1, Retired: true},
	}
	return runs, skills
}

func TestALibraryGrowsFromDayToDay(t *testing.T) {
	runs, skills := sampleGrowth()
	series := Growth(runs, skills, Day)
	require.Len(t, series.Points, 9, "days without anything are told as well")
	first, empty, last := series.Points[0], series.Points[1], series.Points[8]
	require.Equal(t, GrowthPoint{
		Start: time.Date(2026, 11, 16, 0, 0, 0, 0, time.UTC), Runs: 2, Completed: 1, OrchestrationTokens: 5000, Turns: 50, CostUSD: 0.05,
		Skills: 2, Versions: 2, Solvable: 2, Lines: 15, Functions: 1.5, Tools: 0.5,
	}, first)
	require.Equal(t, 0.5, first.Success())
	require.Equal(t, 0, empty.Runs)
	require.Equal(t, 2, empty.Skills, "the library stands as it stood")
	require.Equal(t, 1, last.Retired)
	require.Equal(t, 3, last.Solvable, "of skills that are not retired")
	require.Equal(t, 40.0, last.Lines)
	require.Equal(t, 1.0, last.Reuse(), "mixed holds reuse")

	slices.Reverse(runs)
	slices.Reverse(skills)
	require.Equal(t, series, Growth(runs, skills, Day))
}

func TestWeeksBeginOnMonday(t *testing.T) {
	runs, skills := sampleGrowth()
	series := Growth(runs, skills, Week)
	require.Len(t, series.Points, 2)
	require.Equal(t, 3, series.Points[0].Runs)
	sunday := Growth([]RunFact{{At: time.Date(2026, 11, 22, 23, 59, 0, 0, time.UTC)}}, nil, Week)
	require.Equal(t, series.Points[0].Start, sunday.Points[0].Start)
	require.Empty(t, Growth(nil, nil, Day).Points)
}

func TestASeriesThatWouldNotEndIsCutAtItsBeginning(t *testing.T) {
	long := Growth([]RunFact{{At: time.Date(1, 1, 2, 0, 0, 0, 0, time.UTC)}, {At: monday}}, nil, Day)
	require.Len(t, long.Points, maxPoints)
	require.Equal(t, 1, long.Points[maxPoints-1].Runs)
}

func TestGrowthReadsAtATerminal(t *testing.T) {
	runs, skills := sampleGrowth()
	series := Growth(runs, skills, Week)
	var text bytes.Buffer
	require.NoError(t, series.Text(&text))
	require.Equal(t, `week        runs  success  reuse  tokens/run  turns/run  cost/run  skills  versions  solvable  lines  functions  tools
2026-11-16     3     67 %   33 %       3,667       36.7   $0.0367       2         3         4     25       2.50   0.50
2026-11-23     1    100 %  100 %       2,000         20   $0.0200       1         3         3     40          4      1
`, text.String())
}
