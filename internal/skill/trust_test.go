package skill_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"agentfactory/internal/skill"
)

// uses reads "+a1 -b2 ?c3 !d4 %e5": success, failure, failure that is not its fault, failure that was repaired, and one that was
// given up after it fell short; task a in workflow 1, and so on.
func uses(text string) []skill.Use {
	kinds := map[byte]skill.Use{
		'+': {Outcome: skill.UseSuccess}, '-': {Outcome: skill.UseFailure}, '?': {Outcome: skill.UseNotItsFault},
		'!': {Outcome: skill.UseFailure, RepairedBy: 2}, '%': {Outcome: skill.UseNotItsFault, Failed: "runs/w/r/steps/000003"},
	}
	var list []skill.Use
	for i, word := range strings.Fields(text) {
		kind := kinds[word[0]]
		list = append(list, skill.Use{
			RepairedBy: kind.RepairedBy, Failed: kind.Failed, ID: fmt.Sprintf("%016d", i), Version: 1, Outcome: kind.Outcome, Task: word[1:2], WorkflowID: word[2:], Step: fmt.Sprint(i),
			At: time.Date(2026, 11, 21, 6, i, 0, 0, time.UTC), Tokens: 5, Seconds: 2,
		})
	}
	return list
}

func TestTrustFollowsTheRule(t *testing.T) {
	for _, c := range []struct {
		name string
		now  skill.Trust
		uses string
		want skill.Trust
		why  string
	}{
		{"a skill that was never used stays as it is", skill.Provisional, "", skill.Provisional, "0 of 3"},
		{"two successes are not enough", skill.Provisional, "+a1 +b2", skill.Provisional, "2 of 3"},
		{"three tasks in three workflows make it mature", skill.Provisional, "+a1 +b2 +c3", skill.Mature, "3 independent successes"},
		{"one task three times proves one", skill.Provisional, "+a1 +a2 +a3", skill.Provisional, "1 of 3"},
		{"three tasks in one workflow prove one", skill.Provisional, "+a1 +b1 +c1", skill.Provisional, "1 of 3"},
		{"repetitions between independent successes do no harm", skill.Provisional, "+a1 +a1 +b2 +b1 +c3", skill.Mature, "3 independent"},
		{"a failure demotes at once", skill.Mature, "+a1 +b2 +c3 +d4 -e5", skill.Provisional, "failed in run 5, 0 of 3"},
		{"what came before a failure no longer counts", skill.Provisional, "+a1 +b2 -c3 +d4", skill.Provisional, "failed in run 3, 1 of 3"},
		{"three successes after a failure make it mature again", skill.Provisional, "-a1 +a2 +b3 +c4", skill.Mature, "3 independent"},
		{"a failure that is not its fault says nothing", skill.Provisional, "+a1 ?b2 +c3 ?c3 +d4", skill.Mature, "3 independent"},
		{"nor does it demote", skill.Mature, "?a1 ?b2", skill.Mature, "0 of 3"},
		{"maturity that a person gave stays without a failure", skill.Mature, "+a1", skill.Mature, "1 of 3"},
		{"and ends with one", skill.Mature, "-a1", skill.Provisional, "failed in run 1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			trust, why := skill.NextTrust(c.now, uses(c.uses), skill.IndependentSuccesses)
			require.Equal(t, c.want, trust)
			require.Contains(t, why, c.why)
			again, _ := skill.NextTrust(trust, uses(c.uses), skill.IndependentSuccesses)
			require.Equal(t, trust, again, "reviewed again, it stays")
		})
	}
	trust, _ := skill.NextTrust(skill.Provisional, uses("+a1"), 1)
	require.Equal(t, skill.Mature, trust)
	trust, _ = skill.NextTrust(skill.Provisional, nil, 0)
	require.Equal(t, skill.Provisional, trust, "at least one success is needed")
}

func TestPerformanceIsTheSameInAnyOrder(t *testing.T) {
	list := uses(strings.Repeat("+a1 -b2 ?c3 +d4 ", 40))
	var forward, backward skill.Performance
	for i := range list {
		forward.Add(list[i])
		backward.Add(list[len(list)-1-i])
	}
	require.Equal(t, forward, backward)
	v := forward.Of(1)
	require.Equal(t, []int{160, 80, 40, 40, 4}, []int{v.Uses, v.Successes, v.Failures, v.NotItsFault, len(v.Tasks)})
	require.Equal(t, list[len(list)-skill.MaxRecent:], v.Recent)
	require.Equal(t, list[len(list)-1].At, forward.LastUsed())
	require.Equal(t, 160, forward.Uses())
	require.Zero(t, forward.Of(2).Uses)
}

func TestOpenFailuresAreThoseWithoutALaterSuccess(t *testing.T) {
	for text, want := range map[string]string{
		"":                    "",
		"-a1":                 "a1",
		"-a1 +b2":             "a1",
		"-a1 +a2":             "",
		"+a1 -a2":             "a2",
		"-a1 ?a2":             "a1",
		"-a1 -b2 -a3 +b4 -c5": "a3 c5",
		"-a1 !a2":             "",
		"!a1":                 "",
		"!a1 -a2":             "a2",
		"%a1":                 "a1",
		"%a1 ?a2":             "a1",
		"-a1 %a2":             "a2",
		"%a1 +a2":             "",
		"%a1 !a2 %b3":         "b3",
	} {
		var p skill.Performance
		for _, u := range uses(text) {
			p.Add(u)
		}
		var open []string
		for _, u := range p.OpenFailures() {
			open = append(open, u.Task+u.WorkflowID)
		}
		require.Equal(t, want, strings.Join(open, " "), text)
	}
}

func TestUseContentIDTellsUsesApart(t *testing.T) {
	u := skill.Use{Name: "a", Version: 1, WorkflowID: "w", RunID: "r", Step: "1"}
	require.Len(t, u.ContentID(), 16)
	same := u
	same.Outcome, same.Task, same.At = skill.UseSuccess, "t", time.Unix(1, 0)
	require.Equal(t, u.ContentID(), same.ContentID())
	for _, change := range []func(*skill.Use){
		func(u *skill.Use) { u.Name = "b" }, func(u *skill.Use) { u.Version = 2 }, func(u *skill.Use) { u.WorkflowID = "v" },
		func(u *skill.Use) { u.RunID = "s" }, func(u *skill.Use) { u.Step = "2" },
	} {
		other := u
		change(&other)
		require.NotEqual(t, u.ContentID(), other.ContentID())
	}
}
