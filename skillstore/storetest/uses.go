package storetest

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"

	"agentfactory/internal/skill"
	"agentfactory/skillstore"
)

var noon = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

// use is the nth of a version, in a run and on a task of its own.
func use(version, n int, outcome skill.UseOutcome) skill.Use {
	return skill.Use{
		Name: "word-count", Version: version, WorkflowID: fmt.Sprint("w", n), RunID: "r", Step: "000003", Task: fmt.Sprint("task-", n),
		Outcome: outcome, Seconds: 0.5, Tokens: 10, At: noon.Add(time.Duration(n) * time.Minute),
	}
}

func record(t *testing.T, s skillstore.Store, uses ...skill.Use) {
	t.Helper()
	for _, u := range uses {
		stored, err := s.RecordUse(t.Context(), u)
		require.NoError(t, err)
		require.Equal(t, u.ContentID(), stored.ID)
	}
}

func performance(t *testing.T, s skillstore.Store) skill.Performance {
	t.Helper()
	p, err := s.Performance(t.Context(), "word-count")
	require.NoError(t, err)
	return p
}

func addsUpUses(t *testing.T, s skillstore.Store) {
	require.Empty(t, performance(t, s).Versions, "never used")
	head := saved(t, s, draft("word-count", "return 1"))
	add(t, s, draft("word-count", "return 2"))
	failed := use(2, 3, skill.UseFailure)
	failed.Why = strings.Repeat("long ", 1000)
	record(t, s, use(1, 1, skill.UseSuccess), use(1, 2, skill.UseNotItsFault), failed, failed)
	sameTask := use(1, 4, skill.UseSuccess)
	sameTask.Task = "task-1"
	record(t, s, sameTask)

	p := performance(t, s)
	require.Equal(t, "word-count", p.Name)
	require.Len(t, p.Versions, 2)
	first, second := p.Of(1), p.Of(2)
	require.Equal(t, []int{3, 2, 0, 1, 2}, []int{first.Uses, first.Successes, first.Failures, first.NotItsFault, len(first.Tasks)})
	require.Equal(t, []float64{30, 1.5}, []float64{float64(first.Tokens), first.Seconds})
	require.Equal(t, noon.Add(4*time.Minute), first.LastUsed)
	require.Equal(t, []int{1, 1}, []int{second.Uses, second.Failures}, "recorded twice, counted once")
	require.Less(t, len(second.Recent[0].Why), 400)
	require.Len(t, p.OpenFailures(), 1)
	require.Equal(t, head.Generation, headOf(t, s, "word-count").Generation, "recording moves no head")

	repaired := use(2, 5, skill.UseSuccess)
	repaired.Task = "task-3"
	record(t, s, repaired)
	require.Empty(t, performance(t, s).OpenFailures())
}

func refusesUses(t *testing.T, s skillstore.Store) {
	saved(t, s, draft("word-count", "return 1"))
	for name, spoil := range map[string]func(*skill.Use){
		"no run":                     func(u *skill.Use) { u.RunID = "" },
		"no workflow":                func(u *skill.Use) { u.WorkflowID = "" },
		"no step":                    func(u *skill.Use) { u.Step = "" },
		"no task":                    func(u *skill.Use) { u.Task = "" },
		"no version":                 func(u *skill.Use) { u.Version = 0 },
		"another outcome":            func(u *skill.Use) { u.Outcome = "fine" },
		"negative tokens":            func(u *skill.Use) { u.Tokens = -1 },
		"seconds that are no number": func(u *skill.Use) { u.Seconds = math.Inf(1) },
		"a negative repair":          func(u *skill.Use) { u.RepairedBy = -1 },
		"a key of 2 KB":              func(u *skill.Use) { u.Failed = strings.Repeat("a", 2000) },
		"a step of 2 KB":             func(u *skill.Use) { u.Step = strings.Repeat("a", 2000) },
	} {
		u := use(1, 1, skill.UseSuccess)
		spoil(&u)
		_, err := s.RecordUse(t.Context(), u)
		require.ErrorIs(t, err, skillstore.ErrInvalid, name)
		require.NotContains(t, err.Error(), "\n")
	}
	_, err := s.RecordUse(t.Context(), use(2, 1, skill.UseSuccess))
	require.ErrorIs(t, err, skillstore.ErrUnknownVersion)
	require.Zero(t, performance(t, s).Uses())
}

