package run

import (
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"agentfactory/internal/embedded/s3server"
	"agentfactory/internal/embedded/s3server/s3test"
	"agentfactory/internal/llm"
	"agentfactory/internal/objectstore"
)

func TestMain(m *testing.M) {
	s3server.MaybeRun()
	m.Run()
}

func TestEveryBudgetStopsAtItsLimit(t *testing.T) {
	b := Budget{Turns: 3, OrchestrationTokens: 100, SubagentTokens: 50, CostUSD: 1, WallSeconds: 60, SubagentRuns: 2, SubagentsCreated: 1}
	require.Empty(t, b.BeforeTurn(2, Usage{OrchestrationOutputTokens: 99, CostUSD: 0.99, WallSeconds: 59}))
	require.Contains(t, b.BeforeTurn(3, Usage{}), "3 turns")
	require.Contains(t, b.BeforeTurn(0, Usage{OrchestrationOutputTokens: 100}), "100 of 100 orchestration tokens")
	require.Contains(t, b.BeforeTurn(0, Usage{CostUSD: 1}), "USD")
	require.Contains(t, b.BeforeTurn(0, Usage{WallSeconds: 60}), "1m0s")
	require.Contains(t, b.BeforeSubagentRun(Usage{SubagentRuns: 2}), "2 subagent runs")
	require.Contains(t, b.BeforeCreate(Usage{SubagentsCreated: 1}), "1 subagents")
	require.Empty(t, Budget{}.BeforeSubagentRun(Usage{SubagentRuns: 1000, CostUSD: 1000, WallSeconds: 1e6}), "zero is no limit")
}

func TestABudgetIsFilledWithDefaultsAndChecked(t *testing.T) {
	require.Equal(t, DefaultBudget, Budget{}.Or(DefaultBudget))
	require.Equal(t, 7, Budget{Turns: 7}.Or(DefaultBudget).Turns)
	require.NoError(t, Budget{}.Check())
	require.ErrorContains(t, Budget{CostUSD: -1}.Check(), "budget.cost_usd")
	require.ErrorContains(t, Budget{Turns: MaxTurns + 1}.Check(), "at most 1000")
}

func TestARecordIsWrittenOnceAndTheFirstOneStays(t *testing.T) {
	store := s3test.Bucket(t)
	first, second := NewRecords(store), NewRecords(store)
	opening := TurnKey("w", "r", 0)
	_, err := first.CreateTurn(t.Context(), opening, &Turn{Opening: &Opening{Model: "m"}})
	require.NoError(t, err)
	key := TurnKey("w", "r", 1)
	_, err = first.CreateTurn(t.Context(), key, &Turn{Number: 1, Parent: opening, Reply: llm.Message{Content: "first"}})
	require.NoError(t, err)
	adopted, err := second.CreateTurn(t.Context(), key, &Turn{Number: 1, Parent: opening, Reply: llm.Message{Content: "second"}})
	require.NoError(t, err)
	require.Equal(t, "first", adopted.Reply.Content)
	chain, err := second.Chain(t.Context(), key)
	require.NoError(t, err)
	require.Len(t, chain, 2)
	require.Equal(t, "m", chain[0].Opening.Model)

	_, err = first.CreateStep(t.Context(), StepKey("w", "r", 1), &Step{Observation: "first"})
	require.NoError(t, err)
	step, err := second.CreateStep(t.Context(), StepKey("w", "r", 1), &Step{Observation: "second"})
	require.NoError(t, err)
	require.Equal(t, "first", step.Observation)
	_, err = first.CreateResult(t.Context(), Result{WorkflowID: "w", RunID: "r", Answer: "first"})
	require.NoError(t, err)
	res, err := second.CreateResult(t.Context(), Result{WorkflowID: "w", RunID: "r", Answer: "second"})
	require.NoError(t, err)
	require.Equal(t, "first", res.Answer)
	res, err = second.Result(t.Context(), "w", "r")
	require.NoError(t, err)
	require.Equal(t, "first", res.Answer)
}

func TestRecordsLeaveTheCacheWhenTheyAreUsedNoLonger(t *testing.T) {
	c := newCache[Step](20 * time.Millisecond)
	c.Add("a", &Step{Observation: "a"})
	require.Eventually(t, func() bool { return c.Len() == 0 }, time.Minute, 50*time.Millisecond)
	require.Nil(t, c.get("a"))

	c = newCache[Step](time.Hour)
	for i := range maxCached {
		c.Add(strconv.Itoa(i), &Step{})
	}
	require.NotNil(t, c.get("0"))
	c.Add("one more", &Step{})
	require.Equal(t, maxCached, c.Len())
	require.NotNil(t, c.get("0"), "it was used a moment ago")
	require.Nil(t, c.get("1"), "it was used the longest time ago")
}

func TestAChainThatDoesNotBeginWithAnOpeningIsCorrupt(t *testing.T) {
	r := NewRecords(s3test.Bucket(t))
	_, err := r.CreateTurn(t.Context(), TurnKey("w", "r", 5), &Turn{Number: 5})
	require.NoError(t, err)
	_, err = r.Chain(t.Context(), TurnKey("w", "r", 5))
	require.ErrorIs(t, err, objectstore.ErrCorrupt)
	_, err = r.Chain(t.Context(), TurnKey("w", "r", 6))
	require.ErrorIs(t, err, objectstore.ErrNotFound)
}
