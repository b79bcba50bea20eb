package evaluation

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"gonum.org/v1/gonum/stat"
)

// Compare tells what changed from a to b, method by method over the tasks that are the same in both. The rules:
//
// A task passes with a method if more than half of its graded repeats passed. A flip is a task that passes in one report
// and fails in the other. It is flaky, that is, chance may explain it, if repeats of one report disagree among themselves
// and Fisher's exact test gives the change a p of 5 % or more. With one repeat nothing can disagree, and every flip counts.
//
// Tokens and the success rate changed significantly if the 95 % interval of the mean difference, paired by task, leaves out
// 0 and the mean moved by at least 5 %.
//
// A method got worse if a flip to failed that is not flaky, significantly less success or significantly more tokens stand
// against nothing better; better the other way round; mixed with both; else it is the same. The whole is worse, better, mixed or the same by its
// methods.
func Compare(a, b Report) Comparison {
	c := Comparison{A: a.Meta.ID, B: b.Meta.ID, Repeated: a.Meta.Repeat > 1 && b.Meta.Repeat > 1, Methods: []MethodComparison{}}
	pairs := c.pair(a, b)
	c.Common = len(pairs)
	for _, method := range b.Meta.Methods {
		if slices.Contains(a.Meta.Methods, method) && len(pairs) > 0 {
			c.Methods = append(c.Methods, compareMethod(method, pairs, b))
		}
	}
	c.note(a, b)
	c.judge()
	return c
}

// taskPair is one task in both reports.
type taskPair struct{ a, b TaskResult }

// pair finds the tasks that are the same in both, and says which ones are not.
func (c *Comparison) pair(a, b Report) []taskPair {
	before := map[string]TaskResult{}
	for _, t := range a.Tasks {
		before[t.ID] = t
	}
	var pairs []taskPair
	for _, t := range b.Tasks {
		old, found := before[t.ID]
		delete(before, t.ID)
		switch {
		case !found:
			c.New = append(c.New, t.ID)
		case old.Digest != t.Digest:
			c.Altered = append(c.Altered, t.ID)
		default:
			pairs = append(pairs, taskPair{old, t})
		}
	}
	for _, t := range a.Tasks {
		if _, left := before[t.ID]; left {
			c.Missing = append(c.Missing, t.ID)
		}
	}
	return pairs
}

func (c *Comparison) note(a, b Report) {
	if apart := len(c.New) + len(c.Missing) + len(c.Altered); apart > 0 {
		c.Notes = append(c.Notes, fmt.Sprintf("Only the %s that both have are compared: %d new, %d missing, %d altered.", plural(c.Common, "task"), len(c.New), len(c.Missing), len(c.Altered)))
	}
	if a.Meta.Scripted != b.Meta.Scripted {
		c.Notes = append(c.Notes, "One of the two ran a scripted model: its numbers say nothing about a real one.")
	}
	if a.Meta.Model != b.Meta.Model {
		c.Notes = append(c.Notes, fmt.Sprintf("The models differ: %s, then %s.", a.Meta.Model, b.Meta.Model))
	}
	if a.Meta.FromScratch != b.Meta.FromScratch {
		c.Notes = append(c.Notes, "One of the two did each task from scratch, the other accumulated.")
	}
	if !c.Repeated {
		c.Notes = append(c.Notes, "Without repeats in both, chance cannot be told from change: every flip counts.")
	}
}

func (c *Comparison) judge() {
	if len(c.Methods) == 0 {
		c.Verdict, c.Reason = Incomparable, "the two have no task or no method in common"
		return
	}
	better, worse := false, false
	var reasons []string
	for _, m := range c.Methods {
		better = better || m.Verdict == Better || m.Verdict == MixedChange
		worse = worse || m.Verdict == Worse || m.Verdict == MixedChange
		if m.Verdict != Same {
			reasons = append(reasons, m.Method+": "+m.Reason)
		}
	}
	c.Verdict = change(better, worse)
	c.Reason = strings.Join(reasons, "; ")
	if c.Verdict == Same {
		c.Reason = fmt.Sprintf("over %s nothing changed that chance would not explain", plural(c.Common, "common task"))
	}
}

func change(better, worse bool) Change {
	switch {
	case better && worse:
		return MixedChange
	case better:
		return Better
	case worse:
		return Worse
	}
	return Same
}

