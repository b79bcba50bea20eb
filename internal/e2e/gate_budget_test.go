package e2e

import (
	"testing"

	"github.com/stretchr/testify/require"

	"agentfactory/internal/run"
	"agentfactory/internal/skill"
	"agentfactory/workflows"
)

// politer is a model whose subagent asks it for translations, ten tokens each, and which then has it ask in another way, so
// that no recording of a past case has the reply.
const politer = `
conversations:
  - name: subagent
    when: {system: Translate}
    turns: [{text: three, usage: {input: 100, output: 10}}]
  - name: evolve
    when: {user: '/(?s)translate politely.*translator:/'}
    turns:
      - calls:
          - {name: modify_subagent, arguments: {skill_name: translator, old_content: Translate it., new_content: Translate it politely.}}
          - {name: run_subagent, arguments: {skill_name: translator, query: tre}}
      - calls: [{name: finish, arguments: {answer: three, subagents: [{entry_file: skills/translator/subagent.py, description: Translates a word into English.}]}}]
  - name: build
    when: {user: translate drei}
    turns:
      - calls:
          - name: create_subagent
            arguments:
              skill_name: translator
              code: |
                from llm import call_llm
                def main(query):
                    return {"answer": call_llm("Translate it.", [{"role": "user", "content": query}]), "summary": "translated"}
              query: drei
      - calls: [{name: finish, arguments: {answer: three, subagents: [{entry_file: subagent.py, description: Translates a word into English.}]}}]
`

// What a gate asks a model is paid from the budget of the run that wants to know, and counted there. Where it does not
// reach, the case is not held against the candidate.
func TestAGateSpendsTheBudgetOfItsRun(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		tokens   int64 // that subagents of the run may have: its own run takes 10
		spent    int64
		promoted bool
	}{
		// Of the new case, the candidate's replies are recorded and the base asks once; of the past one it is the other way round.
		"that reaches":  {1000, 30, true},
		"that does not": {10, 10, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStack(t, politer)
			s.worker()
			built := s.solve(workflows.InstallInput{Task: "translate drei"})
			require.Equal(t, int64(10), built.Usage.SubagentOutputTokens)
			before := s.modelCalls()
			res := s.solve(workflows.InstallInput{Task: "translate politely", Budget: run.Budget{SubagentTokens: c.tokens}})
			require.Len(t, res.Skills, 1, s.dump(res.Transcript))
			require.Equal(t, c.promoted, res.Skills[0].Promoted, res.Skills[0].Note)
			require.Equal(t, c.spent, res.Usage.SubagentOutputTokens)
			require.Equal(t, int(c.spent)/10+res.Turns, s.modelCalls()-before, "each reply was asked for once")
			report := s.reportOf("translator", res.Skills[0].Gate)
			require.Equal(t, c.spent-10, report.Tokens)
			require.Empty(t, report.Flips)
			if !c.promoted {
				require.Equal(t, skill.GateInconclusive, report.Verdict)
				require.Len(t, report.Inconclusive, 1)
				require.Contains(t, report.Inconclusive[0].Why, "the budget does not allow a call that was not recorded")
			}
		})
	}
}
