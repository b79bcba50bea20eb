package e2e

import (
	"testing"

	"github.com/stretchr/testify/require"

	"agentfactory/internal/run"
	"agentfactory/internal/skill"
	"agentfactory/workflows"
)

// replacing is a model that writes a new skill in place of the counter: one that forgets the words, then one that does both.
const replacing = `
conversations:
  - when: {user: count the lines with word-count}
    turns:
      - calls:
          - name: create_subagent
            arguments:
              skill_name: text-count
              code: |
                def main(query):
                    text = open(query.split()[-1]).read()
                    return {"answer": str(len(text.splitlines())), "summary": "counted"}
              query: lines of b.txt
      - calls: [&finish {name: finish, arguments: {answer: 2 lines, subagents: [{entry_file: subagent.py, description: Counts the words or the lines of a text file., supersedes: word-count}]}}]
      - when: breaks 1 of 1 past cases
        calls:
          - {name: modify_subagent, arguments: {filename: subagent.py, old_content: text.splitlines(), new_content: 'text.splitlines() if "lines" in query else text.split()'}}
          - {name: run_subagent, arguments: {filename: subagent.py, query: lines of b.txt}}
      - calls: [*finish]
      - calls: [*finish]
`

// A new skill that is to take over from a saved one is held against the other's past, and inherits it.
func TestASkillThatSupersedesAnotherPassesTheOthersCases(t *testing.T) {
	t.Parallel()
	s := newStack(t, replacing)
	s.keep("word-count", counter, wordsOf)
	s.worker()
	res := s.ended(s.startAs(workflows.SolveType, "", linesWith("word-count")))
	require.Equal(t, run.Completed, res.Outcome, res.Reason)
	require.Equal(t, 2, res.Usage.Rounds, s.dump(res.Transcript))
	require.Len(t, res.Skills, 1)
	require.Equal(t, []any{"text-count", 2, true}, []any{res.Skills[0].Name, res.Skills[0].Version, res.Skills[0].Promoted})

	reports := s.reports("text-count")
	require.Equal(t, []skill.Verdict{skill.GateFailed, skill.GatePassed}, []skill.Verdict{reports[0].Verdict, reports[1].Verdict})
	for _, r := range reports {
		require.Equal(t, "word-count", r.Base.Name)
	}
	old := s.head("word-count")
	require.NotNil(t, old.Tombstone)
	require.Equal(t, "text-count", old.Tombstone.SupersededBy)
	require.Equal(t, 1, old.Version, "nothing of it is gone")
	queries := []string{}
	for _, c := range s.cases("text-count") {
		queries = append(queries, c.Query)
	}
	require.ElementsMatch(t, []string{"words of a.txt", "lines of b.txt"}, queries)
	s.requireHeadPasses("text-count", 2)
}

// A worker dies while one skill takes over from another: the successor stands once, and the other is retired once.
func TestAWorkerKilledWhileASkillIsSupersededChangesNothing(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		request string
		when    moment
	}{
		"after the successor's head": {`PUT .*text-count/head\.json`, after},
		"between inherited cases":    {`PUT .*text-count/cases/`, after},
		"before the tombstone":       {`PUT .*word-count/head\.json`, before},
		"after the tombstone":        {`PUT .*word-count/head\.json`, after},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStack(t, replacing)
			s.keep("word-count", counter, wordsOf)
			var worker *workerProcess
			died := make(chan struct{})
			field := s.mineS3(mine{request: c.request, when: c.when, strike: func() { worker.kill(); close(died) }})
			worker = s.worker()
			r := s.startAs(workflows.SolveType, "", linesWith("word-count"))
			<-died
			s.worker()
			res := s.ended(r)
			field.requireAllWentOff(t)
			require.Equal(t, run.Completed, res.Outcome, res.Reason)
			require.True(t, res.Skills[0].Promoted)
			require.Equal(t, int64(1), s.head("text-count").Generation)
			require.Len(t, s.versions("text-count"), 2)
			require.Len(t, s.cases("text-count"), 2)
			old := s.head("word-count")
			require.Equal(t, int64(2), old.Generation)
			require.Equal(t, "text-count", old.Tombstone.SupersededBy)
			require.Zero(t, s.repeatedModelCalls())
		})
	}
}
