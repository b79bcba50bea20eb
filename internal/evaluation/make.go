package evaluation

import (
	"fmt"
	"maps"
	"slices"

	"agentfactory/internal/run"
)

// Make computes the report of an evaluation from its outcomes, of which some may be missing while it runs. Of two outcomes
// of one task with one method in one repeat the first by run is taken. previous is the report of the evaluation that this
// one is held against; nil: none.
func Make(m Meta, tasks []Task, outcomes []Outcome, previous *Report) Report {
	m.Methods = methods(m.Methods, outcomes)
	outcomes = slices.CompactFunc(sorted(outcomes, m.Methods), sameTurn)
	r := Report{Meta: m, Outcomes: outcomes, Methods: []Summary{}, Batches: []Summary{}, Tasks: []TaskResult{}, Growth: []Curve{}}
	baseline := of(outcomes, Baseline)
	for _, method := range m.Methods {
		own := of(outcomes, method)
		r.Methods = append(r.Methods, summarise(Summary{Method: method}, own, baseline))
		r.Growth = append(r.Growth, curve(method, own))
	}
	r.Batches = split(m.Methods, outcomes, batches(tasks, outcomes), func(o Outcome) string { return o.Batch },
		func(s *Summary, batch string) { s.Batch = batch })
	r.Categories = split(m.Methods, outcomes, categories(outcomes), func(o Outcome) string { return o.Category },
		func(s *Summary, category string) { s.Category = category })
	r.Tasks = taskResults(m.Methods, tasks, outcomes)
	if previous != nil {
		against := Compare(*previous, r)
		r.Against = &against
	}
	return r
}

// methods are those that were to be told and, after them, those that only outcomes name.
func methods(known []string, outcomes []Outcome) []string {
	known, others := slices.Clone(known), map[string]bool{}
	for _, o := range outcomes {
		if !slices.Contains(known, o.Method) {
			others[o.Method] = true
		}
	}
	return append(known, slices.Sorted(maps.Keys(others))...)
}

func sameTurn(a, b Outcome) bool {
	return a.Method == b.Method && a.Repeat == b.Repeat && a.Number == b.Number
}

func of(outcomes []Outcome, method string) []Outcome {
	return only(outcomes, func(o Outcome) bool { return o.Method == method })
}

func only(outcomes []Outcome, keep func(Outcome) bool) []Outcome {
	return slices.DeleteFunc(slices.Clone(outcomes), func(o Outcome) bool { return !keep(o) })
}

// batches in the order of the tasks, then any that only outcomes name.
func batches(tasks []Task, outcomes []Outcome) []string {
	var names []string
	for _, t := range tasks {
		names = append(names, t.Batch)
	}
	for _, o := range outcomes {
		names = append(names, o.Batch)
	}
	return distinct(names)
}

func categories(outcomes []Outcome) []string {
	var names []string
	for _, o := range outcomes {
		if o.Category != "" {
			names = append(names, o.Category)
		}
	}
	names = distinct(names)
	slices.Sort(names)
	return names
}

// distinct keeps the first of each name.
func distinct(names []string) []string {
	seen := map[string]bool{}
	return slices.DeleteFunc(names, func(name string) bool {
		again := seen[name]
		seen[name] = true
		return again
	})
}

// split summarises each method over each part of the tasks.
func split(methods []string, outcomes []Outcome, parts []string, part func(Outcome) string, label func(*Summary, string)) []Summary {
	in := map[string][]Outcome{}
	for _, o := range outcomes {
		in[part(o)] = append(in[part(o)], o)
	}
	summaries := []Summary{}
	for _, name := range parts {
		for _, method := range methods {
			s := Summary{Method: method}
			label(&s, name)
			summaries = append(summaries, summarise(s, of(in[name], method), of(in[name], Baseline)))
		}
	}
	return summaries
}

func summarise(s Summary, outcomes, baseline []Outcome) Summary {
	runs := only(outcomes, Outcome.Ran)
	s.Runs, s.NotRun = len(runs), len(outcomes)-len(runs)
	s.Tasks = len(group(outcomes, func(o Outcome) int { return o.Number }))
	reusing := 0
	for _, o := range runs {
		s.count(o)
		if o.Reuses() {
			reusing++
		}
	}
	s.Success, s.Reuse = share(s.Passed, s.Passed+s.Failed), share(reusing, s.Runs)
	s.measure(runs)
	s.LibrarySize = librarySize(runs)
	if s.Method != Baseline {
		s.Savings = saving(runs, only(baseline, Outcome.Ran))
	}
	return s
}

func (s *Summary) count(o Outcome) {
	switch {
	case o.Verdict == CheckError:
		s.CheckErrors++
	case o.Verdict == NotChecked:
		s.NotChecked++
	case o.Succeeded():
		s.Passed++
	default:
		s.Failed++
	}
	if o.Ended != run.Completed {
		s.Unfinished++
	}
	s.Created += len(o.Created)
	s.Modified += len(o.Modified)
	s.TotalCostUSD += o.Usage.CostUSD
	s.Estimated = s.Estimated || o.Usage.Estimated
}

