package main

import (
	"testing"

	"github.com/stretchr/testify/require"

	"agentfactory/internal/skill"
)

func TestAVersionIsComparedWithTheOneItWasMadeFrom(t *testing.T) {
	for _, c := range []struct {
		name    string
		version int
		lineage skill.Lineage
		want    int
	}{
		{"the first has none before it", 1, skill.Lineage{}, 0},
		{"its parent", 4, skill.Lineage{ParentVersion: 2}, 2},
		{"its parent under its own name", 4, skill.Lineage{ParentVersion: 2, ParentSkill: "a"}, 2},
		{"the number before, when it was written anew", 4, skill.Lineage{}, 3},
		{"the number before, when its parent is another skill's", 4, skill.Lineage{ParentVersion: 2, ParentSkill: "b"}, 3},
		{"the number before, when the parent makes no sense", 4, skill.Lineage{ParentVersion: 9}, 3},
	} {
		require.Equal(t, c.want, before(skill.Manifest{Name: "a", Version: c.version, Lineage: c.lineage}), c.name)
	}
}

func TestAMoveNamesWhoMadeIt(t *testing.T) {
	history := []historicVersion{{Manifest: skill.Manifest{Version: 2, Lineage: skill.Lineage{WorkflowID: "w"}}}, {Manifest: skill.Manifest{Version: 1}}}
	for _, c := range []struct {
		name string
		move skill.Move
		want string
	}{
		{"a person", skill.Move{Version: 2, By: "anna", Kind: skill.MoveRollback}, "anna"},
		{"the run that made the version", skill.Move{Version: 2}, "run w"},
		{"nobody that is known", skill.Move{Version: 1}, "-"},
		{"an old retirement names nobody", skill.Move{Version: 2, Retired: true}, "-"},
	} {
		require.Equal(t, c.want, moverOf(c.move, history), c.name)
	}
}

func TestAGateIsALine(t *testing.T) {
	broken := skill.GateReport{Verdict: skill.GateFailed, Cases: 3, Flips: []skill.GateFlip{{Case: "a", Base: skill.CasePassed, Candidate: skill.CaseFailed}}}
	gaps := skill.GateReport{Verdict: skill.GateInconclusive, Cases: 1, Inconclusive: []skill.GateGap{{Case: "a", Why: "it writes"}}}
	require.Equal(t, "-", gateLine(nil))
	require.Equal(t, "failed (3 cases, 1 broken)", gateLine([]skill.GateReport{gaps, broken}), "the last one")
	require.Equal(t, "inconclusive (1 case, 1 inconclusive)", gateLine([]skill.GateReport{gaps}))
}

func TestAHeadTellsWhatWasCurrent(t *testing.T) {
	young := skill.Head{Moves: []skill.Move{{Generation: 1, Version: 1}, {Generation: 2, Version: 3}}}
	old := skill.Head{Moves: []skill.Move{{Generation: 90, Version: 7}, {Generation: 91, Version: 9}}}
	for _, c := range []struct {
		name    string
		head    skill.Head
		version int
		want    bool
	}{
		{"a move chose it", young, 1, true},
		{"no move chose it", young, 2, false},
		{"a later one", young, 4, false},
		{"before what the head remembers", old, 5, true},
		{"between what the head remembers", old, 8, false},
		{"a head that remembers nothing", skill.Head{}, 1, true},
	} {
		require.Equal(t, c.want, wasCurrent(c.head, c.version), c.name)
	}
}
