package e2e

import (
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"

	"agentfactory/internal/run"
	"agentfactory/internal/skill"
	"agentfactory/workflows"
)

// racing is a model that repairs the counter for two tasks. Told that its candidate breaks the case of the other task, it
// adds what that one needs. The task to count both needs nothing more when it comes second.
const racing = `
conversations:
  - when: {user: /count the lines and the letters/}
    turns:
      - calls:
          - {name: modify_subagent, arguments: {skill_name: word-count, old_content: '# kinds', new_content: 'answer = len(text.splitlines()) if "lines" in query else len(text.replace(" ", "")) if "letters" in query else answer'}}
          - {name: run_subagent, arguments: {skill_name: word-count, query: letters of c.txt}}
      - calls: [&finish {name: finish, arguments: {answer: '{{.Find "answer: (\\d+)"}}', subagents: [{entry_file: skills/word-count/subagent.py, description: Counts the words or more of a text file.}]}}]
  - when: {user: /count the (lines|letters)/}
    turns:
      - calls:
          - {name: modify_subagent, arguments: {skill_name: word-count, old_content: '# kinds', new_content: 'answer = {"lines": len(text.splitlines()), "letters": len(text.replace(" ", ""))}["{{.Match 1}}"] if "{{.Match 1}}" in query else answer # kinds'}}
          - {name: run_subagent, arguments: {skill_name: word-count, query: '{{.Match 1}} of c.txt'}}
      - calls: [*finish]
      - when: /(?s)breaks 1 of 2 past cases.*Its query was "(lines|letters) of c.txt".*Another run made version/
        calls:
          - {name: modify_subagent, arguments: {skill_name: word-count, old_content: ' # kinds', new_content: "\n    answer = len(text.splitlines()) if 'lines' in query else len(text.replace(' ', '')) if 'letters' in query else answer"}}
          - {name: run_subagent, arguments: {skill_name: word-count, query: '{{.Match 1}} of c.txt'}}
      - calls: [*finish]
      - calls: [*finish]
`

func count(what string) workflows.InstallInput {
	return workflows.InstallInput{Task: "count the " + what + " with word-count", Files: []run.InputFile{{Path: "c.txt", Text: "one two"}}}
}

// Two runs repair one skill at the same time, and both write the head that the other wants to replace. One is first; the
// other is held against its result, learns what it breaks there, and comes next.
func TestOfTwoRunsThatRepairOneSkillTheSecondIsHeldAgainstTheFirst(t *testing.T) {
	t.Parallel()
	s := newStack(t, racing)
	s.keep("word-count", counter, wordsOf)
	field := s.mineS3(s.gathering(2, `PUT .*/head\.json`)...)
	s.worker()
	lines, letters := s.startAs(workflows.SolveType, "", count("lines")), s.startAs(workflows.SolveType, "", count("letters"))
	results := []run.Result{s.ended(lines), s.ended(letters)}
	field.requireAllWentOff(t)
	first, second := results[0], results[1]
	if len(first.Skills) == 1 && first.Skills[0].Version > second.Skills[0].Version {
		first, second = second, first
	}
	for _, res := range results {
		require.Equal(t, run.Completed, res.Outcome, res.Reason)
		require.Len(t, res.Skills, 1, s.dump(res.Transcript))
		require.True(t, res.Skills[0].Promoted, res.Skills[0].Note)
	}
	require.Equal(t, "6", s.ended(letters).Answer)
	require.Equal(t, "1", s.ended(lines).Answer)
	require.Equal(t, []int{1, 3}, []int{first.Usage.Rounds, second.Usage.Rounds}, "the second was gated on version 1, on the first's, and once more")

	versions := s.versions("word-count")
	require.Len(t, versions, 4, "no version is lost")
	require.Equal(t, 4, second.Skills[0].Version)
	report := s.reportOf("word-count", second.Skills[0].Gate)
	require.Equal(t, first.Skills[0].Version, report.Base.Version)
	require.Equal(t, skill.GatePassed, report.Verdict)
	head := s.head("word-count")
	require.Equal(t, 4, head.Version)
	require.Equal(t, int64(3), head.Generation, "one move for each")
	require.Len(t, s.cases("word-count"), 3)
	s.requireHeadPasses("word-count", 3)
}

// A candidate that passes what another run made of the skill meanwhile comes next without going back to the model.
func TestACandidateThatPassesTheNewBaseIsPromotedOverIt(t *testing.T) {
	t.Parallel()
	s := newStack(t, racing)
	s.keep("word-count", counter, wordsOf)
	s.worker()
	lines, both := count("lines"), count("lines and the letters")
	lines.Paused, both.Paused = true, true
	first, second := s.startAs(workflows.SolveType, "", lines), s.startAs(workflows.SolveType, "", both)
	s.stepUntilGated(first)
	s.stepUntilGated(second)
	s.mustUpdate(first, workflows.ResumeUpdate, nil)
	ahead := s.ended(first)
	s.mustUpdate(second, workflows.ResumeUpdate, nil)
	res := s.ended(second)
	require.Equal(t, run.Completed, res.Outcome, res.Reason)
	require.Equal(t, []int{2, 2}, []int{res.Turns, res.Usage.Rounds}, "gated twice, and the model was not asked again")
	require.True(t, res.Skills[0].Promoted)
	report := s.reportOf("word-count", res.Skills[0].Gate)
	require.Equal(t, ahead.Skills[0].Version, report.Base.Version)
	require.Equal(t, []int{res.Skills[0].Version, 3}, []int{s.head("word-count").Version, len(s.versions("word-count"))})
	require.Len(t, s.reports("word-count"), 3)
	s.requireHeadPasses("word-count", 3)
}

// gathering are mines that hold n requests until all of them have come.
func (s *stack) gathering(n int, request string) (mines []mine) {
	meet := s.together(n)
	for range n {
		mines = append(mines, mine{request: request, wait: meet})
	}
	return mines
}

// stepUntilGated takes a paused run to where its candidate has been gated and is not promoted.
func (s *stack) stepUntilGated(r client.WorkflowRun) {
	s.t.Helper()
	for s.waitFor(r, phase(run.Paused)).Usage.Rounds == 0 {
		s.mustUpdate(r, workflows.ResumeUpdate, workflows.Resume{Steps: 1})
	}
}

// requireHeadPasses gates the current version against itself: it passes all its cases.
func (s *stack) requireHeadPasses(name string, cases int) {
	s.t.Helper()
	var res workflows.GateResult
	require.NoError(s.t, s.startAs(workflows.GateType, "", workflows.GateInput{Skill: name, Version: s.head(name).Version}).Get(s.t.Context(), &res))
	require.Equal(s.t, cases, res.Cases)
	require.Equal(s.t, skill.GatePassed, res.Verdict, res.Why)
	report := s.reportOf(name, res.Report)
	require.Empty(s.t, report.Inconclusive, "all could be told")
	require.Empty(s.t, report.Flaky)
}
