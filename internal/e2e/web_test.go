package e2e

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"

	"agentfactory/internal/run"
	"agentfactory/internal/skill"
	"agentfactory/workflows"
)

// posting is a model whose subagent reads from a web service and then writes to it, with Python's own HTTP library.
const posting = `
conversations:
  - name: build
    turns:
      - calls:
          - name: create_subagent
            arguments:
              skill_name: note-keeper
              code: |
                import urllib.request
                def main(query):
                    kept = urllib.request.urlopen(query + "/notes").read().decode()
                    done = urllib.request.urlopen(urllib.request.Request(query + "/notes", data=b"one more", method="POST")).read().decode()
                    return {"answer": kept + " " + done, "summary": "kept a note"}
              query: %q
      - when: /^answer/
        calls:
          - name: finish
            arguments: {answer: noted, subagents: [{entry_file: subagent.py, description: Reads the notes at the URL that query is and adds one.}]}
      - calls: [{name: finish, arguments: {answer: refused}}]
`

// notes is a web service that counts what is asked of it.
type notes struct {
	mu    sync.Mutex
	asked map[string]int
}

func (n *notes) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.asked[r.Method]++
	fmt.Fprintf(w, "%s %d", r.Method, n.asked[r.Method])
}

// A rule of the policy asks a person about what a subagent writes to the web. The run waits, and is repeated with the
// decision: what was read before comes from the journal, and nothing is sent twice.
func TestWhatASubagentWritesToTheWebIsAskedAbout(t *testing.T) {
	for name, c := range map[string]struct {
		decision string
		posts    int
		answer   string
	}{"allowed": {workflows.DecideApprove, 1, "noted"}, "refused": {workflows.DecideReject, 0, "refused"}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			service := &notes{asked: map[string]int{}}
			server := httptest.NewServer(service)
			t.Cleanup(server.Close)
			s := newStack(t, fmt.Sprintf(posting, server.URL))
			s.policy = filepath.Join(t.TempDir(), "policy.yaml")
			require.NoError(t, os.WriteFile(s.policy, []byte(`version: 1
extends: default
rules:
  - {name: read-notes, trigger: host, when: 'host == "127.0.0.1" && method == "GET"', action: allow}
  - {name: write-notes, trigger: host, when: 'host == "127.0.0.1" && method == "POST"', action: ask, reason: notes are read by others}
`), 0o600))
			s.workerWith(nil)
			r, err := s.temporal.ExecuteWorkflow(t.Context(), startOptions, workflows.SolveType, workflows.InstallInput{Task: "keep a note"})
			require.NoError(t, err)
			waits := s.waitFor(r, func(st run.Status) bool { return st.Approval != nil }).Approval
			require.Equal(t, workflows.ApprovePolicy, waits.Kind)
			require.Contains(t, waits.Answer, "Rule write-notes asks first: notes are read by others")
			s.mustUpdate(r, workflows.ApproveUpdate, workflows.Approve{ApprovalID: waits.ApprovalID, Decision: c.decision, By: "ann"})
			s.completed(r, c.answer)
			require.Equal(t, map[string]int{"GET": 1, "POST": c.posts}, withBoth(service.asked), "neither the repeated run nor the review sends anything again")
			if c.posts == 1 {
				version, err := s.skills.Version(t.Context(), "note-keeper", 1)
				require.NoError(t, err)
				require.Equal(t, &skill.Permissions{Hosts: []string{"127.0.0.1"}}, version.Permissions)
			}
		})
	}
}

func withBoth(asked map[string]int) map[string]int {
	return map[string]int{"GET": asked["GET"], "POST": asked["POST"]}
}

func (s *stack) completed(r client.WorkflowRun, answer string) {
	s.t.Helper()
	res, err := s.result(r)
	require.NoError(s.t, err)
	require.Equal(s.t, run.Completed, res.Outcome, res.Reason)
	require.Equal(s.t, answer, res.Answer, s.dump(res.Transcript))
}

// dialAnywhere lets a test's worker reach servers on this machine.
func dialAnywhere(ctx context.Context, network, address string) (net.Conn, error) {
	var d net.Dialer
	return d.DialContext(ctx, network, address)
}
