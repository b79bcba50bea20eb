package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"google.golang.org/protobuf/types/known/timestamppb"

	"agentfactory/internal/schedule"
)

// backfillOptions are the flags of schedule backfill.
type backfillOptions struct {
	from, to string
	overlap  string
}

func (a *app) scheduleBackfillCommand() *cobra.Command {
	o := backfillOptions{}
	cmd := &cobra.Command{
		Use:   "backfill NAME --from TIME --to TIME",
		Short: "Start the runs of past times, as if they came now",
		Long: `Start a run for each time of a schedule between two moments, both included. Use it for times
that were missed, or came before the schedule was there.

TIME is like 2026-11-21T03:00:00Z, or without a zone in that of the schedule: 2026-11-21T03:00,
2026-11-21. The runs come one after the other (--overlap buffer-all) unless another policy is
given; by skip, all but the first would be left out.`,
		Example: `  starter schedule backfill nightly-care --from 2026-11-14 --to 2026-11-20
  starter schedule backfill prices --from 2026-11-21T00:00:00Z --to 2026-11-21T12:00:00Z --overlap allow-all`,
		Args: exactly(theName),
		RunE: func(cmd *cobra.Command, args []string) error { return a.backfill(cmd.Context(), args[0], o) },
	}
	f := cmd.Flags()
	f.StringVar(&o.from, "from", "", "the earliest time")
	f.StringVar(&o.to, "to", "", "the latest time")
	f.StringVar(&o.overlap, "overlap", "buffer-all", "overlap policy of these runs")
	return cmd
}

func (a *app) backfill(ctx context.Context, name string, o backfillOptions) error {
	policy, err := overlapFlag(o.overlap)
	if err != nil {
		return err
	}
	c, h, d, err := a.openSchedule(ctx, name)
	if err != nil {
		return err
	}
	defer c.Close()
	span, err := o.span(d.Schedule.Spec.TimeZoneName)
	if err != nil {
		return err
	}
	span.Overlap = policy
	times, err := c.timesBetween(ctx, name, span)
	if err != nil {
		return err
	}
	if err := h.Backfill(ctx, client.ScheduleBackfillOptions{Backfill: []client.ScheduleBackfill{span}}); err != nil {
		return scheduleError("backfill", name, err)
	}
	if a.json {
		return a.printJSON(map[string]any{"name": name, "times": times, "overlap": o.overlap})
	}
	_, does := schedule.OverlapName(policy)
	fmt.Fprintf(a.stdout, "%s times of schedule %s come now, the first %s, the last %s\n", count(len(times)), name, moment(times[0]), moment(times[len(times)-1]))
	a.say("%s: %s; follow them with\n  starter schedule describe %s", o.overlap, does, name)
	return nil
}

// span reads the two times.
func (o backfillOptions) span(zone string) (span client.ScheduleBackfill, err error) {
	if span.Start, err = timeFlag("from", o.from, zone); err != nil {
		return span, err
	}
	if span.End, err = timeFlag("to", o.to, zone); err != nil {
		return span, err
	}
	switch {
	case span.End.Before(span.Start):
		return span, badInput("--to %s lies before --from %s", o.to, o.from)
	case span.End.After(time.Now()):
		return span, badInput("--to %s lies in the future: those times will come by themselves", o.to)
	}
	return span, nil
}

// timeFlag reads a time with its zone, or without one in that of the schedule.
func timeFlag(name, value, zone string) (time.Time, error) {
	if value == "" {
		return time.Time{}, badInput("--%s is missing: give a time such as 2026-11-21T03:00:00Z", name)
	}
	in, err := time.LoadLocation(zone)
	if err != nil {
		in = time.UTC // a zone that only the server knows
	}
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04:05", "2006-01-02T15:04", time.DateTime, "2006-01-02 15:04", time.DateOnly} {
		if t, err := time.ParseInLocation(layout, value, in); err == nil {
			return t, nil
		}
	}
	return time.Time{}, badInput("--%s %q is no time: give one such as 2026-11-21T03:00:00Z, 2026-11-21T03:00 or 2026-11-21", name, clip(value, 40))
}

// maxBackfill is how many times the server counts at once. More runs than that are hardly meant.
const maxBackfill = 1000

// timesBetween are the times that a backfill will start runs for, as the server reckons them.
func (c *connection) timesBetween(ctx context.Context, name string, span client.ScheduleBackfill) ([]time.Time, error) {
	found, err := c.Temporal.WorkflowService().ListScheduleMatchingTimes(ctx, &workflowservice.ListScheduleMatchingTimesRequest{
		Namespace: c.Temporal.Namespace, ScheduleId: name,
		StartTime: timestamppb.New(span.Start.Add(-time.Millisecond)), // a listing leaves its start out, a backfill does not
		EndTime:   timestamppb.New(span.End),
	})
	if err != nil {
		return nil, scheduleError("list the times of", name, err)
	}
	var times []time.Time
	for _, t := range found.GetStartTime() {
		times = append(times, t.AsTime())
	}
	switch {
	case len(times) == 0:
		return nil, badInput("no time of schedule %s lies between %s and %s", name, moment(span.Start), moment(span.End))
	case len(times) >= maxBackfill:
		return nil, badInput("%d times or more of schedule %s lie between %s and %s: backfill a shorter span", maxBackfill, name, moment(span.Start), moment(span.End))
	}
	return times, nil
}
