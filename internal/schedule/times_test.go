package schedule

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	schedulepb "go.temporal.io/api/schedule/v1"
	"go.temporal.io/sdk/client"
)

var noon = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC) // a Saturday

func TestTimesAreReckonedInTheirZone(t *testing.T) {
	for name, c := range map[string]struct {
		times Times
		want  []string
		words string
	}{
		"every night":              {Times{Cron: "0 3 * * *"}, []string{"2026-11-22T03:00:00Z", "2026-11-23T03:00:00Z"}, "cron 0 3 * * * (UTC)"},
		"in Berlin":                {Times{Cron: "0 3 * * *", Timezone: "Europe/Berlin"}, []string{"2026-11-22T02:00:00Z", "2026-11-23T02:00:00Z"}, "cron 0 3 * * * (Europe/Berlin)"},
		"across the end of summer": {Times{Cron: "0 3 28 3 *", Timezone: "Europe/Berlin"}, []string{"2027-03-28T01:00:00Z", "2028-03-28T01:00:00Z"}, "cron 0 3 28 3 * (Europe/Berlin)"},
		"on working days":          {Times{Cron: "*/30 9-10 * * MON-FRI"}, []string{"2026-11-23T09:00:00Z", "2026-11-23T09:30:00Z"}, "cron */30 9-10 * * 1-5 (UTC)"},
		"a Monday that is a 1st":   {Times{Cron: "0 0 1 * MON"}, []string{"2027-02-01T00:00:00Z", "2027-03-01T00:00:00Z"}, "cron 0 0 1 * 1 (UTC)"},
		"a shorthand":              {Times{Cron: "@weekly"}, []string{"2026-11-22T00:00:00Z", "2026-11-29T00:00:00Z"}, "cron 0 0 * * 0 (UTC)"},
		"a list":                   {Times{Cron: "5,35 12 * * *"}, []string{"2026-11-21T12:05:00Z", "2026-11-21T12:35:00Z"}, "cron 5,35 12 * * * (UTC)"},
		"an interval":              {Times{Every: 6 * time.Hour, Jitter: 90 * time.Second}, []string{"2026-11-21T18:00:00Z", "2026-11-22T00:00:00Z"}, "every 6h, put off by up to 1m30s"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := c.times.Next(noon, 2)
			require.NoError(t, err)
			require.Len(t, got, 2)
			require.Equal(t, c.want, []string{got[0].Format(time.RFC3339), got[1].Format(time.RFC3339)})
			require.Equal(t, c.words, Words(asServed(t, c.times)))
		})
	}
}

func TestWrongTimesAreToldWithWhatToWriteInstead(t *testing.T) {
	for name, c := range map[string]struct {
		times Times
		want  string
	}{
		"nothing":                 {Times{}, "cron is empty: say when"},
		"both":                    {Times{Cron: "@daily", Every: time.Hour}, "exclude each other"},
		"seconds as in Quartz":    {Times{Cron: "0 0 3 * * *"}, `cron "0 0 3 * * *" has 6 fields: give minute, hour`},
		"too few":                 {Times{Cron: "3 *"}, "has 2 fields"},
		"a minute that is none":   {Times{Cron: "61 * * * *"}, `cron "61 * * * *": Minute is not in range [0-59]; fields take`},
		"words":                   {Times{Cron: "a b c d e"}, "fields take numbers"},
		"an unknown shorthand":    {Times{Cron: "@nightly"}, "there are @hourly"},
		"an interval in the cron": {Times{Cron: "@every 5m"}, "--every"},
		"a zone in the cron":      {Times{Cron: "TZ=Europe/Berlin 0 3 * * *"}, "--timezone"},
		"a comment in the cron":   {Times{Cron: "0 3 * * * # night"}, "--note"},
		"a day that never comes":  {Times{Cron: "0 0 30 2 *"}, "never comes"},
		"an unknown zone":         {Times{Cron: "@daily", Timezone: "Berlin"}, `timezone "Berlin" is unknown: give an IANA name`},
		"the server's zone":       {Times{Cron: "@daily", Timezone: "Local"}, "give a name such as"},
		"a zone of an interval":   {Times{Every: time.Hour, Timezone: "Europe/Berlin"}, "of no use with --every"},
		"too often":               {Times{Every: 500 * time.Millisecond}, "at least one"},
		"parts of seconds":        {Times{Every: 1500 * time.Millisecond}, "whole seconds"},
		"a negative interval":     {Times{Every: -time.Hour}, "at least one"},
		"a negative jitter":       {Times{Cron: "@daily", Jitter: -time.Second}, "jitter is -1s"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := c.times.Next(noon, 1)
			require.ErrorContains(t, err, c.want)
			require.NotContains(t, err.Error(), "\n")
		})
	}
}

