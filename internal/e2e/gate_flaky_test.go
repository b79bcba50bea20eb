package e2e

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"agentfactory/internal/run"
	"agentfactory/internal/skill"
	"agentfactory/workflows"
)

// wavering is a model whose subagent asks the model for a word, in other words each time so that no recording has the reply;
// and which then teaches it to say whole hours.
const wavering = `
conversations:
  - {name: tick, when: {system: Say tick}, turns: [{text: tick}]}
  - {name: tock, when: {system: Say tock}, turns: [{text: tock}]}
  - name: evolve
    when: {user: '/(?s)whole hours.*tick-tock:/'}
    turns:
      - calls:
          - {name: modify_subagent, arguments: {skill_name: tick-tock, old_content: 'import os', new_content: "import os\ndef hours(query): return {\"answer\": query.split()[1], \"summary\": \"told\"}"}}
          - {name: modify_subagent, arguments: {skill_name: tick-tock, old_content: "def main(query):", new_content: "def main(query):\n    if query.startswith(\"hours \"): return hours(query)"}}
          - {name: run_subagent, arguments: {skill_name: tick-tock, query: hours 12}}
      - calls: [{name: finish, arguments: {answer: '12', subagents: [{entry_file: skills/tick-tock/subagent.py, description: Says tick or tock or the hours that query names.}]}}]
  - name: build
    when: {user: tick or tock}
    turns:
      - calls:
          - name: create_subagent
            arguments:
              skill_name: tick-tock
              code: |
                import os
                from llm import call_llm
                def main(query):
                    if query != "now":
                        return {"answer": "steady", "summary": "said"}
                    return {"answer": call_llm("Say WORD.", [{"role": "user", "content": os.urandom(8).hex()}]), "summary": "said"}
              query: now
      - calls: [{name: finish, arguments: {answer: said, subagents: [{entry_file: subagent.py, description: Says tick or tock as the model has it.}]}}]
`

// alternating stands before a model and puts one of two words in place of another, now this and now that, so that replies
// which follow each other never agree.
func alternating(t testing.TB, model, place string, words ...string) (at string) {
	var asked atomic.Int64
	proxy := passOn(t, model)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body := readAll(r)
		if bytes.Contains(body, []byte("Say "+place)) && !bytes.Contains(body, []byte("create_subagent")) {
			body = bytes.ReplaceAll(body, []byte(place), []byte(words[asked.Add(1)%2])) // of the same length
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	u, err := url.Parse(model)
	require.NoError(t, err)
	return server.URL + u.Path
}

// A case of which a version does not always make the same neither blocks a candidate nor counts for it.
func TestAFlakyCaseNeitherBlocksNorCarries(t *testing.T) {
	t.Parallel()
	s := newStack(t, wavering)
	s.modelURL = alternating(t, s.modelURL, "WORD", "tick", "tock")
	s.worker()
	s.solve(workflows.InstallInput{Task: "say tick or tock"})
	flaky := s.cases("tick-tock")
	require.Len(t, flaky, 1)

	alone := s.solve(workflows.InstallInput{Task: "say whole hours"})
	require.Len(t, alone.Skills, 1, s.dump(alone.Transcript))
	require.False(t, alone.Skills[0].Promoted, "the flaky case alone does not carry it")
	require.Contains(t, alone.Skills[0].Note, "only 0 of 1 past cases could be told")
	report := s.reportOf("tick-tock", alone.Skills[0].Gate)
	require.Equal(t, []string{flaky[0].ID}, report.Flaky)
	require.Empty(t, report.Flips)
	require.Equal(t, skill.GateInconclusive, report.Verdict)

	s.addCase("tick-tock", past{query: "steady", answer: "steady"})
	beside := s.solve(workflows.InstallInput{Task: "say whole hours"})
	require.Equal(t, run.SavedSkill{Name: "tick-tock", Version: 2, Parent: 1, Promoted: true, Gate: beside.Skills[0].Gate, Note: "breaks none of 2 past cases, of which 1 could be told"}, beside.Skills[0])
	require.Equal(t, []string{flaky[0].ID}, s.reportOf("tick-tock", beside.Skills[0].Gate).Flaky)
}
