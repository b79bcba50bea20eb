package evaluation

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
)

// view is a report as a page shows it: texts in the order in which they stand.
type view struct {
	Title      string
	Scripted   string // the banner; "" for a real model
	Facts      []fact
	Against    *Comparison
	Methods    []legendItem
	Tokens     figure
	Success    figure
	Measures   table
	Categories table
	Growth     []figure
	Tasks      []taskView
	MoreTasks  int
	Failures   []failureView
	MoreFailed int
	UI         bool
}

type fact struct{ Name, Value string }

type legendItem struct {
	Name string
	N    int // of its colour
	Dash string
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
	v.Tokens = partFigure(r, "Orchestration tokens per task", tokensPerTask)
	v.Success = partFigure(r, "Success rate", successRate)
	v.Growth = growthFigures(r)
	v.Tasks, v.MoreTasks = taskViews(r)
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
