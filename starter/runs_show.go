package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"agentfactory/internal/objectstore"
	"agentfactory/internal/rewind"
	runs "agentfactory/internal/run"
)

func (a *app) runsShowCommand() *cobra.Command {
	var full bool
	cmd := &cobra.Command{
		Use:   "show ID",
		Short: "Show a run's outcome and its transcript",
		Long: `Show how a run ended and what was said and done in it: every turn of the meta-agent,
its calls and what it was told of them. Of a run that goes on also what it is doing,
what it waits for, and which calls come next. Long arguments and observations are
shortened unless --full is given.`,
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
	Status *runs.Status `json:"status,omitempty"` // of a run that goes on, if a worker answers
	Turns  []*runs.Turn `json:"transcript_turns"`
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
	turns, err := c.transcript(ctx, r)
	if err != nil {
		return err
	}
	status := c.statusOf(ctx, r)
	if a.json {
		return a.printJSON(shownRun{r, status, turns})
	}
	a.printRunHead(r)
	t := turnPrinter{w: a.stdout, full: full}
	for _, turn := range turns {
		t.print(turn)
	}
	if r.Answer != "" {
		fmt.Fprintf(a.stdout, "\nAnswer\n%s\n", plain(r.Answer))
	}
	switch {
	case status != nil:
		a.printNow(r.WorkflowID, *status)
	case r.Outcome == running:
		d, err := c.describe(ctx, r.WorkflowID, r.RunID)
		if err != nil {
			return err
		}
		fmt.Fprintf(a.stdout, "\nNow\n  %s\n", oneLine(c.unanswered(ctx, d, c.polled(ctx))))
	}
	return nil
}

// statusOf asks a run that goes on what it is doing; nil when there is nobody to ask.
func (c *connection) statusOf(ctx context.Context, r listedRun) *runs.Status {
	if r.Outcome != running {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, answerWithin)
	defer cancel()
	status, err := c.runStatus(ctx, r.WorkflowID)
	if err != nil {
		return nil
	}
	return &status
}

// printNow shows what a run is doing and what it does next.
func (a *app) printNow(id string, s runs.Status) {
	fmt.Fprintf(a.stdout, "\nNow\n  %s", strings.ReplaceAll(string(s.Phase), "_", " "))
	switch {
	case s.WaitsFor != "":
		fmt.Fprintf(a.stdout, ": %s", oneLine(s.WaitsFor))
	case s.Action != "":
		fmt.Fprintf(a.stdout, ": %s", oneLine(s.Action))
	}
	fmt.Fprint(a.stdout, "\n\nNext\n")
	for _, call := range s.Next {
		mark := ""
		if call.Amended {
			mark = " (amended)"
		}
		fmt.Fprintf(a.stdout, "  %s  %s %s%s\n", plain(call.CallID), plain(call.Tool), oneLine(call.Hint), mark)
	}
	switch {
	case s.Approval != nil:
		fmt.Fprintf(a.stdout, "  your approval: starter runs approve %s\n", id)
	case len(s.Next) == 0:
		fmt.Fprintf(a.stdout, "  ask the model (turn %d)\n", s.Turn+1)
	}
}

// transcript reads the turns of a run, the opening first; none of one that has said nothing yet.
func (c *connection) transcript(ctx context.Context, r listedRun) ([]*runs.Turn, error) {
	last, err := c.lastTurn(ctx, r)
	if err != nil || last == "" {
		return []*runs.Turn{}, err
	}
	turns, err := c.Records.Chain(ctx, last)
	if errors.Is(err, objectstore.ErrNotFound) {
		return []*runs.Turn{}, nil
	}
	return turns, err
}

// lastTurn is the key of a run's last turn, "" if there is none. A run that goes on, or
// was terminated, has no result that names it: then a worker knows, or else the records
// do, from the latest execution that has written any.
func (c *connection) lastTurn(ctx context.Context, r listedRun) (string, error) {
	if r.Transcript != "" {
		return r.Transcript, nil
	}
	if status := c.statusOf(ctx, r); status != nil && status.TurnKey != "" {
		return status.TurnKey, nil
	}
	for runID := r.RunID; runID != ""; {
		keys, err := c.Objects.List(ctx, objectstore.RunKey(r.WorkflowID, runID, "turns")+"/", "", 0)
		if err != nil {
			return "", fmt.Errorf("list the turns: %w", err)
		}
		if len(keys) > 0 {
			return keys[len(keys)-1].Key, nil
		}
		if runID, err = rewind.Before(ctx, c.Temporal, r.WorkflowID, runID); err != nil {
			return "", err
		}
	}
	return "", nil
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
