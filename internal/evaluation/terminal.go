package evaluation

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// Text writes what matters most of a report for a terminal: the paper's table and all measures by method.
func (r Report) Text(w io.Writer) error {
	t := &terminal{w: w}
	if r.Meta.Scripted {
		t.line("%s\n", scriptedBanner)
	}
	t.line("Orchestration tokens per task")
	t.table(paperTable(r))
	t.line("")
	t.table(measureTable(r.Methods))
	if r.Against != nil {
		t.line("\nAgainst %s: %s (%s)", oneLine(r.Against.A), r.Against.Verdict, oneLine(r.Against.Reason))
	}
	return t.err
}

// Text writes a comparison for a terminal.
func (c Comparison) Text(w io.Writer) error {
	t := &terminal{w: w}
	t.line("%s to %s: %s\n%s.", oneLine(c.A), oneLine(c.B), c.Verdict, oneLine(c.Reason))
	for _, n := range c.Notes {
		t.line("%s", oneLine(n))
	}
	methods := table{Head: []string{"Method", "Verdict", "Success", "Tokens per task", "Cost per task"}, Left: 5}
	for _, m := range c.Methods {
		methods.Rows = append(methods.Rows, []string{m.Method, string(m.Verdict), m.Success.text(shares), m.Tokens.text(counts), m.Cost.text(money)})
	}
	for _, part := range []table{methods, flipTable(c)} {
		if len(part.Rows) > 0 {
			t.line("")
			t.table(part)
		}
	}
	return t.err
}

func (d Difference) text(in unit) string {
	if d.Tasks == 0 {
		return "–"
	}
	certain := ""
	if d.Significant {
		certain = ", significant"
	}
	return fmt.Sprintf("%s to %s (%s%s)", in.text(d.A), in.text(d.B), signed(d.Percent), certain)
}

// Text writes the series as a table for a terminal.
func (g GrowthSeries) Text(w io.Writer) error {
	t := &terminal{w: w}
	t.table(g.table())
	return t.err
}

// terminal writes lines and tables, and keeps the first error.
type terminal struct {
	w   io.Writer
	err error
}

func (t *terminal) line(format string, args ...any) {
	if t.err == nil {
		_, t.err = fmt.Fprintf(t.w, format+"\n", args...)
	}
}

// table sets columns of text on the left and numbers on the right.
func (t *terminal) table(rows table) {
	all := append([][]string{rows.Head}, rows.Rows...)
	widths := make([]int, len(rows.Head))
	for _, row := range all {
		for i, cell := range row {
			widths[i] = max(widths[i], utf8.RuneCountInString(oneLine(cell)))
		}
	}
	for _, row := range all {
		cells := make([]string, len(row))
		for i, cell := range row {
			if cells[i] = fmt.Sprintf("%*s", widths[i], oneLine(cell)); i < rows.Left {
				cells[i] = fmt.Sprintf("%-*s", widths[i], oneLine(cell))
			}
		}
		t.line("%s", strings.TrimRight(strings.Join(cells, "  "), " "))
	}
}
