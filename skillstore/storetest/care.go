package storetest

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"agentfactory/internal/skill"
	"agentfactory/skillstore"
)

// writers is how many try at once.
const writers = 32

// together lets 32 writers do something at the same time.
func together(t *testing.T, do func(writer int) error) {
	t.Helper()
	var g errgroup.Group
	for w := range writers {
		g.Go(func() error { return do(w) })
	}
	require.NoError(t, g.Wait())
}

func act(id string) skillstore.Act {
	return skillstore.Act{ID: id, By: "anna", Why: "it is good as it is"}
}

func headOf(t *testing.T, s skillstore.Store, name string) skill.Head {
	t.Helper()
	h, err := s.Head(t.Context(), name)
	require.NoError(t, err)
	return h
}

// lastMove is what the latest move says, without its time.
func lastMove(h skill.Head) skill.Move {
	m := h.Moves[len(h.Moves)-1]
	m.At = time.Time{}
	return m
}

func rollsBack(t *testing.T, s skillstore.Store) {
	first := add(t, s, draft("word-count", "return 1"))
	promote(t, s, first, 0, "p1")
	promote(t, s, add(t, s, draft("word-count", "return 2")), 1, "p2")
	back := skillstore.Promotion{Name: "word-count", Version: 1, BaseGeneration: 2, PromotionID: "p3", Rollback: true, By: "anna", Why: "2 is slower"}
	for range 2 {
		h, err := s.Promote(t.Context(), back)
		require.NoError(t, err)
		require.Equal(t, first.Digest, h.VersionDigest)
		require.EqualValues(t, 3, h.Generation, "the generation only rises")
		want := skill.Move{Generation: 3, Version: 1, PromotionID: "p3", Kind: skill.MoveRollback, By: "anna", Why: "2 is slower"}
		require.Empty(t, cmp.Diff(want, lastMove(h)))
	}
	versions, err := s.Versions(t.Context(), "word-count")
	require.NoError(t, err)
	require.Len(t, versions, 2, "nothing is deleted")
	require.Empty(t, cmp.Diff(first, versions[0]), "and the lineage stays")

	for _, bad := range []skillstore.Promotion{{By: "anna"}, {Why: "slow"}, {By: "anna", Why: strings.Repeat("a", 3000)}, {By: "anna", Why: "\xff"}} {
		bad.Name, bad.Version, bad.BaseGeneration, bad.PromotionID, bad.Rollback = "word-count", 2, 3, "p4", true
		_, err := s.Promote(t.Context(), bad)
		require.ErrorIs(t, err, skillstore.ErrInvalid)
	}
}

func freezes(t *testing.T, s skillstore.Store) {
	ctx := t.Context()
	first := saved(t, s, draft("word-count", "return 1"))
	second := add(t, s, draft("word-count", "return 2"))
	promote(t, s, second, 1, "p2")
	h, err := s.Freeze(ctx, "word-count", act("f1"))
	require.NoError(t, err)
	require.Equal(t, "anna", h.Frozen.By)
	require.WithinDuration(t, time.Now(), h.Frozen.At, time.Minute)
	require.Empty(t, cmp.Diff(skill.Move{Generation: 3, Version: 2, PromotionID: "f1", Kind: skill.MoveFreeze, By: "anna", Why: "it is good as it is"}, lastMove(h)))

	third := add(t, s, draft("word-count", "return 3"))
	for _, base := range []int64{2, 3} {
		_, err = s.Promote(ctx, skillstore.Promotion{Name: "word-count", Version: third.Version, BaseGeneration: base, PromotionID: fmt.Sprint("late", base)})
		require.ErrorIs(t, err, skillstore.ErrFrozen)
		require.ErrorContains(t, err, "by anna since")
		require.NotErrorIs(t, err, skillstore.ErrHeadMoved, "to gate again would be in vain")
	}
	require.ErrorIs(t, s.Retire(ctx, "word-count", skill.Tombstone{By: "p9", SupersededBy: "counter"}), skillstore.ErrFrozen)
	require.Empty(t, cmp.Diff(h, promote(t, s, second, 1, "p2")), "a promotion that took place before is still recognised")
	require.Empty(t, cmp.Diff(h, headOf(t, s, "word-count")), "nothing has changed")

	back, err := s.Promote(ctx, skillstore.Promotion{Name: "word-count", Version: 1, BaseGeneration: 3, PromotionID: "back", Rollback: true, By: "anna", Why: "2 is wrong"})
	require.NoError(t, err)
	require.Equal(t, first.VersionDigest, back.VersionDigest)
	require.NotNil(t, back.Frozen, "it stays frozen")

	h, err = s.Unfreeze(ctx, "word-count", act("u1"))
	require.NoError(t, err)
	require.Nil(t, h.Frozen)
	require.Equal(t, 3, promote(t, s, third, h.Generation, "p3").Version)
}

