package evaluation

import (
	"fmt"
	"io"
	"strings"
)

// Markdown writes the report as GitHub-flavoured Markdown, the paper's table (method × batch) first.
func Markdown(w io.Writer, r Report) error {
	v := newView(r)
	m := &markdown{scripted: v.Scripted}
	m.line("# Evaluation %s", plain(v.Title))
	for _, f := range v.Facts {
		m.line("- %s: %s", f.Name, plain(f.Value))
	}
	m.section("Orchestration tokens per task", paperTable(r))
	m.note("Output tokens of the model that directs the work, mean over all runs of a task, failed ones included.")
	m.section("Tokens by method and batch", v.Tokens.Table)
	m.note(v.Tokens.Note)
	m.section("Success by method and batch", v.Success.Table)
	m.note("A success is a run that completed and whose answer passed its check; errors of checks count as neither. " + v.Success.Note)
	m.section("All measures", v.Measures)
	m.section("By category", v.Categories)
	if r.Against != nil {
		m.against(*r.Against)
	}
	m.section("Every task", taskTable(v))
	m.more(v.MoreTasks)
	m.section("What did not pass", failureTable(v))
	m.more(v.MoreFailed)
	_, err := io.WriteString(w, m.text.String())
	return err
}

type markdown struct {
	text     strings.Builder
	scripted string
}

func (m *markdown) line(format string, args ...any) { fmt.Fprintf(&m.text, format+"\n", args...) }

func (m *markdown) note(text string) {
	if text != "" {
		m.line("\n%s", strings.TrimSpace(text))
	}
}

// more says what a table left out.
func (m *markdown) more(n int) {
	if n > 0 {
		m.note(fmt.Sprintf("%s more are in the CSV file.", number(float64(n))))
	}
}

// section writes a heading and a table; a table without rows is left out with its heading.
func (m *markdown) section(title string, t table) {
	if len(t.Rows) == 0 {
		return
	}
	m.line("\n## %s\n", title)
	m.banner()
	m.table(t)
}

func (m *markdown) banner() {
	if m.scripted != "" {
		m.line("> **%s**\n", m.scripted)
	}
}

func (m *markdown) table(t table) {
	m.row(t.Head)
	for i := range t.Head {
		m.text.WriteString("|" + map[bool]string{true: " :--- ", false: " ---: "}[i < t.Left])
	}
	m.line("|")
	for _, row := range t.Rows {
		m.row(row)
	}
}

func (m *markdown) row(cells []string) {
	for _, c := range cells {
		m.text.WriteString("| " + plain(c) + " ")
	}
	m.line("|")
}

func (m *markdown) against(c Comparison) {
	m.line("\n## Against %s: %s\n", plain(c.A), c.Verdict)
	m.banner()
	m.line("%s.", plain(c.Reason))
	for _, n := range c.Notes {
		m.line("\n%s", plain(n))
	}
	if t := flipTable(c); len(t.Rows) > 0 {
		m.line("")
		m.table(t)
	}
}

// plain keeps a text from being read as Markdown or HTML, and from leaving its line or cell.
func plain(s string) string {
	return markdownMarks.Replace(oneLine(s))
}

var markdownMarks = strings.NewReplacer("\\", "\\\\", "`", "\\`", "*", "\\*", "_", "\\_", "<", "&lt;", ">", "&gt;", "&", "&amp;", "[", "\\[", "]", "\\]", "|", "\\|", "#", "\\#", "~", "\\~", "://", "&#58;//", "www.", "www&#46;", "@", "&#64;")

// paperTable has a row for each method and a column for each batch, as the paper's table has.
func paperTable(r Report) table {
	t := table{Head: []string{"Method"}, Left: 1}
	rows := map[string][]string{}
	for _, s := range r.Batches {
		if s.Method == r.Batches[0].Method {
			t.Head = append(t.Head, s.Batch)
		}
		rows[s.Method] = append(rows[s.Method], s.OrchestrationTokens.short(counts))
	}
	t.Head = append(t.Head, "all tasks", "against "+Baseline)
	for _, s := range r.Methods {
		row := append([]string{s.Method}, rows[s.Method]...)
		t.Rows = append(t.Rows, append(row, s.OrchestrationTokens.short(counts), s.Savings.text()))
	}
	return t
}

func flipTable(c Comparison) table {
	t := table{Head: []string{"Task", "Method", "Now", "Before", "After", "Why"}, Left: 6}
	for _, f := range c.flips() {
		now := string(f.To)
		if f.Flaky {
			now += " (flaky)"
		}
		t.Rows = append(t.Rows, []string{f.Task, f.Method, now, f.A, f.B, f.Reason})
	}
	return t
}

// methodFlip is a flip with the method whose it is.
type methodFlip struct {
	Method string
	Flip
}

func (c Comparison) flips() (all []methodFlip) {
	for _, m := range c.Methods {
		for _, f := range m.Flips {
			all = append(all, methodFlip{m.Method, f})
		}
	}
	return all
}

func taskTable(v view) table {
	t := table{Head: []string{"Task", "Batch"}, Left: 2}
	for _, m := range v.Methods {
		t.Head = append(t.Head, m.Name)
	}
	for _, task := range v.Tasks {
		row := []string{task.ID, task.Batch}
		for _, c := range task.Cells {
			var marks strings.Builder
			for _, l := range c.Runs {
				marks.WriteString(l.Text)
			}
			row = append(row, strings.TrimSpace(fmt.Sprintf("%s %s %s", marks.String(), c.Tokens, c.Turns)))
		}
		t.Rows = append(t.Rows, row)
	}
	return t
}

func failureTable(v view) table {
	t := table{Head: []string{"Task", "Method", "Repeat", "Verdict", "Why"}, Left: 5}
	for _, f := range v.Failures {
		t.Rows = append(t.Rows, []string{f.Task, f.Method, fmt.Sprint(f.Repeat), f.Class, f.Why})
	}
	return t
}
