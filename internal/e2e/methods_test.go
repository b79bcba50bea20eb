package e2e

import (
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"agentfactory/internal/lesson"
	"agentfactory/internal/llm"
	"agentfactory/internal/objectstore"
	"agentfactory/internal/run"
	"agentfactory/workflows"
)

// counting words by programs: the first one fails, the second is repaired by what was seen.
const programs = `
conversations:
  - name: subagent
    when: {system: Translate}
    turns: [{text: "three"}]
  - name: react
    when: {system: '/^You solve tasks by writing and running Python programs\./'}
    turns:
      - text: I look at the words first.
        usage: {input: 100, output: 10}
        calls:
          - name: run_code
            arguments:
              code: |
                from llm import call_llm
                words = open("a.txt").read().split()
                said = call_llm("Translate into English.", [{"role": "user", "content": words[0]}])
                open("said.txt", "w").write(said)
                print("before", words[9])
      - usage: {input: 100, output: 10}
        calls:
          - name: run_code
            arguments:
              code: |
                # Count what is there.
                print(open("said.txt").read(), len(open("a.txt").read().split()), "words")
      - usage: {input: 100, output: 10}
        calls: [{name: finish, arguments: {answer: '{{.Find "[a-z]+ [0-9]+ words"}}'}}]
      - when: The task is over
        usage: {input: 100, output: 7}
        calls: [{name: save_lesson, arguments: {title: Counting words of a text file, when_to_use: A task asks how many words a text file has., what_worked: str.split and len, what_failed: An index beyond the end}}]
`

var countWords = workflows.InstallInput{Task: "How many words has the text file a.txt?", Files: []run.InputFile{{Path: "a.txt", Text: "drei vier"}}}

func (s *stack) requireRequestsOf(res run.Result, begins string, tools ...string) *run.Opening {
	s.t.Helper()
	chain, err := s.records.Chain(s.t.Context(), res.Transcript)
	require.NoError(s.t, err)
	require.True(s.t, strings.HasPrefix(chain[0].Added[0].Content, begins))
	for _, turn := range chain[1:] {
		for _, call := range turn.Reply.ToolCalls {
			require.Contains(s.t, tools, call.Name)
		}
	}
	return chain[0].Opening
}

// observations are what the model was told of its calls, in their order.
func (s *stack) observations(res run.Result) (told []string) {
	s.t.Helper()
	chain, err := s.records.Chain(s.t.Context(), res.Transcript)
	require.NoError(s.t, err)
	for _, turn := range chain {
		for _, m := range turn.Added {
			if m.Role == llm.RoleTool {
				told = append(told, m.Content)
			}
		}
	}
	return told
}

func TestReActSolvesATaskByProgramsAndSavesNothing(t *testing.T) {
	t.Parallel()
	s := newStack(t, programs)
	s.keep("count-words", "def main(query):\n    return {'answer': 'x', 'summary': 'y'}\n")
	s.worker()
	res := s.ended(s.startAs(workflows.ReActType, "react", countWords))
	require.Equal(t, run.Completed, res.Outcome, s.dump(res.Transcript))
	require.Equal(t, "three 2 words", res.Answer)
	require.Equal(t, "react", res.Method)
	require.Equal(t, int64(30), res.Usage.OrchestrationOutputTokens)
	require.Equal(t, 2, res.Usage.SubagentRuns)
	require.Positive(t, res.Usage.SubagentOutputTokens)
	require.Nil(t, res.Decision)
	require.Empty(t, res.Skills)
	require.Len(t, res.Files, 1, "what a program writes is kept, the program is not")
	require.Equal(t, "said.txt", res.Files[0].Path)
	opening := s.requireRequestsOf(res, "You solve tasks by writing and running Python programs.", "run_code", "finish")
	require.Empty(t, opening.SuggestedSkills, "the library is not searched")
	told := s.observations(res)
	require.Contains(t, told[0], "FAILED (exception): IndexError")
	require.Contains(t, told[0], "words = ['drei', 'vier']")
	require.NotContains(t, s.dump(res.Transcript), "count-words")
	s.keepHistory("react", res)
}

