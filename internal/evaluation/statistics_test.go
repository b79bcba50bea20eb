package evaluation

import (
	"testing"

	"github.com/stretchr/testify/require"

	"agentfactory/internal/run"
)

// The values come from the textbook formulas, worked out by hand and with R's prop.test, t.test and fisher.test.
func TestIntervalsAreThoseOfTheTextbooks(t *testing.T) {
	require.InDelta(t, 0.4902, share(8, 10).Interval.Low, 1e-4)
	require.InDelta(t, 0.9433, share(8, 10).Interval.High, 1e-4)
	require.InDelta(t, 0.7225, share(10, 10).Interval.Low, 1e-4)
	require.InDelta(t, 1, share(10, 10).Interval.High, 1e-12)
	require.InDelta(t, 0, share(0, 10).Interval.Low, 1e-12)
	require.Equal(t, Estimate{}, share(0, 0), "of nothing nothing is known")

	interval := student(2, []float64{1, 2, 3}, OverTasks)
	require.InDelta(t, 2-2.4841, interval.Low, 1e-4)
	require.InDelta(t, 2+2.4841, interval.High, 1e-4)
	require.Nil(t, student(2, []float64{2}, OverTasks))

	require.InDelta(t, 0.4857, fisher(3, 4, 1, 4), 1e-4)
	require.InDelta(t, 0.1, fisher(3, 3, 0, 3), 1e-9)
	require.InDelta(t, 0.1, fisher(0, 3, 3, 3), 1e-9)
	require.Equal(t, 1.0, fisher(1, 1, 1, 1))
	require.Equal(t, 1.0, fisher(0, 0, 1, 1))
}

func took(method string, repeat, number int, tokens int64) Outcome {
	return Outcome{
		Method: method, Repeat: repeat, Number: number, Task: string(rune('a' + number - 1)), Ended: run.Completed, Verdict: Passed,
		Usage: run.Usage{OrchestrationOutputTokens: tokens},
	}
}

func TestAMeanHasAnIntervalOverRepeatsOrElseOverTasks(t *testing.T) {
	one := []Outcome{took("m", 1, 1, 10), took("m", 1, 2, 20), took("m", 1, 3, 30)}
	e := mean(one, orchestrationTokens)
	require.Equal(t, 20.0, e.Value)
	require.Equal(t, OverTasks, e.Interval.Over)
	require.InDelta(t, 20+24.841, e.Interval.High, 1e-3)
	require.Equal(t, 0.0, e.Interval.Low, "no run takes less than nothing")

	two := append(one, took("m", 2, 1, 12), took("m", 2, 2, 22), took("m", 2, 3, 32))
	e = mean(two, orchestrationTokens)
	require.Equal(t, 21.0, e.Value)
	require.Equal(t, OverRepeats, e.Interval.Over)
	require.InDelta(t, 21-12.706, e.Interval.Low, 1e-3, "t with one degree of freedom over 20 and 22")

	begun := append(one, took("m", 2, 1, 10))
	e = mean(begun, orchestrationTokens)
	require.Equal(t, OverTasks, e.Interval.Over, "a repeat that has only begun is not held against a complete one")
	require.Nil(t, mean(one[:1], orchestrationTokens).Interval)
}
