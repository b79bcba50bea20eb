package e2e

import (
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"

	"agentfactory/activities"
	"agentfactory/internal/objectstore"
	"agentfactory/internal/run"
	"agentfactory/workflows"
)

// wordCount is a model that makes a mistake, repairs it, saves the skill and reuses it.
const wordCount = `
conversations:
  - name: reuse
    when: {user: /(?s)count the words.*word-count:/}
    turns:
      - calls: [{name: run_subagent, arguments: {skill_name: word-count, query: second.txt}}]
      - calls: [{name: finish, arguments: {answer: 'words: {{.Find "answer: (\\d+)"}}'}}]
  - name: first
    when: {user: count the words}
    turns:
      - calls:
          - name: create_subagent
            arguments:
              skill_name: word_count
              code: |
                def main(query):
                    text = open(query, encoding="ascii").read()
                    return {"answer": str(len(text.split())), "summary": "counted " + query}
              query: first.txt
      - calls:
          - name: modify_subagent
            arguments: {filename: subagent.py, old_content: 'encoding="ascii"', new_content: 'encoding="utf-8"'}
          - {name: run_subagent, arguments: {filename: subagent.py, query: first.txt}}
      - calls:
          - name: finish
            arguments:
              answer: 'words: {{.Find "answer: (\\d+)"}}'
              subagents: [{entry_file: subagent.py, description: Counts the words of the UTF-8 text file that query names.}]
`

func TestATaskBecomesASkillAndASimilarTaskReusesIt(t *testing.T) {
	t.Parallel()
	s := newStack(t, wordCount)
	s.worker()

	first := s.install(workflows.InstallInput{Task: "count the words in the file", Files: []run.InputFile{{Path: "first.txt", Text: "drei kleine Wörter"}}})
	require.Equal(t, run.Completed, first.Outcome, s.dump(first.Transcript))
	require.Equal(t, "words: 3", first.Answer)
	require.Equal(t, 3, first.Turns)
	require.Equal(t, []run.SavedSkill{{Name: "word-count", Version: 1, Promoted: true}}, first.Skills)
	head, err := s.skills.Head(t.Context(), "word-count")
	require.NoError(t, err)
	require.Equal(t, 1, head.Version)
	code, err := s.skills.File(t.Context(), "word-count", 1, head.EntryFile)
	require.NoError(t, err)
	require.Contains(t, string(code), `encoding="utf-8"`, "the repaired code is what was saved")
	stored, err := s.records.Result(t.Context(), first.WorkflowID, first.RunID)
	require.NoError(t, err)
	require.Equal(t, first, stored)
	cases, err := s.skills.Cases(t.Context(), "word-count")
	require.NoError(t, err)
	require.Equal(t, "first.txt", cases[0].Query)
	answer, err := s.objects.Get(t.Context(), objectstore.BlobKey(objectstore.Digest(cases[0].Output.Answer)))
	require.NoError(t, err)
	require.Equal(t, "3", string(answer.Body), "the case keeps the answer of the clean rerun")

	second := s.install(workflows.InstallInput{Task: "count the words in the other file", Files: []run.InputFile{{Path: "second.txt", Text: "just two"}}})
	require.Equal(t, run.Completed, second.Outcome, s.dump(second.Transcript))
	require.Equal(t, "words: 2", second.Answer)
	require.Equal(t, 2, second.Turns, "reuse is two turns")
	require.Less(t, second.Usage.OrchestrationOutputTokens, first.Usage.OrchestrationOutputTokens)
	require.Empty(t, second.Skills, "an unchanged skill is not saved again")
}

func TestALiteralOfTheTaskIsSentBackOnceBeforeASkillIsSaved(t *testing.T) {
	t.Parallel()
	s := newStack(t, `
conversations:
  - turns:
      - calls:
          - name: create_subagent
            arguments:
              skill_name: lines
              code: |
                def main(query):
                    return {"answer": str(len(open("measures.csv").readlines())), "summary": "counted"}
              query: go
      - calls: [&finish {name: finish, arguments: {answer: done, subagents: [{entry_file: subagent.py, description: Counts the lines of a file.}]}}]
      - when: contains literals of this task
        calls: [*finish]
`)
	s.worker()
	res := s.install(workflows.InstallInput{Task: "how many lines has measures.csv?", Files: []run.InputFile{{Path: "measures.csv", Text: "a\nb\n"}}})
	require.Equal(t, run.Completed, res.Outcome, s.dump(res.Transcript))
	require.Equal(t, 3, res.Turns)
	require.Len(t, res.Skills, 1)
}

func TestASkillThatNeedsAnotherSubagentsFileIsNotSaved(t *testing.T) {
	t.Parallel()
	s := newStack(t, `
conversations:
  - turns:
      - calls:
          - {name: create_subagent, arguments: {skill_name: writer, filename: writer.py, query: q, code: "def main(q):\n    open('between.txt', 'w').write('x')\n    return {'answer': 'w', 'summary': 's'}\n"}}
          - {name: create_subagent, arguments: {skill_name: reader, filename: reader.py, query: q, code: "def main(q):\n    return {'answer': open('between.txt').read(), 'summary': 's'}\n"}}
      - calls: [{name: finish, arguments: {answer: done, subagents: [{entry_file: writer.py, description: Writes a file between steps.}, {entry_file: reader.py, description: Reads what the other one wrote.}]}}]
      - when: fails in a clean workspace
        calls: [{name: finish, arguments: {answer: done, subagents: [{entry_file: writer.py, description: Writes a file between steps.}]}}]
      - text: the reader was not refused
      - when: not listed
        calls: [{name: finish, arguments: {answer: done, subagents: [{entry_file: writer.py, description: Writes a file between steps.}]}}]
`)
	s.worker()
	res := s.install(workflows.InstallInput{Task: "pass something on"})
	require.Equal(t, run.Completed, res.Outcome, s.dump(res.Transcript))
	require.Len(t, res.Skills, 1)
	require.Equal(t, "writer", res.Skills[0].Name)
	require.Equal(t, "between.txt", res.Files[0].Path, "what subagents left is an output")
}

