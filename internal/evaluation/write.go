package evaluation

import (
	"encoding/csv"
	"encoding/json"
	"io"
	"strconv"
	"strings"
	"time"
)

// JSON writes the report as one indented object, which json.Unmarshal reads back into a Report.
func JSON(w io.Writer, r Report) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", " ")
	return e.Encode(r)
}

// CSV writes one row per outcome (RFC 4180, with a header). Text that a spreadsheet would take for a formula gets an
// apostrophe in front.
func CSV(w io.Writer, r Report) error {
	out := csv.NewWriter(w)
	out.UseCRLF = true
	rows := [][]string{{
		"evaluation", "scripted_model", "batch", "number", "task", "category", "method", "repeat", "ended", "verdict", "success", "check", "reason",
		"orchestration_tokens", "input_tokens", "cached_tokens", "subagent_tokens", "check_tokens", "judge_tokens", "cost_usd", "turns", "seconds",
		"choice", "skills_used", "created", "modified", "library_size", "lessons", "model", "started_at", "finished_at", "workflow_id", "run_id",
	}}
	for _, o := range r.Outcomes {
		rows = append(rows, outcomeRow(r.Meta, o))
	}
	return out.WriteAll(rows)
}

func outcomeRow(m Meta, o Outcome) []string {
	return []string{
		cellText(m.ID), strconv.FormatBool(m.Scripted), cellText(o.Batch), strconv.Itoa(o.Number), cellText(o.Task), cellText(o.Category),
		cellText(o.Method), strconv.Itoa(o.Repeat), cellText(string(o.Ended)), cellText(string(o.Verdict)), successCell(o), cellText(string(o.Check)), cellText(o.Why()),
		whole(o.Usage.OrchestrationOutputTokens), whole(o.Usage.OrchestrationInputTokens), whole(o.Usage.OrchestrationCachedInputTokens),
		whole(o.Usage.SubagentOutputTokens), whole(o.Usage.CheckOutputTokens), whole(o.JudgeUsage.CheckOutputTokens),
		decimal(o.Usage.CostUSD), strconv.Itoa(o.Turns), decimal(o.Seconds),
		cellText(string(o.Choice)), cellText(strings.Join(o.SkillsUsed, " ")), cellText(strings.Join(o.Created, " ")), cellText(strings.Join(o.Modified, " ")),
		strconv.Itoa(o.LibrarySize), strconv.Itoa(o.Lessons), cellText(o.Model), moment(o.StartedAt), moment(o.FinishedAt), cellText(o.WorkflowID), cellText(o.RunID),
	}
}

// successCell is empty where nothing is known of the answer.
func successCell(o Outcome) string {
	if !o.Graded() {
		return ""
	}
	return strconv.FormatBool(o.Succeeded())
}

// SummaryCSV writes one row per method and part of the tasks: all, each batch, each category. A value with an interval has
// three columns.
func SummaryCSV(w io.Writer, r Report) error {
	out := csv.NewWriter(w)
	out.UseCRLF = true
	header := []string{
		"evaluation", "scripted_model", "method", "batch", "category", "tasks", "runs", "passed", "failed", "check_errors", "not_checked", "not_run",
		"unfinished", "created", "modified", "library_size", "total_cost_usd", "savings_percent",
	}
	for _, m := range measures {
		header = append(header, m.column, m.column+"_low", m.column+"_high")
	}
	rows := [][]string{header}
	for _, part := range [][]Summary{r.Methods, r.Batches, r.Categories} {
		for _, s := range part {
			rows = append(rows, summaryRow(r.Meta, s))
		}
	}
	return out.WriteAll(rows)
}

func summaryRow(m Meta, s Summary) []string {
	row := []string{cellText(m.ID), strconv.FormatBool(m.Scripted), cellText(s.Method), cellText(s.Batch), cellText(s.Category)}
	for _, n := range []int{s.Tasks, s.Runs, s.Passed, s.Failed, s.CheckErrors, s.NotChecked, s.NotRun, s.Unfinished, s.Created, s.Modified} {
		row = append(row, strconv.Itoa(n))
	}
	savings := ""
	if s.Savings != nil {
		savings = decimal(s.Savings.Percent)
	}
	row = append(row, decimal(s.LibrarySize), decimal(s.TotalCostUSD), savings)
	for _, measure := range measures {
		row = append(row, estimateCells(measure.of(s))...)
	}
	return row
}

func estimateCells(e Estimate) []string {
	switch {
	case e.N == 0:
		return []string{"", "", ""}
	case e.Interval == nil:
		return []string{decimal(e.Value), "", ""}
	}
	return []string{decimal(e.Value), decimal(e.Interval.Low), decimal(e.Interval.High)}
}

// measure is one thing that is told of every summary.
type measure struct {
	name, column string
	of           func(Summary) Estimate
	in           unit
}

// The two measures of the paper.
var (
	successRate   = measure{"Success rate", "success", func(s Summary) Estimate { return s.Success }, shares}
	tokensPerTask = measure{"Orchestration tokens per task", "orchestration_tokens", func(s Summary) Estimate { return s.OrchestrationTokens }, counts}
)

var measures = []measure{
	successRate, tokensPerTask,
	{"Input tokens per task", "input_tokens", func(s Summary) Estimate { return s.InputTokens }, counts},
	{"of these cached", "cached_tokens", func(s Summary) Estimate { return s.CachedTokens }, counts},
	{"Subagent tokens per task", "subagent_tokens", func(s Summary) Estimate { return s.SubagentTokens }, counts},
	{"Check tokens per task", "check_tokens", func(s Summary) Estimate { return s.CheckTokens }, counts},
	{"Judge tokens per task", "judge_tokens", func(s Summary) Estimate { return s.JudgeTokens }, counts},
	{"Cost per task", "cost_usd", func(s Summary) Estimate { return s.CostUSD }, money},
	{"Turns per task", "turns", func(s Summary) Estimate { return s.Turns }, counts},
	{"Seconds per task", "seconds", func(s Summary) Estimate { return s.Seconds }, counts},
	{"Reuse rate", "reuse", func(s Summary) Estimate { return s.Reuse }, shares},
}

// cellText makes a text harmless in a spreadsheet (OWASP, CSV injection): what begins like a formula is text with an
// apostrophe.
func cellText(s string) string {
	s = strings.ToValidUTF8(strings.ReplaceAll(s, "\x00", ""), "\ufffd")
	if s != "" && strings.ContainsRune("=+-@\t\r\n", rune(s[0])) {
		return "'" + s
	}
	return s
}

func whole(n int64) string { return strconv.FormatInt(n, 10) }

func decimal(v float64) string { return strconv.FormatFloat(v, 'f', -1, 64) }

func moment(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}
