package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"agentfactory/internal/gateway"
	"agentfactory/internal/objectstore"
	"agentfactory/internal/rewind"
)

func (a *app) runsCallsCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "calls ID",
		Short: "List what a run's subagents asked of tools, models and the web",
		Long: `List every call that a run's subagents made through the gateway, the one door out of
the sandbox: tool skills, model calls, shell commands, and the HTTP requests of ordinary
libraries. Each has its answer or error, the tokens it cost, and the notes of policy rules
that log. With --json the whole requests and replies, secrets blotted out.`,
		Example: `  starter runs calls install-plot-the-totals-k3x9qa
  starter runs calls install-plot-the-totals-k3x9qa --json | jq '.calls[] | select(.error) | .request'`,
		Args: exactly("the ID of a run"),
		RunE: func(cmd *cobra.Command, args []string) error { return a.runCalls(cmd.Context(), args[0]) },
	}
}

// madeCall is a call of the gateway, and the step of the run that made it.
type madeCall struct {
	Step string `json:"step"` // its number, six digits
	gateway.Entry
}

func (a *app) runCalls(ctx context.Context, id string) error {
	c, err := a.open(ctx, wanted{})
	if err != nil {
		return err
	}
	defer c.Close()
	r, err := c.findRun(ctx, id)
	if err != nil {
		return err
	}
	calls, err := c.calls(ctx, r.WorkflowID, r.RunID)
	if err != nil {
		return err
	}
	if a.json {
		return a.printJSON(map[string]any{"workflow_id": r.WorkflowID, "calls": calls})
	}
	if len(calls) == 0 {
		a.say("the subagents of run %s made no calls", id)
		return nil
	}
	rows := make([][]string, len(calls))
	for i, call := range calls {
		rows[i] = call.row()
	}
	return table(a.stdout, []string{"STEP", "TIME", "CALL", "REQUEST", "ANSWER", "TOKENS"}, rows)
}

// calls reads the journals of all executions of a run, in the order of time.
func (c *connection) calls(ctx context.Context, workflowID, runID string) ([]madeCall, error) {
	all := []madeCall{}
	for runID != "" {
		of, err := c.callsOf(ctx, objectstore.RunKey(workflowID, runID, "journal")+"/")
		if err != nil {
			return nil, err
		}
		all = append(all, of...)
		if runID, err = rewind.Before(ctx, c.Temporal, workflowID, runID); err != nil {
			return nil, err
		}
	}
	slices.SortStableFunc(all, func(x, y madeCall) int { return cmp.Or(x.At.Compare(y.At), cmp.Compare(x.N, y.N)) })
	return all, nil
}

func (c *connection) callsOf(ctx context.Context, prefix string) ([]madeCall, error) {
	keys, err := c.Objects.List(ctx, prefix, "", 0)
	if err != nil {
		return nil, fmt.Errorf("list the calls: %w", err)
	}
	var calls []madeCall
	read := map[string]bool{}
	for _, key := range keys {
		step := path.Dir(key.Key)
		if read[step] {
			continue
		}
		read[step] = true
		entries, err := gateway.NewJournal(c.Objects, step).Load(ctx)
		if errors.Is(err, objectstore.ErrNotFound) {
			continue // removed in the meantime
		}
		if err != nil {
			return nil, fmt.Errorf("read the calls: %w", err)
		}
		for _, e := range entries {
			calls = append(calls, madeCall{strings.TrimPrefix(step, prefix), e})
		}
	}
	return calls, nil
}

func (m madeCall) row() []string {
	tokens := ""
	if n := m.Usage.InputTokens + m.Usage.OutputTokens; n > 0 {
		tokens = count(n)
	}
	return []string{strings.TrimLeft(m.Step, "0"), m.At.Local().Format("15:04:05"), cmp.Or(m.Tool, m.Kind), clip(oneLine(m.asked()), 60), clip(oneLine(m.came()), 60), tokens}
}

// asked is what a call says in a few words.
func (m madeCall) asked() string {
	var r struct{ Query, URL, Method, Command, Goal, Name string }
	_ = json.Unmarshal(m.Request, &r) // what has none of these is shown as it is
	if said := cmp.Or(r.Command, r.Goal, r.Query, r.URL, r.Name); said != "" {
		return strings.TrimSpace(r.Method + " " + said)
	}
	return string(m.Request)
}

// came is what came of a call, and what the policy noted.
func (m madeCall) came() string {
	said := size(int64(len(m.Reply)))
	var r struct {
		Status       int
		Error        json.RawMessage
		Unreplayable string
	}
	_ = json.Unmarshal(m.Reply, &r)
	switch {
	case m.Error != nil:
		said = string(m.Error.Code) + ": " + m.Error.Message
	case r.Status > 0:
		said = fmt.Sprintf("%d, %s", r.Status, said)
	case len(r.Error) > 0:
		said = string(r.Error)
	}
	return strings.Join(append(slices.Clone(m.Notes), said), "; ")
}
