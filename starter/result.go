package main

import (
	"fmt"
	"strings"

	runs "agentfactory/internal/run"
)

// printResult prints how a run ended: the answer on stdout, everything else on stderr,
// or with --json the whole result as the one document on stdout.
func (a *app) printResult(res runs.Result) error {
	if a.json {
		return a.printJSON(withoutNulls(res))
	}
	if answer := strings.TrimSpace(plain(res.Answer)); answer != "" {
		a.say("")
		fmt.Fprintln(a.stdout, answer)
	}
	a.say("\n%s", endLine(res))
	a.sayWhatCameOut(res)
	return nil
}

// withoutNulls makes lists of what is missing.
func withoutNulls(res runs.Result) runs.Result {
	if res.Skills == nil {
		res.Skills = []runs.SavedSkill{}
	}
	if res.Files == nil {
		res.Files = []runs.OutputFile{}
	}
	return res
}

// endLine is the outcome with what it took.
func endLine(res runs.Result) string {
	line := string(res.Outcome)
	if res.Reason != "" {
		line += ": " + oneLine(res.Reason)
	}
	u := res.Usage
	line += fmt.Sprintf(" (%s, %s output and %s input tokens", plural(res.Turns, "turn"), count(u.OrchestrationOutputTokens), count(u.OrchestrationInputTokens))
	if u.SubagentOutputTokens > 0 {
		line += fmt.Sprintf(", subagents %s", count(u.SubagentOutputTokens))
	}
	if u.CheckOutputTokens > 0 {
		line += fmt.Sprintf(", checks %s", count(u.CheckOutputTokens))
	}
	if u.CostUSD > 0 {
		line += fmt.Sprintf(", $%.4f", u.CostUSD)
	}
	if u.Estimated {
		line += ", tokens estimated"
	}
	return line + ")"
}

// sayWhatCameOut lists skills and files with the commands that show them.
func (a *app) sayWhatCameOut(res runs.Result) {
	if d := res.Decision; d != nil && d.Choice != runs.Neither {
		a.say("library %s", oneLine(d.Reason))
	}
	for _, s := range res.Skills {
		note := ""
		if s.Note != "" {
			note = " (" + oneLine(s.Note) + ")"
		}
		a.say("skill   %s version %d%s: starter skills show %s", s.Name, s.Version, note, s.Name)
	}
	if res.Lesson != nil {
		a.say("lesson  %s: %s", plain(oneLine(res.Lesson.Title)), res.Lesson.Key)
	}
	if len(res.Files) > 0 {
		a.say("files   %s: starter runs files %s --out DIR", fileNames(res.Files), res.WorkflowID)
	}
	a.say("record  starter runs show %s", res.WorkflowID)
	if res.Outcome == runs.BudgetExhausted {
		a.say("next    start it again with a larger budget (starter solve --help)")
	}
}

// fileNames names a few files and counts the others.
func fileNames(files []runs.OutputFile) string {
	const most = 5
	var names []string
	for i, f := range files {
		if i == most {
			names = append(names, fmt.Sprintf("%d more", len(files)-most))
			break
		}
		names = append(names, fmt.Sprintf("%s (%s)", plain(f.Path), size(f.Size)))
	}
	return strings.Join(names, ", ")
}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%s %ss", count(n), what)
}
