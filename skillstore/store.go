package skillstore

import (
	"context"
	"errors"
	"fmt"

	"agentfactory/internal/objectstore"
	"agentfactory/internal/skill"
)

// The errors of a [Store], for errors.Is. Those of the storage below (unavailable, denied, no bucket) keep the
// sentinels of internal/objectstore.
var (
	// ErrUnknownSkill: the library has no skill of this name.
	ErrUnknownSkill = errors.New("unknown skill")
	// ErrUnknownVersion: the skill has no version of this number.
	ErrUnknownVersion = errors.New("unknown version")
	// ErrUnknownFile: the version has no file of this path.
	ErrUnknownFile = errors.New("unknown file")
	// ErrHeadMoved: someone else moved the head since the base was read; gate against the new base and try again.
	ErrHeadMoved = errors.New("the head has moved")
	// ErrInvalid: a draft, a promotion, a case or a directory to import breaks a rule; the message says which.
	ErrInvalid = errors.New("invalid")
	// ErrCorrupt: what was read is not what was written.
	ErrCorrupt = objectstore.ErrCorrupt
)

// Store is the skill library. It is safe for concurrent use. Names are as skill.NormalizeName gives them; others are
// skill.ErrInvalidName.
type Store interface {
	// Head returns the head of a skill. That of a retired skill has Tombstone set. ErrUnknownSkill.
	Head(ctx context.Context, name string) (skill.Head, error)
	// Heads returns the heads of all skills, retired ones too, in the order of their names, from the first name
	// greater than after; at most limit of them (0: all).
	Heads(ctx context.Context, after string, limit int) ([]skill.Head, error)

	// Version returns one version. ErrUnknownVersion.
	Version(ctx context.Context, name string, version int) (skill.Manifest, error)
	// Versions returns all versions, promoted or not, oldest first. ErrUnknownSkill when there is none.
	Versions(ctx context.Context, name string) ([]skill.Manifest, error)
	// File returns the content of a version's file. ErrUnknownVersion, ErrUnknownFile, ErrCorrupt.
	File(ctx context.Context, name string, version int, path string) ([]byte, error)

	// AddVersion stores a draft under the next free number, without moving the head. A version with the same content
	// is returned instead, with the lineage it was stored with. ErrInvalid.
	AddVersion(ctx context.Context, d Draft) (skill.Manifest, error)
	// Promote makes a version, new or old, the current one, and returns the head as it then is. It brings a retired
	// skill back. Repeating a promotion that took place does nothing. ErrHeadMoved, ErrUnknownVersion.
	Promote(ctx context.Context, p Promotion) (skill.Head, error)
	// Retire sets a tombstone; a skill that has one keeps it. Its versions stay, and search no longer finds it.
	// ErrUnknownSkill.
	Retire(ctx context.Context, name string, by skill.Tombstone) error

	// AddCase stores a case. One with the same query, inputs and check is there already: nothing happens.
	AddCase(ctx context.Context, name string, c skill.Case) error
	// Cases returns the cases of a skill in the order of their IDs.
	Cases(ctx context.Context, name string) ([]skill.Case, error)

	// Search returns the current skills that fit a task in plain words, the best first, at most limit of them (0:
	// all). Skills that do not fit are left out, so there may be none.
	Search(ctx context.Context, query string, limit int) ([]Hit, error)
}

// Draft is a version before it has a number.
type Draft struct {
	Name        string
	Description string   // what the skill does and when to use it, for strangers
	EntryFile   string   // one of Files, with main(query)
	Interface   string   // what the code says of the query that it takes; empty: nothing
	Tools       []string // tool skills it is given
	// Files are the contents by relative path. A SKILL.md among them gives the body and the optional fields of the
	// stored one; without it, one is written from the rest of the draft.
	Files    map[string][]byte
	Lineage  skill.Lineage
	Metadata map[string]string // further fields for the metadata of the SKILL.md
}

// Promotion moves a head.
type Promotion struct {
	Name           string
	Version        int
	BaseGeneration int64  // of the head that the version was gated against; 0: there must be none
	PromotionID    string // unique to this promotion, and the same when it is repeated
	// Trust of the skill from now on. Empty: a new version begins as provisional, a version that is current already
	// keeps what it has.
	Trust skill.Trust
}

// Hit is a skill that a search found.
type Hit struct {
	skill.Head
	// Score says how well the skill fits, from the least that counts as fitting to 1: the part of the skill's words
	// that the query has, or of the query's words that the skill has, whichever is greater; rare words count more.
	Score float64
}

// HeadMovedError is ErrHeadMoved with the head as it is now.
type HeadMovedError struct {
	Name    string
	Base    int64 // the generation that was expected
	Current skill.Head
}

func (e *HeadMovedError) Error() string {
	if e.Current.Generation == 0 {
		return fmt.Sprintf("%v: %s has none, expected generation %d", ErrHeadMoved, e.Name, e.Base)
	}
	return fmt.Sprintf("%v: %s is at generation %d (version %d), expected %d", ErrHeadMoved, e.Name, e.Current.Generation, e.Current.Version, e.Base)
}

func (e *HeadMovedError) Unwrap() error { return ErrHeadMoved }

// invalid is an ErrInvalid that says what breaks which rule.
func invalid(format string, args ...any) error {
	return fmt.Errorf("%w %w", ErrInvalid, fmt.Errorf(format, args...))
}