func (s *Summary) measure(runs []Outcome) {
	s.OrchestrationTokens = mean(runs, orchestrationTokens)
	s.InputTokens = mean(runs, func(o Outcome) float64 { return float64(o.Usage.OrchestrationInputTokens) })
	s.CachedTokens = mean(runs, func(o Outcome) float64 { return float64(o.Usage.OrchestrationCachedInputTokens) })
	s.SubagentTokens = mean(runs, func(o Outcome) float64 { return float64(o.Usage.SubagentOutputTokens) })
	s.CheckTokens = mean(runs, func(o Outcome) float64 { return float64(o.Usage.CheckOutputTokens) })
	s.JudgeTokens = mean(runs, func(o Outcome) float64 { return float64(o.JudgeUsage.CheckOutputTokens) })
	s.CostUSD = mean(runs, cost)
	s.Turns = mean(runs, turns)
	s.Seconds = mean(runs, seconds)
}

func orchestrationTokens(o Outcome) float64 { return float64(o.Usage.OrchestrationOutputTokens) }
func cost(o Outcome) float64                { return o.Usage.CostUSD }
func turns(o Outcome) float64               { return float64(o.Turns) }
func seconds(o Outcome) float64             { return o.Seconds }

// librarySize is that after the last task of each repeat.
func librarySize(runs []Outcome) float64 {
	total, repeats := 0, group(runs, func(o Outcome) int { return o.Repeat })
	for _, r := range repeats {
		total += slices.MaxFunc(r, func(a, b Outcome) int { return a.Number - b.Number }).LibrarySize
	}
	return ratio(total, len(repeats))
}

// saving compares the tasks that both methods ran; nil: there are none, or the baseline took no tokens.
func saving(runs, baseline []Outcome) *Saving {
	own, base := tokensByTask(runs), tokensByTask(baseline)
	var took, would float64
	common := 0
	for _, number := range slices.Sorted(maps.Keys(own)) {
		if b, both := base[number]; both {
			took, would, common = took+own[number], would+b, common+1
		}
	}
	if would == 0 {
		return nil
	}
	return &Saving{Percent: 100 * (would - took) / would, Tasks: common}
}

func tokensByTask(runs []Outcome) map[int]float64 {
	by := map[int]float64{}
	for _, g := range group(runs, func(o Outcome) int { return o.Number }) {
		by[g[0].Number] = mean(g, orchestrationTokens).Value
	}
	return by
}

func taskResults(methods []string, tasks []Task, outcomes []Outcome) []TaskResult {
	byTask := map[string][]Outcome{}
	for _, o := range outcomes {
		byTask[o.Task] = append(byTask[o.Task], o)
	}
	results := []TaskResult{}
	for i, t := range tasks {
		result := TaskResult{Number: i + 1, ID: t.ID, Batch: t.Batch, Category: t.Category, Task: t.Task, Digest: t.Digest()}
		for _, method := range methods {
			result.Cells = append(result.Cells, cell(method, of(byTask[t.ID], method)))
		}
		results = append(results, result)
	}
	return results
}

func cell(method string, outcomes []Outcome) Cell {
	s := summarise(Summary{Method: method}, outcomes, nil)
	return Cell{
		Method: method, Runs: s.Runs, Passed: s.Passed, Graded: s.Passed + s.Failed, CheckErrors: s.CheckErrors, NotRun: s.NotRun,
		Success: s.Success, OrchestrationTokens: s.OrchestrationTokens, Turns: s.Turns, Seconds: s.Seconds, CostUSD: s.CostUSD,
	}
}

// curve follows one method through the tasks. Tasks that it has not run are left out.
func curve(method string, outcomes []Outcome) Curve {
	c := Curve{Method: method, Points: []CurvePoint{}}
	byNumber := group(only(outcomes, Outcome.Ran), func(o Outcome) int { return o.Number })
	var tokens, usd float64
	var passed, graded int
	code := savedCode{}
	for i, now := range byNumber {
		for _, o := range now {
			if o.Graded() {
				graded++
			}
			if o.Succeeded() {
				passed++
			}
			code.take(o)
		}
		spent := mean(now, orchestrationTokens).Value
		tokens, usd = tokens+spent, usd+mean(now, cost).Value
		c.Points = append(c.Points, CurvePoint{
			Number: now[0].Number, Task: now[0].Task, Batch: now[0].Batch,
			Success: ratio(passed, graded), Reuse: reuseRate(byNumber[max(0, i+1-ReuseWindow) : i+1]),
			OrchestrationTokens: spent, CumulativeTokens: tokens, CumulativeCostUSD: usd,
			Solved: float64(passed) / float64(len(now)), CodeLines: code.lines(),
			LibrarySize: mean(now, func(o Outcome) float64 { return float64(o.LibrarySize) }).Value,
			Lessons:     mean(now, func(o Outcome) float64 { return float64(o.Lessons) }).Value,
		})
	}
	return c
}

// savedCode are the lines of the skills that were saved so far, by repeat and name.
type savedCode map[string]int

func (c savedCode) take(o Outcome) {
	for _, s := range o.Saved {
		c[fmt.Sprintf("%d %s", o.Repeat, s.Name)] = s.Lines
	}
}

func (c savedCode) lines() float64 {
	sum := 0
	for _, lines := range c {
		sum += lines
	}
	return ratio(sum, len(c))
}

func reuseRate(window [][]Outcome) float64 {
	reusing, all := 0, 0
	for _, now := range window {
		for _, o := range now {
			if all++; o.Reuses() {
				reusing++
			}
		}
	}
	return ratio(reusing, all)
}
