package schedule

import (
	"errors"
	"fmt"
	"strings"
	"time"
	_ "time/tzdata" // small images have no time zones of their own

	schedulepb "go.temporal.io/api/schedule/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/server/common/dynamicconfig"
	"go.temporal.io/server/service/worker/scheduler"
	"google.golang.org/protobuf/types/known/durationpb"
)

// Times say when a schedule fires: by Cron or Every, never both. The messages of its errors begin with the name of the
// field in lower case.
type Times struct {
	// Cron has five fields (minute, hour, day of the month, month, day of the week) or is a shorthand such as @daily. A
	// time matches when all fields do: where other programs take "the 1st or a Monday", this is a 1st that is a Monday.
	Cron string
	// Every is an interval of whole seconds, counted from 1970 and not from the creation: 6h is 00:00, 06:00, … UTC.
	Every    time.Duration
	Timezone string        // IANA name, of Cron alone; empty: UTC
	Jitter   time.Duration // each time is put off by a random part of it
}

// Next returns the next n times after a time, fewer if there are no more. The error says what is wrong with t and what
// to write instead; times that never come are an error too.
func (t Times) Next(after time.Time, n int) ([]time.Time, error) {
	if err := t.check(); err != nil {
		return nil, err
	}
	compiled, err := compiler.NewCompiledSpec(t.proto())
	if err != nil {
		return nil, t.explain(err)
	}
	var times []time.Time
	for len(times) < n {
		next, err := compiled.GetNextTime("", after)
		if err != nil {
			return nil, t.explain(err)
		}
		if next.Nominal.IsZero() {
			break
		}
		times = append(times, next.Nominal)
		after = next.Nominal
	}
	if len(times) == 0 && n > 0 {
		return nil, fmt.Errorf("cron %q: such a time never comes", t.Cron)
	}
	return times, nil
}

// compiler is the server's, without a bound on its reckoning, which only specifications with exclusions need.
var compiler = scheduler.NewSpecBuilder(dynamicconfig.GetIntPropertyFn(0), dynamicconfig.GetIntPropertyFn(0))

// check refuses what the server would take for something else than was meant, or would complain of in other words.
func (t Times) check() error {
	switch {
	case t.Cron == "" && t.Every == 0:
		return errors.New("cron is empty: say when, such as --cron \"0 3 * * *\", or give an interval, such as --every 6h")
	case t.Cron != "" && t.Every != 0:
		return errors.New("cron and --every exclude each other: give one of them")
	case t.Cron == "" && (t.Every < time.Second || t.Every%time.Second != 0):
		return fmt.Errorf("every is %s: give whole seconds, at least one, such as 6h", t.Every)
	case t.Cron == "" && t.Timezone != "":
		return errors.New("timezone is of no use with --every: an interval is the same everywhere")
	case t.Jitter < 0:
		return fmt.Errorf("jitter is %s: give a time such as 5m", t.Jitter)
	}
	if t.Cron != "" {
		if err := checkCron(t.Cron); err != nil {
			return err
		}
	}
	return checkTimezone(t.Timezone)
}

const cronFields = 5

func checkCron(cron string) error {
	const form = `give minute, hour, day of month, month, day of week, such as "0 3 * * *" for every day at 03:00`
	fields := strings.Fields(cron)
	switch {
	case strings.Contains(cron, "TZ="):
		return fmt.Errorf("cron %q: name the time zone with --timezone", cron)
	case strings.Contains(cron, "#"):
		return fmt.Errorf("cron %q: write comments with --note", cron)
	case strings.HasPrefix(cron, "@every"):
		return fmt.Errorf("cron %q: give intervals with --every", cron)
	case len(fields) == 1 && strings.HasPrefix(cron, "@"):
		return nil // the compiler knows which there are
	case len(fields) != cronFields:
		return fmt.Errorf("cron %q has %d fields: %s", cron, len(fields), form)
	}
	return nil
}

func checkTimezone(name string) error {
	if name == "Local" {
		return errors.New("timezone Local is that of whatever machine the server is on: give a name such as Europe/Berlin")
	}
	if _, err := time.LoadLocation(name); err != nil {
		return fmt.Errorf("timezone %q is unknown: give an IANA name such as Europe/Berlin, or leave it out for UTC", name)
	}
	return nil
}

// explain is for what the compiler says of a field: "Minute is not in range [0-59]".
func (t Times) explain(err error) error {
	if strings.HasPrefix(t.Cron, "@") {
		return fmt.Errorf("cron %q is unknown: there are @hourly, @daily, @weekly, @monthly and @yearly", t.Cron)
	}
	return fmt.Errorf("cron %q: %w; fields take numbers, names such as MON, lists 1,15, ranges 1-5 and steps */10", t.Cron, err)
}

func (t Times) proto() *schedulepb.ScheduleSpec {
	spec := &schedulepb.ScheduleSpec{TimezoneName: t.Timezone, Jitter: durationpb.New(t.Jitter)}
	if t.Cron != "" {
		spec.CronString = []string{t.Cron}
	} else {
		spec.Interval = []*schedulepb.IntervalSpec{{Interval: durationpb.New(t.Every)}}
	}
	return spec
}

// Spec is how the times are told to the server.
func (t Times) Spec() client.ScheduleSpec {
	spec := client.ScheduleSpec{TimeZoneName: t.Timezone, Jitter: t.Jitter}
	if t.Cron != "" {
		spec.CronExpressions = []string{t.Cron}
	} else {
		spec.Intervals = []client.ScheduleIntervalSpec{{Every: t.Every}}
	}
	return spec
}
