package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"agentfactory/internal/llm"
	"agentfactory/internal/objectstore"
	runs "agentfactory/internal/run"
)

func (a *app) runsShowCommand() *cobra.Command {
	var full bool
	cmd := &cobra.Command{
		Use:   "show ID",
		Short: "Show a run's outcome and its transcript",
		Long: `Show how a run ended and what was said and done in it: every turn of the meta-agent,
its calls and what it was told of them. Long arguments and observations are shortened
unless --full is given.`,
		Example: `  starter runs show install-plot-the-totals-k3x9qa
  starter runs show install-plot-the-totals-k3x9qa --full | less
  starter runs show install-plot-the-totals-k3x9qa --json | jq '.transcript_turns[].usage'`,
		Args: exactly("the ID of a run"),
		RunE: func(cmd *cobra.Command, args []string) error { return a.showRun(cmd.Context(), args[0], full) },
	}
	cmd.Flags().BoolVar(&full, "full", false, "shorten nothing")
	return cmd
}

// shownRun is what `runs show --json` prints.
type shownRun struct {
	listedRun
	Turns []*runs.Turn `json:"transcript_turns"`
}

func (a *app) showRun(ctx context.Context, id string, full bool) error {
	c, err := a.open(ctx, wanted{})
	if err != nil {
		return err
	}
	defer c.Close()
	r, err := c.findRun(ctx, id)
	if err != nil {
		return err
	}
	turns, err := c.transcript(ctx, r.Result)
	if err != nil {
		return err
	}
	if a.json {
		return a.printJSON(shownRun{r, turns})
	}
	a.printRunHead(r)
	t := transcript{w: a.stdout, full: full}
	for _, turn := range turns {
		t.print(turn)
	}
	if r.Answer != "" {
		fmt.Fprintf(a.stdout, "\nAnswer\n%s\n", plain(r.Answer))
	}
	return nil
}

// findRun looks a run up by its workflow ID; the latest, when several had it.
func (c *connection) findRun(ctx context.Context, id string) (listedRun, error) {
	d, err := c.Temporal.DescribeWorkflowExecution(ctx, id, "")
	if err != nil {
		return listedRun{}, fmt.Errorf("find run %s: %w", id, err)
	}
	return c.listed(ctx, d.GetWorkflowExecutionInfo()), nil
}

// transcript reads the turns of a run, the opening first. A run that is going on has
// no result that names its last turn, so that one is looked up.
func (c *connection) transcript(ctx context.Context, r runs.Result) ([]*runs.Turn, error) {
	last := r.Transcript
	if last == "" {
		keys, err := c.Objects.List(ctx, objectstore.RunKey(r.WorkflowID, r.RunID, "turns")+"/", "", 0)
		if err != nil {
			return nil, fmt.Errorf("list the turns: %w", err)
		}
		if len(keys) == 0 {
			return []*runs.Turn{}, nil
		}
		last = keys[len(keys)-1].Key
	}
	turns, err := c.Records.Chain(ctx, last)
	if errors.Is(err, objectstore.ErrNotFound) {
		return []*runs.Turn{}, nil
	}
	return turns, err
}

func (a *app) printRunHead(r listedRun) {
	fmt.Fprintf(a.stdout, "%s\n%s\n", r.WorkflowID, endLine(r.Result))
	fmt.Fprintf(a.stdout, "started %s, took %s, model %s\n", ago(r.StartedAt), seconds(r.Seconds), r.Model)
	for _, s := range r.Skills {
		fmt.Fprintf(a.stdout, "saved skill %s version %d\n", s.Name, s.Version)
	}
	if len(r.Files) > 0 {
		fmt.Fprintf(a.stdout, "files: %s\n", fileNames(r.Files))
	}
}

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
