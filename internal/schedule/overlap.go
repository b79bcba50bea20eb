package schedule

import (
	"fmt"
	"regexp"
	"strings"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
)

// What holds unless a schedule says otherwise. Both are always told to the server, whose own window is 365 days: after
// a week of maintenance it would make up for every missed night at once.
const (
	DefaultOverlap = "skip"
	DefaultCatchup = 10 * time.Minute
	MinCatchup     = 10 * time.Second // the server takes less for so much
)

// policy is an overlap policy with its name and what it does when a time comes while an earlier run goes on.
type policy struct {
	name  string
	value enumspb.ScheduleOverlapPolicy
	does  string
}

var policies = []policy{
	{"skip", enumspb.SCHEDULE_OVERLAP_POLICY_SKIP, "a time that comes while a run goes on is left out"},
	{"buffer-one", enumspb.SCHEDULE_OVERLAP_POLICY_BUFFER_ONE, "one run waits for the one that goes on; further times are left out"},
	{"buffer-all", enumspb.SCHEDULE_OVERLAP_POLICY_BUFFER_ALL, "runs wait for each other, and none is left out"},
	{"cancel-other", enumspb.SCHEDULE_OVERLAP_POLICY_CANCEL_OTHER, "the run that goes on is cancelled, and the new one begins when it has ended"},
	{"terminate-other", enumspb.SCHEDULE_OVERLAP_POLICY_TERMINATE_OTHER, "the run that goes on is terminated without leaving a result"},
	{"allow-all", enumspb.SCHEDULE_OVERLAP_POLICY_ALLOW_ALL, "runs go on side by side"},
}

// Overlaps are the names of the overlap policies.
func Overlaps() []string {
	names := make([]string, len(policies))
	for i, p := range policies {
		names[i] = p.name
	}
	return names
}

// ParseOverlap finds an overlap policy by its name.
func ParseOverlap(name string) (enumspb.ScheduleOverlapPolicy, error) {
	for _, p := range policies {
		if p.name == name {
			return p.value, nil
		}
	}
	return 0, fmt.Errorf("overlap is %q: give one of %s", name, strings.Join(Overlaps(), ", "))
}

// OverlapName names a policy, and says what it does. One that nobody has chosen is skip, as the server has it.
func OverlapName(value enumspb.ScheduleOverlapPolicy) (name, does string) {
	for _, p := range policies {
		if p.value == value {
			return p.name, p.does
		}
	}
	if value == enumspb.SCHEDULE_OVERLAP_POLICY_UNSPECIFIED {
		return policies[0].name, policies[0].does
	}
	return value.String(), ""
}

// nameGrammar is that of workflow IDs: the runs of a schedule are called NAME-2026-11-22T03:00:00Z.
var nameGrammar = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,98}$`)

// CheckName refuses what cannot be the name of a schedule.
func CheckName(name string) error {
	if !nameGrammar.MatchString(name) {
		return fmt.Errorf("name %.110q: use at most 99 letters, digits, '.', '_' and '-', a letter or digit first", name)
	}
	return nil
}
