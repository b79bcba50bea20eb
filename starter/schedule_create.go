package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"agentfactory/internal/schedule"
	"agentfactory/workflows"
)

// scheduleOptions are the flags of schedule create.
type scheduleOptions struct {
	name           string
	line           []string // the command that it starts
	times          schedule.Times
	overlap        string
	catchup        time.Duration
	paused         bool
	pauseOnFailure bool
	note           string
}

func (a *app) scheduleCreateCommand() *cobra.Command {
	o := scheduleOptions{}
	cmd := &cobra.Command{
		Use:   "create NAME (--cron EXPRESSION | --every TIME) -- COMMAND [ARGUMENT…]",
		Short: "Create a schedule that starts a run at set times",
		Long: `Create a schedule. COMMAND is one of ` + a.schedulableNames() + `, with the
arguments and flags that it has at the terminal; they are checked now, and files are uploaded
now: the runs get them as they are today.

A cron expression has five fields: minute, hour, day of month, month, day of week. All must
match: "0 0 1 * MON" is a 1st that is a Monday. Times are UTC unless --timezone is given; a
time that the change to summer time leaves out is left out, and one that comes twice in
autumn comes twice.

--overlap says what happens when a time comes while an earlier run of the schedule goes on,
be it that it waits for a person:
` + overlapLines() + `
--catchup says how late a run may begin when the server was down at its time; what was missed
for longer is left out. Temporal's own default would be 365 days.`,
		Example: `  starter schedule create nightly-care --cron "0 3 * * *" --timezone Europe/Berlin -- evolve
  starter schedule create exports --cron "0 6 * * MON" -- deploy --all --format agent-skills
  starter schedule create prices --every 6h --jitter 5m --overlap buffer-one -- \
    solve "Compare today's prices with last week's" --file watched.csv --budget-cost 0.50
  starter schedule create hourly --cron @hourly --paused --note "until the key is here" -- evolve`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) < 2 {
				return badInput("`%s` needs a NAME and, behind --, the COMMAND to start; see `%s --help`", cmd.CommandPath(), cmd.CommandPath())
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			o.name, o.line = args[0], args[1:]
			return a.createSchedule(cmd.Context(), o)
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.times.Cron, "cron", "", `when: minute, hour, day of month, month, day of week, or @daily and the like`)
	f.DurationVar(&o.times.Every, "every", 0, "an interval such as 6h, counted from midnight UTC, in place of --cron")
	f.StringVar(&o.times.Timezone, "timezone", "", "IANA name such as Europe/Berlin (default UTC)")
	f.DurationVar(&o.times.Jitter, "jitter", 0, "put each time off by a random part of this")
	f.StringVar(&o.overlap, "overlap", schedule.DefaultOverlap, "what happens when a time comes while a run goes on")
	f.DurationVar(&o.catchup, "catchup", schedule.DefaultCatchup, "how late a run may begin after the server was down")
	f.BoolVar(&o.paused, "paused", false, "create it paused")
	f.BoolVar(&o.pauseOnFailure, "pause-on-failure", false, "pause when a run fails or times out")
	f.StringVar(&o.note, "note", "", "what it is for, or why it is paused")
	return cmd
}

func overlapLines() (lines string) {
	for _, name := range schedule.Overlaps() {
		value, err := schedule.ParseOverlap(name)
		if err != nil {
			panic(err) // its own names
		}
		_, does := schedule.OverlapName(value)
		lines += fmt.Sprintf("  %-16s %s\n", name, does)
	}
	return lines
}

func (a *app) createSchedule(ctx context.Context, o scheduleOptions) error {
	options, err := o.options()
	if err != nil {
		return err
	}
	p, err := a.planScheduled(o.line)
	if err != nil {
		return err
	}
	c, err := a.openFor(ctx, p)
	if err != nil {
		return err
	}
	defer c.Close()
	if err := c.scheduleIsNew(ctx, o.name); err != nil {
		return err
	}
	in, err := p.input(ctx, c, inputFiles.upload)
	if err != nil {
		return err
	}
	options.Action = p.action(o.name, ofSeries(in, o.name))
	h, err := c.Temporal.ScheduleClient().Create(ctx, options)
	if err != nil {
		return scheduleError("create", o.name, err)
	}
	a.say("schedule %s is created", o.name)
	a.warnOfIdleness(c, o.catchup)
	d, err := h.Describe(ctx)
	if err != nil {
		return scheduleError("show the new", o.name, err)
	}
	return a.printSchedule(ctx, c, o.name, d)
}

// options are everything but what is to be started; they are checked.
func (o scheduleOptions) options() (client.ScheduleOptions, error) {
	if err := schedule.CheckName(o.name); err != nil {
		return client.ScheduleOptions{}, withCode(exitUsage, err)
	}
	if _, err := o.times.Next(time.Now(), 1); err != nil {
		return client.ScheduleOptions{}, badInput("--%w", err)
	}
	overlap, err := schedule.ParseOverlap(o.overlap)
	if err != nil {
		return client.ScheduleOptions{}, badInput("--%w", err)
	}
	if o.catchup < schedule.MinCatchup {
		return client.ScheduleOptions{}, badInput("--catchup is %s: give at least %s, which the server needs to be on time", o.catchup, schedule.MinCatchup)
	}
	return client.ScheduleOptions{
		ID: o.name, Spec: o.times.Spec(), Overlap: overlap, CatchupWindow: o.catchup,
		Paused: o.paused, PauseOnFailure: o.pauseOnFailure, Note: o.note,
		Memo: map[string]any{memoCommand: commandLine(o.line)},
	}, nil
}

const memoCommand = "command" // memo field of a schedule: how its runs would be started by hand

// action starts the run as the command would, but for its ID, which the server makes of the name and the time.
func (p startPlan) action(name string, input any) *client.ScheduleWorkflowAction {
	summary := summaryOf(p.title)
	return &client.ScheduleWorkflowAction{
		ID: name, Workflow: p.workflowType, Args: []any{input}, TaskQueue: workflows.TaskQueue,
		StaticSummary: summary, Memo: map[string]any{memoTask: summary},
	}
}

// ofSeries has the evaluations of a schedule held against each other, and not against what somebody tries by hand.
func ofSeries(input any, schedule string) any {
	if in, ok := input.(workflows.EvaluateInput); ok && in.Series == "" {
		in.Series = schedule
		return in
	}
	return input
}

// scheduleIsNew asks before files are uploaded; whoever comes between is told by the server.
func (c *connection) scheduleIsNew(ctx context.Context, name string) error {
	_, err := c.Temporal.ScheduleClient().GetHandle(ctx, name).Describe(ctx)
	var unknown *serviceerror.NotFound
	switch {
	case errors.As(err, &unknown):
		return nil
	case err != nil:
		return scheduleError("look for", name, err)
	}
	return scheduleError("create", name, temporal.ErrScheduleAlreadyRunning)
}

// warnOfIdleness: the embedded server is up only while somebody needs it, and a schedule alone does not keep it up.
func (a *app) warnOfIdleness(c *connection, catchup time.Duration) {
	if c.Stack == nil || c.Config.Temporal.Configured {
		return
	}
	a.say(`the embedded servers end after ten idle minutes, and nothing fires while they are down; keep them up with
  starter dev
or use a Temporal server of your own. Times that were missed at most %s ago come when they are back.`, schedule.Duration(catchup))
}
