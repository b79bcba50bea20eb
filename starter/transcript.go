package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"agentfactory/internal/llm"
	runs "agentfactory/internal/run"
)

// transcript prints turns for people.
type transcript struct {
	w    io.Writer
	full bool
}

func (t transcript) print(turn *runs.Turn) {
	for _, m := range turn.Added {
		t.printAdded(m)
	}
	if turn.Opening != nil {
		return
	}
	fmt.Fprintf(t.w, "\nTurn %d · %s output and %s input tokens · %s\n", turn.Number, count(turn.Usage.OutputTokens), count(turn.Usage.InputTokens), seconds(turn.Seconds))
	t.printText("", turn.Reply.Content)
	t.printText("refused: ", turn.Reply.Refusal)
	for _, call := range turn.Reply.ToolCalls {
		fmt.Fprintf(t.w, "  → %s%s\n", plain(call.Name), t.arguments(call.Arguments))
	}
}

// printAdded prints what was said to the meta-agent; the system prompt is the same in
// every run and left out.
func (t transcript) printAdded(m llm.Message) {
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

func (t transcript) printText(mark, text string) {
	text = strings.TrimSpace(plain(text))
	if text == "" {
		return
	}
	fmt.Fprintf(t.w, "  %s%s\n", mark, strings.ReplaceAll(text, "\n", "\n    "))
}

// shortened keeps the first lines of a text.
func (t transcript) shortened(text string, lines int) string {
	all := strings.Split(strings.TrimSpace(text), "\n")
	if t.full || len(all) <= lines {
		return text
	}
	return strings.Join(all[:lines], "\n") + fmt.Sprintf("\n… %s more", plural(len(all)-lines, "line"))
}

// arguments shows those of a call in one line each.
func (t transcript) arguments(raw string) string {
	var values map[string]json.RawMessage
	if json.Unmarshal([]byte(raw), &values) != nil {
		return " " + t.argument(raw)
	}
	var b strings.Builder
	for _, name := range keysInOrder(raw) {
		value := string(values[name])
		var text string
		if json.Unmarshal(values[name], &text) == nil {
			value = text
		}
		fmt.Fprintf(&b, "\n      %s: %s", plain(name), t.argument(value))
	}
	return b.String()
}

func (t transcript) argument(value string) string {
	if t.full {
		return strings.ReplaceAll(plain(value), "\n", "\n        ")
	}
	if first, rest, several := strings.Cut(strings.TrimSpace(value), "\n"); several {
		return fmt.Sprintf("%s … %s more", clip(oneLine(first), maxArgument), plural(strings.Count(rest, "\n")+1, "line"))
	}
	return clip(oneLine(value), maxArgument)
}

// keysInOrder returns the keys of a JSON object as the model wrote them.
func keysInOrder(raw string) []string {
	d := json.NewDecoder(strings.NewReader(raw))
	var keys []string
	if _, err := d.Token(); err != nil {
		return nil
	}
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return keys
		}
		keys = append(keys, fmt.Sprint(key))
		var skip json.RawMessage
		if d.Decode(&skip) != nil {
			return keys
		}
	}
	return keys
}