// keepHistory adds the history of a run to what workflows/replay_test.go replays, when that is asked for.
func (s *stack) keepHistory(name string, res run.Result) {
	if os.Getenv("RECORD_HISTORIES") != "" {
		s.record(name, res.WorkflowID, []string{res.RunID})
	}
}

// The second task begins with what the first one taught, and the lesson is paid for as a turn.
func TestTextualExperiencePassesFromTaskToTask(t *testing.T) {
	t.Parallel()
	s := newStack(t, programs)
	s.worker()
	first := s.ended(s.startAs(workflows.TextualType, "first", countWords))
	require.Equal(t, run.Completed, first.Outcome, s.dump(first.Transcript))
	require.Equal(t, "textual", first.Method)
	require.Empty(t, first.LessonsOffered)
	require.Equal(t, &run.Lesson{Key: lesson.Key("first", first.RunID), Title: "Counting words of a text file"}, first.Lesson)
	require.Equal(t, int64(37), first.Usage.OrchestrationOutputTokens, "the lesson counts")
	require.Equal(t, 4, first.Turns)
	require.Equal(t, "three 2 words", first.Answer, "and changes nothing of the answer")
	chain, err := s.records.Chain(t.Context(), first.Transcript)
	require.NoError(t, err)
	require.Equal(t, "save_lesson", chain[4].Reply.ToolCalls[0].Name)

	second := s.ended(s.startAs(workflows.TextualType, "second", workflows.InstallInput{Task: "How many words has the text file b.txt?", Files: []run.InputFile{{Path: "a.txt", Text: "drei vier"}}}))
	require.Equal(t, []string{first.Lesson.Key}, second.LessonsOffered)
	require.NotEqual(t, first.Lesson.Key, second.Lesson.Key)
	require.Contains(t, s.opening(second), "Lessons of earlier tasks that may help:\n- Counting words of a text file\n    when to use:")

	s.keepHistory("textual", second)
	other := s.ended(s.startAs(workflows.ReActType, "other", countWords))
	require.NotContains(t, s.opening(other), "Lessons", "ReAct has no memory")
}

func (s *stack) opening(res run.Result) string {
	s.t.Helper()
	chain, err := s.records.Chain(s.t.Context(), res.Transcript)
	require.NoError(s.t, err)
	return chain[0].Added[1].Content
}

func (s *stack) lessons() (kept []lesson.Lesson) {
	s.t.Helper()
	infos, err := s.objects.List(s.t.Context(), "lessons/", "", 0)
	require.NoError(s.t, err)
	for _, info := range infos {
		obj, err := s.objects.Get(s.t.Context(), info.Key)
		require.NoError(s.t, err)
		var l lesson.Lesson
		require.NoError(s.t, json.Unmarshal(obj.Body, &l))
		kept = append(kept, l)
	}
	return kept
}

