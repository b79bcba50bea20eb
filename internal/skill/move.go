package skill

import (
	"slices"
	"time"
)

// MoveKind says what a move did to a head.
type MoveKind string

// The kinds of moves. Only the first two change the version.
const (
	MovePromote  MoveKind = "promote"  // a version, most often a new one, became current
	MoveRollback MoveKind = "rollback" // a person went back to an earlier version
	MoveRetire   MoveKind = "retire"
	MoveRestore  MoveKind = "restore" // of a retired skill
	MoveFreeze   MoveKind = "freeze"
	MoveUnfreeze MoveKind = "unfreeze"
	MoveGuard    MoveKind = "guard"
	MoveUnguard  MoveKind = "unguard"
	MoveTrust    MoveKind = "trust" // trust rose or fell by what was learned from uses
)

// Move is one change of a head.
type Move struct {
	Generation  int64     `json:"generation"`
	Version     int       `json:"version"` // current after the move
	PromotionID string    `json:"promotion_id"`
	Kind        MoveKind  `json:"kind,omitempty"`    // empty in old heads, see What
	By          string    `json:"by,omitempty"`      // who; empty: the run that the promotion ID and the version's lineage name
	Why         string    `json:"why,omitempty"`     // the reason that was given
	Trust       Trust     `json:"trust,omitempty"`   // after a move of kind MoveTrust
	Retired     bool      `json:"retired,omitempty"` // the move set the tombstone
	At          time.Time `json:"at"`
}

// What is the kind of a move. Heads that were written before moves had one tell retirements from promotions alone.
func (m Move) What() MoveKind {
	switch {
	case m.Kind != "":
		return m.Kind
	case m.Retired:
		return MoveRetire
	}
	return MovePromote
}

// promotes tells whether the move chose the version.
func (m Move) promotes() bool { return m.What() == MovePromote || m.What() == MoveRollback }

// MaxMoves bounds the moves that a head remembers.
const MaxMoves = 64

// WithMove returns the moves with one more, at most MaxMoves of them. Changes of trust are forgotten first, because
// they come with use, and promotions are what a repeated call must recognise; then the oldest.
func (h Head) WithMove(m Move) []Move {
	moves := append(slices.Clone(h.Moves), m)
	for len(moves) > MaxMoves {
		oldest := max(0, slices.IndexFunc(moves[:MaxMoves], func(m Move) bool { return m.What() == MoveTrust }))
		moves = slices.Delete(moves, oldest, oldest+1)
	}
	return moves
}

// Moved finds the move that has this promotion ID among those the head remembers. It tells a caller whose reply was
// lost that the promotion took place, even when others have moved the head since.
func (h Head) Moved(promotionID string) (Move, bool) {
	i := slices.IndexFunc(h.Moves, func(m Move) bool { return m.PromotionID == promotionID && m.promotes() })
	if i < 0 || promotionID == "" {
		return Move{}, false
	}
	return h.Moves[i], true
}

// Acted tells whether a move of this kind and ID is among those the head remembers.
func (h Head) Acted(kind MoveKind, id string) bool {
	return slices.ContainsFunc(h.Moves, func(m Move) bool { return m.What() == kind && m.PromotionID == id })
}

// Unmoved tells whether the head is as it was at the generation of a base, but for its trust: trust moves with every few
// uses, and a version that was gated against the base is none the worse for it.
func (h Head) Unmoved(base int64) bool {
	if base > h.Generation {
		return false
	}
	later := func(m Move) bool { return m.Generation > base && m.What() != MoveTrust }
	return base == h.Generation || base > 0 && len(h.Moves) > 0 && !slices.ContainsFunc(h.Moves, later)
}
