package main

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/sdk/client"

	runs "agentfactory/internal/run"
	"agentfactory/internal/schedule"
)

func (a *app) scheduleDescribeCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "describe NAME",
		Short: "Show a schedule: what it starts, when, by which policy, and what came of its runs",
		Long: `Show what a schedule starts, its next times, its policy, and how its latest runs ended; of
runs that the server has forgotten the outcome is not known. --json has the whole input.`,
		Example: `  starter schedule describe nightly-care
  starter schedule describe nightly-care --json | jq -r '.recent[] | select(.outcome != "completed")'`,
		Args: exactly(theName),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, _, d, err := a.openSchedule(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			defer c.Close()
			return a.printSchedule(cmd.Context(), c, args[0], d)
		},
	}
}

// shownSchedule is a schedule in --json.
type shownSchedule struct {
	Name           string          `json:"name"`
	Command        string          `json:"command,omitempty"` // as it was given to schedule create
	WorkflowType   string          `json:"workflow_type"`
	Input          json.RawMessage `json:"input"`
	Times          string          `json:"times"`
	Paused         bool            `json:"paused"`
	Note           string          `json:"note,omitempty"`
	Overlap        string          `json:"overlap"`
	CatchupSeconds float64         `json:"catchup_seconds"`
	PauseOnFailure bool            `json:"pause_on_failure"`
	Next           []time.Time     `json:"next"`    // the next ten
	Recent         []scheduledRun  `json:"recent"`  // the latest ten, newest first
	Running        []string        `json:"running"` // workflow IDs; not of those that overlap by allow-all
	Started        int             `json:"started"` // runs in all, as are the sums below
	Missed         int             `json:"missed"`  // times that were missed for longer than the catch-up window
	Skipped        int             `json:"skipped"` // times that were left out because a run went on
	CreatedAt      time.Time       `json:"created_at"`
}

// scheduledRun is a run that a schedule has started.
type scheduledRun struct {
	WorkflowID  string       `json:"workflow_id"`
	ScheduledAt time.Time    `json:"scheduled_at"`
	StartedAt   time.Time    `json:"started_at"`
	Outcome     runs.Outcome `json:"outcome"` // unknown when the server has forgotten it
}

// unknownOutcome stands in for that of a run which is past the server's retention.
const unknownOutcome runs.Outcome = "unknown"

func (a *app) printSchedule(ctx context.Context, c *connection, name string, d *client.ScheduleDescription) error {
	s, err := c.shown(ctx, name, d)
	if err != nil {
		return err
	}
	if a.json {
		return a.printJSON(s)
	}
	a.printScheduleHead(s, d.Schedule.Policy)
	if len(s.Recent) == 0 {
		return nil
	}
	rows := make([][]string, len(s.Recent))
	for i, r := range s.Recent {
		rows[i] = []string{r.WorkflowID, string(r.Outcome), moment(r.ScheduledAt), ago(r.StartedAt)}
	}
	fmt.Fprintln(a.stdout)
	return table(a.stdout, []string{"RUN", "OUTCOME", "TIME", "STARTED"}, rows)
}

func (c *connection) shown(ctx context.Context, name string, d *client.ScheduleDescription) (shownSchedule, error) {
	s := shownSchedule{
		Name: name, Times: schedule.Words(d.Schedule.Spec), Next: append([]time.Time{}, d.Info.NextActionTimes...), Running: []string{},
		Started: d.Info.NumActions, Missed: d.Info.NumActionsMissedCatchupWindow, Skipped: d.Info.NumActionsSkippedOverlap, CreatedAt: d.Info.CreatedAt,
	}
	s.Command = c.commandOf(d.Memo)
	s.WorkflowType, s.Input = c.startedBy(d.Schedule.Action)
	if p := d.Schedule.Policy; p != nil {
		s.Overlap, _ = schedule.OverlapName(p.Overlap)
		s.CatchupSeconds, s.PauseOnFailure = p.CatchupWindow.Seconds(), p.PauseOnFailure
	}
	if state := d.Schedule.State; state != nil {
		s.Paused, s.Note = state.Paused, state.Note
	}
	for _, r := range d.Info.RunningWorkflows {
		s.Running = append(s.Running, r.WorkflowID)
	}
	var err error
	s.Recent, err = c.outcomes(ctx, d.Info.RecentActions)
	return s, err
}

