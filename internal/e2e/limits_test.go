package e2e

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"
	"google.golang.org/protobuf/proto"

	"agentfactory/activities"
	"agentfactory/internal/objectstore"
	"agentfactory/internal/run"
	"agentfactory/workflows"
)

// big is a subagent that does with 100 MB what its query says.
const big = `
def main(query):
    block = "0123456789abcdef" * (1 << 16)
    if query == "print":
        for _ in range(100):
            print(block)
    if query == "fail":
        raise ValueError(block * 100)
    if query == "write one":
        with open("one.bin", "w") as f:
            for _ in range(100):
                f.write(block)
    if query == "write many":
        for i in range(100):
            with open("many-%02d.bin" % i, "w") as f:
                f.write("%02d" % i + block[2:])
    if query == "write too much":
        for i in range(20):
            with open("much-%02d.bin" % i, "w") as f:
                for _ in range(100):
                    f.write(block)
    if query == "write too large":
        with open("large.bin", "w") as f:
            for _ in range(300):
                f.write(block)
    answer = block * 100 if query == "answer" else "done"
    return {"answer": answer, "summary": query}
`

// Whatever a subagent prints, answers or leaves, the model reads a few lines that say what
// became of it, and the worker does not hold it in memory.
func TestObservationsOf100MBEndWithAClearStatement(t *testing.T) {
	told := []struct{ query, says string }{
		{"print", "FAILED (output): it printed far more than the 256 KiB that are kept"},
		{"answer", "FAILED (wrong_result): the answer is larger than 8.0 MiB; write it into a file and answer with its name"},
		{"fail", "FAILED (exception): ValueError: 0123456789abcdef"},
		{"write one", "answer: done\nsummary: write one\nnew files: one.bin"},
		{"write many", "and 60 more"},
		{"write too large", "FAILED (exception): OSError: [Errno 27] File too large"},
		{"write too much", "FAILED (disk): the workspace grew beyond 1.0 GiB"},
	}
	script := fmt.Sprintf("conversations:\n  - turns:\n      - calls: [{name: create_subagent, arguments: {skill_name: big, code: %q}}]\n", big)
	for _, c := range told {
		script += fmt.Sprintf("      - calls: [{name: run_subagent, arguments: {filename: subagent.py, query: %q}}]\n", c.query)
	}
	script += "      - calls: [{name: finish, arguments: {answer: done}}]\n"
	s := newStack(t, script)
	w := s.worker()
	idle := w.memory("RssAnon")
	peak := w.watchMemory()
	res := s.install(workflows.InstallInput{Task: "do much", Save: new(bool)})
	require.Equal(t, run.Completed, res.Outcome)
	chain, err := s.records.Chain(t.Context(), res.Transcript)
	require.NoError(t, err)
	for i, c := range told {
		observation := chain[i+3].Added[0].Content
		require.Contains(t, observation, c.says, c.query)
		require.Less(t, len(observation), 20<<10, c.query)
	}
	s.requireSmallEvents(t, res.WorkflowID, res.RunID)
	grown := peak() - idle
	t.Logf("the worker's memory grew from %d to at most %d MB", idle>>20, (idle+grown)>>20)
	require.Less(t, grown, int64(200<<20), "100 MB and 2 GB pass through the worker in pieces")
}

// A run of the most turns that there can be continues as new on its way, and each of its
// model calls is made once.
func TestARunOf1000Turns(t *testing.T) {
	t.Parallel()
	s := newStack(t, `
conversations:
  - turns:
      - calls: [{name: list_saved_subagents, arguments: {query: anything}}]
        usage: {input: 100, output: 10} # counting the tokens of a long conversation takes time
        repeat: 999
      - calls: [{name: finish, arguments: {answer: done}}]
        usage: {input: 100, output: 10}
`)
	w := s.worker()
	begun := time.Now()
	r := s.start(workflows.InstallInput{Task: "long", Budget: run.Budget{Turns: run.MaxTurns}})
	var res run.Result
	require.NoError(t, r.Get(t.Context(), &res))
	t.Logf("%d turns in %s, the worker holds %d MB", res.Turns, time.Since(begun).Round(time.Second), w.memory("RssAnon")>>20)
	require.Equal(t, run.Completed, res.Outcome)
	require.Equal(t, 1000, res.Turns)
	require.EqualValues(t, 10_000, res.Usage.OrchestrationOutputTokens)
	s.requireCalledOnce(1000, res)
	require.Greater(t, len(s.runsOf(res)), 2, "it continued as new")
	chain, err := s.records.Chain(t.Context(), res.Transcript)
	require.NoError(t, err)
	require.Len(t, chain, 1001)
	for _, runID := range s.runsOf(res) {
		s.requireSmallEvents(t, res.WorkflowID, runID)
	}
}

