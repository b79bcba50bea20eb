package evaluation

import (
	"fmt"
	"math/rand/v2"
	"time"

	"agentfactory/internal/run"
)

var monday = time.Date(2026, 11, 16, 8, 0, 0, 0, time.UTC)

// sampleTasks are 2 × 15 tasks, some of whose texts try to break a page.
func sampleTasks() []Task {
	nasty := []string{
		`<script>document.title="broken"</script><img src=x onerror=alert(1)>`, `]]></style></title><svg onload=alert(1)>`, `=HYPERLINK("http://evil.example","x")`,
		"Averyverylongwordwithoutanyspaces" + fmt.Sprintf("%0200d", 7), "| a | b |\n| --- | --- |\n`code` *bold* [link](http://evil.example)", "\u202ereversed \u001b[31m text & more <b>",
	}
	categories := []string{"data analysis", "web research", "documents", "audio", "automation"}
	var tasks []Task
	for i := range 30 {
		text := fmt.Sprintf("Read data/sales-%d.csv and say in which month the turnover was highest, and by how much it was above the mean of the year.", i)
		if i%5 == 0 {
			text = nasty[i/5]
		}
		tasks = append(tasks, Task{
			ID: fmt.Sprintf("%s-%02d", []string{"sales", "search", "report", "speech", "files"}[i%5], i+1), Batch: []string{"offline-1", "offline-2"}[i/15],
			Category: categories[i%5], Task: text, Reference: "42",
		})
	}
	return tasks
}

func sampleMeta(methods []string, repeat int) Meta {
	return Meta{
		ID: "evaluation-20261116-0800", Name: "Offline batches", StartedAt: monday, FinishedAt: monday.Add(40 * time.Minute), Model: "scripted-test", SubagentModel: "scripted-test",
		Scripted: true, Methods: methods, Repeat: repeat, TasksDigest: "9f2c", UI: "http://127.0.0.1:8233", Namespace: "default", Budget: run.DefaultBudget,
	}
}

// sampleOutcomes are drawn from a seed, so that each seed is another run of the same evaluation.
func sampleOutcomes(tasks []Task, methods []string, repeat int, seed uint64) []Outcome {
	random := rand.New(rand.NewPCG(seed, 1))
	var outcomes []Outcome
	for _, method := range methods {
		for r := 1; r <= repeat; r++ {
			library := 0
			for i, t := range tasks {
				o := sampleOutcome(random, i+1, t, method, r)
				if o.Choice == run.Built {
					library++
				}
				o.LibrarySize = library
				outcomes = append(outcomes, o)
			}
		}
	}
	return outcomes
}

func sampleOutcome(random *rand.Rand, n int, t Task, method string, repeat int) Outcome {
	tokens := map[string]float64{"agentfactory": 4300 - 90*float64(n), "react": 7600, "textual": 7100 - 30*float64(n)}[method] * (0.85 + 0.3*random.Float64())
	o := Outcome{
		Number: n, Task: t.ID, Batch: t.Batch, Category: t.Category, Method: method, Repeat: repeat, WorkflowID: fmt.Sprintf("evaluation-1/%s-%d/%d", method, repeat, n), RunID: fmt.Sprintf("run-%d", n),
		Ended: run.Completed, Verdict: Passed, Check: ByScript, Turns: 3 + int(tokens)/900, Model: "scripted-test", StartedAt: monday, FinishedAt: monday.Add(time.Minute), Seconds: tokens / 90,
		Usage: run.Usage{
			OrchestrationOutputTokens: int64(tokens), OrchestrationInputTokens: int64(tokens * 14), OrchestrationCachedInputTokens: int64(tokens * 9), SubagentOutputTokens: int64(tokens / 20), CostUSD: tokens * 2.1e-5,
		},
	}
	switch p := random.Float64(); {
	case p < 0.12:
		o.Verdict, o.CheckReason = Failed, "the answer says May, the check expects 'June' <b>&amp;"
	case p < 0.15:
		o.Verdict, o.CheckReason = CheckError, "the check took more than 60 s"
	case p < 0.18:
		o.Verdict, o.Ended, o.Reason = Failed, run.BudgetExhausted, "all 60 turns are used"
	case method == "agentfactory" && n > 6 && p < 0.75:
		o.Choice, o.SkillsUsed = run.Reused, []string{"sales-report"}
	case method == "agentfactory":
		o.Choice, o.Created = run.Built, []string{fmt.Sprintf("skill-%d", n)}
	}
	return o
}

var sampleMethods = []string{"agentfactory", "react", "textual"}

// sampleReport is of a scripted model, with a previous evaluation.
func sampleReport(repeat int) Report {
	tasks := sampleTasks()
	before := sampleMeta(sampleMethods, repeat)
	before.ID = "evaluation-20261109-0800"
	previous := Make(before, tasks, sampleOutcomes(tasks, sampleMethods, repeat, 1), nil)
	meta := sampleMeta(sampleMethods, repeat)
	meta.Previous = before.ID
	return Make(meta, tasks, sampleOutcomes(tasks, sampleMethods, repeat, 2), &previous)
}
