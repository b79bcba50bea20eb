package main

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"go.temporal.io/sdk/client"

	"agentfactory/internal/schedule"
)

func (a *app) scheduleListCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List the schedules of the namespace",
		Long: `List the schedules of the namespace, those that other programs created as well. The list
follows changes within a second or two; "describe" is always up to date.`,
		Example: `  starter schedule list
  starter schedule list --json | jq -r '.schedules[] | select(.paused) | .name'`,
		Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error { return a.listSchedules(cmd.Context()) },
	}
}

// listedSchedule is a schedule in `schedule list --json`.
type listedSchedule struct {
	Name         string     `json:"name"`
	Command      string     `json:"command,omitempty"`
	WorkflowType string     `json:"workflow_type"`
	Times        string     `json:"times"`
	Paused       bool       `json:"paused"`
	Note         string     `json:"note,omitempty"`
	Next         *time.Time `json:"next"`     // null: never
	Last         *time.Time `json:"last"`     // when its latest run was started; null: none yet
	LastRun      string     `json:"last_run"` // workflow ID
}

func (a *app) listSchedules(ctx context.Context) error {
	c, err := a.open(ctx, wanted{})
	if err != nil {
		return err
	}
	defer c.Close()
	list, err := c.schedules(ctx)
	if err != nil {
		return err
	}
	if a.json {
		return a.printJSON(map[string]any{"schedules": list})
	}
	if len(list) == 0 {
		a.say("there are no schedules; `starter schedule create --help` shows how to make one")
		return nil
	}
	rows := make([][]string, len(list))
	for i, s := range list {
		rows[i] = s.row()
	}
	return table(a.stdout, []string{"SCHEDULE", "STATE", "TIMES", "NEXT", "LAST", "STARTS"}, rows)
}

func (s listedSchedule) row() []string {
	state, next, last := "active", "never", "never"
	if s.Paused {
		state = "paused"
	}
	if s.Next != nil {
		next = moment(*s.Next)
	}
	if s.Last != nil {
		last = ago(*s.Last)
	}
	return []string{s.Name, state, oneLine(s.Times), next, last, clip(oneLine(cmp.Or(s.Command, s.WorkflowType)), 60)}
}

// schedules lists all schedules by name.
func (c *connection) schedules(ctx context.Context) ([]listedSchedule, error) {
	list := []listedSchedule{}
	pages, err := c.Temporal.ScheduleClient().List(ctx, client.ScheduleListOptions{})
	if err != nil {
		return nil, fmt.Errorf("list schedules: %w", err)
	}
	for pages.HasNext() {
		entry, err := pages.Next()
		if err != nil {
			return nil, fmt.Errorf("list schedules: %w", err)
		}
		list = append(list, c.listedAs(entry))
	}
	slices.SortFunc(list, func(a, b listedSchedule) int { return strings.Compare(a.Name, b.Name) })
	return list, nil
}

func (c *connection) listedAs(e *client.ScheduleListEntry) listedSchedule {
	s := listedSchedule{
		Name: e.ID, Command: c.commandOf(e.Memo), WorkflowType: e.WorkflowType.Name, Times: schedule.Words(e.Spec), Paused: e.Paused, Note: e.Note,
	}
	if len(e.NextActionTimes) > 0 {
		s.Next = &e.NextActionTimes[0]
	}
	if n := len(e.RecentActions); n > 0 {
		last := e.RecentActions[n-1]
		s.Last, s.LastRun = &last.ActualTime, workflowOf(last)
	}
	return s
}