// files are so many input files: small ones inside the input, the others uploaded first.
func (s *stack) files(n int) []run.InputFile {
	files := make([]run.InputFile, n)
	for i := range files {
		files[i].Path = fmt.Sprintf("folder-%d/file-%03d.txt", i%7, i)
		content := fmt.Sprintf("content %d\n", i)
		if i%2 == 0 {
			files[i].Text = content
			continue
		}
		digest := objectstore.DigestOf([]byte(content))
		files[i].Key = objectstore.BlobKey(digest)
		_, err := s.objects.Create(s.t.Context(), files[i].Key, []byte(content))
		require.NoError(s.t, err)
	}
	return files
}

func Test500InputFilesLieInTheWorkspaceAnd501AreRefused(t *testing.T) {
	t.Parallel()
	s := newStack(t, `
conversations:
  - turns:
      - calls:
          - name: create_subagent
            arguments:
              skill_name: counter
              code: |
                import pathlib
                def main(query):
                    texts = [p.read_text() for p in pathlib.Path(".").rglob("*.txt")]
                    right = set(texts) == {"content %d\n" % i for i in range(500)}
                    return {"answer": "%d files, all right: %s" % (len(texts), right), "summary": "counted"}
              query: count
      - calls: [{name: finish, arguments: {answer: "{{.Find \"answer: (.*)\"}}"}}]
`)
	s.worker()
	files := s.files(activities.MaxInputFiles + 1)
	res := s.install(workflows.InstallInput{Task: "count", Files: files[:activities.MaxInputFiles], Save: new(bool)})
	require.Equal(t, "500 files, all right: True", res.Answer, s.dump(res.Transcript))

	_, err := s.result(s.start(workflows.InstallInput{Task: "count", Files: files}))
	var app *temporal.ApplicationError
	require.ErrorAs(t, err, &app)
	require.Equal(t, activities.InvalidInput, app.Type())
	require.Equal(t, "files: 501 input files, at most 500 are taken: pack them into an archive, which a subagent can unpack", app.Message())
	s.requireSmallEvents(t, res.WorkflowID, res.RunID)
}

// What a turn needs of the whole input are references, so the longest task does not grow
// the history with every turn.
func TestTheLongestTaskIsSolved(t *testing.T) {
	t.Parallel()
	s := newStack(t, `
conversations:
  - turns:
      - calls: [{name: list_saved_subagents, arguments: {query: anything}}]
        repeat: 10
      - calls: [{name: finish, arguments: {answer: done}}]
`)
	s.worker()
	res := s.install(workflows.InstallInput{Task: strings.Repeat("é<", workflows.MaxTask/3)})
	require.Equal(t, run.Completed, res.Outcome)
	require.Equal(t, 11, res.Turns)
	require.Less(t, s.historyPerTurn(res)[10], 4<<10)
	s.requireSmallEvents(t, res.WorkflowID, res.RunID)
}

// crowd is a model for many runs at once: each makes a subagent of its own and runs it.
const crowd = `
conversations:
  - when: {user: /number (\d+)/}
    turns:
      - calls:
          - name: create_subagent
            arguments:
              skill_name: "adder-{{.Match 1}}"
              code: |
                def main(query):
                    return {"answer": str(int(query) + 1), "summary": "added one"}
              query: "{{.Match 1}}"
        usage: {input: 100, output: 10}
      - calls: [{name: list_saved_subagents, arguments: {query: anything}}]
        usage: {input: 100, output: 10}
        repeat: 8
      - calls: [{name: run_subagent, arguments: {filename: subagent.py, query: "{{.Match 1}}"}}]
        usage: {input: 100, output: 10}
      - calls: [{name: finish, arguments: {answer: "{{.Find \"answer: (.*)\"}}"}}]
        usage: {input: 100, output: 10}
`

