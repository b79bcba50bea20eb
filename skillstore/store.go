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
	// ErrFrozen: the skill is frozen, so that only a person moves its head: by a rollback or by unfreezing it.
	ErrFrozen = errors.New("the skill is frozen")
	// ErrGuarded: promotions of the skill wait for a person's approval.
	ErrGuarded = errors.New("the skill is guarded")
	// ErrUnknownCase: the skill has no case of this ID.
	ErrUnknownCase = errors.New("unknown case")
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
	// skill back. Repeating a promotion that took place does nothing. A head whose trust alone has changed since the
	// base counts as unmoved. ErrHeadMoved, ErrFrozen, ErrGuarded (of a head that has not moved, so that a person is only asked
	// about what can be promoted), ErrUnknownVersion.
	Promote(ctx context.Context, p Promotion) (skill.Head, error)

	Care
	Gates
	Uses

	// AddCase stores a case, without a mark. One with the same query and inputs is there already: nothing happens.
	AddCase(ctx context.Context, name string, c skill.Case) error
	// CaseIDs lists the IDs of a skill's cases, dropped ones too, by one listing.
	CaseIDs(ctx context.Context, name string) ([]string, error)
	// Case returns one case, without its mark. ErrUnknownCase.
	Case(ctx context.Context, name, id string) (skill.Case, error)
	// Cases returns the cases of a skill with their marks, dropped ones too, in the order of their IDs.
	Cases(ctx context.Context, name string) ([]skill.Case, error)

	// Recent returns the current skills without the retired ones and without their Moves, the latest moved first, at most
	// limit of them (0: all). It reads what Search reads, not every head.
	Recent(ctx context.Context, limit int) ([]skill.Head, error)
	// Search returns the current skills that fit a task in plain words, the best first, at most limit of them (0:
	// all). Skills that do not fit are left out, so there may be none. What this process saved or retired is known to its
	// searches at once, to others within a second.
	Search(ctx context.Context, query string, limit int) (Found, error)
}

// Draft is a version before it has a number.
type Draft struct {
	Name        string
	Description string             // what the skill does and when to use it, for strangers
	EntryFile   string             // one of Files, with main(query)
	Interface   string             // what the code says of the query that it takes; empty: nothing
	Permissions *skill.Permissions // what it was seen to need; nil: nobody looked
	Tools       []string           // tool skills it is given
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
	// Rollback says that a person returns to a version which they know. It moves a frozen or guarded head as well, which
	// stays so, and needs By and Why.
	Rollback bool
	// Approved is the person who approved that this version becomes the current one, without which a guarded skill is not
	// moved; empty: nobody was asked. The move says so in its Why, and in its By if By is empty.
	Approved string
	By       string // who; empty: the run that the lineage of the version names
	Why      string // at most maxWhy bytes, as are By and Approved
}

// Act is what a person, or whoever By names, does to a skill.
type Act struct {
	ID  string // unique to this act, and the same when it is repeated
	By  string
	Why string
}

// Care is how people keep a library in order. Every act with a skill is a move of the head that says who, when and why, and every one
// goes with any version, so that none fails because the head moved meanwhile. What is so already stays as it is, and an
// act that took place does not take place again, even if somebody undid it. All of them: ErrUnknownSkill, ErrInvalid.
type Care interface {
	// Retire sets a tombstone; a skill that has one keeps it. Its versions stay, and search no longer finds it.
	// ErrFrozen.
	Retire(ctx context.Context, name string, by skill.Tombstone) error
	// Restore takes the tombstone away: the version that was current is so again. ErrFrozen.
	Restore(ctx context.Context, name string, act Act) (skill.Head, error)
	// Freeze keeps everybody but people from moving the head: promotions, retirements and restorations fail with
	// ErrFrozen until it is unfrozen. Trust still follows the uses.
	Freeze(ctx context.Context, name string, act Act) (skill.Head, error)
	// Unfreeze lets the head move again.
	Unfreeze(ctx context.Context, name string, act Act) (skill.Head, error)
	// Guard lets promotions wait for a person: without an approval they fail with ErrGuarded. Whatever else moves a head
	// goes on. A frozen skill can be guarded as well; what freezing forbids stays forbidden.
	Guard(ctx context.Context, name string, act Act) (skill.Head, error)
	// Unguard lets runs promote again.
	Unguard(ctx context.Context, name string, act Act) (skill.Head, error)
	// MarkCase keeps or drops a case, or takes its mark away with a mark that does neither, and returns the case as it then
	// is. It moves no head. A mark that says the same stays as it is; else the latest person prevails. By and Why may not be
	// empty; At is set here. ErrUnknownCase (also when there is no such skill), ErrInvalid.
	MarkCase(ctx context.Context, name, id string, m skill.CaseMark) (skill.Case, error)
	// ReviewTrust applies skill.NextTrust to the current version and moves the head's trust if it changes. needed is the
	// number of independent successes (0: skill.IndependentSuccesses). It is called after RecordUse.
	ReviewTrust(ctx context.Context, name string, needed int) (skill.Head, error)
}

// Gates keeps what came out of trying candidate versions.
type Gates interface {
	// AddGateReport keeps a report with its candidate version, passed or not, and returns it as it is stored: of one
	// ID the first stays. ErrInvalid, ErrUnknownVersion.
	AddGateReport(ctx context.Context, r skill.GateReport) (skill.GateReport, error)
	// GateReports returns the reports of all versions of a skill by version and time. A skill without any has none.
	GateReports(ctx context.Context, name string) ([]skill.GateReport, error)
}

// Uses keeps how versions did in use.
type Uses interface {
	// RecordUse keeps one use of a version and returns it as it is stored: a use of the same run and step is there
	// already. It moves no head. ErrInvalid, ErrUnknownVersion.
	RecordUse(ctx context.Context, u skill.Use) (skill.Use, error)
	// Performance adds up the uses of a skill, of one that was never used nothing.
	Performance(ctx context.Context, name string) (skill.Performance, error)
	// OpenFailures returns the oldest open failure (skill.Performance.OpenFailures) of each skill that is neither retired nor
	// frozen, oldest first; at most limit of them (0: all). What RecordUse has returned is in it. A use whose recording ended
	// halfway, because the process died, is not lost but in it once the recording is repeated.
	OpenFailures(ctx context.Context, limit int) ([]skill.Use, error)
}

// Found is what a search found, and how it searched.
type Found struct {
	Hits []Hit
	Kind SearchKind // Lexical or LexicalAndVector
	// EmbeddingTokens is what embedding the query took; 0 when it was searched by words alone, or known from before.
	EmbeddingTokens int64
	// Notes say in one line each what a person should know: why the vectors were left out, which part of the catalog was
	// rebuilt.
	Notes []string
}

// SearchKind says by what skills were looked for, or found.
type SearchKind string

// Lexical is by words (BM25), Vector by the similarity of embeddings.
const (
	Lexical          SearchKind = "lexical"
	Vector           SearchKind = "vector"
	LexicalAndVector SearchKind = "lexical+vector"
)

// Hit is a skill that a search found. Its head is without Moves.
type Hit struct {
	skill.Head
	// Score says how well the skill fits, from the least that counts as fitting to 1: the part of the skill's words
	// that the query has, or of the query's words that the skill has, whichever is greater; rare words count more. The order
	// of hits is another: that of their ranks by words and by vector. One that its vector alone found has the least score.
	Score float64
	By    SearchKind // which of the rankings it was found in
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