// losesNoUse lets 32 writers record 5 uses each, half of them recorded by two writers, while all of them read what they
// add up to.
func losesNoUse(t *testing.T, s skillstore.Store) {
	saved(t, s, draft("word-count", "return 1"))
	const each = 5
	together(t, func(w int) error {
		for i := range each {
			if _, err := s.RecordUse(t.Context(), use(1, w/2*2*each+i*(1+w%2), skill.UseSuccess)); err != nil {
				return err
			}
			if _, err := s.Performance(t.Context(), "word-count"); err != nil {
				return err
			}
		}
		return nil
	})
	distinct := map[int]bool{}
	for w := range writers {
		for i := range each {
			distinct[w/2*2*each+i*(1+w%2)] = true
		}
	}
	for range 3 { // with a summary, and after it was written anew
		p := performance(t, s)
		v := p.Of(1)
		require.Equal(t, len(distinct), v.Uses)
		require.Len(t, v.Tasks, len(distinct))
		require.EqualValues(t, 10*len(distinct), v.Tokens)
		require.Len(t, v.Recent, skill.MaxRecent)
		require.True(t, v.Recent[0].At.Before(v.Recent[1].At))
		require.Equal(t, v.LastUsed, v.Recent[skill.MaxRecent-1].At)
	}
}

func followsUses(t *testing.T, s skillstore.Store) {
	review := func() skill.Head {
		h, err := s.ReviewTrust(t.Context(), "word-count", 0)
		require.NoError(t, err)
		require.Empty(t, cmp.Diff(h, headOf(t, s, "word-count")))
		return h
	}
	_, err := s.ReviewTrust(t.Context(), "word-count", 0)
	require.ErrorIs(t, err, skillstore.ErrUnknownSkill)
	saved(t, s, draft("word-count", "return 1"))
	record(t, s, use(1, 1, skill.UseSuccess), use(1, 2, skill.UseSuccess))
	require.EqualValues(t, 1, review().Generation, "two successes are not enough")
	record(t, s, use(1, 3, skill.UseSuccess))
	h := review()
	require.Equal(t, skill.Mature, h.Trust)
	want := skill.Move{Generation: 2, Version: 1, PromotionID: "trust-2", Kind: skill.MoveTrust, By: "trust rule", Why: "3 independent successes", Trust: skill.Mature}
	require.Empty(t, cmp.Diff(want, lastMove(h)))
	require.EqualValues(t, 2, review().Generation, "reviewed twice, moved once")

	record(t, s, use(1, 4, skill.UseFailure))
	h = review()
	require.Equal(t, skill.Provisional, h.Trust)
	require.Contains(t, lastMove(h).Why, "failed in run w4")

	second := promote(t, s, add(t, s, draft("word-count", "return 2")), h.Generation, "p2")
	require.Equal(t, second.Generation, review().Generation, "the uses of another version do not count")
	_, err = s.ReviewTrust(t.Context(), "word-count", -1)
	require.ErrorIs(t, err, skillstore.ErrInvalid)
}

func promotesOverTrust(t *testing.T, s skillstore.Store) {
	saved(t, s, draft("word-count", "return 1"))
	record(t, s, use(1, 1, skill.UseSuccess))
	h, err := s.ReviewTrust(t.Context(), "word-count", 1)
	require.NoError(t, err)
	require.Equal(t, skill.Mature, h.Trust)
	second := promote(t, s, add(t, s, draft("word-count", "return 2")), 1, "p2")
	require.EqualValues(t, 3, second.Generation, "gated against generation 1, whose version is still current")
	require.Equal(t, skill.Provisional, second.Trust)
	_, err = s.Promote(t.Context(), skillstore.Promotion{Name: "word-count", Version: 1, BaseGeneration: 1, PromotionID: "p3"})
	require.ErrorIs(t, err, skillstore.ErrHeadMoved)
}

func reviewsOnce(t *testing.T, s skillstore.Store) {
	saved(t, s, draft("word-count", "return 1"))
	record(t, s, use(1, 1, skill.UseSuccess), use(1, 2, skill.UseSuccess))
	together(t, func(w int) error {
		if _, err := s.RecordUse(t.Context(), use(1, 3+w, skill.UseSuccess)); err != nil {
			return err
		}
		_, err := s.ReviewTrust(t.Context(), "word-count", 0)
		return err
	})
	h := headOf(t, s, "word-count")
	require.Equal(t, skill.Mature, h.Trust)
	require.EqualValues(t, 2, h.Generation, "32 reviews move the head once")
}
