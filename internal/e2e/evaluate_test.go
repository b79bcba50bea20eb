package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"

	"agentfactory/internal/evaluation"
	"agentfactory/internal/evaluation/archive"
	"agentfactory/internal/objectstore"
	"agentfactory/internal/run"
	"agentfactory/skillstore"
	"agentfactory/workflows"
)

// doubling is a model that builds a skill for the first task, and reuses it for the others. With ReAct it writes a program each
// time. As a judge it passes what says so.
const doubling = `
conversations:
  - name: worse
    when: {model: scripted-worse, user: '/Double the number (\d+)/'}
    turns: [{calls: [{name: finish, arguments: {answer: '{{.Match 1}}'}}]}]
  - name: judge
    when: {system: You grade whether}
    turns: [{text: '{"reason": "it is as the reference", "pass": true}'}]
  - name: react
    when: {system: You solve tasks by writing and running, user: '/Double the number (\d+)/'}
    turns:
      - calls: [{name: run_code, arguments: {code: 'print(2 * {{.Match 1}})'}}]
      - calls: [{name: finish, arguments: {answer: '{{.Find "\\d+"}}'}}]
  - name: reuse
    when: {user: '/(?s)Double the number (\d+).*doubler: /'}
    turns:
      - calls: [{name: run_subagent, arguments: {skill_name: doubler, query: '{{.Match 1}}'}}]
      - calls: [{name: finish, arguments: {answer: '{{.Find "answer: (\\d+)"}}'}}]
  - name: build
    when: {user: '/Double the number (\d+)/'}
    turns:
      - calls:
          - name: create_subagent
            arguments:
              skill_name: doubler
              code: |
                """Doubles a number; the query is the number."""
                def main(query):
                    return {"answer": str(2 * int(query)), "summary": "doubled " + query}
              query: '{{.Match 1}}'
      - calls: [{name: finish, arguments: {answer: '{{.Find "answer: (\\d+)"}}', subagents: [{entry_file: subagent.py, description: Doubles the number that the query gives.}]}}]
`

// doubled is a task with the check of its answer.
func doubled(n int) evaluation.Task {
	return evaluation.Task{
		ID: fmt.Sprintf("double-%02d", n), Batch: "numbers", Task: fmt.Sprintf("Double the number %d.", n),
		Check: &evaluation.Check{Script: fmt.Sprintf("def check(query, answer):\n    assert answer.strip() == '%d', 'it is not doubled: ' + answer\n", 2*n)},
	}
}

func doubledUpTo(n int) (tasks []evaluation.Task) {
	for i := range n {
		tasks = append(tasks, doubled(i+1))
	}
	return tasks
}

// upload puts tasks where an evaluation reads them.
func (s *stack) upload(tasks ...evaluation.Task) string {
	s.t.Helper()
	blobs, err := objectstore.NewBlobs(s.objects, s.t.TempDir(), 1<<20)
	require.NoError(s.t, err)
	digest, err := blobs.Put(s.t.Context(), evaluation.Encode(tasks))
	require.NoError(s.t, err)
	return objectstore.BlobKey(digest)
}

func (s *stack) evaluate(id string, in workflows.EvaluateInput) workflows.EvaluateResult {
	s.t.Helper()
	return s.evaluated(s.startAs(workflows.EvaluateType, id, in))
}

func (s *stack) evaluated(r client.WorkflowRun) (res workflows.EvaluateResult) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), runPatience)
	defer cancel()
	require.NoError(s.t, r.Get(ctx, &res))
	return res
}

func (s *stack) outcomes(id string) []evaluation.Outcome {
	s.t.Helper()
	outcomes, err := archive.New(s.objects).Outcomes(s.t.Context(), id)
	require.NoError(s.t, err)
	return outcomes
}

// measured is what must be the same however an evaluation was interrupted.
func measured(outcomes []evaluation.Outcome) (lines []string) {
	for _, o := range outcomes {
		lines = append(lines, fmt.Sprintf("%s-%d %d %s: %s %s, %d turns, %d output and %d input tokens, %s, created %v, library %d, %s", o.Method, o.Repeat, o.Number, o.Task,
			o.Verdict, o.Check, o.Turns, o.Usage.OrchestrationOutputTokens, o.Usage.OrchestrationInputTokens, o.Choice, o.Created, o.LibrarySize, o.CheckReason))
	}
	return lines
}

