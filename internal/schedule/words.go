package schedule

import (
	"fmt"
	"strings"
	"time"

	"go.temporal.io/sdk/client"
)

// Words says when a schedule fires, from its specification as the server has it: `cron 0 3 * * * (Europe/Berlin)`,
// `every 6h`. The server keeps no cron expressions; they are written anew from the calendar that it made of them.
func Words(spec *client.ScheduleSpec) string {
	if spec == nil {
		return "never"
	}
	var parts []string
	for _, c := range spec.Calendars {
		parts = append(parts, fmt.Sprintf("cron %s (%s)", cronOf(c), zoneOf(spec)))
	}
	for _, i := range spec.Intervals {
		parts = append(parts, intervalWords(i))
	}
	if len(parts) == 0 {
		return "never"
	}
	words := strings.Join(parts, " and ")
	if len(spec.Skip) > 0 {
		words += fmt.Sprintf(" with %d exclusions", len(spec.Skip))
	}
	if spec.Jitter > 0 {
		words += ", put off by up to " + Duration(spec.Jitter)
	}
	return words
}

func zoneOf(spec *client.ScheduleSpec) string {
	if spec.TimeZoneName == "" {
		return "UTC"
	}
	return spec.TimeZoneName
}

func intervalWords(i client.ScheduleIntervalSpec) string {
	words := "every " + Duration(i.Every)
	if i.Offset > 0 {
		words += " from " + Duration(i.Offset)
	}
	return words
}

// cronOf writes a calendar with five fields, or seven, seconds first and the year last, where five do not tell all.
func cronOf(c client.ScheduleCalendarSpec) string {
	fields := []string{
		field(c.Second, 0, 59), field(c.Minute, 0, 59), field(c.Hour, 0, 23), field(c.DayOfMonth, 1, 31),
		field(c.Month, 1, 12), field(c.DayOfWeek, 0, 6), years(c.Year),
	}
	if fields[0] == "0" && fields[6] == "*" {
		fields = fields[1:6]
	}
	return strings.Join(fields, " ")
}

func field(ranges []client.ScheduleRange, lowest, highest int) string {
	var parts []string
	for _, r := range ranges {
		parts = append(parts, rangeOf(r, lowest, highest))
	}
	return strings.Join(parts, ",")
}

// rangeOf undoes what the server leaves out: an end that is the start, a step of one.
func rangeOf(r client.ScheduleRange, lowest, highest int) string {
	text := fmt.Sprint(r.Start)
	switch {
	case r.End <= r.Start:
		return text
	case r.Start == lowest && r.End == highest:
		text = "*"
	default:
		text += fmt.Sprintf("-%d", r.End)
	}
	if r.Step > 1 {
		text += fmt.Sprintf("/%d", r.Step)
	}
	return text
}

func years(ranges []client.ScheduleRange) string {
	if len(ranges) == 0 {
		return "*"
	}
	return field(ranges, 0, 0)
}

// Duration writes a time without what is zero: 6h, 90s, 1h30m.
func Duration(d time.Duration) string {
	text := d.String()
	for _, zero := range []string{"m0s", "h0m"} {
		if strings.HasSuffix(text, zero) {
			text = text[:len(text)-2]
		}
	}
	return text
}
