// Package storetest is the contract of skillstore.Store as a test suite. Every implementation runs it.
package storetest

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"agentfactory/internal/skill"
	"agentfactory/skillstore"
)

// Run tests a store. open returns an empty one; each test opens its own.
func Run(t *testing.T, open func(*testing.T) skillstore.Store) {
	for _, c := range []struct {
		name string
		test func(*testing.T, skillstore.Store)
	}{
		{"a version is read back as it was added", readsBack},
		{"the files of a version are read back", readsFiles},
		{"versions are numbered from 1 and never change", numbersVersions},
		{"the same content is the same version", adoptsEqualContent},
		{"concurrent writers get different numbers", numbersConcurrentVersions},
		{"concurrent writers of the same content get one version", adoptsConcurrently},
		{"what breaks a rule is refused", refusesInvalidDrafts},
		{"unknown things have their own errors", reportsUnknown},
		{"names that are not normalized are refused", refusesNames},
		{"a promotion moves the head", promotes},
		{"a promotion from an old base is refused", refusesOldBase},
		{"a promotion is done once however often it is repeated", promotesOnce},
		{"a promotion is recognised after others moved the head", promotesOnceBelowOthers},
		{"a promotion ID belongs to one version", refusesReusedPromotionID},
		{"trust begins anew with a new version and can be raised", tracksTrust},
		{"a head remembers its latest moves", remembersMoves},
		{"32 writers on one head lose no update", losesNoUpdate},
		{"retiring is idempotent and keeps the first tombstone", retires},
		{"a promotion brings a retired skill back", revives},
		{"a rollback is a move that says who and why", rollsBack},
		{"a frozen skill is moved by people alone", freezes},
		{"promotions of a guarded skill wait for a person", guards},
		{"an act takes place once", actsOnce},
		{"a retired skill is restored", restores},
		{"32 people at once lose no act", losesNoAct},
		{"gate reports are kept with their version", keepsGateReports},
		{"a gate report that makes no sense is refused", refusesGateReports},
		{"32 writers of a gate's report leave one", reportsOnce},
		{"uses add up by version", addsUpUses},
		{"a use that makes no sense is refused", refusesUses},
		{"32 writers lose no use and count none twice", losesNoUse},
		{"open failures are listed oldest first", listsOpenFailures},
		{"what was asked is kept with a failure", keepsWhatWasAsked},
		{"32 writers lose no open failure", losesNoFailure},
		{"trust follows the uses of the current version", followsUses},
		{"trust that moved does not stop a promotion", promotesOverTrust},
		{"32 reviews at once move trust once", reviewsOnce},
		{"a skill that replaces another is promoted first", supersedes},
		{"cases are stored once", storesCases},
		{"people keep and drop cases", marksCases},
		{"a mark that makes no sense is refused", refusesMarks},
		{"dropped cases do not find a skill", searchesNoDroppedCase},
		{"32 people mark a case at once", marksAtOnce},
		{"heads are listed by name", listsHeads},
		{"recent skills are listed latest first", listsRecent},
		{"search finds what fits the task", searches},
		{"search finds nothing in an empty library and for an empty query", searchesNothing},
		{"search looks at name, description, interface and past queries", searchesAllFields},
		{"search follows the heads", searchFollows},
	} {
		t.Run(c.name, func(t *testing.T) { c.test(t, open(t)) })
	}
}

// draft is a valid one; each code makes another version.
func draft(name, code string) skillstore.Draft {
	return skillstore.Draft{
		Name:        name,
		Description: "Counts the words of a text file; use it when a task asks how long a text is.",
		EntryFile:   "subagent.py",
		Files:       map[string][]byte{"subagent.py": []byte("def main(query):\n    " + code + "\n")},
		Lineage:     skill.Lineage{Source: skill.SourceRun, WorkflowID: "w", RunID: "r", Model: "m"},
	}
}

func add(t *testing.T, s skillstore.Store, d skillstore.Draft) skill.Manifest {
	t.Helper()
	m, err := s.AddVersion(t.Context(), d)
	require.NoError(t, err)
	return m
}

func promote(t *testing.T, s skillstore.Store, m skill.Manifest, base int64, id string) skill.Head {
	t.Helper()
	h, err := s.Promote(t.Context(), skillstore.Promotion{Name: m.Name, Version: m.Version, BaseGeneration: base, PromotionID: id})
	require.NoError(t, err)
	return h
}

// saved adds a version and makes it the first current one.
func saved(t *testing.T, s skillstore.Store, d skillstore.Draft) skill.Head {
	t.Helper()
	return promote(t, s, add(t, s, d), 0, "first-"+d.Name)
}

// notFrozen takes a refusal for an answer.
func notFrozen(err error) error {
	if errors.Is(err, skillstore.ErrFrozen) {
		return nil
	}
	return err
}
