package e2e

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"agentfactory/internal/run"
	"agentfactory/internal/skill"
	"agentfactory/workflows"
)

// fellShort is a model that gives up on a file which its skill cannot read, and repairs the skill when it is told to.
const fellShort = `
conversations:
  - name: repair
    when: {user: '/(?s)Repair the saved skill word-count, version 1.*Latin-1 file.*latin.txt.*text = open.*UnicodeDecodeError/'}
    turns:
      - calls: [] # the assessment, which the opening makes
        text: ''
      - calls:
          - {name: modify_subagent, arguments: {skill_name: word-count, old_content: 'encoding="utf-8"', new_content: 'encoding="utf-8", errors="replace"'}}
          - {name: run_subagent, arguments: {skill_name: word-count, query: latin.txt}}
      - calls:
          - name: finish
            arguments:
              answer: it reads Latin-1 now
              subagents: [{entry_file: skills/word-count/subagent.py, description: Counts the words of the text file that query names.}]
  - name: give up
    when: {user: /(?s)Latin-1.*word-count:/}
    turns:
      - calls: [{name: run_subagent, arguments: {skill_name: word-count, query: latin.txt}}]
      - calls: [{name: finish, arguments: {answer: it cannot be read}}]
  - name: build
    when: {user: count the words}
    turns:
      - calls:
          - name: create_subagent
            arguments:
              skill_name: word-count
              code: |
                """Counts words; the query is the name of a text file."""
                def main(query):
                    text = open(query, encoding="utf-8").read()
                    return {"answer": str(len(text.split())), "summary": "counted " + query}
              query: first.txt
      - calls: [{name: finish, arguments: {answer: counted, subagents: [{entry_file: subagent.py, description: Counts the words of the text file that query names.}]}}]
`

func (s *stack) evolve(input string) run.Result {
	s.t.Helper()
	r, err := s.temporal.ExecuteWorkflow(s.t.Context(), startOptions, workflows.EvolveType, json.RawMessage(input))
	require.NoError(s.t, err)
	res, err := s.result(r)
	require.NoError(s.t, err)
	return res
}

// What a skill fell short of stays open until a version solves it: a repair that is told nothing takes it up with the task,
// the inputs and the query of then, shows the model what was seen, and has nothing to do the next time.
func TestAnOpenFailureIsRepairedByAScheduleThatKnowsNoNames(t *testing.T) {
	t.Parallel()
	s := newStack(t, fellShort)
	s.worker()
	nothing := s.evolve(`{}`)
	require.Equal(t, []any{run.Completed, 0, "no saved skill has an open failure"}, []any{nothing.Outcome, nothing.Turns, nothing.Answer})

	s.solve(workflows.InstallInput{Task: "count the words in the file", Files: []run.InputFile{{Path: "first.txt", Text: "drei kleine Wörter"}}})
	s.solve(workflows.InstallInput{Task: "count the words in the Latin-1 file", Files: []run.InputFile{{Path: "latin.txt", Base64: "Z3L832U="}}})
	open, err := s.skills.OpenFailures(t.Context(), 0)
	require.NoError(t, err)
	require.Len(t, open, 1)
	require.Equal(t, []any{"word-count", 1, "latin.txt", skill.UseNotItsFault}, []any{open[0].Name, open[0].Version, open[0].Query, open[0].Outcome})

	res := s.evolve(`{}`)
	require.Equal(t, run.Completed, res.Outcome, s.dump(res.Transcript))
	require.Equal(t, 2, res.Turns, "the assessment is no turn of the model")
	require.Equal(t, run.Evolved, res.Decision.Choice)
	require.Equal(t, []any{2, 1, true}, []any{res.Skills[0].Version, res.Skills[0].Parent, res.Skills[0].Promoted})
	cases, err := s.skills.Cases(t.Context(), "word-count")
	require.NoError(t, err)
	require.Len(t, cases, 2)

	again := s.evolve(`{}`)
	require.Equal(t, "no saved skill has an open failure", again.Answer)
	require.Equal(t, 0, again.Turns)
}