func TestEveryPolicyHasANameThatIsRead(t *testing.T) {
	require.Len(t, Overlaps(), len(enumspb.ScheduleOverlapPolicy_name)-1, "all but unspecified")
	for _, name := range Overlaps() {
		value, err := ParseOverlap(name)
		require.NoError(t, err)
		back, does := OverlapName(value)
		require.Equal(t, name, back)
		require.NotEmpty(t, does)
	}
	_, err := ParseOverlap("queue")
	require.ErrorContains(t, err, "give one of skip, buffer-one")
	name, _ := OverlapName(enumspb.SCHEDULE_OVERLAP_POLICY_UNSPECIFIED)
	require.Equal(t, DefaultOverlap, name)
}

func TestNamesAreThoseOfRuns(t *testing.T) {
	for _, name := range []string{"nightly-care", "A1._x", "9"} {
		require.NoError(t, CheckName(name))
	}
	for _, name := range []string{"", "-x", "a b", "ä", "a/b", string(make([]byte, 200))} {
		require.ErrorContains(t, CheckName(name), "at most 99 letters")
	}
}

func TestDurationsAreWrittenShort(t *testing.T) {
	for d, want := range map[time.Duration]string{6 * time.Hour: "6h", 90 * time.Minute: "1h30m", 10 * time.Minute: "10m", 10 * time.Second: "10s", 365 * 24 * time.Hour: "8760h", 3601 * time.Second: "1h0m1s"} {
		require.Equal(t, want, Duration(d))
	}
}

// FuzzTimes: whatever is accepted fires after now, and its words, read again, fire at the same times.
func FuzzTimes(f *testing.F) {
	for _, cron := range []string{"0 3 * * *", "*/10 1-5/2,8 1,15 JAN-MAR 7", "@hourly", "0 0 * * 3-7/3", "59 23 31 12 *", "1 2 3", "* * * * *"} {
		f.Add(cron, "Europe/Berlin")
	}
	f.Fuzz(func(t *testing.T, cron, zone string) {
		times := Times{Cron: cron, Timezone: zone}
		got, err := times.Next(noon, 3)
		if err != nil {
			return
		}
		require.True(t, got[0].After(noon))
		spec := asServed(t, times)
		require.Len(t, spec.Calendars, 1)
		again, err := Times{Cron: cronOf(spec.Calendars[0]), Timezone: zone}.Next(noon, 3)
		require.NoError(t, err, cronOf(spec.Calendars[0]))
		require.Equal(t, got, again)
	})
}

// asServed is a specification as the server keeps it, as the SDK reads it.
func asServed(t *testing.T, times Times) *client.ScheduleSpec {
	compiled, err := compiler.NewCompiledSpec(times.proto())
	require.NoError(t, err)
	canonical := compiled.CanonicalForm()
	spec := &client.ScheduleSpec{TimeZoneName: canonical.TimezoneName, Jitter: canonical.Jitter.AsDuration()}
	for _, c := range canonical.StructuredCalendar {
		spec.Calendars = append(spec.Calendars, client.ScheduleCalendarSpec{
			Second: ranges(c.Second), Minute: ranges(c.Minute), Hour: ranges(c.Hour), DayOfMonth: ranges(c.DayOfMonth),
			Month: ranges(c.Month), Year: ranges(c.Year), DayOfWeek: ranges(c.DayOfWeek),
		})
	}
	for _, i := range canonical.Interval {
		spec.Intervals = append(spec.Intervals, client.ScheduleIntervalSpec{Every: i.Interval.AsDuration(), Offset: i.Phase.AsDuration()})
	}
	return spec
}

func ranges(in []*schedulepb.Range) (out []client.ScheduleRange) {
	for _, r := range in {
		out = append(out, client.ScheduleRange{Start: int(r.Start), End: int(r.End), Step: int(r.Step)})
	}
	return out
}
