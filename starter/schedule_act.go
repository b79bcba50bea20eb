package main

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"

	"agentfactory/internal/schedule"
)

func (a *app) scheduleTriggerCommand() *cobra.Command {
	var overlap string
	cmd := &cobra.Command{
		Use:   "trigger NAME",
		Short: "Start a run of a schedule now, also of a paused one",
		Long: `Start a run of a schedule now, whatever its times are and whether or not it is paused. The
overlap policy holds: by skip nothing starts while a run goes on. --overlap takes another
policy for this once. The workflow ID of the run is printed.`,
		Example: `  starter schedule trigger nightly-care
  starter schedule trigger nightly-care --overlap allow-all
  starter runs watch "$(starter schedule trigger nightly-care)"`,
		Args: exactly(theName),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.triggerSchedule(cmd.Context(), args[0], overlap)
		},
	}
	cmd.Flags().StringVar(&overlap, "overlap", "", "overlap policy for this run (default: the schedule's)")
	return cmd
}

func (a *app) triggerSchedule(ctx context.Context, name, overlap string) error {
	policy, err := overlapFlag(overlap)
	if err != nil {
		return err
	}
	c, h, before, err := a.openSchedule(ctx, name)
	if err != nil {
		return err
	}
	defer c.Close()
	if err := h.Trigger(ctx, client.ScheduleTriggerOptions{Overlap: policy}); err != nil {
		return scheduleError("trigger", name, err)
	}
	id, err := startedSince(ctx, h, before)
	if err != nil {
		return scheduleError("look at", name, err)
	}
	if a.json {
		return a.printJSON(map[string]any{"name": name, "workflow_id": id})
	}
	if id == "" {
		a.say("triggered, and nothing has started: a run goes on, and the overlap policy lets this one wait or leaves it out; see `starter schedule describe %s`", name)
		return nil
	}
	fmt.Fprintln(a.stdout, id)
	return nil
}

func overlapFlag(name string) (enumspb.ScheduleOverlapPolicy, error) {
	if name == "" {
		return enumspb.SCHEDULE_OVERLAP_POLICY_UNSPECIFIED, nil
	}
	value, err := schedule.ParseOverlap(name)
	if err != nil {
		return 0, badInput("--%w", err)
	}
	return value, nil
}

// startedSince waits a little for the next run of a schedule, and returns its workflow ID; "" if none was started. The
// server takes a trigger and carries it out a moment later.
func startedSince(ctx context.Context, h client.ScheduleHandle, before *client.ScheduleDescription) (string, error) {
	for deadline := time.Now().Add(startWithin); time.Now().Before(deadline); {
		d, err := h.Describe(ctx)
		if err != nil {
			return "", err
		}
		recent := d.Info.RecentActions
		if d.Info.NumActions > before.Info.NumActions && len(recent) > 0 {
			return workflowOf(recent[len(recent)-1]), nil
		}
		if d.Info.NumActionsSkippedOverlap > before.Info.NumActionsSkippedOverlap {
			return "", nil
		}
		select {
		case <-ctx.Done():
			return "", ctx.Err()
		case <-time.After(200 * time.Millisecond):
		}
	}
	return "", nil
}

const startWithin = 5 * time.Second

func (a *app) schedulePauseCommand() *cobra.Command {
	return a.pauseCommand("pause", "Stop a schedule from firing until it is unpaused", "its key has run out", "paused", func(ctx context.Context, h client.ScheduleHandle, note string) error {
		return h.Pause(ctx, client.SchedulePauseOptions{Note: note})
	})
}

func (a *app) scheduleUnpauseCommand() *cobra.Command {
	return a.pauseCommand("unpause", "Let a paused schedule fire again", "there is a new key", "no longer paused", func(ctx context.Context, h client.ScheduleHandle, note string) error {
		return h.Unpause(ctx, client.ScheduleUnpauseOptions{Note: note})
	})
}

// pauseCommand is pause or unpause: what it is called, does, an example of a note, and what is so afterwards.
func (a *app) pauseCommand(name, short, why, done string, do func(context.Context, client.ScheduleHandle, string) error) *cobra.Command {
	var note string
	cmd := &cobra.Command{
		Use:   name + " NAME",
		Short: short,
		Long: short + `. Runs that go on are left alone; runs that wait
for one of them by the overlap policy never start. Times that come while it is paused are not
made up for, but "starter schedule backfill" can do that.`,
		Example: fmt.Sprintf("  starter schedule %s nightly-care --note %q", name, why),
		Args:    exactly(theName),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, h, _, err := a.openSchedule(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			defer c.Close()
			if note == "" {
				note = done + " by " + whoever()
			}
			if err := do(cmd.Context(), h, note); err != nil {
				return scheduleError(name, args[0], err)
			}
			return a.printDone(args[0], done)
		},
	}
	cmd.Flags().StringVar(&note, "note", "", "why; it replaces the schedule's note (default: who did it)")
	return cmd
}

func (a *app) scheduleDeleteCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "delete NAME",
		Short: "Delete a schedule; runs that it has started are left alone",
		Long: `Delete a schedule. Runs that it has started go on and stay listed; runs that wait for
one of them by an overlap policy never start. How it was created is printed, to do it again.`,
		Example: `  starter schedule delete nightly-care`,
		Args:    exactly(theName),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, h, d, err := a.openSchedule(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			defer c.Close()
			if err := h.Delete(cmd.Context()); err != nil {
				return scheduleError("delete", args[0], err)
			}
			workflowType, _ := c.startedBy(d.Schedule.Action)
			a.say("it started `%s`, %s", cmp.Or(c.commandOf(d.Memo), workflowType), schedule.Words(d.Schedule.Spec))
			return a.printDone(args[0], "deleted")
		},
	}
}

func (a *app) printDone(name, done string) error {
	if a.json {
		return a.printJSON(map[string]any{"name": name, "done": done})
	}
	fmt.Fprintf(a.stdout, "schedule %s is %s\n", name, done)
	return nil
}