// Workers are killed three times while 30 tasks are done. No task is lost, none is done twice, and what was measured is what an
// undisturbed evaluation measures.
func TestAnEvaluationWhoseWorkersAreKilledComesToTheSameTable(t *testing.T) {
	t.Parallel()
	s := newStack(t, doubling)
	in := workflows.EvaluateInput{Tasks: s.upload(doubledUpTo(15)...), Methods: []string{workflows.MethodReAct, workflows.MethodAgentFactory}, Concurrency: 2}
	first := s.worker()
	calm := s.evaluate("calm", in)
	require.Equal(t, run.Completed, calm.Outcome)
	undisturbed := s.modelCalls()

	disturbed := s.startAs(workflows.EvaluateType, "disturbed", in)
	victim := first
	for _, at := range []int{5, 14, 22} {
		require.Eventually(t, func() bool { return len(s.outcomes("disturbed")) >= at }, testPatience, 50*time.Millisecond)
		victim.kill()
		victim = s.worker()
	}
	require.Equal(t, run.Completed, s.evaluated(disturbed).Outcome)

	outcomes := s.outcomes("disturbed")
	require.Len(t, outcomes, 30)
	require.Equal(t, measured(s.outcomes("calm")), measured(outcomes))
	require.LessOrEqual(t, s.modelCalls()-undisturbed, undisturbed+3*2, "at most the calls in flight are made again")
	for _, o := range outcomes {
		require.Equal(t, evaluation.Passed, o.Verdict, o.CheckReason)
	}
	choices := map[run.Choice]int{}
	for _, o := range outcomes {
		choices[o.Choice]++
	}
	require.Equal(t, []int{1, 14}, []int{choices[run.Built], choices[run.Reused]})
	heads, err := s.skills.Heads(t.Context(), "", 0)
	require.NoError(t, err)
	require.Empty(t, heads, "the live library is never written")
}

// What goes wrong with a check is not held against the task.
func TestAChecksOwnFaultsAreKeptApart(t *testing.T) {
	t.Parallel()
	s := newStack(t, doubling)
	s.configuration = "limits: {subagent: {timeout: 20s}}" // also of the checks that do not hang
	s.worker()
	checked := func(id, script string) evaluation.Task {
		task := doubled(4)
		task.ID, task.Check = id, &evaluation.Check{Script: script}
		return task
	}
	judged := doubled(5)
	judged.ID, judged.Check, judged.Reference = "judged", nil, "10"
	unchecked := doubled(6)
	unchecked.ID, unchecked.Check = "unchecked", nil
	res := s.evaluate("faults", workflows.EvaluateInput{Concurrency: 4, FromScratch: true, Tasks: s.upload(
		checked("right", "def check(query, answer):\n    assert answer == '8'\n"),
		checked("wrong", "def check(query, answer):\n    assert answer == '9', 'it is not nine'\n"),
		checked("crashes", "def check(query, answer):\n    return {}['no such key']\n"),
		checked("hangs", "def check(query, answer):\n    import time\n    time.sleep(3600)\n"),
		checked("reaches-out", "def check(query, answer):\n    import urllib.request\n    urllib.request.urlopen('http://example.com')\n"),
		judged, unchecked,
	)})
	require.Equal(t, run.Completed, res.Outcome)
	verdicts, reasons := map[string]evaluation.Verdict{}, map[string]string{}
	for _, o := range s.outcomes("faults") {
		verdicts[o.Task], reasons[o.Task] = o.Verdict, o.CheckReason
	}
	require.Equal(t, map[string]evaluation.Verdict{
		"right": evaluation.Passed, "wrong": evaluation.Failed, "crashes": evaluation.CheckError, "hangs": evaluation.CheckError,
		"reaches-out": evaluation.CheckError, "judged": evaluation.Passed, "unchecked": evaluation.NotChecked,
	}, verdicts)
	require.Equal(t, "it is not nine", reasons["wrong"])
	require.Contains(t, reasons["crashes"], "KeyError")
	require.Contains(t, reasons["hangs"], "did not end within")
	require.Equal(t, "it is as the reference", reasons["judged"])
	summary := res.Report.Methods[0]
	require.Equal(t, []int{2, 1, 3, 1}, []int{summary.Passed, summary.Failed, summary.CheckErrors, summary.NotChecked})
}