func compareMethod(method string, pairs []taskPair, b Report) MethodComparison {
	m := MethodComparison{Method: method}
	var success, tokens, usd pairedValues
	for _, p := range pairs {
		x, y := p.a.of(method), p.b.of(method)
		if flip, flipped := flipOf(p.b, x, y); flipped {
			flip.Reason = failure(b, p.b.ID, method, flip.To)
			m.Flips = append(m.Flips, flip)
		}
		if x.Graded > 0 && y.Graded > 0 {
			success.add(x.Success.Value, y.Success.Value)
		}
		if x.Runs > 0 && y.Runs > 0 {
			tokens.add(x.OrchestrationTokens.Value, y.OrchestrationTokens.Value)
			usd.add(x.CostUSD.Value, y.CostUSD.Value)
		}
	}
	m.Success, m.Tokens, m.Cost = success.difference(), tokens.difference(), usd.difference()
	m.judge()
	return m
}

// of is the cell of a method; an empty one says nothing.
func (t TaskResult) of(method string) Cell {
	for _, c := range t.Cells {
		if c.Method == method {
			return c
		}
	}
	return Cell{}
}

func flipOf(t TaskResult, a, b Cell) (Flip, bool) {
	before, after := majority(a), majority(b)
	if before == after || before == "" || after == "" {
		return Flip{}, false
	}
	return Flip{
		Task: t.ID, Batch: t.Batch, To: after, A: tally(a), B: tally(b),
		Flaky: !(unanimous(a) && unanimous(b)) && fisher(a.Passed, a.Graded, b.Passed, b.Graded) >= 0.05,
	}, true
}

// majority is what most of the graded repeats say, or "" where they say nothing or as much of the one as of the other.
func majority(c Cell) Verdict {
	switch failed := c.Graded - c.Passed; {
	case c.Passed > failed:
		return Passed
	case failed > c.Passed:
		return Failed
	}
	return ""
}

func unanimous(c Cell) bool { return c.Passed == 0 || c.Passed == c.Graded }

func tally(c Cell) string { return fmt.Sprintf("%d of %d passed", c.Passed, c.Graded) }

// failure is the first reason why a task failed, for flips to failed.
func failure(r Report, task, method string, to Verdict) string {
	if to != Failed {
		return ""
	}
	for _, o := range r.Outcomes {
		if o.Task == task && o.Method == method && o.Graded() && !o.Succeeded() {
			return o.Why()
		}
	}
	return ""
}

func (m *MethodComparison) judge() {
	var said []string
	lost, won := m.firm(Failed), m.firm(Passed)
	if len(lost) > 0 {
		said = append(said, "flipped to failed: "+few(lost))
	}
	if len(won) > 0 {
		said = append(said, "flipped to passed: "+few(won))
	}
	rose, fell := m.Tokens.Significant && m.Tokens.Percent > 0, m.Tokens.Significant && m.Tokens.Percent < 0
	if rose || fell {
		said = append(said, fmt.Sprintf("orchestration tokens per task went from %s to %s (%s)", number(m.Tokens.A), number(m.Tokens.B), signed(m.Tokens.Percent)))
	}
	up, down := m.Success.Significant && m.Success.B > m.Success.A, m.Success.Significant && m.Success.B < m.Success.A
	if up || down {
		said = append(said, fmt.Sprintf("the success rate went from %s to %s", percent(m.Success.A), percent(m.Success.B)))
	}
	m.Verdict = change(len(won) > 0 || up || fell, len(lost) > 0 || down || rose)
	if m.Reason = strings.Join(said, ", "); m.Reason == "" {
		m.Reason = "nothing changed that chance would not explain"
	}
}

// firm are the tasks that flipped beyond what chance explains.
func (m *MethodComparison) firm(to Verdict) (tasks []string) {
	for _, f := range m.Flips {
		if f.To == to && !f.Flaky {
			tasks = append(tasks, f.Task)
		}
	}
	return tasks
}

// few lists names, the first ones if there are many.
func few(names []string) string {
	const shown = 5
	if len(names) <= shown {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:shown], ", "), len(names)-shown)
}

// pairedValues are the values of the same tasks in both reports.
type pairedValues struct{ a, b, differences []float64 }

func (p *pairedValues) add(a, b float64) {
	p.a, p.b, p.differences = append(p.a, a), append(p.b, b), append(p.differences, b-a)
}

// noticeable is the least change of a mean, as a part of it, that is worth telling even if it is certain.
const noticeable = 0.05

func (p *pairedValues) difference() Difference {
	if len(p.a) == 0 {
		return Difference{}
	}
	d := Difference{A: stat.Mean(p.a, nil), B: stat.Mean(p.b, nil), Tasks: len(p.a)}
	d.Interval = student(d.B-d.A, p.differences, OverTasks)
	if d.A > 0 {
		d.Percent = 100 * (d.B - d.A) / d.A
	}
	certain := d.Interval != nil && (d.Interval.Low > 0 || d.Interval.High < 0)
	d.Significant = certain && math.Abs(d.B-d.A) >= noticeable*d.A
	return d
}
