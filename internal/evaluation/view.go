package evaluation

import (
	"cmp"
	"fmt"
	"html/template"
	"net/url"
	"slices"
	"strings"
	"time"

	"agentfactory/internal/run"
)

// view is a report as a page shows it: texts in the order in which they stand.
type view struct {
	Title, Kind string
	Scripted    string // the banner; "" for a real model
	Facts       []fact
	Against     *Comparison
	Methods     []legendItem
	Tokens      figure
	Success     figure
	Measures    table
	Categories  table
	Growth      []figure
	Tasks       []taskView
	Failures    []failureView
	MoreFailed  int
	UI          bool
}

type fact struct{ Name, Value string }

type legendItem struct {
	Name string
	N    int // of its colour
	Dash string
}

// figure is a chart with what it shows as a table.
type figure struct {
	Title, Note string
	Chart       template.HTML
	Table       table
}

type table struct {
	Caption string
	Head    []string
	Rows    [][]string // the first cell of each is its heading
	Left    int        // columns of text, which stand on the left
	Stack   bool       // it is wide: on a phone each row becomes a block
}

type taskView struct {
	TaskResult
	Cells []cellView
}

type cellView struct {
	Method, Tokens, Turns string
	Runs                  []link // none: it was not run
}

// link is the verdict of one run, which leads there if URL is set.
type link struct{ Text, Class, URL, Title string }

type failureView struct {
	Outcome
	Class string
	Why   string
	URL   string
}

// scriptedBanner is what stands above everything of a report whose model is a script.
const scriptedBanner = "SCRIPTED MODEL: numbers of a script, not of a language model"

func newView(r Report) view {
	v := view{
		Title: cmp.Or(r.Meta.Name, r.Meta.ID), Facts: facts(r), Against: r.Against, Methods: legend(r.Meta.Methods),
		Measures: measureTable(r.Methods), Categories: partTable("Category", r.Meta.Methods, r.Categories, func(s Summary) string { return s.Category }, bothMeasures),
		UI: r.Meta.UI != "",
	}
	if r.Meta.Scripted {
		v.Scripted = scriptedBanner
	}
	v.Tokens = partFigure(r, "Orchestration tokens per task", measures[1])
	v.Success = partFigure(r, "Success rate", measures[0])
	v.Growth = growthFigures(r)
	v.Tasks = taskViews(r)
	v.Failures, v.MoreFailed = failures(r)
	return v
}

func facts(r Report) []fact {
	m := r.Meta
	all := []fact{
		{"ID", m.ID},
		{"Model", m.Model},
		{"Model of subagents", m.SubagentModel},
		{"Started", when(m.StartedAt)},
		{"Finished", cmp.Or(when(m.FinishedAt), "still running")},
		{"Tasks", fmt.Sprintf("%s × %s × %s", plural(len(r.Tasks), "task"), plural(len(m.Methods), "method"), plural(max(1, m.Repeat), "repeat"))},
		{"Begins with", begins(m)},
		{"Budget of a task", m.Budget.String()},
		{"Digest of the tasks", m.TasksDigest},
		{"Held against", m.Previous},
	}
	return slices.DeleteFunc(all, func(f fact) bool { return f.Value == "" })
}

func when(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("2006-01-02 15:04 UTC")
}

func begins(m Meta) string {
	switch {
	case m.FromScratch:
		return "an empty library for each task (from scratch)"
	case m.Library != "":
		return "snapshot " + m.Library + ", a copy for each method and repeat"
	}
	return "an empty library for each method and repeat"
}

func legend(methods []string) []legendItem {
	var items []legendItem
	for i, m := range methods {
		var dash []string
		for _, length := range dashes[i%len(dashes)] {
			dash = append(dash, fmt.Sprint(float64(length)))
		}
		items = append(items, legendItem{Name: m, N: i % methodColours, Dash: strings.Join(dash, " ")})
	}
	return items
}

// partFigure shows a measure by method and batch; with several batches also over all.
func partFigure(r Report, title string, m measure) figure {
	parts := r.Batches
	batch := func(s Summary) string { return cmp.Or(s.Batch, "all") }
	if len(r.Batches) > len(r.Methods) {
		parts = slices.Concat(r.Batches, r.Methods)
	}
	var groups []string
	for _, s := range parts {
		groups = appendNew(groups, batch(s))
	}
	all := make([]series, len(r.Meta.Methods))
	for i, method := range r.Meta.Methods {
		all[i] = series{name: method}
		for _, s := range parts {
			if s.Method == method {
				e := m.of(s)
				all[i].values, all[i].intervals = append(all[i].values, e.Value), append(all[i].intervals, e.Interval)
			}
		}
	}
	f := figure{Title: title, Table: partTable("Batch", r.Meta.Methods, parts, batch, []measure{m}), Note: intervalNote(parts, m)}
	if len(groups) > 0 && len(all) > 0 {
		f.Chart = barChart(title+" by method and batch", groups, all, m.in)
	}
	return f
}

