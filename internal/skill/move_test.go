package skill_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"agentfactory/internal/skill"
)

// moved is a head that made moves of these kinds, "" as old heads have them.
func moved(kinds ...skill.MoveKind) skill.Head {
	h := skill.Head{}
	for _, k := range kinds {
		h.Generation++
		h.Moves = h.WithMove(skill.Move{Generation: h.Generation, Kind: k, PromotionID: fmt.Sprint("p", h.Generation)})
	}
	return h
}

func TestOldMovesHaveAKind(t *testing.T) {
	require.Equal(t, skill.MovePromote, skill.Move{}.What())
	require.Equal(t, skill.MoveRetire, skill.Move{Retired: true}.What())
	require.Equal(t, skill.MoveFreeze, skill.Move{Kind: skill.MoveFreeze}.What())
}

func TestMovedFindsWhatChoseAVersion(t *testing.T) {
	h := moved("", skill.MoveRollback, skill.MoveFreeze, skill.MoveTrust)
	for id, want := range map[string]bool{"p1": true, "p2": true, "p3": false, "p4": false, "": false} {
		_, ok := h.Moved(id)
		require.Equal(t, want, ok, id)
	}
	require.True(t, h.Acted(skill.MoveFreeze, "p3"))
	require.False(t, h.Acted(skill.MoveUnfreeze, "p3"))
}

func TestTrustMovesAreForgottenFirst(t *testing.T) {
	h := moved(skill.MovePromote)
	for range 200 {
		h.Generation++
		h.Moves = h.WithMove(skill.Move{Generation: h.Generation, Kind: skill.MoveTrust})
	}
	require.Len(t, h.Moves, skill.MaxMoves)
	_, ok := h.Moved("p1")
	require.True(t, ok, "the promotion is still known")
	require.Equal(t, h.Generation, h.Moves[skill.MaxMoves-1].Generation)
	require.EqualValues(t, 201-skill.MaxMoves+2, h.Moves[1].Generation)

	for range 200 {
		h.Generation++
		h.Moves = h.WithMove(skill.Move{Generation: h.Generation})
	}
	require.EqualValues(t, h.Generation-skill.MaxMoves+1, h.Moves[0].Generation)
}

func TestAHeadWhoseTrustAloneChangedIsUnmoved(t *testing.T) {
	many := moved(skill.MovePromote)
	for range 100 {
		many.Generation++
		many.Moves = many.WithMove(skill.Move{Generation: many.Generation, Kind: skill.MoveTrust})
	}
	for _, c := range []struct {
		name string
		head skill.Head
		base int64
		want bool
	}{
		{"no head and no base", skill.Head{}, 0, true},
		{"no head, but a base", skill.Head{}, 1, false},
		{"a head without a base", moved(""), 0, false},
		{"the same generation", moved("", ""), 2, true},
		{"a base that is yet to come", moved("", ""), 3, false},
		{"a promotion since", moved("", ""), 1, false},
		{"trust since", moved("", skill.MoveTrust, skill.MoveTrust), 1, true},
		{"trust and a promotion since", moved("", skill.MoveTrust, skill.MovePromote), 1, false},
		{"a promotion before trust", moved("", skill.MovePromote, skill.MoveTrust), 1, false},
		{"frozen and unfrozen since", moved("", skill.MoveFreeze, skill.MoveUnfreeze), 1, false},
		{"a hundred changes of trust since", many, 1, true},
		{"a head that remembers nothing", skill.Head{Generation: 4}, 3, false},
	} {
		require.Equal(t, c.want, c.head.Unmoved(c.base), c.name)
	}
}