func TestWhatAModelMayNotDoComesBackAsAnError(t *testing.T) {
	t.Parallel()
	s := newStack(t, `
conversations:
  - turns:
      - calls:
          - {name: create_subagent, arguments: {skill_name: ok, filename: ../out.py, code: "x"}}
          - {name: create_subagent, arguments: {skill_name: ok, filename: /etc/out.py, code: "x"}}
          - {name: create_subagent, arguments: {skill_name: "навык", code: "x"}}
          - {name: create_subagent, arguments: {skill_name: ok, code: "x\0y"}}
          - {name: create_subagent, arguments: {skill_name: ok, code: "x", skills: [telepathy]}}
          - {name: run_subagent, arguments: {filename: none.py, query: q}}
          - {name: run_subagent, arguments: {skill_name: unknown-skill, query: q}}
          - {name: run_subagent, arguments: {filename: a.py, query: {no: text}}}
          - {name: modify_subagent, arguments: '{"filename": "a.py", "old'}
          - {name: launch_rocket, arguments: {}}
          - {name: view_subagent_code, arguments: {skill_name: unknown-skill}}
          - {name: finish, arguments: {answer: " "}}
      - when: answer is empty
        calls: [{name: finish, arguments: {answer: all refused}}]
`)
	s.worker()
	res := s.install(workflows.InstallInput{Task: "misbehave"})
	require.Equal(t, run.Completed, res.Outcome, s.dump(res.Transcript))
	chain, err := s.records.Chain(t.Context(), res.Transcript)
	require.NoError(t, err)
	says := []string{"filename", "filename", "skill_name", "NUL", "telepathy", "no subagent none.py", "no skill unknown-skill", "query",
		"not valid JSON", "no tool \"launch_rocket\"", "no skill unknown-skill", "answer is empty"}
	require.Len(t, chain[2].Added, len(says))
	for i, m := range chain[2].Added {
		require.Contains(t, m.Content, "Error: ")
		require.Contains(t, m.Content, says[i])
	}
}

func TestInputThatNoRunCanStartWithFailsAtOnce(t *testing.T) {
	t.Parallel()
	s := newStack(t, `conversations: [{turns: [{text: never asked}]}]`)
	s.worker()
	missing := objectstore.BlobKey(objectstore.DigestOf([]byte("nothing there")))
	for name, c := range map[string]struct {
		file run.InputFile
		says string
	}{
		"a path out of the workspace": {run.InputFile{Path: "../x", Text: "a"}, "files[0].path"},
		"an absolute path":            {run.InputFile{Path: "/etc/passwd", Text: "a"}, "files[0].path"},
		"two contents":                {run.InputFile{Path: "a", Text: "a", Base64: "YQ=="}, "one of text, base64 and key"},
		"broken base64":               {run.InputFile{Path: "a", Base64: "***"}, "base64"},
		"a key that was not uploaded": {run.InputFile{Path: "a", Key: missing}, "nothing is stored"},
		"a key of something else":     {run.InputFile{Path: "a", Key: "skills/a/head.json"}, "no blobs/sha256"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := s.result(s.start(workflows.InstallInput{Task: "x", Files: []run.InputFile{c.file}}))
			var app *temporal.ApplicationError
			require.ErrorAs(t, err, &app)
			require.Equal(t, activities.InvalidInput, app.Type())
			require.Contains(t, app.Message(), c.says)
		})
	}
	_, err := s.result(s.start(workflows.InstallInput{Task: "x", Model: "a-model-without-a-price", Budget: run.Budget{CostUSD: 1}}))
	require.ErrorContains(t, err, "budget.cost_usd: no price is known")
	require.Empty(t, s.model.Log(), "no model was called")
}

func TestSecretsReachNeitherTheSandboxNorTheHistory(t *testing.T) {
	t.Parallel()
	s := newStack(t, `
conversations:
  - turns:
      - calls:
          - name: create_subagent
            arguments:
              skill_name: spy
              query: q
              code: |
                import os, glob
                def main(query):
                    seen = dict(os.environ)
                    for path in glob.glob("/proc/*/environ"):
                        try: seen[path] = open(path).read()
                        except OSError: pass
                    return {"answer": repr(seen), "summary": "looked around"}
      - calls: [{name: finish, arguments: {answer: 'saw {{.Find "answer: (.*)"}}'}}]
      - calls: [{name: finish, arguments: {answer: "nothing"}}]
`)
	s.worker()
	r := s.start(workflows.InstallInput{Task: "look for keys"})
	res, err := s.result(r)
	require.NoError(t, err)
	require.NotContains(t, s.dump(res.Transcript), "sk-test-0123456789abcdef")
	history := s.temporal.GetWorkflowHistory(t.Context(), r.GetID(), "", false, 0)
	for history.HasNext() {
		event, err := history.Next()
		require.NoError(t, err)
		require.NotContains(t, event.String(), "sk-test-0123456789abcdef")
	}
}