// startedBy is the workflow type and the JSON input of what a schedule starts; the input is null when it is none, or when
// its key is not configured here.
func (c *connection) startedBy(action client.ScheduleAction) (workflowType string, input json.RawMessage) {
	start, ok := action.(*client.ScheduleWorkflowAction)
	if !ok {
		return "", json.RawMessage("null")
	}
	workflowType, _ = start.Workflow.(string)
	if len(start.Args) == 1 {
		if payload, ok := start.Args[0].(*commonpb.Payload); ok && c.Temporal.Payloads.Data.FromPayload(payload, &input) == nil && json.Valid(input) {
			return workflowType, input
		}
	}
	return workflowType, json.RawMessage("null")
}

// commandOf is empty for schedules that other programs created, and for those whose key is not configured here.
func (c *connection) commandOf(memo *commonpb.Memo) (command string) {
	if payload := memo.GetFields()[memoCommand]; payload != nil {
		_ = c.Temporal.Payloads.Data.FromPayload(payload, &command)
	}
	return command
}

// outcomes looks up what came of runs, newest first.
func (c *connection) outcomes(ctx context.Context, actions []client.ScheduleActionResult) ([]scheduledRun, error) {
	list := []scheduledRun{}
	for _, x := range slices.Backward(actions) {
		r := scheduledRun{WorkflowID: workflowOf(x), ScheduledAt: x.ScheduleTime, StartedAt: x.ActualTime}
		found, err := c.findRun(ctx, r.WorkflowID)
		switch {
		case err == nil:
			r.Outcome = found.Outcome
		case codeOf(err) == exitUsage: // there is no such run any more
			r.Outcome = unknownOutcome
		default:
			return nil, err
		}
		list = append(list, r)
	}
	return list, nil
}

// workflowOf is the workflow ID of what a schedule did; all that it can do is start workflows.
func workflowOf(x client.ScheduleActionResult) string {
	if x.StartWorkflowResult == nil {
		return ""
	}
	return x.StartWorkflowResult.WorkflowID
}

// printScheduleHead shows everything but the runs.
func (a *app) printScheduleHead(s shownSchedule, p *client.SchedulePolicies) {
	fmt.Fprintln(a.stdout, s.Name+stateWords(s))
	line := func(what, text string) { fmt.Fprintf(a.stdout, "  %-9s %s\n", what, oneLine(text)) }
	if s.Command != "" {
		line("command", s.Command)
	}
	line("starts", s.WorkflowType+" "+clip(string(s.Input), maxShownInput))
	line("times", s.Times)
	line("next", nextWords(s.Next))
	if p != nil {
		name, does := schedule.OverlapName(p.Overlap)
		line("overlap", name+": "+does)
		line("catch-up", schedule.Duration(p.CatchupWindow)+": times that were missed for longer are left out")
	}
	if s.PauseOnFailure {
		line("pauses", "when a run fails or times out")
	}
	line("so far", fmt.Sprintf("%s started, %s left out by overlap, %s missed", count(s.Started), count(s.Skipped), count(s.Missed)))
	for _, id := range s.Running {
		line("running", id)
	}
}

const maxShownInput = 300 // characters

func stateWords(s shownSchedule) (words string) {
	if s.Paused {
		words = " (paused)"
	}
	if s.Note != "" {
		words += ": " + oneLine(s.Note)
	}
	return words
}

// nextWords shows the first few of the next times.
func nextWords(times []time.Time) string {
	if len(times) == 0 {
		return "never"
	}
	var words []string
	for _, t := range times[:min(len(times), 3)] {
		words = append(words, moment(t))
	}
	return strings.Join(words, ", ")
}

// moment is a time to the second, always in UTC as workflow IDs have it.
func moment(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05Z") }