// startCrowd starts n runs at once.
func (s *stack) startCrowd(n int) []client.WorkflowRun {
	runs := make([]client.WorkflowRun, n)
	for i := range runs {
		runs[i] = s.start(workflows.InstallInput{Task: fmt.Sprintf("number %d", i), Save: new(bool)})
	}
	return runs
}

func Test50RunsInFlightOnOneWorkerAllComplete(t *testing.T) {
	t.Parallel()
	s := newStack(t, crowd)
	w := s.worker()
	idle, peak, begun := w.memory("RssAnon"), w.watchMemory(), time.Now()
	var results []run.Result
	for i, r := range s.startCrowd(50) {
		res, err := s.result(r)
		require.NoError(t, err)
		results = append(results, res)
		require.Equal(t, run.Completed, res.Outcome)
		require.Equal(t, strconv.Itoa(i+1), res.Answer, "each run has its own files and replies")
		require.Equal(t, 11, res.Turns)
	}
	most := peak()
	t.Logf("50 runs of 11 turns in %s; the worker's memory grew from %d to at most %d MB", time.Since(begun).Round(100*time.Millisecond), idle>>20, most>>20)
	s.requireCalledOnce(550, results...)
	require.Less(t, most, int64(400<<20))
}

// requireCalledOnce demands that runs made so many model calls, each once: on a machine so busy that a worker was taken for
// dead, another attempt may have made the one that was in flight again.
func (s *stack) requireCalledOnce(calls int, results ...run.Result) {
	s.t.Helper()
	again := s.repeatedModelCalls()
	require.Equal(s.t, calls, s.modelCalls()-again)
	lost := 0
	for _, res := range results {
		for _, runID := range s.runsOf(res) {
			lost += s.lostAttempts(res.WorkflowID, runID)
		}
	}
	require.LessOrEqual(s.t, again, lost, "calls that were made again though no attempt was lost")
}

// lostAttempts counts the attempts at activities of a run that were lost since the server heard nothing of the worker for too
// long, or did not answer a heartbeat in time, whereupon the SDK cancels the attempt. Of several of one activity the history
// keeps the last failure, so each attempt before the last one counts.
func (s *stack) lostAttempts(workflowID, runID string) (n int) {
	s.t.Helper()
	events := s.temporal.GetWorkflowHistory(s.t.Context(), workflowID, runID, false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for events.HasNext() {
		e, err := events.Next()
		require.NoError(s.t, err)
		a := e.GetActivityTaskStartedEventAttributes()
		last := a.GetLastFailure()
		if last.GetTimeoutFailureInfo() != nil || strings.HasSuffix(last.GetMessage(), context.Canceled.Error()) {
			n += int(a.GetAttempt()) - 1
		}
	}
	return n
}

// maxEvent is a quarter of what Temporal takes for one payload, in bytes: it begins to warn there.
const maxEvent = 512 << 10

// requireSmallEvents checks that nothing in a run's history came near the limits of
// Temporal, and that none of its workflow tasks failed.
func (s *stack) requireSmallEvents(t *testing.T, workflowID, runID string) {
	history := s.temporal.GetWorkflowHistory(t.Context(), workflowID, runID, false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for history.HasNext() {
		event, err := history.Next()
		require.NoError(t, err)
		require.Less(t, proto.Size(event), maxEvent, "%s", event.EventType)
		require.NotEqual(t, enumspb.EVENT_TYPE_WORKFLOW_TASK_FAILED, event.EventType, "%s", event)
	}
}

// memory reads a line of /proc/PID/status, in bytes.
func (p *workerProcess) memory(line string) int64 {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		return 0 // it has ended
	}
	for l := range strings.Lines(string(status)) {
		if fields := strings.Fields(l); len(fields) > 1 && fields[0] == line+":" {
			kB, _ := strconv.ParseInt(fields[1], 10, 64)
			return kB << 10
		}
	}
	return 0
}

// watchMemory looks at the worker's private memory until the returned function is called,
// which gives the most that was seen, in bytes.
func (p *workerProcess) watchMemory() (peak func() int64) {
	stop, most := make(chan struct{}), make(chan int64)
	go func() {
		var seen int64
		for {
			select {
			case <-stop:
				most <- seen
				return
			case <-time.After(tick):
				seen = max(seen, p.memory("RssAnon"))
			}
		}
	}()
	return func() int64 { close(stop); return <-most }
}