func guards(t *testing.T, s skillstore.Store) {
	ctx := t.Context()
	saved(t, s, draft("word-count", "return 1"))
	second := add(t, s, draft("word-count", "return 2"))
	for range 2 {
		h, err := s.Guard(ctx, "word-count", act("g1"))
		require.NoError(t, err)
		require.Equal(t, "anna", h.Guarded.By)
		require.Empty(t, cmp.Diff(skill.Move{Generation: 2, Version: 1, PromotionID: "g1", Kind: skill.MoveGuard, By: "anna", Why: "it is good as it is"}, lastMove(h)))
	}
	mine := skillstore.Promotion{Name: "word-count", Version: second.Version, BaseGeneration: 2, PromotionID: "p2", Why: "it reads more formats"}
	_, err := s.Promote(ctx, mine)
	require.ErrorIs(t, err, skillstore.ErrGuarded)
	require.ErrorContains(t, err, "by anna since")
	stale := mine
	stale.BaseGeneration = 1
	_, err = s.Promote(ctx, stale)
	require.ErrorIs(t, err, skillstore.ErrHeadMoved, "nobody need be asked")

	mine.Approved = "ben"
	h, err := s.Promote(ctx, mine)
	require.NoError(t, err)
	require.NotNil(t, h.Guarded, "one approval is for one promotion")
	want := skill.Move{Generation: 3, Version: 2, PromotionID: "p2", Kind: skill.MovePromote, By: "ben", Why: "it reads more formats; approved by ben"}
	require.Empty(t, cmp.Diff(want, lastMove(h)))
	mine.Approved = ""
	again, err := s.Promote(ctx, mine)
	require.NoError(t, err, "a promotion that took place is recognised")
	require.Empty(t, cmp.Diff(h, again))

	h, err = s.Promote(ctx, skillstore.Promotion{Name: "word-count", Version: 1, BaseGeneration: 3, PromotionID: "back", Rollback: true, By: "anna", Why: "2 is wrong"})
	require.NoError(t, err)
	require.NotNil(t, h.Guarded)
	require.NoError(t, s.Retire(ctx, "word-count", skill.Tombstone{ID: "r1", By: "p9"}), "versions alone are guarded")
	_, err = s.Restore(ctx, "word-count", act("b1"))
	require.NoError(t, err)

	_, err = s.Freeze(ctx, "word-count", act("f1"))
	require.NoError(t, err)
	_, err = s.Promote(ctx, skillstore.Promotion{Name: "word-count", Version: 2, BaseGeneration: 7, PromotionID: "p3", Approved: "ben"})
	require.ErrorIs(t, err, skillstore.ErrFrozen, "an approval does not thaw")
	h, err = s.Unguard(ctx, "word-count", act("u1"))
	require.NoError(t, err)
	require.Nil(t, h.Guarded)
	h, err = s.Unfreeze(ctx, "word-count", act("u1"))
	require.NoError(t, err)
	h = promote(t, s, second, h.Generation, "p4")
	require.Empty(t, lastMove(h).By, "the run that made it")

	bad := skillstore.Promotion{Name: "word-count", Version: 1, BaseGeneration: h.Generation, PromotionID: "p5", Approved: strings.Repeat("a", 3000)}
	_, err = s.Promote(ctx, bad)
	require.ErrorIs(t, err, skillstore.ErrInvalid)
}

func actsOnce(t *testing.T, s skillstore.Store) {
	ctx := t.Context()
	saved(t, s, draft("word-count", "return 1"))
	freeze := func(id string) skill.Head {
		h, err := s.Freeze(ctx, "word-count", act(id))
		require.NoError(t, err)
		return h
	}
	once := freeze("f1")
	require.Empty(t, cmp.Diff(once, freeze("f1")))
	require.Empty(t, cmp.Diff(once, freeze("f2")), "it is frozen already")
	h, err := s.Unfreeze(ctx, "word-count", act("u1"))
	require.NoError(t, err)
	require.Empty(t, cmp.Diff(h, freeze("f1")), "repeated after its reply was lost and somebody unfroze it")
	require.EqualValues(t, 4, freeze("f3").Generation, "another act")

	for _, bad := range []skillstore.Act{{By: "anna"}, {ID: "x"}, {ID: "x", By: "anna", Why: strings.Repeat("a", 3000)}} {
		_, err = s.Freeze(ctx, "word-count", bad)
		require.ErrorIs(t, err, skillstore.ErrInvalid)
	}
}

