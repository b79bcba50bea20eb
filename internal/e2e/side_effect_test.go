package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"agentfactory/internal/config"
	"agentfactory/internal/gateway"
	"agentfactory/internal/run"
	"agentfactory/internal/service"
	"agentfactory/internal/skill"
	"agentfactory/workflows"
)

// ordering is a model that orders things through a web service, and repairs the skill that does so: first so that it asks
// for something else than before, then as it should be.
const ordering = `
conversations:
  - name: repair
    when: {user: '/(?s)order two.*place-order:/'}
    turns:
      - calls: [{name: run_subagent, arguments: {skill_name: place-order, query: two pens}}]
      - calls:
          - {name: modify_subagent, arguments: {skill_name: place-order, old_content: 'int(query.split()[0])', new_content: '{"two": 2}.get(query.split()[0]) or int(query.split()[0])'}}
          - {name: run_subagent, arguments: {skill_name: place-order, query: two pens}}
      - calls:
          - name: finish
            arguments: {answer: ordered, subagents: [{entry_file: skills/place-order/subagent.py, description: Orders a number of things that the query names.}]}
  - name: another request
    when: {user: '/(?s)order urgently.*place-order:/'}
    turns:
      - calls:
          - {name: modify_subagent, arguments: {skill_name: place-order, old_content: '"number":', new_content: '"urgent": True, "number":'}}
          - {name: run_subagent, arguments: {skill_name: place-order, query: 5 pens}}
      - calls:
          - name: finish
            arguments: {answer: ordered, subagents: [{entry_file: skills/place-order/subagent.py, description: Orders a number of things that the query names.}]}
  - name: build
    when: {user: order 3 pens}
    turns:
      - calls:
          - name: create_subagent
            arguments:
              skill_name: place-order
              skills: [browser_automation]
              code: |
                from tools import browser_automation
                def main(query):
                    done = browser_automation([{"action": "order", "number": int(query.split()[0])}])
                    return {"answer": "order %s" % done["order"], "summary": "ordered"}
              query: 3 pens
      - calls:
          - name: finish
            arguments: {answer: ordered, subagents: [{entry_file: subagent.py, description: Orders a number of things that the query names.}]}
`

// shop is a web service with a side effect: it counts its orders.
func shop(t *testing.T) (orders *atomic.Int64, url string) {
	orders = &atomic.Int64{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, `{"order": %d}`, orders.Add(1))
	}))
	t.Cleanup(server.Close)
	return orders, server.URL
}

// orderAt is a tool skill that calls the shop.
func orderAt(url string) gateway.Tool {
	return gateway.ToolFunc(func(ctx context.Context, r gateway.ToolRequest) (gateway.ToolReply, error) {
		request, err := http.NewRequestWithContext(ctx, http.MethodPost, url, nil)
		if err != nil {
			return gateway.ToolReply{}, err
		}
		res, err := http.DefaultClient.Do(request)
		if err != nil {
			return gateway.ToolReply{}, err
		}
		defer res.Body.Close()
		var body json.RawMessage
		return gateway.ToolReply{Body: body}, json.NewDecoder(res.Body).Decode(&body)
	})
}

// workerWith runs a worker in this process that has tools of the test, and settings (name=value) besides the usual ones. It
// stops with the test, unless it is stopped before.
func (s *stack) workerWith(tools map[string]gateway.Tool, settings ...string) (stop func()) {
	data := s.t.TempDir()
	env := map[string]string{
		"HOME": data, "AGENTFACTORY_DATA": data, "OPENAI_BASE_URL": s.modelURL, "OPENAI_API_KEY": "sk-test-0123456789abcdef",
		"AGENTFACTORY_MODEL": "scripted-test", "AGENTFACTORY_S3_BUCKET": bucket, "AGENTFACTORY_CHECKS": "off",
		"AGENTFACTORY_POLICY": s.policy,
	}
	for _, setting := range settings {
		name, value, _ := strings.Cut(setting, "=")
		env[name] = value
	}
	cfg, err := config.Load(func(name string) string { return env[name] })
	require.NoError(s.t, err)
	worker, err := service.New(s.t.Context(), service.Parts{Config: cfg, Temporal: s.temporal, Objects: s.objects, State: data, Tools: tools, Dial: dialAnywhere})
	require.NoError(s.t, err)
	require.NoError(s.t, worker.Start(s.t.Context()))
	stop = sync.OnceFunc(worker.Stop)
	s.t.Cleanup(stop)
	return stop
}

// What a tool does to the world is done once, in the real run: neither the rerun in a clean workspace nor a gate does it
// again, and a case that would need it decides nothing.
func TestASideEffectHappensOnceAndNeverInAGate(t *testing.T) {
	t.Parallel()
	s := newStack(t, ordering)
	orders, url := shop(t)
	s.workerWith(map[string]gateway.Tool{"browser_automation": orderAt(url)})
	s.solve(workflows.InstallInput{Task: "order 3 pens"})
	require.Equal(t, int64(1), orders.Load())
	version, err := s.skills.Version(t.Context(), "place-order", 1)
	require.NoError(t, err)
	require.Equal(t, &skill.Permissions{Tools: []string{"browser_automation"}}, version.Permissions, "what it was seen to need is kept")

	res := s.solve(workflows.InstallInput{Task: "order two pens"})
	require.Equal(t, int64(2), orders.Load(), "the order of the second task, and none of the first again")
	require.Equal(t, run.Evolved, res.Decision.Choice)
	reports, err := s.skills.GateReports(t.Context(), "place-order")
	require.NoError(t, err)
	require.Equal(t, skill.GatePassed, reports[0].Verdict)
	require.Empty(t, reports[0].Inconclusive)

	res = s.solve(workflows.InstallInput{Task: "order urgently"})
	require.Equal(t, int64(3), orders.Load(), "past orders are not placed in another way to see what comes of it")
	require.False(t, res.Skills[0].Promoted)
	require.Contains(t, res.Skills[0].Note, "only 0 of 2 past cases could be told")
	reports, err = s.skills.GateReports(t.Context(), "place-order")
	require.NoError(t, err)
	require.Equal(t, skill.GateInconclusive, reports[1].Verdict)
	require.Contains(t, reports[1].Inconclusive[0].Why, "not made again")
}
