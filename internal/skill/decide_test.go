package skill_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"agentfactory/internal/skill"
)

func TestAGateIsDecidedByWhatBecameOfEachCase(t *testing.T) {
	const p, f, u = skill.CasePassed, skill.CaseFailed, skill.CaseUnknown
	for name, c := range map[string]struct {
		cases   []skill.GateCase
		verdict skill.Verdict
		why     string
	}{
		"no cases":                             {nil, skill.GatePassed, "there are no past cases"},
		"all as before":                        {[]skill.GateCase{{Case: "a", Base: p, Candidate: p}}, skill.GatePassed, "breaks none of 1 past cases, of which 1 could be told"},
		"one broken among many repaired":       {[]skill.GateCase{{Case: "a", Base: p, Candidate: f}, {Case: "b", Base: f, Candidate: p}, {Case: "c", Base: f, Candidate: p}}, skill.GateFailed, "breaks 1 of 3 past cases"},
		"the new case fails":                   {[]skill.GateCase{{Case: "a", Base: p, Candidate: p}, {Case: "n", New: true, Base: f, Candidate: f}}, skill.GateFailed, "it does not pass the case that it was made for"},
		"the new case passes":                  {[]skill.GateCase{{Case: "n", New: true, Base: f, Candidate: p}}, skill.GatePassed, "there are no past cases"},
		"the new case is flaky":                {[]skill.GateCase{{Case: "n", New: true, Base: f, Candidate: p, Flaky: true}}, skill.GateInconclusive, "the case that it was made for could not be told"},
		"a flaky case does not block":          {[]skill.GateCase{{Case: "a", Base: p, Candidate: f, Flaky: true}, {Case: "b", Base: p, Candidate: p}}, skill.GatePassed, "breaks none of 2 past cases, of which 1 could be told"},
		"a flaky case does not carry":          {[]skill.GateCase{{Case: "a", Base: p, Candidate: p, Flaky: true}}, skill.GateInconclusive, "only 0 of 1 past cases could be told"},
		"half of the cases tell":               {[]skill.GateCase{{Case: "a", Base: p, Candidate: p}, {Case: "b", Base: p, Candidate: u}}, skill.GatePassed, "breaks none of 2 past cases, of which 1 could be told"},
		"fewer than half tell":                 {[]skill.GateCase{{Case: "a", Base: p, Candidate: p}, {Case: "b", Base: p, Candidate: u}, {Case: "c", Base: f, Candidate: f}}, skill.GateInconclusive, "only 1 of 3 past cases could be told"},
		"a case to be kept tells nothing":      {[]skill.GateCase{{Case: "a", Base: p, Candidate: p}, {Case: "b", Base: p, Candidate: u, Keep: true}}, skill.GateInconclusive, "1 of 1 cases that must be kept could not be told"},
		"the cases to be kept tell, no others": {[]skill.GateCase{{Case: "a", Base: p, Candidate: p, Keep: true}, {Case: "b", Base: u, Candidate: u}, {Case: "c", Base: u, Candidate: u}}, skill.GatePassed, "breaks none of 3 past cases, of which 1 could be told"},
	} {
		t.Run(name, func(t *testing.T) {
			r := skill.GateReport{ID: "gate", Candidate: skill.GateVersion{Version: 2, Digest: "d"}}
			r.Decide(c.cases)
			require.Equal(t, c.verdict, r.Verdict)
			require.Equal(t, c.why, r.Why)
			require.NoError(t, r.Check())
		})
	}
}

// Whatever the cases are, a candidate that breaks a steady one never passes.
func FuzzNoVerdictHidesABrokenCase(f *testing.F) {
	f.Add([]byte{1, 2, 3, 44, 17})
	f.Fuzz(func(t *testing.T, data []byte) {
		results := []skill.CaseResult{skill.CasePassed, skill.CaseFailed, skill.CaseUnknown}
		var cases []skill.GateCase
		broken := false
		for i, b := range data {
			c := skill.GateCase{Case: fmt.Sprint(i), Base: results[b%3], Candidate: results[b/3%3], Flaky: b&64 != 0, Keep: b&128 != 0}
			cases = append(cases, c)
			broken = broken || !c.Flaky && c.Base == skill.CasePassed && c.Candidate == skill.CaseFailed
		}
		r := skill.GateReport{ID: "gate", Candidate: skill.GateVersion{Version: 2, Digest: "d"}}
		r.Decide(cases)
		require.NoError(t, r.Check())
		require.Equal(t, broken, r.Verdict == skill.GateFailed)
	})
}

func TestASampleHoldsMarkedLatestAndSomeOfTheRest(t *testing.T) {
	var cases []skill.Case
	for i := range 100 {
		c := skill.Case{ID: fmt.Sprintf("%03d", i), CreatedAt: time.Unix(int64(i), 0)}
		switch i {
		case 3, 4:
			c.Mark = &skill.CaseMark{Keep: true}
		case 99:
			c.Mark = &skill.CaseMark{Dropped: true}
		}
		cases = append(cases, c)
	}
	ids := func(seed string) (ids []string) {
		chosen, sampled := skill.Sample(cases, 12, seed)
		require.True(t, sampled)
		for _, c := range chosen {
			ids = append(ids, c.ID)
		}
		return ids
	}
	one := ids("candidate 1")
	require.Len(t, one, 12)
	require.Equal(t, []string{"004", "003", "098", "097", "096", "095", "094"}, one[:7], "marked ones, then the latest, without the dropped one")
	require.Equal(t, one, ids("candidate 1"), "a repeated gate meets the same cases")
	require.NotEqual(t, one[7:], ids("candidate 2")[7:], "another candidate meets others")

	all, sampled := skill.Sample(cases, 100, "")
	require.False(t, sampled)
	require.Len(t, all, 99)
	few, _ := skill.Sample(cases, 1, "")
	require.Equal(t, "004", few[0].ID)
}
