package main

import (
	"fmt"
	"path/filepath"
	"strings"
)

// printDemo shows what came out, on stdout.
func (a *app) printDemo(c *connection, d demoDocument) error {
	first, second := d.Tasks[0], d.Tasks[1]
	row := func(name string, value func(demoTask) string) []string {
		return []string{name, value(first), value(second)}
	}
	fmt.Fprintln(a.stdout, "\nBoth tasks, side by side (a scripted model; tokens counted with a tokenizer from what was really sent):")
	fmt.Fprintln(a.stdout)
	err := table(a.stdout, []string{"", "first task", "second task"}, [][]string{
		row("skill", func(t demoTask) string { return map[bool]string{true: "built", false: "reused"}[t.Built] }),
		row("turns", func(t demoTask) string { return count(t.Turns) }),
		row("output tokens", func(t demoTask) string { return count(t.Usage.OrchestrationOutputTokens) }),
		row("input tokens", func(t demoTask) string { return count(t.Usage.OrchestrationInputTokens) }),
		row("seconds", func(t demoTask) string { return fmt.Sprintf("%.1f", t.Seconds) }),
	})
	if err != nil {
		return err
	}
	fmt.Fprintf(a.stdout, "\nThe saved skill (starter skills code %s):\n\n%s\n", d.Skill, indent(wrapped(shortDocument(d.SkillMD))))
	fmt.Fprintln(a.stdout, "\nThe files that came out:")
	for _, t := range d.Tasks {
		for _, f := range t.Files {
			fmt.Fprintf(a.stdout, "  %s (%s)\n", filepath.Join(d.Out, plain(f.Path)), size(f.Size))
		}
	}
	fmt.Fprintf(a.stdout, nextSteps, second.WorkflowID, c.Stack.Addresses().UI)
	return nil
}

const nextSteps = `
Look around:
  starter runs show %s
  starter skills list
  %s   (the Temporal UI)
The servers stay in the background until nobody has needed them for ten minutes.

This was a scripted model. With a real one:
  export OPENAI_API_KEY=…
  starter solve "Summarise the licences of these files" --file LICENSE
or with any OpenAI-compatible server, such as Ollama:
  export OPENAI_BASE_URL=http://localhost:11434/v1 AGENTFACTORY_MODEL=qwen3
`

// shortDocument is the beginning of a SKILL.md.
func shortDocument(document string) string {
	const most = 18 // lines
	lines := strings.Split(strings.TrimSpace(plain(document)), "\n")
	if len(lines) > most {
		lines = append(lines[:most], "…")
	}
	return strings.Join(lines, "\n")
}

func indent(text string) string { return "  " + strings.ReplaceAll(text, "\n", "\n  ") }
