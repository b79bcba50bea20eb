package main

import (
	"fmt"
	"io"
	"strings"

	"agentfactory/internal/llm"
	runs "agentfactory/internal/run"
	"agentfactory/internal/transcript"
)

// turnPrinter prints turns for people.
type turnPrinter struct {
	w    io.Writer
	full bool
}

func (t turnPrinter) print(turn *runs.Turn) {
	for _, m := range turn.Added {
		t.printAdded(m)
	}
	if turn.Opening != nil && len(turn.Reply.ToolCalls) == 0 {
		return
	}
	if turn.Opening != nil {
		fmt.Fprintln(t.w, "\nMade for the model before its first turn")
	} else {
		fmt.Fprintf(t.w, "\nTurn %d · %s output and %s input tokens · %s\n", turn.Number, count(turn.Usage.OutputTokens), count(turn.Usage.InputTokens), seconds(turn.Seconds))
	}
	t.printText("", turn.Reply.Content)
	t.printText("refused: ", turn.Reply.Refusal)
	for _, call := range turn.Reply.ToolCalls {
		fmt.Fprintf(t.w, "  → %s%s\n", plain(call.Name), t.arguments(call.Arguments))
	}
}

// printAdded prints what was said to the meta-agent; the system prompt is the same in
// every run and left out.
func (t turnPrinter) printAdded(m llm.Message) {
	switch m.Role {
	case llm.RoleSystem:
		if t.full {
			t.printText("system: ", m.Content)
		}
	case llm.RoleTool:
		t.printText("← ", t.shortened(m.Content, maxObservation))
	default:
		fmt.Fprintln(t.w)
		t.printText("", t.shortened(m.Content, maxOpening))
	}
}

const (
	maxOpening     = 40 // lines
	maxObservation = 25 // lines: a traceback with the locals that explain it
	maxArgument    = 100
)

func (t turnPrinter) printText(mark, text string) {
	text = strings.TrimSpace(plain(text))
	if text == "" {
		return
	}
	fmt.Fprintf(t.w, "  %s%s\n", mark, strings.ReplaceAll(text, "\n", "\n    "))
}

// shortened keeps the first lines of a text.
func (t turnPrinter) shortened(text string, lines int) string {
	all := strings.Split(strings.TrimSpace(text), "\n")
	if t.full || len(all) <= lines {
		return text
	}
	return strings.Join(all[:lines], "\n") + fmt.Sprintf("\n… %s more", plural(len(all)-lines, "line"))
}

// arguments shows those of a call in one line each.
func (t turnPrinter) arguments(raw string) string {
	list, ok := transcript.Arguments(raw)
	if !ok {
		return " " + t.argument(raw)
	}
	var b strings.Builder
	for _, arg := range list {
		fmt.Fprintf(&b, "\n      %s: %s", plain(arg.Name), t.argument(arg.Value))
	}
	return b.String()
}

func (t turnPrinter) argument(value string) string {
	if t.full {
		return strings.ReplaceAll(plain(value), "\n", "\n        ")
	}
	if first, rest, several := strings.Cut(strings.TrimSpace(value), "\n"); several {
		return fmt.Sprintf("%s … %s more", clip(oneLine(first), maxArgument), plural(strings.Count(rest, "\n")+1, "line"))
	}
	return clip(oneLine(value), maxArgument)
}
