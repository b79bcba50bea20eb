package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/converter"

	runs "agentfactory/internal/run"
	"agentfactory/workflows"
)

func (a *app) runsCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "runs",
		Short: "List, show, watch, steer, reset and cancel runs; get their files and transcripts",
		Example: `  starter runs list
  starter runs watch install-plot-the-totals-k3x9qa
  starter runs files install-plot-the-totals-k3x9qa --out ./results`,
		Args: cobra.ArbitraryArgs,
		RunE: group,
	}
	cmd.AddCommand(a.runsListCommand(), a.runsShowCommand(), a.runsWatchCommand(), a.runsCancelCommand(), a.runsFilesCommand(), a.runsCallsCommand(), a.runsExportCommand(),
		a.runsApproveCommand(), a.runsInstructCommand(), a.runsBudgetCommand(), a.runsPauseCommand(), a.runsResumeCommand(), a.runsAmendCommand(), a.runsResetCommand())
	return cmd
}

func (a *app) runsListCommand() *cobra.Command {
	var limit int
	var all bool
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the latest runs, newest first",
		Long: `List the latest runs, newest first. The runs of evaluations are left out: "starter
evaluations show ID" tells what came of them, and --all lists them as well.`,
		Example: `  starter runs list
  starter runs list --limit 100 --json | jq -r '.runs[] | select(.outcome == "failed") | .workflow_id'`,
		Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if limit < 1 {
				return badInput("--limit is %d: give a positive number", limit)
			}
			return a.listRuns(cmd.Context(), limit, all)
		},
	}
	cmd.Flags().IntVarP(&limit, "limit", "n", 20, "how many runs to list")
	cmd.Flags().BoolVar(&all, "all", false, "list the runs of evaluations as well")
	return cmd
}

// listedRun is a run in a list. The fields of a run that is still going on, or that
// left no result, are zero.
type listedRun struct {
	runs.Result
	Phase     string    `json:"phase,omitempty"` // of a run that goes on: what it waits for, or working
	Task      string    `json:"task,omitempty"`  // when it was started by this command line
	StartedAt time.Time `json:"started_at"`
	Seconds   float64   `json:"seconds"` // so far, or in all
}

func (a *app) listRuns(ctx context.Context, limit int, all bool) error {
	c, err := a.open(ctx, wanted{})
	if err != nil {
		return err
	}
	defer c.Close()
	list, err := c.latestRuns(ctx, limit, all)
	if err != nil {
		return err
	}
	if a.json {
		return a.printJSON(map[string]any{"runs": list})
	}
	if len(list) == 0 {
		a.say("there are no runs yet; begin with `starter demo` or `starter solve TASK`")
		return nil
	}
	rows := make([][]string, len(list))
	for i, r := range list {
		rows[i] = []string{
			r.WorkflowID, r.state(), ago(r.StartedAt), seconds(r.Seconds), count(r.Turns),
			count(r.Usage.OrchestrationOutputTokens), clip(oneLine(r.Task), 40),
		}
	}
	return table(a.stdout, []string{"RUN", "STATE", "STARTED", "TIME", "TURNS", "TOKENS", "TASK"}, rows)
}

// state is how a run ended, or what it waits for.
func (r listedRun) state() string {
	if r.Outcome == running && runs.Phase(r.Phase).Waiting() {
		return strings.ReplaceAll(r.Phase, "_", " ")
	}
	return string(r.Outcome)
}

// taskTypes are the workflow types whose runs are listed.
var taskTypes = []string{workflows.SolveType, workflows.InstallType, workflows.EvolveType, workflows.ReActType, workflows.TextualType}

// latestRuns asks Temporal's visibility for the runs, and S3 for what came of them; all: those of evaluations, too.
func (c *connection) latestRuns(ctx context.Context, limit int, all bool) ([]listedRun, error) {
	list := []listedRun{}
	request := &workflowservice.ListWorkflowExecutionsRequest{
		Query:    fmt.Sprintf("WorkflowType IN ('%s') AND ExecutionStatus != 'ContinuedAsNew'", strings.Join(taskTypes, "', '")),
		PageSize: int32(min(limit, 1000)),
	}
	for {
		page, err := c.Temporal.ListWorkflow(ctx, request)
		if err != nil {
			return nil, fmt.Errorf("list runs: %w", err)
		}
		for _, info := range page.GetExecutions() {
			if len(list) == limit {
				return list, nil
			}
			if all || info.GetParentExecution() == nil {
				list = append(list, c.listed(ctx, info))
			}
		}
		request.NextPageToken = page.GetNextPageToken()
		if len(request.NextPageToken) == 0 {
			return list, nil
		}
	}
}

// findRun looks a run up by its workflow ID; the latest, when several had it.
func (c *connection) findRun(ctx context.Context, id string) (listedRun, error) {
	d, err := c.describe(ctx, id, "")
	if err != nil {
		return listedRun{}, err
	}
	return c.listed(ctx, d.GetWorkflowExecutionInfo()), nil
}

// describe asks Temporal about a run, the latest of the ID when runID is "".
func (c *connection) describe(ctx context.Context, id, runID string) (*workflowservice.DescribeWorkflowExecutionResponse, error) {
	d, err := c.Temporal.DescribeWorkflowExecution(ctx, id, runID)
	var unknown *serviceerror.NotFound
	if errors.As(err, &unknown) {
		return nil, badInput("there is no run %s; `starter runs list` shows the latest", id)
	}
	if err != nil {
		return nil, fmt.Errorf("find run %s: %w", id, err)
	}
	return d, nil
}

func (c *connection) listed(ctx context.Context, info *workflowpb.WorkflowExecutionInfo) listedRun {
	at := info.GetExecution()
	r := listedRun{StartedAt: info.GetStartTime().AsTime(), Task: c.taskOf(info)}
	ended := time.Now()
	if info.GetStatus() != enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING {
		ended = info.GetCloseTime().AsTime()
		// A run that was terminated has none.
		r.Result, _ = c.Records.Result(ctx, at.GetWorkflowId(), at.GetRunId())
	}
	if r.Outcome == "" {
		r.WorkflowID, r.RunID, r.Outcome = at.GetWorkflowId(), at.GetRunId(), outcomeOf(info)
	}
	if r.Outcome == running {
		searchAttribute(info, workflows.PhaseAttribute, &r.Phase)
		searchAttribute(info, workflows.TokensAttribute, &r.Usage.OrchestrationOutputTokens)
	}
	r.Result, r.Seconds = withoutNulls(r.Result), ended.Sub(r.StartedAt).Seconds()
	return r
}

// searchAttribute reads what Temporal lists of a run, which is never encrypted; servers that do not know the attribute leave
// it as it is.
func searchAttribute(info *workflowpb.WorkflowExecutionInfo, name string, value any) {
	if payload := info.GetSearchAttributes().GetIndexedFields()[name]; payload != nil {
		_ = converter.GetDefaultDataConverter().FromPayload(payload, value)
	}
}

// taskOf is empty for runs that other programs started, which have no memo, and for those whose key is not configured here.
func (c *connection) taskOf(info *workflowpb.WorkflowExecutionInfo) string {
	var task string
	if payload := info.GetMemo().GetFields()[memoTask]; payload != nil {
		_ = c.Temporal.Payloads.Data.FromPayload(payload, &task)
	}
	return task
}
