package storetest

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"agentfactory/internal/skill"
	"agentfactory/skillstore"
)

func promotes(t *testing.T, s skillstore.Store) {
	d := draft("word-count", "return 1")
	d.Tools = []string{"web_search"}
	m := add(t, s, d)
	h := promote(t, s, m, 0, "p1")
	want := skill.Head{
		Name: "word-count", Version: 1, VersionDigest: m.Digest, Generation: 1, PromotionID: "p1", Trust: skill.Provisional,
		Description: d.Description, EntryFile: "subagent.py", Tools: d.Tools,
		Moves: []skill.Move{{Generation: 1, Version: 1, PromotionID: "p1", Kind: skill.MovePromote}},
	}
	require.Empty(t, cmp.Diff(want, h, cmpopts.IgnoreTypes(time.Time{})))
	require.WithinDuration(t, time.Now(), h.UpdatedAt, time.Minute)
	read, err := s.Head(t.Context(), "word-count")
	require.NoError(t, err)
	require.Empty(t, cmp.Diff(h, read))

	second := promote(t, s, add(t, s, draft("word-count", "return 2")), 1, "p2")
	require.Equal(t, []int64{2, 2}, []int64{second.Generation, int64(second.Version)})
	require.Empty(t, second.Tools, "the head shows the tools of its version")
}

func refusesOldBase(t *testing.T, s skillstore.Store) {
	first := add(t, s, draft("word-count", "return 1"))
	second := add(t, s, draft("word-count", "return 2"))
	promote(t, s, first, 0, "p1")
	promote(t, s, second, 1, "p2")
	for _, base := range []int64{0, 1, 3} {
		_, err := s.Promote(t.Context(), skillstore.Promotion{Name: "word-count", Version: 1, BaseGeneration: base, PromotionID: fmt.Sprint("late", base)})
		require.ErrorIs(t, err, skillstore.ErrHeadMoved)
		var moved *skillstore.HeadMovedError
		require.ErrorAs(t, err, &moved)
		require.EqualValues(t, 2, moved.Current.Generation)
	}
	h, err := s.Head(t.Context(), "word-count")
	require.NoError(t, err)
	require.Equal(t, "p2", h.PromotionID)

	add(t, s, draft("other", "return 1"))
	_, err = s.Promote(t.Context(), skillstore.Promotion{Name: "other", Version: 1, BaseGeneration: 4, PromotionID: "p"})
	require.ErrorIs(t, err, skillstore.ErrHeadMoved, "a base without a head")
	for _, bad := range []skillstore.Promotion{{PromotionID: ""}, {PromotionID: "p", BaseGeneration: -1}, {PromotionID: "p", Trust: "high"}} {
		bad.Name, bad.Version = "other", 1
		_, err = s.Promote(t.Context(), bad)
		require.ErrorIs(t, err, skillstore.ErrInvalid)
	}
}

func promotesOnce(t *testing.T, s skillstore.Store) {
	m := add(t, s, draft("word-count", "return 1"))
	once := promote(t, s, m, 0, "p1")
	require.Empty(t, cmp.Diff(once, promote(t, s, m, 0, "p1")))
	again := promote(t, s, m, 1, "p2")
	require.EqualValues(t, 2, again.Generation, "another promotion of the same version is a move")
	require.Empty(t, cmp.Diff(again, promote(t, s, m, 1, "p2")))
}

func promotesOnceBelowOthers(t *testing.T, s skillstore.Store) {
	first := add(t, s, draft("word-count", "return 1"))
	second := add(t, s, draft("word-count", "return 2"))
	promote(t, s, first, 0, "p1")
	latest := promote(t, s, second, 1, "p2")
	require.Empty(t, cmp.Diff(latest, promote(t, s, first, 0, "p1")), "the head as it is now")
	move, ok := latest.Moved("p1")
	require.True(t, ok)
	require.Equal(t, 1, move.Version)
	_, ok = latest.Moved("p3")
	require.False(t, ok)
}

func refusesReusedPromotionID(t *testing.T, s skillstore.Store) {
	promote(t, s, add(t, s, draft("word-count", "return 1")), 0, "p1")
	second := add(t, s, draft("word-count", "return 2"))
	_, err := s.Promote(t.Context(), skillstore.Promotion{Name: "word-count", Version: second.Version, BaseGeneration: 1, PromotionID: "p1"})
	require.ErrorIs(t, err, skillstore.ErrInvalid)
}

func tracksTrust(t *testing.T, s skillstore.Store) {
	m := add(t, s, draft("word-count", "return 1"))
	h := promote(t, s, m, 0, "p1")
	require.Equal(t, skill.Provisional, h.Trust)
	h, err := s.Promote(t.Context(), skillstore.Promotion{Name: m.Name, Version: 1, BaseGeneration: 1, PromotionID: "p2", Trust: skill.Mature})
	require.NoError(t, err)
	require.Equal(t, skill.Mature, h.Trust)
	require.Equal(t, skill.Mature, promote(t, s, m, 2, "p3").Trust)
	require.Equal(t, skill.Provisional, promote(t, s, add(t, s, draft("word-count", "return 2")), 3, "p4").Trust)
}

func remembersMoves(t *testing.T, s skillstore.Store) {
	m := add(t, s, draft("word-count", "return 1"))
	var h skill.Head
	for i := range skill.MaxMoves + 6 {
		h = promote(t, s, m, int64(i), fmt.Sprint("p", i))
	}
	require.Len(t, h.Moves, skill.MaxMoves)
	require.EqualValues(t, 7, h.Moves[0].Generation)
	require.Equal(t, h.Generation, h.Moves[skill.MaxMoves-1].Generation)
}

// losesNoUpdate lets 32 writers try to move one head from the same base, 200 times over: exactly one may succeed each
// time, and the head must be the one that it was told of.
func losesNoUpdate(t *testing.T, s skillstore.Store) {
	rounds, writers := 200, 32
	if testing.Short() {
		rounds = 20
	}
	m := add(t, s, draft("word-count", "return 1"))
	for round := range rounds {
		won := make([]bool, writers)
		var g errgroup.Group
		for w := range writers {
			g.Go(func() error {
				_, err := s.Promote(t.Context(), skillstore.Promotion{
					Name: m.Name, Version: 1, BaseGeneration: int64(round), PromotionID: fmt.Sprintf("%d/%d", round, w),
				})
				won[w] = err == nil
				if errors.Is(err, skillstore.ErrHeadMoved) {
					return nil
				}
				return err
			})
		}
		require.NoError(t, g.Wait())
		h, err := s.Head(t.Context(), m.Name)
		require.NoError(t, err)
		require.EqualValues(t, round+1, h.Generation)
		for w := range writers {
			require.Equal(t, won[w], h.PromotionID == fmt.Sprintf("%d/%d", round, w), "round %d, writer %d", round, w)
		}
	}
}

func supersedes(t *testing.T, s skillstore.Store) {
	saved(t, s, draft("old-counter", "return 1"))
	d := draft("word-count", "return 2")
	d.Lineage.Supersedes = []string{"old-counter"}
	h := promote(t, s, add(t, s, d), 0, "p2")
	for range 2 {
		require.NoError(t, s.Retire(t.Context(), "old-counter", skill.Tombstone{SupersededBy: h.Name, By: "p2"}))
	}
	require.Equal(t, []string{"word-count"}, foundBy(t, s, "count the words of a text"))
	version, err := s.Version(t.Context(), h.Name, h.Version)
	require.NoError(t, err)
	require.Equal(t, []string{"old-counter"}, version.Lineage.Supersedes)
}