// An evaluation may begin with what the live library, or another evaluation, knows; neither is changed by it.
func TestAnEvaluationBeginsWithALibraryAndLeavesItAsItWas(t *testing.T) {
	t.Parallel()
	s := newStack(t, doubling)
	s.worker()
	require.Equal(t, run.Built, s.solve(workflows.InstallInput{Task: "Double the number 3."}).Decision.Choice)
	before := s.keys("skills/", "uses/", "openfailures/")
	tasks := s.upload(doubledUpTo(3)...)
	s.evaluate("from-live", workflows.EvaluateInput{Tasks: tasks, Library: "live"})
	for _, o := range s.outcomes("from-live") {
		require.Equal(t, run.Reused, o.Choice)
		require.Equal(t, 1, o.LibrarySize)
	}
	require.Equal(t, before, s.keys("skills/", "uses/", "openfailures/"), "the live library is byte for byte what it was")

	s.evaluate("empty", workflows.EvaluateInput{Tasks: tasks})
	require.Equal(t, run.Built, s.outcomes("empty")[0].Choice)
	s.evaluate("after", workflows.EvaluateInput{Tasks: tasks, Library: "empty"})
	require.Equal(t, run.Reused, s.outcomes("after")[0].Choice, "it goes on with what the other left")

	_, err := skillstore.NewLibraries(s.objects).Snapshot(t.Context(), skillstore.SnapshotDraft{Name: "monday", ID: "1", By: "ann"})
	require.NoError(t, err)
	s.evaluate("named", workflows.EvaluateInput{Tasks: tasks, Library: "monday"})
	require.Equal(t, run.Reused, s.outcomes("named")[0].Choice)

	wrong := s.startAs(workflows.EvaluateType, "wrong", workflows.EvaluateInput{Tasks: tasks, Library: "tuesday"})
	require.ErrorContains(t, wrong.Get(t.Context(), nil), `"tuesday" is neither live nor a snapshot nor an evaluation`)
	more := s.startAs(workflows.EvaluateType, "more", workflows.EvaluateInput{Tasks: tasks, Library: "empty", Repeat: 2})
	require.ErrorContains(t, more.Get(t.Context(), nil), "left no library for agentfactory-2")
}

// keys are the objects below some prefixes with their ETags.
func (s *stack) keys(prefixes ...string) (found []string) {
	s.t.Helper()
	for _, p := range prefixes {
		listed, err := s.objects.List(s.t.Context(), p, "", 0)
		require.NoError(s.t, err)
		for _, o := range listed {
			found = append(found, o.Key+" "+o.ETag)
		}
	}
	return found
}

// hook is a web hook that fails at first.
type hook struct {
	mu     sync.Mutex
	bodies []string
}

func (h *hook) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h.mu.Lock()
	defer h.mu.Unlock()
	body, err := io.ReadAll(r.Body)
	if err != nil || len(h.bodies) == 0 {
		h.bodies = append(h.bodies, "refused")
		w.WriteHeader(http.StatusBadGateway)
		return
	}
	h.bodies = append(h.bodies, string(body))
}

func TestAnEvaluationThatGotWorseMarksItself(t *testing.T) {
	t.Parallel()
	told := &hook{}
	receiver := httptest.NewServer(told)
	t.Cleanup(receiver.Close)
	s := newStack(t, doubling)
	s.configuration = "evaluation: {webhook: " + receiver.URL + "/secret-token}"
	s.worker()
	in := workflows.EvaluateInput{Tasks: s.upload(doubledUpTo(2)...), Series: "nightly"}
	require.Empty(t, s.evaluate("night-1", in).Report.Change, "there is nothing to be held against")
	require.Equal(t, evaluation.Same, s.evaluate("night-2", in).Report.Change)

	in.Model = "scripted-worse" // it answers with the number itself
	res := s.evaluate("night-3", in)
	require.Equal(t, evaluation.Worse, res.Report.Change, res.Report.Why)
	require.Equal(t, "night-2", res.Report.Previous)
	require.Len(t, told.bodies, 2, "it was told again after a failure")
	var said struct {
		Event, Evaluation string
		Report            struct{ Previous string }
	}
	require.NoError(t, json.Unmarshal([]byte(told.bodies[1]), &said))
	require.Equal(t, []string{"evaluation.worse", "night-3", "night-2"}, []string{said.Event, said.Evaluation, said.Report.Previous})
	d, err := s.temporal.DescribeWorkflowExecution(t.Context(), "night-3", "")
	require.NoError(t, err)
	var change string
	require.NoError(t, converter.GetDefaultDataConverter().FromPayload(d.WorkflowExecutionInfo.SearchAttributes.IndexedFields["AgentFactoryChange"], &change))
	require.Equal(t, "worse", change)
	require.NotContains(t, s.history("night-3"), "secret-token")

	out, code := s.starter("evaluations", "compare", "night-2", "night-3")
	require.Equal(t, 1, code, out)
	require.Contains(t, out, "night-2 to night-3: worse")
	require.Contains(t, out, "double-02")
	out, code = s.starter("evaluations", "compare", "night-1", "night-2")
	require.Equal(t, 0, code, out)
	out, code = s.starter("evaluations", "list")
	require.Equal(t, 0, code, out)
	require.Contains(t, out, "night-3")
}

