package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

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