func restores(t *testing.T, s skillstore.Store) {
	ctx := t.Context()
	saved(t, s, draft("word-count", "return 1"))
	for _, id := range []string{"r1", "r2"} {
		require.NoError(t, s.Retire(ctx, "word-count", skill.Tombstone{ID: id, By: "anna", Reason: "unused"}))
		require.Equal(t, id, headOf(t, s, "word-count").PromotionID, "one person may retire it twice")
		h, err := s.Restore(ctx, "word-count", act("back-"+id))
		require.NoError(t, err)
		require.Nil(t, h.Tombstone)
		require.Equal(t, 1, h.Version)
		require.Equal(t, skill.MoveRestore, lastMove(h).Kind)
	}
	found, err := s.Search(ctx, "count the words of a text", 0)
	require.NoError(t, err)
	require.Len(t, found.Hits, 1, "it is found again")
}

// losesNoAct lets 32 people freeze, unfreeze, retire and restore a skill while versions are promoted: every act that
// changed something is a move, one after the other.
func losesNoAct(t *testing.T, s skillstore.Store) {
	m := add(t, s, draft("word-count", "return 1"))
	promote(t, s, m, 0, "p1")
	together(t, func(w int) (err error) {
		id := fmt.Sprint("w", w)
		switch w % 4 {
		case 0:
			_, err = s.Freeze(t.Context(), "word-count", act(id))
		case 1:
			_, err = s.Unfreeze(t.Context(), "word-count", act(id))
		case 2:
			_, err = s.Restore(t.Context(), "word-count", act(id))
		default:
			err = s.Retire(t.Context(), "word-count", skill.Tombstone{ID: id, By: "anna"})
		}
		return notFrozen(err)
	})
	h := headOf(t, s, "word-count")
	require.Len(t, h.Moves, int(h.Generation))
	last := map[skill.MoveKind]bool{skill.MoveUnfreeze: true, skill.MoveRestore: true}
	for i, m := range h.Moves[1:] {
		require.EqualValues(t, i+2, m.Generation)
		require.NotContains(t, h.Moves[:i+1], m, "no act takes place twice")
		require.False(t, last[m.Kind], "%s changes nothing where it stands", m.Kind)
		last[m.Kind], last[opposite[m.Kind]] = true, false
	}
	require.Equal(t, last[skill.MoveFreeze], h.Frozen != nil)
	require.Equal(t, last[skill.MoveRetire], h.Tombstone != nil)
}

var opposite = map[skill.MoveKind]skill.MoveKind{
	skill.MoveFreeze: skill.MoveUnfreeze, skill.MoveUnfreeze: skill.MoveFreeze, skill.MoveRetire: skill.MoveRestore, skill.MoveRestore: skill.MoveRetire,
}

func retires(t *testing.T, s skillstore.Store) {
	saved(t, s, draft("word-count", "return 1"))
	require.ErrorIs(t, s.Retire(t.Context(), "word-count", skill.Tombstone{}), skillstore.ErrInvalid, "nobody retires it")
	var g errgroup.Group
	for i := range 8 {
		g.Go(func() error {
			return s.Retire(t.Context(), "word-count", skill.Tombstone{SupersededBy: "counter", By: fmt.Sprint("p", i), Reason: "merged"})
		})
	}
	require.NoError(t, g.Wait())
	h, err := s.Head(t.Context(), "word-count")
	require.NoError(t, err)
	require.EqualValues(t, 2, h.Generation, "eight retirements move the head once")
	require.Equal(t, "counter", h.Tombstone.SupersededBy)
	require.Equal(t, "merged", h.Tombstone.Reason)
	require.Equal(t, h.PromotionID, h.Tombstone.By)
	last := h.Moves[len(h.Moves)-1]
	require.Equal(t, []any{skill.MoveRetire, h.Tombstone.By, "merged"}, []any{last.What(), last.By, last.Why})
	require.WithinDuration(t, time.Now(), h.Tombstone.At, time.Minute)
	_, err = s.File(t.Context(), "word-count", 1, "subagent.py")
	require.NoError(t, err, "versions of a retired skill stay")
}

func revives(t *testing.T, s skillstore.Store) {
	saved(t, s, draft("word-count", "return 1"))
	require.NoError(t, s.Retire(t.Context(), "word-count", skill.Tombstone{By: "p2"}))
	h := promote(t, s, add(t, s, draft("word-count", "return 2")), 2, "p3")
	require.Nil(t, h.Tombstone)
	require.NoError(t, s.Retire(t.Context(), "word-count", skill.Tombstone{By: "p2"}), "repeated after its reply was lost")
	h, err := s.Head(t.Context(), "word-count")
	require.NoError(t, err)
	require.Nil(t, h.Tombstone, "a retirement that took place does not take place again")
}