// intervalNote says what the intervals are over.
func intervalNote(parts []Summary, m measure) string {
	for _, s := range parts {
		if e := m.of(s); e.Interval != nil {
			return "In brackets: the 95 % interval " + overNotes[e.Interval.Over] + "."
		}
	}
	return ""
}

var overNotes = map[Over]string{
	OverRuns:    "of the share (Wilson), over single runs",
	OverRepeats: "of the mean (Student's t), over the means of the repeats",
	OverTasks:   "of the mean (Student's t), over the tasks, as there is one complete repeat",
}

var bothMeasures = []measure{measures[0], measures[1]}

// partTable has a row for each part of the tasks and method.
func partTable(heading string, methods []string, parts []Summary, name func(Summary) string, told []measure) table {
	t := table{Head: []string{heading, "Method", "Runs"}, Left: 2, Stack: true}
	for _, m := range told {
		t.Head = append(t.Head, m.name)
	}
	saved := told[len(told)-1].column == "orchestration_tokens" && slices.Contains(methods, Baseline)
	if saved {
		t.Head = append(t.Head, "Tokens against "+Baseline)
	}
	for _, s := range parts {
		row := []string{name(s), s.Method, number(float64(s.Runs))}
		for _, m := range told {
			row = append(row, m.of(s).text(m.in))
		}
		if saved {
			row = append(row, s.Savings.text())
		}
		t.Rows = append(t.Rows, row)
	}
	return t
}

func (s *Saving) text() string {
	if s == nil {
		return "–"
	}
	return signed(-s.Percent)
}

// measureTable has a row for each measure and a column for each method.
func measureTable(methods []Summary) table {
	t := table{Head: []string{"Measure"}, Left: 1, Stack: true}
	for _, s := range methods {
		t.Head = append(t.Head, s.Method)
	}
	add := func(name string, of func(Summary) string) {
		row := []string{name}
		for _, s := range methods {
			row = append(row, of(s))
		}
		t.Rows = append(t.Rows, row)
	}
	add("Runs", func(s Summary) string { return number(float64(s.Runs)) })
	add("Passed / failed", func(s Summary) string { return fmt.Sprintf("%d / %d", s.Passed, s.Failed) })
	add("Errors of checks", func(s Summary) string { return number(float64(s.CheckErrors)) })
	add("Not checked / not run", func(s Summary) string { return fmt.Sprintf("%d / %d", s.NotChecked, s.NotRun) })
	add("Runs that did not complete", func(s Summary) string { return number(float64(s.Unfinished)) })
	for _, m := range measures {
		add(m.name, func(s Summary) string { return m.of(s).text(m.in) })
	}
	add("Tokens against "+Baseline, func(s Summary) string { return s.Savings.text() })
	add("Total cost", func(s Summary) string { return usd(s.TotalCostUSD) })
	add("Skills created / modified", func(s Summary) string { return fmt.Sprintf("%d / %d", s.Created, s.Modified) })
	add("Library at the end, skills", func(s Summary) string { return number(s.LibrarySize) })
	return t
}

// maxFailures bounds the list of failures; the table of tasks has them all.
const maxFailures = 200

func failures(r Report) (shown []failureView, more int) {
	for _, o := range r.Outcomes {
		if o.Succeeded() || o.Verdict == NotChecked && o.Ended == run.Completed {
			continue
		}
		if len(shown) == maxFailures {
			more++
			continue
		}
		_, class := mark(o)
		shown = append(shown, failureView{Outcome: o, Class: class, Why: o.Why(), URL: runURL(r.Meta, o)})
	}
	return shown, more
}

// runURL leads to a run in the Temporal UI, or is "".
func runURL(m Meta, o Outcome) string {
	if m.UI == "" || o.WorkflowID == "" || o.RunID == "" {
		return ""
	}
	return strings.TrimRight(m.UI, "/") + "/namespaces/" + url.PathEscape(cmp.Or(m.Namespace, "default")) +
		"/workflows/" + url.PathEscape(o.WorkflowID) + "/" + url.PathEscape(o.RunID) + "/history"
}

