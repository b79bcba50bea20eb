package evaluation

import (
	"fmt"
	"html/template"
	"io"
	"time"
)

// growthPage is a growth series as a page shows it.
type growthPage struct {
	Title, Scripted string
	Figures         []figure
	Table           table
}

// HTML writes the series as one page of the kind that a report is: it needs nothing else, asks for nothing, and runs no
// scripts. scripted says that runs of scripted models are in it.
func (g GrowthSeries) HTML(w io.Writer, title string, scripted bool) error {
	p := growthPage{Title: title, Table: g.table()}
	if scripted {
		p.Scripted = scriptedBanner
	}
	for _, f := range growthLines {
		p.Figures = append(p.Figures, g.figure(f))
	}
	return growthTemplate.Execute(w, p)
}

type growthLine struct {
	title, note string
	of          func(GrowthPoint) float64
	in          unit
	top         float64
	ofRuns      bool // it says nothing of a period without runs
}

var growthLines = []growthLine{
	{"Tasks solvable", "Distinct cases that the current versions of the skills have passed.", func(p GrowthPoint) float64 { return float64(p.Solvable) }, counts, 1, false},
	{"Success", "Share of the runs that completed.", GrowthPoint.Success, shares, 1, true},
	{"Reuse rate", "Share of the runs that used a saved skill.", GrowthPoint.Reuse, shares, 1, true},
	{"Orchestration tokens per run", "Output tokens of the model that directs the work.", func(p GrowthPoint) float64 { return p.OrchestrationTokens }, counts, 1, true},
	{"Skills", "Saved skills that are not retired.", func(p GrowthPoint) float64 { return float64(p.Skills) }, counts, 1, false},
	{"Sophistication", "Lines of code of a current version, mean over the skills.", func(p GrowthPoint) float64 { return p.Lines }, counts, 1, false},
}

func (g GrowthSeries) figure(l growthLine) figure {
	s := series{name: "library"}
	var numbers []float64
	for i, p := range g.Points {
		if p.Runs > 0 || !l.ofRuns {
			numbers, s.values = append(numbers, float64(i+1)), append(s.values, l.of(p))
		}
	}
	return figure{Title: l.title, Note: l.note, Chart: lineChart(fmt.Sprintf("%s by %s", l.title, g.By), g.date, [][]float64{numbers}, []series{s}, l.top, l.in)}
}

// date is the label of the n-th period, counted from 1.
func (g GrowthSeries) date(n float64) string {
	if i := int(n) - 1; i >= 0 && i < len(g.Points) {
		return g.Points[i].Start.Format("2 Jan")
	}
	return ""
}

func (g GrowthSeries) table() table {
	t := table{Left: 1, Head: []string{string(g.By), "runs", "success", "reuse", "tokens/run", "turns/run", "cost/run", "skills", "versions", "solvable", "lines", "functions", "tools"}}
	for _, p := range g.Points {
		ofRuns := []string{"–", "–", "–", "–", "–"}
		if p.Runs > 0 {
			ofRuns = []string{percent(p.Success()), percent(p.Reuse()), number(p.OrchestrationTokens), number(p.Turns), usd(p.CostUSD)}
		}
		row := append([]string{p.Start.Format(time.DateOnly), number(float64(p.Runs))}, ofRuns...)
		for _, v := range []float64{float64(p.Skills), float64(p.Versions), float64(p.Solvable), p.Lines, p.Functions, p.Tools} {
			row = append(row, number(v))
		}
		t.Rows = append(t.Rows, row)
	}
	return t
}

var growthTemplate = template.Must(template.Must(page.Clone()).ParseFS(templates, "templates/growth.html")).Lookup("growth.html")
