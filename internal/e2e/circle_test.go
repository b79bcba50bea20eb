package e2e

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"agentfactory/internal/export/hosttest"
	"agentfactory/internal/run"
	"agentfactory/internal/skill"
	"agentfactory/workflows"
)

// twoSkills is a model that builds one skill, repairs it for another task, and builds a second one.
const twoSkills = fitting + `
  - name: totals
    when: {user: add up the numbers}
    turns:
      - calls:
          - name: create_subagent
            arguments:
              skill_name: add-numbers
              code: |
                """Adds numbers; the query is a text in which they stand, one in each word."""
                def main(query):
                    return {"answer": str(sum(int(word) for word in query.split())), "summary": "added"}
              query: 1 2 3
      - calls:
          - name: finish
            arguments: {answer: '{{.Find "answer: (\\d+)"}}', subagents: [{entry_file: subagent.py, description: Adds up the numbers that stand in the query.}]}
`

// foreign is the model of another agent host, which has two exported skills and nothing else: it reads the document of each
// and does what it says.
const foreign = `
conversations:
  - when: {system: "/(?s)Adds up the numbers.*Counts the words/", user: both files}
    turns:
      - calls: [{name: read_file, arguments: {file_path: /skills/word-count/SKILL.md}}, {name: read_file, arguments: {file_path: /skills/add-numbers/SKILL.md}}]
      - calls:
          - {name: execute, arguments: {command: 'python3 skills/word-count/scripts/word-count.py latin.txt'}}
          - {name: execute, arguments: {command: 'python3 skills/word-count/scripts/word-count.py plain.txt'}}
      - calls: [{name: execute, arguments: {command: 'python3 skills/add-numbers/scripts/add-numbers.py "2 3"'}}]
      - text: 'both files have {{.Find "\"answer\": \"(\\d+)\""}} words'
`

// The whole circle: two skills are built, one of them is repaired, both are exported, and with this system switched off an
// agent of another make solves a third task with the two exports alone.
func TestTwoExportedSkillsSolveAThirdTaskInAForeignHost(t *testing.T) {
	t.Parallel()
	python := filepath.Join(hosttest.Environment(t), "python")
	s := newStack(t, twoSkills)
	worker := s.worker()
	s.solve(workflows.InstallInput{Task: "count the words in the file", Files: []run.InputFile{{Path: "first.txt", Text: "drei kleine Wörter"}}})
	s.solve(workflows.InstallInput{Task: "add up the numbers"})
	evolved := s.solve(workflows.InstallInput{Task: "count the words in the Latin-1 file", Files: []run.InputFile{{Path: "latin.txt", Base64: "Z3L832U="}}})
	require.Equal(t, skill.Provisional, s.head("word-count").Trust)
	require.Equal(t, 2, evolved.Skills[0].Version)

	res := s.deploy(workflows.DeployInput{All: true, AllowProvisional: true})
	require.Empty(t, res.Failed)
	require.Len(t, res.Artifacts, 2)
	dir := t.TempDir()
	for _, a := range res.Artifacts {
		unzip(t, s.artifact(a), filepath.Join(dir, "skills"))
	}
	worker.kill()
	s.s3.Stop()

	require.NoError(t, os.WriteFile(filepath.Join(dir, "latin.txt"), []byte("gr\xfc\xdfe sie"), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "plain.txt"), []byte("one two three"), 0o600))
	require.Equal(t, []string{"both files have 5 words"},
		hosttest.Run(t, hosttest.Model(t, foreign), python, hosttest.Program(t, "deep_agent.py"), dir, "How many words do both files have together?"))
}