// A run that its budget ends leaves the lesson of its failure, and ends as it would have.
func TestALessonIsLeftWhateverBudgetRanOut(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		budget run.Budget
		reason string
	}{
		"turns":            {run.Budget{Turns: 1}, "all 1 turns are used"},
		"tokens":           {run.Budget{OrchestrationTokens: 5}, "10 of 5 orchestration tokens are used"},
		"runs of programs": {run.Budget{SubagentRuns: 1}, "all 1 subagent runs are used"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStack(t, `
conversations:
  - turns:
      - when: The task is over
        usage: {input: 100, output: 7}
        calls: [{name: save_lesson, arguments: {title: Nothing helps, when_to_use: never, what_worked: "", what_failed: all of it}}]
      - &turn
        usage: {input: 100, output: 10}
        calls: [{name: run_code, arguments: {code: print(1)}}, {name: run_code, arguments: {code: print(2)}}]
      - when: The task is over
        usage: {input: 100, output: 7}
        calls: [{name: save_lesson, arguments: {title: Nothing helps, when_to_use: never, what_worked: "", what_failed: all of it}}]
      - *turn
`)
			s.worker()
			in := workflows.InstallInput{Task: "hopeless", Budget: c.budget}
			res := s.ended(s.startAs(workflows.TextualType, "hopeless", in))
			require.Equal(t, run.BudgetExhausted, res.Outcome)
			require.Equal(t, c.reason, res.Reason)
			require.NotNil(t, res.Lesson, s.dump(res.Transcript))
			require.Equal(t, 2, res.Turns, "one, and that of the lesson")
			require.Equal(t, int64(17), res.Usage.OrchestrationOutputTokens)
			kept := s.lessons()
			require.Len(t, kept, 1)
			require.Equal(t, "budget_exhausted", kept[0].Outcome)
			require.Equal(t, "hopeless", kept[0].Task)
			s.keepHistory("textual-out-of-"+strings.ReplaceAll(name, " ", "-"), res)
		})
	}
}

// However the worker dies around the lesson, there is one, and nothing acknowledged is paid for twice.
func TestAWorkerKilledAroundTheLessonLeavesOne(t *testing.T) {
	t.Parallel()
	const calls = 5 // four turns and the program's own call
	for name, c := range map[string]struct {
		path     string
		when     moment
		skip     int
		repeated int
	}{
		"before a program's step is written":           {`workspace/000001\.json`, before, 0, 0},
		"before the lesson's turn is written":          {`turns/000004\.json`, before, 0, 1},
		"after the lesson's turn was written":          {`turns/000004\.json`, after, 0, 0},
		"before the lesson is stored":                  {`lessons/`, before, 0, 0},
		"after the lesson was stored":                  {`lessons/`, after, 0, 0},
		"between the lesson and the step that says so": {`workspace/000004\.json`, before, 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStack(t, programs)
			wire := s.wire("s3", "PUT", c.path, c.when, c.skip)
			victim := s.worker()
			s.unwire()
			wire.arm(func() { victim.kill() })
			r := s.startAs(workflows.TextualType, "killed", countWords)
			<-wire.Went
			s.worker()
			res := s.ended(r)
			require.Equal(t, run.Completed, res.Outcome, s.dump(res.Transcript))
			require.Equal(t, "three 2 words", res.Answer)
			require.Len(t, s.lessons(), 1)
			require.Equal(t, lesson.Key("killed", res.RunID), res.Lesson.Key)
			require.LessOrEqual(t, s.modelCalls(), calls+c.repeated)
		})
	}
}

func TestAMethodWithoutSkillsIsSteered(t *testing.T) {
	t.Parallel()
	s := newStack(t, programs)
	s.worker()
	in := countWords
	in.Paused = true
	r := s.startAs(workflows.TextualType, "steered", in)
	s.waitFor(r, phase(run.Paused))
	s.mustUpdate(r, workflows.ResumeUpdate, workflows.Resume{Steps: 1})
	st := s.waitFor(r, func(st run.Status) bool { return st.Phase == run.Paused && len(st.Next) == 1 })
	require.Equal(t, "run_code", st.Next[0].Tool)
	_, err := s.update(r, workflows.AmendUpdate, workflows.Amend{CallID: st.Next[0].CallID, Arguments: json.RawMessage(`{"query":"x"}`)})
	require.ErrorContains(t, err, "code")
	s.mustUpdate(r, workflows.AmendUpdate, workflows.Amend{CallID: st.Next[0].CallID, Arguments: json.RawMessage(`{"code":"words = ['drei', 'vier']; open('said.txt','w').write('zwei'); words[2]"}`)})
	s.mustUpdate(r, workflows.BudgetUpdate, workflows.SetBudget{Turns: ptr(3)})
	s.mustUpdate(r, workflows.ResumeUpdate, nil)
	res := s.ended(r)
	require.Equal(t, run.Completed, res.Outcome, s.dump(res.Transcript))
	require.Equal(t, "zwei 2 words", res.Answer)
	require.NotNil(t, res.Lesson, "the lesson is not one of the three turns")
	s.keepHistory("textual-steered", res)
}

