package evaluation

import (
	"cmp"
	"fmt"
	"html/template"
	"slices"
)

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

// partFigure shows a measure by method and batch; with several batches also over all.
func partFigure(r Report, title string, m measure) figure {
	parts := r.Batches
	batch := func(s Summary) string { return cmp.Or(s.Batch, "all") }
	if len(r.Batches) > len(r.Methods) {
		parts = slices.Concat(r.Batches, r.Methods)
	}
	var groups []string
	for _, s := range parts {
		groups = append(groups, batch(s))
	}
	groups = distinct(groups)
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

var bothMeasures = []measure{successRate, tokensPerTask}

// partTable has a row for each part of the tasks and method.
func partTable(heading string, methods []string, parts []Summary, name func(Summary) string, told []measure) table {
	t := table{Head: []string{heading, "Method", "Runs"}, Left: 2, Stack: true}
	for _, m := range told {
		t.Head = append(t.Head, m.name)
	}
	saved := told[len(told)-1].column == tokensPerTask.column && slices.Contains(methods, Baseline)
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
		{"Tasks solved", "Tasks of one repeat that succeeded so far.", func(p CurvePoint) float64 { return p.Solved }, counts, 1},
		{"Sophistication", "Lines of code of a skill that are neither blank nor comment, mean over the skills that were saved so far.", func(p CurvePoint) float64 { return p.CodeLines }, counts, 1},
		{"Success so far", "Share of everything graded so far that passed.", func(p CurvePoint) float64 { return p.Success }, shares, 1},
		{"Tokens of each task", "Orchestration tokens, mean over repeats.", func(p CurvePoint) float64 { return p.OrchestrationTokens }, counts, 1},
		{"Cumulative tokens", "Orchestration tokens of one repeat so far.", func(p CurvePoint) float64 { return p.CumulativeTokens }, counts, 1},
		{"Cumulative cost", "Dollars of one repeat so far.", func(p CurvePoint) float64 { return p.CumulativeCostUSD }, money, 0.01},
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