// mark is the sign and the name of an outcome's verdict.
func mark(o Outcome) (sign, class string) {
	switch {
	case o.Succeeded():
		return "✓", "passed"
	case o.Verdict == CheckError:
		return "!", "check_error"
	case o.Verdict == NotChecked:
		return "○", "not_checked"
	case o.Verdict == NotRun:
		return "–", "not_run"
	}
	return "✗", "failed"
}

func taskViews(r Report) []taskView {
	byCell := map[[2]string][]Outcome{}
	for _, o := range r.Outcomes {
		key := [2]string{o.Task, o.Method}
		byCell[key] = append(byCell[key], o)
	}
	var views []taskView
	for _, t := range r.Tasks {
		v := taskView{TaskResult: t}
		for _, c := range t.Cells {
			v.Cells = append(v.Cells, newCellView(r.Meta, c, byCell[[2]string{t.ID, c.Method}]))
		}
		v.Task = beginning(t.Task)
		views = append(views, v)
	}
	return views
}

func newCellView(m Meta, c Cell, outcomes []Outcome) cellView {
	v := cellView{Method: c.Method}
	for _, o := range outcomes {
		sign, class := mark(o)
		v.Runs = append(v.Runs, link{Text: sign, Class: class, URL: runURL(m, o), Title: fmt.Sprintf("repeat %d: %s", o.Repeat, strings.ReplaceAll(class, "_", " "))})
	}
	if c.Runs > 0 {
		v.Tokens, v.Turns = number(c.OrchestrationTokens.Value)+" tokens", turnsText(c.Turns.Value)
	}
	return v
}

func turnsText(v float64) string {
	if v == 1 {
		return "1 turn"
	}
	return number(v) + " turns"
}

// beginning is as much of a task as is shown in a table.
func beginning(task string) string {
	const shown = 240
	task = oneLine(task)
	if r := []rune(task); len(r) > shown {
		return string(r[:shown]) + "…"
	}
	return task
}

// growthFigures follow the methods from task to task.
func growthFigures(r Report) []figure {
	figures := []figure{}
	for _, g := range []struct {
		title, note string
		of          func(CurvePoint) float64
		in          unit
		top         float64
	}{
		{"Library", "Skills, or textual lessons, kept after each task; mean over repeats.", func(p CurvePoint) float64 { return p.LibrarySize + p.Lessons }, counts, 1},
		{"Reuse rate", fmt.Sprintf("Share of the latest %d tasks that a saved skill solved.", ReuseWindow), func(p CurvePoint) float64 { return p.Reuse }, shares, 1},
		{"Success so far", "Share of everything graded so far that passed.", func(p CurvePoint) float64 { return p.Success }, shares, 1},
		{"Tokens of each task", "Orchestration tokens, mean over repeats.", func(p CurvePoint) float64 { return p.OrchestrationTokens }, counts, 1},
		{"Cumulative tokens", "Orchestration tokens of one repeat so far.", func(p CurvePoint) float64 { return p.CumulativeTokens }, counts, 1},
		{"Cumulative cost", "Dollars of one repeat so far.", func(p CurvePoint) float64 { return p.CumulativeCostUSD }, money, 0},
	} {
		figures = append(figures, curveFigure(r, g.title, g.note, g.of, g.in, g.top))
	}
	return figures
}

func curveFigure(r Report, title, note string, of func(CurvePoint) float64, in unit, top float64) figure {
	all, numbers := make([]series, len(r.Growth)), make([][]float64, len(r.Growth))
	for i, c := range r.Growth {
		all[i].name = c.Method
		for _, p := range c.Points {
			numbers[i], all[i].values = append(numbers[i], float64(p.Number)), append(all[i].values, of(p))
		}
	}
	f := figure{Title: title, Note: note, Table: curveTable(r, of, in)}
	f.Chart = lineChart(title+" over the tasks", number, numbers, all, top, in)
	return f
}

// maxCurveRows bounds the tables under the lines; of more tasks every n-th is told.
const maxCurveRows = 100

func curveTable(r Report, of func(CurvePoint) float64, in unit) table {
	t := table{Head: []string{"Task"}, Left: 1}
	at := make([]map[int]CurvePoint, len(r.Growth))
	for i, c := range r.Growth {
		t.Head = append(t.Head, c.Method)
		at[i] = map[int]CurvePoint{}
		for _, p := range c.Points {
			at[i][p.Number] = p
		}
	}
	every := 1 + (len(r.Tasks)-1)/maxCurveRows
	for n := every; n <= len(r.Tasks); n += every {
		row := []string{number(float64(n))}
		for i := range at {
			cell := "–"
			if p, there := at[i][n]; there {
				cell = in.text(of(p))
			}
			row = append(row, cell)
		}
		t.Rows = append(t.Rows, row)
	}
	return t
}