func ptr[T any](v T) *T { return &v }

// What a program prints beyond an observation is there for people, and the model is told.
func TestALongOutputIsCutHonestly(t *testing.T) {
	t.Parallel()
	s := newStack(t, `
conversations:
  - turns:
      - calls: [{name: run_code, arguments: {code: "print('begin'); print('x' * 50000); print('end')"}}, {name: run_code, arguments: {code: "pass"}}, {name: get_skill_description, arguments: {skill_name: shell_command}}, {name: get_skill_description, arguments: {skill_name: run_subagent}}]
      - calls: [{name: finish, arguments: {answer: done}}]
`)
	s.worker()
	res := s.ended(s.startAs(workflows.ReActType, "long", workflows.InstallInput{Task: "print"}))
	told := s.observations(res)
	require.Contains(t, told[0], "stdout:\nbegin\nxxx")
	require.Contains(t, told[0], "bytes left out]")
	require.Contains(t, told[0], "xxx\nend\n")
	require.Less(t, len(told[0]), 17<<10)
	require.Equal(t, "The program printed nothing.\n", told[1])
	require.Contains(t, told[2], "shell_command(")
	require.Contains(t, told[3], "there is no tool skill")
	infos, err := s.objects.List(t.Context(), objectstore.RunKey("long", res.RunID, "workspace")+"/", "", 0)
	require.NoError(t, err)
	step, err := s.records.Step(t.Context(), infos[1].Key)
	require.NoError(t, err)
	require.NotEmpty(t, step.Full, "all of it is kept")
}

func TestWhatIsAboutSavedSkillsIsRefused(t *testing.T) {
	t.Parallel()
	s := newStack(t, programs)
	s.worker()
	for text, in := range map[string]workflows.InstallInput{
		"save: ReAct saves no skills, so leave it out":                                                     {Task: "x", Save: ptr(true)},
		`approval is "finish": ReAct saves no skills that you could release; leave it out, or start Solve`: {Task: "x", Approval: workflows.ApproveFinish},
	} {
		_, err := s.result(s.startAs(workflows.ReActType, "", in))
		require.ErrorContains(t, err, text)
	}
}

// The policy holds for programs as for subagents: a person is asked, and what was read before comes from the journal.
func TestWhatAProgramWritesToTheWebIsAskedAbout(t *testing.T) {
	t.Parallel()
	service := &notes{asked: map[string]int{}}
	server := httptest.NewServer(service)
	t.Cleanup(server.Close)
	s := newStack(t, fmt.Sprintf(`
conversations:
  - turns:
      - calls:
          - name: run_code
            arguments:
              code: |
                import urllib.request
                at = %q
                print(urllib.request.urlopen(at).read().decode())
                print(urllib.request.urlopen(urllib.request.Request(at, data=b"one more", method="POST")).read().decode())
      - calls: [{name: finish, arguments: {answer: '{{.Find "POST [0-9]+"}}'}}]
`, server.URL))
	s.policy = filepath.Join(t.TempDir(), "policy.yaml")
	require.NoError(t, os.WriteFile(s.policy, []byte(`version: 1
extends: default
rules:
  - {name: read-notes, trigger: host, when: 'host == "127.0.0.1" && method == "GET"', action: allow}
  - {name: write-notes, trigger: host, when: 'host == "127.0.0.1" && method == "POST"', action: ask, reason: notes are read by others}
`), 0o600))
	s.workerWith(nil)
	r := s.startAs(workflows.ReActType, "noting", workflows.InstallInput{Task: "keep a note"})
	s.approve(r, s.waitFor(r, func(st run.Status) bool { return st.Approval != nil }).Approval)
	s.completed(r, "POST 1")
	require.Equal(t, map[string]int{"GET": 1, "POST": 1}, withBoth(service.asked))
}
