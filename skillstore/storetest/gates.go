package storetest

import (
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"

	"agentfactory/internal/skill"
	"agentfactory/skillstore"
)

// report is one of a candidate that failed against the head.
func report(id string, candidate skill.Manifest, base skill.Head) skill.GateReport {
	return skill.GateReport{
		ID: id, Name: candidate.Name, Verdict: skill.GateFailed, Why: "case a turned from pass to fail",
		Candidate:    skill.GateVersion{Version: candidate.Version, Digest: candidate.Digest},
		Base:         skill.GateBase{GateVersion: skill.GateVersion{Version: base.Version, Digest: base.VersionDigest}, Generation: base.Generation},
		Flips:        []skill.GateFlip{{Case: "a", Base: skill.CasePassed, Candidate: skill.CaseFailed}, {Case: "b", Base: skill.CaseFailed, Candidate: skill.CasePassed}},
		Inconclusive: []skill.GateGap{{Case: "c", Why: "it writes"}}, Flaky: []string{"d"},
		Cases: 4, Sampled: true, CostUSD: 0.25, Tokens: 1200, Seconds: 3.5, RunIDs: []string{"r1"}, At: time.Date(2026, 11, 21, 6, 0, 0, 0, time.UTC),
	}
}

func keepsGateReports(t *testing.T, s skillstore.Store) {
	ctx := t.Context()
	none, err := s.GateReports(ctx, "word-count")
	require.NoError(t, err)
	require.Empty(t, none)
	head := saved(t, s, draft("word-count", "return 1"))
	saved(t, s, draft("word-count-2", "return 1"))
	second, third := add(t, s, draft("word-count", "return 2")), add(t, s, draft("word-count", "return 3"))
	late, early, other := report("late.1", second, head), report("early", second, head), report("other", third, head)
	late.At, other.At = late.At.Add(time.Hour), time.Time{}
	for _, r := range []skill.GateReport{other, late, early} {
		stored, err := s.AddGateReport(ctx, r)
		require.NoError(t, err)
		if r.At.IsZero() {
			require.WithinDuration(t, time.Now(), stored.At, time.Minute)
			other = stored
		}
	}
	reports, err := s.GateReports(ctx, "word-count")
	require.NoError(t, err)
	require.Empty(t, cmp.Diff([]skill.GateReport{early, late, other}, reports), "by version and time")
	require.Equal(t, []string{"a"}, reports[0].Broken())

	again := early
	again.Tokens = 7
	stored, err := s.AddGateReport(ctx, again)
	require.NoError(t, err)
	require.Empty(t, cmp.Diff(early, stored), "the first stays")
	versions, err := s.Versions(ctx, "word-count")
	require.NoError(t, err)
	require.Len(t, versions, 3, "reports are no versions")
	require.Equal(t, 4, add(t, s, draft("word-count", "return 4")).Version)
}

func refusesGateReports(t *testing.T, s skillstore.Store) {
	head := saved(t, s, draft("word-count", "return 1"))
	m := add(t, s, draft("word-count", "return 2"))
	for _, c := range []struct {
		name, says string
		spoil      func(*skill.GateReport)
	}{
		{"an ID that is a path", "id: ", func(r *skill.GateReport) { r.ID = "../x" }},
		{"no ID", "id: ", func(r *skill.GateReport) { r.ID = "" }},
		{"no candidate", "candidate: ", func(r *skill.GateReport) { r.Candidate = skill.GateVersion{} }},
		{"another digest", "candidate: version 2 has the digest", func(r *skill.GateReport) { r.Candidate.Digest = "d" }},
		{"another verdict", `verdict: "good"`, func(r *skill.GateReport) { r.Verdict = "good" }},
		{"a pass that broke a case", "verdict: passed, but case", func(r *skill.GateReport) { r.Verdict = skill.GatePassed }},
		{"a flip that is none", "flips: ", func(r *skill.GateReport) { r.Flips[0].Candidate = skill.CasePassed }},
		{"a flip without a case", "flips: ", func(r *skill.GateReport) { r.Flips[0].Case = "" }},
		{"a cost that is no number", "cost_usd", func(r *skill.GateReport) { r.CostUSD = math.NaN() }},
		{"a negative base", "base: ", func(r *skill.GateReport) { r.Base.Generation = -1 }},
	} {
		r := report("g", m, head)
		c.spoil(&r)
		_, err := s.AddGateReport(t.Context(), r)
		require.ErrorIs(t, err, skillstore.ErrInvalid, c.name)
		require.ErrorContains(t, err, c.says, c.name)
		require.NotContains(t, err.Error(), "\n")
	}
	unknown := report("g", m, head)
	unknown.Candidate.Version = 9
	_, err := s.AddGateReport(t.Context(), unknown)
	require.ErrorIs(t, err, skillstore.ErrUnknownVersion)
	reports, err := s.GateReports(t.Context(), "word-count")
	require.NoError(t, err)
	require.Empty(t, reports, "nothing was written")
}

func reportsOnce(t *testing.T, s skillstore.Store) {
	head := saved(t, s, draft("word-count", "return 1"))
	m := add(t, s, draft("word-count", "return 2"))
	stored := make([]skill.GateReport, writers)
	together(t, func(w int) (err error) {
		r := report("g", m, head)
		r.Why = fmt.Sprint("writer ", w)
		stored[w], err = s.AddGateReport(t.Context(), r)
		return err
	})
	reports, err := s.GateReports(t.Context(), "word-count")
	require.NoError(t, err)
	require.Len(t, reports, 1)
	for _, r := range stored {
		require.Empty(t, cmp.Diff(reports[0], r), "all are told of the one that is stored")
	}
}
