package evaluation

import (
	"cmp"
	"fmt"
	"net/url"
	"strings"

	"agentfactory/internal/run"
)

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

// maxFailures bounds the list of failures.
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

// maxTasks bounds the table of tasks, so that a page of thousands can still be opened.
const maxTasks = 2000

func taskViews(r Report) (shown []taskView, more int) {
	byCell := map[[2]string][]Outcome{}
	for _, o := range r.Outcomes {
		key := [2]string{o.Task, o.Method}
		byCell[key] = append(byCell[key], o)
	}
	for _, t := range r.Tasks[:min(maxTasks, len(r.Tasks))] {
		v := taskView{TaskResult: t}
		for _, c := range t.Cells {
			v.Cells = append(v.Cells, newCellView(r.Meta, c, byCell[[2]string{t.ID, c.Method}]))
		}
		v.Task = beginning(t.Task)
		shown = append(shown, v)
	}
	return shown, len(r.Tasks) - len(shown)
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
