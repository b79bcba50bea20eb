package e2e

import (
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"agentfactory/internal/run"
	"agentfactory/workflows"
)

// asking is a model whose subagent asks a model itself.
const asking = `
conversations:
  - name: subagent
    when: {system: Translate}
    turns: [{text: "three"}]
  - name: run
    turns:
      - calls:
          - name: create_subagent
            arguments:
              skill_name: translator
              code: |
                from llm import call_llm
                from tools import shell_command
                def main(query):
                    said = call_llm("Translate into English.", [{"role": "user", "content": query}])
                    open("out.txt", "w").write(said)
                    return {"answer": said, "summary": "translated"}
              skills: [shell_command]
      - calls: [{name: run_subagent, arguments: {filename: subagent.py, query: drei}}]
      - calls: [{name: finish, arguments: {answer: three, subagents: [{entry_file: subagent.py, description: Translates a German word into English.}]}}]
`

// A worker dies at the worst moments. Another one takes over, the run ends as if
// nothing had happened, and no call is made twice whose record had been acknowledged.
func TestAWorkerKilledAnywhereChangesNothing(t *testing.T) {
	t.Parallel()
	const calls = 4 // three turns and the subagent's own call
	for name, c := range map[string]struct {
		server, method, path string
		when                 moment
		skip                 int
		repeated             int // model calls that may be made a second time: the one in flight
	}{
		"before a model call":                    {"model", "POST", "chat/completions", before, 1, 0},
		"in a model call":                        {"model", "POST", "chat/completions", after, 1, 1},
		"before a turn is written":               {"s3", "PUT", `turns/000002\.json`, before, 0, 1},
		"after a turn was written":               {"s3", "PUT", `turns/000002\.json`, after, 0, 0},
		"in a subagent's own model call":         {"model", "POST", "chat/completions", after, 2, 1},
		"before a subagent's call is journalled": {"s3", "PUT", `journal/`, before, 0, 1},
		"after a subagent's call was journalled": {"s3", "PUT", `journal/`, after, 0, 0},
		"after a subagent run":                   {"s3", "PUT", `workspace/000002\.json`, before, 0, 0},
		"after its step was written":             {"s3", "PUT", `workspace/000002\.json`, after, 0, 0},
		"before a blob is written":               {"s3", "PUT", `blobs/`, before, 0, 0},
		"before a version is written":            {"s3", "PUT", `versions/.*manifest\.json`, before, 0, 0},
		"after a version was written":            {"s3", "PUT", `versions/.*manifest\.json`, after, 0, 0},
		"before the promotion":                   {"s3", "PUT", `head\.json`, before, 0, 0},
		"after the promotion":                    {"s3", "PUT", `head\.json`, after, 0, 0},
		"after the result was written":           {"s3", "PUT", `result\.json`, after, 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStack(t, asking)
			wire := s.wire(c.server, c.method, c.path, c.when, c.skip)
			victim := s.worker()
			s.unwire()
			wire.arm(func() { victim.kill() })
			r := s.start(workflows.InstallInput{Task: "translate drei"})
			<-wire.Went
			s.worker()
			res, err := s.result(r)
			require.NoError(t, err)
			require.Equal(t, run.Completed, res.Outcome, s.dump(res.Transcript))
			require.Equal(t, "three", res.Answer)
			s.requireOneVersion("translator")
			require.LessOrEqual(t, s.modelCalls(), calls+c.repeated, "model calls that were made")
			require.GreaterOrEqual(t, s.modelCalls(), calls)
		})
	}
}

// wire puts a tripwire before the model or the S3 server for workers started from now on.
func (s *stack) wire(server, method, path string, when moment, skip int) *tripwire {
	if server == "model" {
		w := newTripwire(s.t, s.modelURL, method, path, when, skip)
		s.modelURL, s.direct.model = w.URL, s.modelURL
		return w
	}
	w := newTripwire(s.t, s.s3URL, method, path, when, skip)
	s.s3URL, s.direct.s3 = w.URL, s.s3URL
	return w
}

// unwire lets later workers reach the servers directly.
func (s *stack) unwire() {
	if s.direct.model != "" {
		s.modelURL = s.direct.model
	}
	if s.direct.s3 != "" {
		s.s3URL = s.direct.s3
	}
}

// modelCalls counts the answered chat completions.
func (s *stack) modelCalls() (n int) {
	for _, e := range s.model.Log() {
		if e.Method == "POST" {
			n++
		}
	}
	return n
}

func (s *stack) requireOneVersion(name string) {
	s.t.Helper()
	heads, err := s.skills.Heads(s.t.Context(), "", 0)
	require.NoError(s.t, err)
	require.Len(s.t, heads, 1, "the library holds the skill exactly once")
	require.Equal(s.t, name, heads[0].Name)
	require.Equal(s.t, int64(1), heads[0].Generation)
	versions, err := s.skills.Versions(s.t.Context(), name)
	require.NoError(s.t, err)
	require.Len(s.t, versions, 1)
	cases, err := s.skills.Cases(s.t.Context(), name)
	require.NoError(s.t, err)
	require.Len(s.t, cases, 1)
}

// A worker that is stopped in the middle of a subagent run, as for a new release, hands
// it over: the run goes on elsewhere and is not taken for cancelled.
func TestAWorkerThatIsStoppedHandsItsWorkOver(t *testing.T) {
	t.Parallel()
	s := newStack(t, strings.Replace(sleeper, `"5"`, `"12"`, 1))
	old := s.worker()
	r := s.start(workflows.InstallInput{Task: "sleep"})
	s.waitFor(r, phase(run.Acting))
	require.NoError(t, old.cmd.Process.Signal(syscall.SIGTERM))
	s.worker()
	res, err := s.result(r)
	require.NoError(t, err)
	require.Equal(t, run.Completed, res.Outcome, s.dump(res.Transcript))
}
