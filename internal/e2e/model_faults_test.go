package e2e

import (
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"

	"agentfactory/activities"
	"agentfactory/internal/run"
	"agentfactory/workflows"
)

func TestAWrongKeyEndsTheRunAtOnceInOneLine(t *testing.T) {
	s := newStack(t, `conversations: [{turns: [{text: never, fault: {status: 401, times: -1}}]}]`)
	s.worker()
	_, err := s.result(s.start(workflows.InstallInput{Task: "x"}))
	var app *temporal.ApplicationError
	require.ErrorAs(t, err, &app)
	require.Equal(t, activities.ModelAuth, app.Type())
	require.NotContains(t, app.Message(), "\n")
	require.Equal(t, 1, s.modelCalls(), "a wrong key is not tried again")
}

func TestPassingFaultsOfTheModelAreOutlived(t *testing.T) {
	s := newStack(t, `
conversations:
  - turns:
      - calls: [{name: finish, arguments: {answer: done}}]
        fault:
          - {status: 429, retry_after: 1s}
          - {status: 500}
          - {cut_after_chunks: 1}
`)
	s.worker()
	res := s.install(workflows.InstallInput{Task: "x"})
	require.Equal(t, run.Completed, res.Outcome)
	require.Equal(t, 1, res.Turns)
	require.Equal(t, 4, s.modelCalls(), "three faults, then the reply")
}

// A reply that is cut by the output limit, one that says nothing, and one whose
// arguments are broken are answered, and the run goes on.
func TestRepliesThatAreNoUseAreAnswered(t *testing.T) {
	s := newStack(t, `
conversations:
  - turns:
      - {text: "I will now wri", finish_reason: length}
      - text: ""
      - calls: [{name: run_subagent, arguments: '{"filename": "a.py", "que'}]
      - calls: [{name: finish, arguments: {answer: done}}]
`)
	s.worker()
	res := s.install(workflows.InstallInput{Task: "x"})
	require.Equal(t, run.Completed, res.Outcome, s.dump(res.Transcript))
	chain, err := s.records.Chain(t.Context(), res.Transcript)
	require.NoError(t, err)
	require.Len(t, chain, 5)
	for i, says := range []string{"cut off at the output limit", "only tool calls do something", "not valid JSON"} {
		require.Contains(t, chain[i+2].Added[0].Content, says)
	}
}
