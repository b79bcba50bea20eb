package e2e

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"agentfactory/internal/gateway"
	"agentfactory/internal/objectstore"
	"agentfactory/internal/run"
	"agentfactory/workflows"
)

// spender is a model whose subagent asks it for as many words as query says, ten tokens
// each, and which runs that subagent again and again.
const spender = `
conversations:
  - name: subagent
    when: {system: Say a word}
    turns: [{text: "word", usage: {input: 100, output: 10}}]
  - name: run
    turns:
      - usage: {input: 100, output: 10}
        calls:
          - name: create_subagent
            arguments:
              skill_name: spender
              code: |
                import time
                from llm import call_llm
                def main(query):
                    words, seconds = query.split()
                    time.sleep(float(seconds))
                    said = [call_llm("Say a word.", [{"role": "user", "content": str(i)}]) for i in range(int(words))]
                    return {"answer": str(len(said)), "summary": "said " + " ".join(said)}
      - usage: {input: 100, output: 10}
        calls: [{name: run_subagent, arguments: {filename: subagent.py, query: 'QUERY'}}]
        repeat: 40
`

// Every dimension of a budget stops a run exactly where it says, and the result has what
// was spent.
func TestEveryDimensionOfABudgetHolds(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		query   string // of each subagent run: words, seconds
		budget  run.Budget
		outcome run.Outcome
		reason  string
		check   func(*testing.T, *stack, run.Result)
	}{
		"turns": {"1 0", run.Budget{Turns: 4}, run.BudgetExhausted, "all 4 turns are used", func(t *testing.T, s *stack, res run.Result) {
			require.Equal(t, 4, res.Turns)
			require.Equal(t, 4+3, s.modelCalls(), "four turns and three words")
		}},
		"orchestration tokens": {"0 0", run.Budget{OrchestrationTokens: 25}, run.BudgetExhausted, "30 of 25 orchestration tokens are used", func(t *testing.T, s *stack, res run.Result) {
			require.Equal(t, 3, s.modelCalls())
			require.Equal(t, int64(30), res.Usage.OrchestrationOutputTokens)
		}},
		"subagent runs": {"0 0", run.Budget{SubagentRuns: 2}, run.BudgetExhausted, "all 2 subagent runs are used", func(t *testing.T, s *stack, res run.Result) {
			require.Equal(t, 2, res.Usage.SubagentRuns)
		}},
		"subagents' own tokens": {"9 0", run.Budget{SubagentTokens: 35, Turns: 4}, run.BudgetExhausted, "all 4 turns", func(t *testing.T, s *stack, res run.Result) {
			require.Equal(t, int64(40), res.Usage.SubagentOutputTokens, "three calls of 10 and one with the last 5, which the scripted model exceeds; none after it")
			require.Contains(t, s.dump(res.Transcript), "budget of 35 output tokens")
		}},
		"cost": {"9 0", run.Budget{CostUSD: 0.055}, run.BudgetExhausted, "USD are spent", func(t *testing.T, s *stack, res run.Result) {
			// A call costs 0.01 USD: two turns, then four words; the next would go beyond.
			require.InDelta(t, 0.06, res.Usage.CostUSD, 1e-9)
			require.Equal(t, 6, s.modelCalls())
		}},
		// Enough seconds for the two turns on any machine; the subagent wants an hour.
		"time at work": {"0 3600", run.Budget{WallSeconds: 15}, run.BudgetExhausted, "15s of work are over", func(t *testing.T, s *stack, res run.Result) {
			require.GreaterOrEqual(t, res.Usage.WallSeconds, 15.0)
			require.Less(t, res.Usage.WallSeconds, 300.0, "the subagent's own limit did not have to end it")
			require.Equal(t, 2, s.modelCalls(), "nor was the model asked again")
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStack(t, strings.ReplaceAll(spender, "QUERY", c.query))
			s.configuration = "prices:\n  scripted-test: {input: 0, cached_input: 0, output: 1000}\n" // USD per million tokens
			s.worker()
			res := s.install(workflows.InstallInput{Task: "spend", Budget: c.budget})
			require.Equal(t, c.outcome, res.Outcome, s.dump(res.Transcript))
			require.Contains(t, res.Reason, c.reason)
			c.check(t, s, res)
		})
	}
}

// A subagent that was killed in the middle of its calls goes on counting where it was.
func TestABudgetIsExactAcrossACrash(t *testing.T) {
	t.Parallel()
	s := newStack(t, strings.ReplaceAll(spender, "QUERY", "9 0"))
	wire := s.wire("s3", "PUT", `journal/`, after, 2) // the third word is acknowledged, and the worker dies
	victim := s.worker()
	s.unwire()
	wire.arm(func() { victim.kill() })
	r := s.start(workflows.InstallInput{Task: "spend", Budget: run.Budget{SubagentTokens: 50, Turns: 2}})
	<-wire.Went
	s.worker()
	res, err := s.result(r)
	require.NoError(t, err)
	require.Equal(t, int64(50), res.Usage.SubagentOutputTokens)
	require.Equal(t, 2+5, s.modelCalls(), "two turns and five words: none was said twice")
	require.Equal(t, int64(50), s.journalled(res), "the result counts what the journal does")
}

// journalled is the sum of the output tokens in the journals of a run.
func (s *stack) journalled(res run.Result) (tokens int64) {
	infos, err := s.objects.List(s.t.Context(), objectstore.RunKey(res.WorkflowID, res.RunID, "journal")+"/", "", 0)
	require.NoError(s.t, err)
	for _, info := range infos {
		object, err := s.objects.Get(s.t.Context(), info.Key)
		require.NoError(s.t, err)
		var e gateway.Entry
		require.NoError(s.t, json.Unmarshal(object.Body, &e))
		tokens += e.Usage.OutputTokens
	}
	return tokens
}
