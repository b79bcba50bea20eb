package main

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"agentfactory/internal/skill"
)

// printDemo shows what came out, on stdout. Of what a scripted model says, the number of tokens tells nothing: turns and
// the size of what was sent to it do.
func (a *app) printDemo(c *connection, d demoDocument) error {
	fmt.Fprintln(a.stdout, "\nThe tasks side by side (a scripted model; what was sent to it is counted with a tokenizer):")
	fmt.Fprintln(a.stdout)
	if err := a.printDemoTasks(d.Tasks); err != nil {
		return err
	}
	fmt.Fprintf(a.stdout, "\nHow the skill %s grew (a gate holds a new version against the past cases):\n\n", d.Skill)
	if err := a.printDemoVersions(d); err != nil {
		return err
	}
	if changed := changedLines(d); len(changed) > 0 {
		fmt.Fprintf(a.stdout, "\nWhat is new in version %d (starter skills diff %s):\n\n  %s\n", d.Head.Version, d.Skill, strings.Join(changed, "\n  "))
	}
	fmt.Fprintln(a.stdout, "\nThe files that came out:")
	for _, t := range d.Tasks {
		for _, f := range t.Files {
			fmt.Fprintf(a.stdout, "  %s (%s)\n", filepath.Join(d.Out, plain(f.Path)), size(f.Size))
		}
	}
	fmt.Fprintf(a.stdout, nextSteps, d.Tasks[len(d.Tasks)-1].WorkflowID, d.Skill, c.Stack.Addresses().UI)
	return nil
}

func (a *app) printDemoTasks(tasks []demoTask) error {
	heading := []string{""}
	for i := range tasks {
		heading = append(heading, fmt.Sprintf("task %d", i+1))
	}
	row := func(name string, value func(demoTask) string) []string {
		cells := []string{name}
		for _, t := range tasks {
			cells = append(cells, value(t))
		}
		return cells
	}
	return table(a.stdout, heading, [][]string{
		row("skill", func(t demoTask) string { return string(t.Decision.Choice) }),
		row("turns", func(t demoTask) string { return count(t.Turns) }),
		row("input tokens", func(t demoTask) string { return count(t.Usage.OrchestrationInputTokens) }),
		row("seconds", func(t demoTask) string { return fmt.Sprintf("%.1f", t.Seconds) }),
	})
}

func (a *app) printDemoVersions(d demoDocument) error {
	var rows [][]string
	for _, v := range slices.Backward(d.Versions) {
		rows = append(rows, []string{fmt.Sprint(v.Version), standing(d.Head, v.Version), makerOf(d.Tasks, v.Lineage), gateLine(v.Gates)})
	}
	return table(a.stdout, []string{"VERSION", "", "MADE BY", "GATE"}, rows)
}

// standing is what became of a version.
func standing(head skill.Head, version int) string {
	switch {
	case version == head.Version:
		return "current"
	case slices.ContainsFunc(head.Moves, func(m skill.Move) bool { return m.Version == version }):
		return "replaced"
	}
	return "refused"
}

// makerOf is the task that made a version.
func makerOf(tasks []demoTask, from skill.Lineage) string {
	if i := slices.IndexFunc(tasks, func(t demoTask) bool { return t.WorkflowID == from.WorkflowID }); i >= 0 {
		return fmt.Sprintf("task %d", i+1)
	}
	return "an earlier demo"
}

// maxChanged bounds the diff that is shown, in lines.
const maxChanged = 12

// changedLines are the lines of code that the current version changed of the one that it was made from.
func changedLines(d demoDocument) []string {
	var lines []string
	for _, v := range d.Versions {
		for _, f := range v.Diff {
			if v.Version == d.Head.Version && f.Path == v.EntryFile {
				lines = append(lines, signed(f.Diff)...)
			}
		}
	}
	if len(lines) > maxChanged {
		lines = append(lines[:maxChanged], "…")
	}
	return lines
}

// signed takes the added and removed lines out of a unified diff.
func signed(diff string) []string {
	var lines []string
	for line := range strings.SplitSeq(plain(diff), "\n") {
		added := strings.HasPrefix(line, "+") && !strings.HasPrefix(line, "+++ ")
		removed := strings.HasPrefix(line, "-") && !strings.HasPrefix(line, "--- ")
		if added || removed {
			lines = append(lines, line)
		}
	}
	return lines
}

const nextSteps = `
Look around:
  starter runs show %s
  starter skills history %s
  %s   (the Temporal UI)
The servers stay in the background until nobody has needed them for ten minutes.

This was a scripted model. With a real one:
  export OPENAI_API_KEY=…
  starter solve "Summarise the licences of these files" --file LICENSE
or with any OpenAI-compatible server, such as Ollama:
  export OPENAI_BASE_URL=http://localhost:11434/v1 AGENTFACTORY_MODEL=qwen3
`
