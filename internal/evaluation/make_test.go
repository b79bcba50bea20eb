package evaluation

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"agentfactory/internal/run"
)

func TestTheSameOutcomesInAnyOrderGiveTheSameBytes(t *testing.T) {
	tasks, outcomes := sampleTasks(), sampleOutcomes(sampleTasks(), sampleMethods, 3, 7)
	meta := sampleMeta(sampleMethods, 3)
	want := everything(t, Make(meta, tasks, outcomes, nil))
	for seed := range uint64(5) {
		rand.New(rand.NewPCG(seed, 2)).Shuffle(len(outcomes), func(i, j int) { outcomes[i], outcomes[j] = outcomes[j], outcomes[i] })
		twice := append(outcomes, outcomes[seed])
		require.Equal(t, want, everything(t, Make(meta, tasks, twice, nil)), "a record that is there twice counts once")
	}
}

func everything(t *testing.T, r Report) string {
	t.Helper()
	var all bytes.Buffer
	require.NoError(t, JSON(&all, r))
	require.NoError(t, CSV(&all, r))
	require.NoError(t, SummaryCSV(&all, r))
	require.NoError(t, Markdown(&all, r))
	require.NoError(t, HTML(&all, r))
	return all.String()
}

func TestOutcomesAreCountedAsWhatTheyAre(t *testing.T) {
	with := func(number int, ended run.Outcome, verdict Verdict) Outcome {
		o := took("agentfactory", 1, number, 100)
		o.Ended, o.Verdict = ended, verdict
		return o
	}
	outcomes := []Outcome{
		with(1, run.Completed, Passed), with(2, run.Completed, Failed), with(3, run.BudgetExhausted, Passed), with(4, run.Failed, Failed),
		with(5, run.Completed, CheckError), with(6, run.Completed, NotChecked), with(7, "", NotRun),
	}
	outcomes[6].Usage = run.Usage{}
	s := Make(Meta{Methods: []string{"agentfactory"}, Repeat: 1}, nil, outcomes, nil).Methods[0]
	require.Equal(t, 6, s.Runs)
	require.Equal(t, 1, s.Passed)
	require.Equal(t, 3, s.Failed, "an answer that passes out of a run that did not complete is no success")
	require.Equal(t, 1, s.CheckErrors)
	require.Equal(t, 1, s.NotChecked)
	require.Equal(t, 1, s.NotRun)
	require.Equal(t, 2, s.Unfinished)
	require.Equal(t, 0.25, s.Success.Value, "errors of checks are not in the denominator")
	require.Equal(t, 4, s.Success.N)
	require.Equal(t, 100.0, s.OrchestrationTokens.Value, "failures are in the mean, what was not run is not")
	require.Equal(t, []string{
		"", "no reason was kept", "budget_exhausted", "failed", "the check itself failed: no reason was kept", "it has no check", "it was not run",
	}, []string{outcomes[0].Why(), outcomes[1].Why(), outcomes[2].Why(), outcomes[3].Why(), outcomes[4].Why(), outcomes[5].Why(), outcomes[6].Why()})
}

func TestSavingsAreToldOverTheTasksThatBothRan(t *testing.T) {
	outcomes := []Outcome{
		took("agentfactory", 1, 1, 100), took("agentfactory", 1, 2, 300), took("agentfactory", 1, 3, 9999),
		took(Baseline, 1, 1, 400), took(Baseline, 1, 2, 400),
	}
	r := Make(Meta{Methods: []string{"agentfactory", Baseline}}, nil, outcomes, nil)
	require.Equal(t, &Saving{Percent: 50, Tasks: 2}, r.Methods[0].Savings)
	require.Nil(t, r.Methods[1].Savings)
}

func TestACurveFollowsAMethodFromTaskToTask(t *testing.T) {
	var outcomes []Outcome
	for n := 1; n <= 7; n++ {
		o := took("agentfactory", 1, n, 100)
		o.LibrarySize, o.Usage.CostUSD = min(n, 3), 0.5
		if n > 3 {
			o.Choice = run.Reused
		} else {
			o.Saved = []SavedCode{{Name: fmt.Sprint("skill-", n), Lines: 10 * n}}
		}
		if n == 5 {
			o.Saved = []SavedCode{{Name: "skill-1", Lines: 40}}
		}
		if n == 2 {
			o.Verdict = Failed
		}
		outcomes = append(outcomes, o)
	}
	points := Make(Meta{Methods: []string{"agentfactory"}}, nil, outcomes, nil).Growth[0].Points
	require.Len(t, points, 7)
	require.Equal(t, 0.5, points[1].Success)
	require.Equal(t, 0.8, points[6].Reuse, "of tasks 3 to 7")
	require.Equal(t, 700.0, points[6].CumulativeTokens)
	require.Equal(t, 3.5, points[6].CumulativeCostUSD)
	require.Equal(t, 3.0, points[6].LibrarySize)
	require.Equal(t, 6.0, points[6].Solved)
	require.Equal(t, []float64{10, 20, 30}, []float64{points[0].CodeLines, points[2].CodeLines, points[6].CodeLines}, "of 10, of 10, 20 and 30, of 40, 20 and 30")
}

func TestAReportOfNothingYetCanBeWritten(t *testing.T) {
	for _, r := range []Report{
		Make(Meta{ID: "e"}, nil, nil, nil), Make(sampleMeta(sampleMethods, 3), sampleTasks(), nil, nil),
		Make(sampleMeta(sampleMethods, 1), sampleTasks(), sampleOutcomes(sampleTasks(), sampleMethods, 1, 3)[:1], nil),
	} {
		require.NotEmpty(t, everything(t, r))
	}
}

func TestAReportComesBackFromItsJSON(t *testing.T) {
	r := sampleReport(2)
	var written bytes.Buffer
	require.NoError(t, JSON(&written, r))
	var read Report
	require.NoError(t, json.Unmarshal(written.Bytes(), &read))
	require.Equal(t, r, read)
}

func BenchmarkMakeAndWriteAThousandTasks(b *testing.B) {
	var tasks []Task
	for i := range 34 {
		for _, t := range sampleTasks() {
			t.ID = fmt.Sprintf("%s-%d", t.ID, i)
			tasks = append(tasks, t)
		}
	}
	outcomes, meta := sampleOutcomes(tasks, sampleMethods, 1, 5), sampleMeta(sampleMethods, 1)
	var page bytes.Buffer
	for b.Loop() {
		page.Reset()
		if err := HTML(&page, Make(meta, tasks, outcomes, nil)); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(page.Len())/1e6, "MB/page")
}
