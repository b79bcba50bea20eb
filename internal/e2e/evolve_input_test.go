package e2e

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"

	"agentfactory/activities"
	"agentfactory/internal/run"
	"agentfactory/internal/skill"
	"agentfactory/skillstore"
	"agentfactory/workflows"
)

// requireFailedAs demands an error of a type that says this in one line.
func requireFailedAs(t *testing.T, err error, kind, says string) {
	t.Helper()
	var app *temporal.ApplicationError
	require.ErrorAs(t, err, &app)
	require.Equal(t, kind, app.Type(), app.Message())
	require.Contains(t, app.Message(), says)
	require.NotContains(t, app.Message(), "\n")
}

// What cannot be repaired or gated is refused with the field and what to do.
func TestWhatCannotBeRepairedOrGatedIsRefused(t *testing.T) {
	t.Parallel()
	s := newStack(t, repairing)
	s.keep("word-count", counter, wordsOf)
	s.keep("retired", counter)
	require.NoError(t, s.skills.Retire(t.Context(), "retired", skill.Tombstone{By: "ann", SupersededBy: "word-count"}))
	s.keep("frozen", counter)
	_, err := s.skills.Freeze(t.Context(), "frozen", skillstore.Act{ID: "freeze-1", By: "ann", Why: "audited"})
	require.NoError(t, err)
	s.worker()
	for name, c := range map[string]struct {
		workflow, input, says string
	}{
		"a skill that does not exist":          {workflows.EvolveType, `{"skill":"none","task":"count"}`, "skill: the library has no skill none; `starter skills list`"},
		"a retired skill":                      {workflows.EvolveType, `{"skill":"retired","task":"count"}`, "skill: retired was retired; use word-count"},
		"a frozen skill":                       {workflows.EvolveType, `{"skill":"frozen","task":"count"}`, "skill: frozen is frozen (audited)"},
		"a name that is none":                  {workflows.EvolveType, `{"skill":"../heads","task":"count"}`, "skill: "},
		"a task without a skill":               {workflows.EvolveType, `{"task":"count"}`, "skill is empty"},
		"a repair that is not saved":           {workflows.EvolveType, `{"skill":"word-count","task":"count","save":false}`, "save is false"},
		"a misspelt field":                     {workflows.EvolveType, `{"skil":"word-count"}`, `unknown field "skil"; did you mean "skill"?`},
		"a negative number of rounds":          {workflows.EvolveType, `{"skill":"word-count","task":"count","budget":{"rounds":-1}}`, "budget.rounds is -1"},
		"a gate of no cases":                   {workflows.GateType, `{"skill":"word-count","version":1,"cases":0}`, "cases is 0: give 1 to 500"},
		"a gate of a version that is none":     {workflows.GateType, `{"skill":"word-count","version":0}`, "version is 0"},
		"a gate of a version that nobody made": {workflows.GateType, `{"skill":"word-count","version":7}`, "version"},
		"a gate of a skill that is none":       {workflows.GateType, `{"skill":"none","version":1}`, "skill"},
	} {
		t.Run(name, func(t *testing.T) {
			r := s.startAs(c.workflow, "", json.RawMessage(c.input))
			requireFailedAs(t, r.Get(t.Context(), nil), activities.InvalidInput, c.says)
		})
	}
	require.Zero(t, s.modelCalls())
}

// A repair that nobody needs ends at once, and says so.
func TestNothingToRepairIsACompletedRun(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		keeps bool // the library has a skill
		input workflows.EvolveInput
		says  string
	}{
		"in an empty library":                {false, workflows.EvolveInput{}, "no saved skill has an open failure"},
		"in a library without open failures": {true, workflows.EvolveInput{}, "no saved skill has an open failure"},
		"of a skill without open failures":   {true, workflows.EvolveInput{Skill: "word-count"}, "word-count has no open failure; give a task"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStack(t, repairing)
			if c.keeps {
				s.keep("word-count", counter, wordsOf)
			}
			s.worker()
			res := s.ended(s.startAs(workflows.EvolveType, "", c.input))
			require.Equal(t, run.Completed, res.Outcome, res.Reason)
			require.Zero(t, res.Turns)
			require.Contains(t, res.Answer, c.says)
			require.Contains(t, res.Decision.Reason, c.says)
			require.Zero(t, s.modelCalls())
		})
	}
}

// Rounds are how many candidates may be held against the past. A run that is to repair a skill has then failed to do so; a
// run with another task has its answer, and leaves the candidate beside the skill.
func TestTheRoundsOfARepairAreBudgeted(t *testing.T) {
	t.Parallel()
	for workflow, outcome := range map[string]run.Outcome{workflows.EvolveType: run.BudgetExhausted, workflows.SolveType: run.Completed} {
		t.Run(workflow, func(t *testing.T) {
			t.Parallel()
			s := newStack(t, repairing)
			s.keep("word-count", counter, wordsOf)
			s.worker()
			input := openings[workflow]("word-count")
			budget := run.Budget{Rounds: 1}
			switch in := input.(type) {
			case workflows.EvolveInput:
				in.Budget = budget
				input = in
			case workflows.InstallInput:
				in.Budget = budget
				input = in
			}
			res := s.ended(s.startAs(workflow, "", input))
			require.Equal(t, outcome, res.Outcome, res.Reason)
			require.Equal(t, "2 lines", res.Answer)
			require.Equal(t, 1, res.Usage.Rounds)
			const why = "breaks 1 of 1 past cases, and all 1 rounds are used"
			if outcome == run.Completed {
				require.Len(t, res.Skills, 1)
				require.False(t, res.Skills[0].Promoted)
				require.Contains(t, res.Skills[0].Note, why)
			} else {
				require.Equal(t, "word-count stays at version 1: "+why, res.Reason)
			}
			require.Equal(t, int64(1), s.head("word-count").Generation, "the head has not moved")
			require.Len(t, s.versions("word-count"), 2, "the candidate is kept")
			reports := s.reports("word-count")
			require.Len(t, reports, 1)
			require.Equal(t, skill.GateFailed, reports[0].Verdict)
			require.Len(t, reports[0].Broken(), 1)
		})
	}
}
