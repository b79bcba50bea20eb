package evaluation

import (
	"bytes"
	"encoding/csv"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"agentfactory/internal/run"
)

// With UPDATE_GOLDEN=1 the files that people read are written anew.
func requireGolden(t *testing.T, name, got string) {
	t.Helper()
	file := "testdata/" + name
	if os.Getenv("UPDATE_GOLDEN") != "" {
		require.NoError(t, os.MkdirAll("testdata", 0o755))
		require.NoError(t, os.WriteFile(file, []byte(got), 0o644))
	}
	want, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Equal(t, string(want), got)
}

// smallReport fits on a screen.
func smallReport() Report {
	tasks := []Task{{ID: "sum", Batch: "one", Category: "data", Task: "Add up | and *more*"}, {ID: "plot", Batch: "two", Category: "data", Task: "Plot it"}}
	var outcomes []Outcome
	for i, tokens := range []int64{1000, 500, 2000, 2000} {
		o := took([]string{"agentfactory", Baseline}[i/2], 1, i%2+1, tokens)
		o.Task, o.Batch, o.Category, o.Turns, o.Usage.CostUSD, o.Seconds = tasks[i%2].ID, tasks[i%2].Batch, "data", 4, float64(tokens)*1e-5, 12.5
		o.WorkflowID, o.RunID, o.LibrarySize = "e/"+tasks[i%2].ID, "r", 1
		outcomes = append(outcomes, o)
	}
	outcomes[1].Choice, outcomes[1].SkillsUsed = run.Reused, []string{"sum-up"}
	outcomes[3].Verdict, outcomes[3].CheckReason = Failed, "=1+1 | <b>"
	meta := sampleMeta([]string{"agentfactory", Baseline}, 1)
	previous := Make(meta, tasks, outcomes[:2], nil)
	return Make(meta, tasks, outcomes, &previous)
}

func TestMarkdownBeginsWithThePapersTable(t *testing.T) {
	var text bytes.Buffer
	require.NoError(t, Markdown(&text, smallReport()))
	requireGolden(t, "report.md", text.String())
	for _, section := range strings.Split(text.String(), "\n## ")[1:] {
		require.Contains(t, section, "\n\n> **SCRIPTED MODEL", "each section of a scripted model says so")
	}
}

func TestCSVHasARowForEachOutcomeAndNoFormulas(t *testing.T) {
	r := smallReport()
	var outcomes, summaries bytes.Buffer
	require.NoError(t, CSV(&outcomes, r))
	require.NoError(t, SummaryCSV(&summaries, r))
	requireGolden(t, "outcomes.csv", outcomes.String())
	requireGolden(t, "summary.csv", summaries.String())
	for _, data := range []string{outcomes.String(), summaries.String()} {
		rows, err := csv.NewReader(strings.NewReader(data)).ReadAll()
		require.NoError(t, err)
		for _, row := range rows {
			require.Len(t, row, len(rows[0]))
		}
		require.NotContains(t, strings.ReplaceAll(data, "\r\n", ""), "\n", "lines end as RFC 4180 says")
	}
	require.Contains(t, outcomes.String(), ",'=1+1 | <b>,")
}

func TestTextsThatASpreadsheetWouldRunAreMadeHarmless(t *testing.T) {
	for _, formula := range []string{"=1", "+1", "-1", "@SUM(1)", "\t=1", "\r=1"} {
		require.Equal(t, "'"+formula, cellText(formula))
	}
	require.Equal(t, "a=1", cellText("a=1"))
	require.Empty(t, cellText(""))
}

func TestAReportOfThirtyTasksThreeMethodsAndThreeRepeatsIsUnderAMegabyte(t *testing.T) {
	page := htmlOf(t, sampleReport(3))
	require.Less(t, len(page), 1_000_000)
	t.Logf("%d bytes", len(page))
	require.NotRegexp(t, `#0102[0-9A-Fa-f]{2}`, string(page), "each stand-in has its variable")
	require.Contains(t, string(page), `href="http://127.0.0.1:8233/namespaces/default/workflows/evaluation-1%2Fagentfactory-1%2F1/run-1/history"`)
	require.NotContains(t, string(page), "<script")
	require.Equal(t, strings.Count(string(page), "<section"), strings.Count(string(page), `<p class="scripted"`)-1, "each section and the head of the page")
}

func TestALinkOfAnAddressThatIsNoneOfTheWebDoesNotRun(t *testing.T) {
	r := smallReport()
	r.Meta.UI = "javascript:alert(1)//"
	require.NotContains(t, string(htmlOf(t, r)), `href="javascript:`)
}

func TestAReportReadsAtATerminal(t *testing.T) {
	var text bytes.Buffer
	require.NoError(t, smallReport().Text(&text))
	requireGolden(t, "report.txt", text.String())
}

func TestAPageOfThousandsOfTasksSaysWhatItLeavesOut(t *testing.T) {
	tasks := make([]Task, maxTasks+5)
	for i := range tasks {
		tasks[i] = Task{ID: givenID("t", i), Task: "x"}
	}
	r := Make(Meta{Methods: []string{"agentfactory"}}, tasks, nil, nil)
	require.Contains(t, string(htmlOf(t, r)), "5 more are in the CSV and JSON files.")
}

func TestNamesInChartsAreText(t *testing.T) {
	name := `</text><script>x</script>`
	o := took(name, 1, 1, 100)
	o.Batch = name
	page := string(htmlOf(t, Make(Meta{Name: name, Methods: []string{name}}, []Task{{ID: "a", Batch: name, Task: name}}, []Outcome{o}, nil)))
	require.NotContains(t, page, "<script")
	require.Contains(t, page, "&lt;/text&gt;&lt;script")
}
