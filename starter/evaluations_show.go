package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"agentfactory/internal/evaluation"
	"agentfactory/internal/evaluation/archive"
)

func (a *app) evaluationsShowCommand() *cobra.Command {
	var out string
	cmd := &cobra.Command{
		Use:   "show ID",
		Short: "Show what an evaluation has come to so far, and fetch its report",
		Long: `Show what an evaluation has come to so far: success, tokens, turns and cost by method and
batch. With --out the report is written as report.json, report.csv, report.summary.csv,
report.md and report.html, a page that needs nothing beside it.`,
		Example: `  starter evaluations show evaluate-offline-k3x9qa
  starter evaluations show evaluate-offline-k3x9qa --out ./report
  starter evaluations show evaluate-offline-k3x9qa --json | jq '.batches[] | {method, batch, success}'`,
		Args: exactly("the ID of an evaluation"),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := a.open(cmd.Context(), wanted{libraryOnly: true})
			if err != nil {
				return err
			}
			defer c.Close()
			return a.showEvaluation(cmd.Context(), c, args[0], out)
		},
	}
	cmd.Flags().StringVarP(&out, "out", "o", "", "directory for the report; it is created")
	return cmd
}

// errNoEvaluation: there is nothing to show.
var errNoEvaluation = errors.New("there is no evaluation of this ID; `starter evaluations list` shows what there is")

// report computes what has come of an evaluation so far; one that has ended says when.
func (c *connection) report(ctx context.Context, id string) (evaluation.Report, error) {
	kept, err := c.Evaluations.Report(ctx, id)
	if err != nil {
		return evaluation.Report{}, err
	}
	var finished time.Time
	if kept != nil {
		finished = kept.Meta.FinishedAt
	}
	report, err := c.Evaluations.Make(ctx, id, finished)
	if errors.Is(err, archive.ErrUnknown) {
		return report, badInput("%s: %w", id, errNoEvaluation)
	}
	return report, err
}

func (a *app) showEvaluation(ctx context.Context, c *connection, id, out string) error {
	report, err := c.report(ctx, id)
	if err != nil {
		return err
	}
	if out != "" {
		if err := writeReport(report, out); err != nil {
			return err
		}
	}
	if a.json {
		return a.printJSON(report)
	}
	if err := a.print(report); err != nil {
		return err
	}
	if out != "" {
		a.say("\nreport  %s", filepath.Join(out, "report.html"))
	} else {
		a.say("\nreport  starter evaluations show %s --out DIR", id)
	}
	return nil
}

// makeReportDir makes the directory of --out; commands that wait for hours do so before they start.
func makeReportDir(dir string) error {
	if dir == "" {
		return nil
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return badInput("--out: make the directory for the report: %w; choose another one", err)
	}
	return nil
}

// writeReport writes all forms of a report into a directory.
func writeReport(r evaluation.Report, dir string) error {
	forms, err := archive.Forms(r)
	if err != nil {
		return err
	}
	if err := makeReportDir(dir); err != nil {
		return err
	}
	for form, body := range forms {
		if err := os.WriteFile(filepath.Join(dir, "report."+form), body, 0o644); err != nil {
			return fmt.Errorf("write the report: %w", err)
		}
	}
	return nil
}

// written is what can write itself for a terminal.
type written interface{ Text(w io.Writer) error }

// print writes it without what could move the terminal's cursor: it quotes models and checks.
func (a *app) print(w written) error {
	var text strings.Builder
	if err := w.Text(&text); err != nil {
		return err
	}
	_, err := io.WriteString(a.stdout, plain(text.String()))
	return err
}