// A schedule starts evaluations; each is held against the one before of the same schedule.
func TestAScheduledEvaluationIsHeldAgainstTheOneBefore(t *testing.T) {
	t.Parallel()
	s := newStack(t, doubling)
	s.worker()
	file := filepath.Join(t.TempDir(), "numbers.jsonl")
	require.NoError(t, os.WriteFile(file, evaluation.Encode(doubledUpTo(2)), 0o600))
	out, code := s.starter("schedule", "create", "weekly", "--cron", "0 2 * * SUN", "--", "evaluate", file)
	require.Equal(t, 0, code, out)
	var reports []evaluation.Report
	for len(reports) < 2 {
		out, code = s.starter("schedule", "trigger", "weekly")
		require.Equal(t, 0, code, out)
		before := len(reports)
		require.Eventually(t, func() bool { reports = s.reportsOf("weekly"); return len(reports) > before }, testPatience, 100*time.Millisecond)
	}
	later, first := reports[0], reports[1]
	require.Nil(t, first.Against)
	require.Equal(t, first.Meta.ID, later.Against.A)
	require.Equal(t, evaluation.Same, later.Against.Verdict)
}

// reportsOf are the reports of a series, the latest first.
func (s *stack) reportsOf(series string) (reports []evaluation.Report) {
	a := archive.New(s.objects)
	records, err := a.Records(s.t.Context())
	require.NoError(s.t, err)
	for _, r := range records {
		report, err := a.Report(s.t.Context(), r.ID)
		require.NoError(s.t, err)
		if r.Series == series && report != nil {
			reports = append(reports, *report)
		}
	}
	return reports
}

// history is all that Temporal keeps of a workflow, as text.
func (s *stack) history(id string) string {
	s.t.Helper()
	var text strings.Builder
	events := s.temporal.GetWorkflowHistory(s.t.Context(), id, "", false, 1)
	for events.HasNext() {
		e, err := events.Next()
		require.NoError(s.t, err)
		text.WriteString(e.String())
	}
	return text.String()
}

// starter runs the command line on the stack, and returns what it printed with its exit code.
func (s *stack) starter(args ...string) (string, int) {
	s.t.Helper()
	return s.starterWith(nil, args...)
}

// starterWith is the same with further settings.
func (s *stack) starterWith(settings []string, args ...string) (string, int) {
	s.t.Helper()
	binary, err := starterBinary()
	require.NoError(s.t, err)
	cmd := exec.CommandContext(s.t.Context(), binary, args...)
	cmd.Env = append(workerEnv(s.address, s.modelURL, s.s3URL, s.t.TempDir(), publicTempDir(s.t)), settings...)
	out, err := cmd.CombinedOutput()
	if _, isExit := err.(*exec.ExitError); err != nil && !isExit {
		require.NoError(s.t, err)
	}
	return string(out), cmd.ProcessState.ExitCode()
}

// An evaluation that ran out of its budget, was cancelled, or failed goes on where it was.
func TestAnEvaluationGoesOnWhereItEnded(t *testing.T) {
	t.Parallel()
	s := newStack(t, doubling)
	last := s.holdModel("Double the number 6")
	s.worker()
	in := workflows.EvaluateInput{Tasks: s.upload(doubledUpTo(6)...), Concurrency: 1, Total: workflows.EvaluationTotal{OrchestrationTokens: 100}}
	short := s.evaluate("long", in)
	require.Equal(t, run.BudgetExhausted, short.Outcome)
	done := s.outcomes("long")
	require.NotEmpty(t, done)
	require.Less(t, len(done), 6)

	r := s.startAs(workflows.EvaluateType, "long", workflows.EvaluateInput{Tasks: in.Tasks, Concurrency: 1})
	require.Eventually(t, func() bool { return len(s.outcomes("long")) > len(done) }, testPatience, tick)
	require.NoError(t, s.temporal.CancelWorkflow(t.Context(), r.GetID(), ""))
	require.Error(t, r.Get(t.Context(), nil))
	last.release()

	out, code := s.starter("evaluations", "resume", "long")
	require.Equal(t, 0, code, out)
	all := s.outcomes("long")
	require.Len(t, all, 6)
	require.Equal(t, measured(done), measured(all)[:len(done)])
	ids := map[string]int{}
	for _, o := range all {
		ids[o.WorkflowID]++
	}
	require.Len(t, ids, 6)

	other := s.startAs(workflows.EvaluateType, "long", workflows.EvaluateInput{Tasks: s.upload(doubledUpTo(2)...)})
	require.ErrorContains(t, other.Get(t.Context(), nil), "was begun at")
}
