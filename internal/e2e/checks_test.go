package e2e

import (
	"testing"

	"github.com/stretchr/testify/require"

	"agentfactory/internal/run"
	"agentfactory/internal/skill"
	"agentfactory/workflows"
)

// checkedCounting is a model that counts words, has a check written for it, and then repairs the skill with another wording
// of the answer.
const checkedCounting = `
conversations:
  - name: tester
    when: {system: /^You write checks for/}
    turns:
      - text: |
          ` + "```python" + `
          def check(query, answer):
              assert answer, "empty"
          ` + "```" + `
      - when: accepts an output that is wrong
        text: |
          ` + "```python" + `
          import re
          def check(query, answer):
              words = len(open(query.split()[-1], encoding="utf-8", errors="replace").read().split())
              assert str(words) in re.findall(r"\d+", answer), "it has %d words" % words
          ` + "```" + `
  - name: evolve
    when: {user: /(?s)Latin-1.*word-count:/}
    turns:
      - calls: [{name: run_subagent, arguments: {skill_name: word-count, query: latin.txt}}]
      - calls:
          - {name: modify_subagent, arguments: {skill_name: word-count, old_content: 'encoding="utf-8"', new_content: 'encoding="utf-8", errors="replace"'}}
          - {name: modify_subagent, arguments: {skill_name: word-count, old_content: 'str(len(text.split()))', new_content: '"There are %d words." % len(text.split())'}}
          - {name: run_subagent, arguments: {skill_name: word-count, query: latin.txt}}
      - calls:
          - name: finish
            arguments:
              answer: two words
              subagents: [{entry_file: skills/word-count/subagent.py, description: Counts the words of the text file that query names.}]
  - name: build
    when: {user: count the words}
    turns:
      - calls:
          - name: create_subagent
            arguments:
              skill_name: word-count
              code: |
                def main(query):
                    text = open(query, encoding="utf-8").read()
                    return {"answer": str(len(text.split())), "summary": "counted " + query}
              query: first.txt
      - calls: [{name: finish, arguments: {answer: counted, subagents: [{entry_file: subagent.py, description: Counts the words of the text file that query names.}]}}]
`

// A check that a tester wrote lets a repaired skill word its answers anew, and is kept only because it tells a wrong
// answer from a right one: the first that the tester wrote did not.
func TestACheckTellsARightAnswerFromAnotherWording(t *testing.T) {
	t.Parallel()
	s := newStack(t, checkedCounting)
	s.checks = true
	s.worker()
	built := s.solve(workflows.InstallInput{Task: "count the words in the file", Files: []run.InputFile{{Path: "first.txt", Text: "drei kleine Wörter"}}})
	require.Positive(t, built.Usage.CheckOutputTokens)
	cases, err := s.skills.Cases(t.Context(), "word-count")
	require.NoError(t, err)
	require.Len(t, cases, 1)
	require.Equal(t, skill.CheckScript, cases[0].Check.Kind)
	require.Contains(t, cases[0].Check.Source, "it has %d words")
	require.Equal(t, []skill.Proof{
		{Output: "recorded", Passed: true}, {Output: "empty", Reason: "it has 3 words"}, {Output: "perturbed", Reason: "it has 3 words"},
	}, cases[0].Check.Proof)

	evolved := s.solve(workflows.InstallInput{Task: "count the words in the Latin-1 file", Files: []run.InputFile{{Path: "latin.txt", Base64: "Z3L832Ug"}}})
	require.Equal(t, run.Evolved, evolved.Decision.Choice, s.dump(evolved.Transcript))
	reports, err := s.skills.GateReports(t.Context(), "word-count")
	require.NoError(t, err)
	require.Len(t, reports, 1)
	require.Equal(t, skill.GatePassed, reports[0].Verdict)
}

// judged is a model that writes greetings, of which no script can tell whether they are good.
const judged = `
conversations:
  - name: tester
    when: {system: /^You write checks for/}
    turns: [{text: 'NO CHECK: a greeting is a matter of taste'}]
  - name: judge
    when: {system: /^You judge whether/}
    turns:
      - when: '/(?si)begin judged answer [^\n]*\n(hello|good morning), ann/'
        text: '{"reason": "it greets Ann", "pass": true}'
      - text: '{"reason": "it greets nobody", "pass": false}'
  - name: evolve
    when: {user: '/(?s)greet nobody.*greeter:/'}
    turns:
      - calls: [{name: run_subagent, arguments: {skill_name: greeter, query: ''}}]
      - calls:
          - {name: modify_subagent, arguments: {skill_name: greeter, old_content: 'query[0]', new_content: 'query[:1]'}}
          - {name: modify_subagent, arguments: {skill_name: greeter, old_content: '"Hello, "', new_content: '"Good morning, "'}}
          - {name: run_subagent, arguments: {skill_name: greeter, query: ''}}
      - calls:
          - name: finish
            arguments: {answer: nobody, subagents: [{entry_file: skills/greeter/subagent.py, description: Greets the person whose name is the query.}]}
  - name: build
    when: {user: greet Ann}
    turns:
      - calls:
          - name: create_subagent
            arguments:
              skill_name: greeter
              code: |
                def main(query):
                    return {"answer": "Hello, " + query[0].upper() + query[1:], "summary": "greeted"}
              query: ann
      - calls: [{name: finish, arguments: {answer: greeted, subagents: [{entry_file: subagent.py, description: Greets the person whose name is the query.}]}}]
`

// Where no script can tell, a model judges, which proved that it can.
func TestAJudgeDecidesWhereNoScriptCan(t *testing.T) {
	t.Parallel()
	s := newStack(t, judged)
	s.checks = true
	s.worker()
	s.solve(workflows.InstallInput{Task: "greet Ann"})
	cases, err := s.skills.Cases(t.Context(), "greeter")
	require.NoError(t, err)
	require.Equal(t, skill.CheckJudge, cases[0].Check.Kind)
	require.Len(t, cases[0].Check.Proof, 3)

	evolved := s.solve(workflows.InstallInput{Task: "greet nobody"})
	require.Equal(t, run.Evolved, evolved.Decision.Choice, s.dump(evolved.Transcript))
	reports, err := s.skills.GateReports(t.Context(), "greeter")
	require.NoError(t, err)
	require.Equal(t, skill.GatePassed, reports[0].Verdict)
	require.Positive(t, reports[0].Tokens, "the judge is part of what the gate cost")
	require.Positive(t, evolved.Usage.CheckOutputTokens)
}
