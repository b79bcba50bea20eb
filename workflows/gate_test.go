package workflows

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/temporal"

	"agentfactory/activities"
	"agentfactory/internal/run"
	"agentfactory/internal/skill"
)

func (b *bench) gate(t *testing.T, in any) (GateResult, error) {
	t.Helper()
	b.ExecuteWorkflow(GateType, in)
	require.True(t, b.IsWorkflowCompleted())
	var res GateResult
	if err := b.GetWorkflowError(); err != nil {
		return res, err
	}
	require.NoError(t, b.GetWorkflowResult(&res))
	return res, nil
}

func TestAGateRefusesWhatMakesNoSense(t *testing.T) {
	for input, says := range map[string]string{
		`{}`:                                     "skill is empty",
		`{"skill":"a"}`:                          "version is 0",
		`{"skill":"a","version":2,"cases":0}`:    "cases is 0: give 1 to 500",
		`{"skill":"a","version":2,"cases":501}`:  "cases is 501",
		`{"skill":"a","version":2,"at_once":-1}`: "at_once is -1",
		`{"skill":"a","versoin":2}`:              `did you mean "version"?`,
	} {
		_, err := newBench(t).gate(t, json.RawMessage(input))
		var app *temporal.ApplicationError
		require.ErrorAs(t, err, &app)
		require.Equal(t, activities.InvalidInput, app.Type())
		require.Contains(t, app.Message(), says)
	}
}

func TestARepairRefusesWhatMakesNoSense(t *testing.T) {
	for input, says := range map[string]string{
		`{"task":"x"}`:               "skill is empty",
		`{"query":"x"}`:              "skill is empty",
		`{"skill":"a","save":false}`: "save is false",
		`{"skil":"a"}`:               `did you mean "skill"?`,
		`{"skill":"a","budgit":{}}`:  `did you mean "budget"?`,
		`{"budget":{"rounds":-1}}`:   "budget.rounds",
	} {
		_, err := newBench(t).execute(t, EvolveType, json.RawMessage(input))
		var app *temporal.ApplicationError
		require.ErrorAs(t, err, &app)
		require.Equal(t, activities.InvalidInput, app.Type())
		require.Contains(t, app.Message(), says)
	}
}

// many is a bench whose gates have so many cases.
func many(t *testing.T, cases int) *bench {
	b := newBench(t)
	b.past = nil
	for i := range cases {
		b.past = append(b.past, activities.Chosen{Case: fmt.Sprintf("%03d", i)})
	}
	return b
}

// The grant is shared: whatever the cases that are tried side by side spend of what they were given, it is not exceeded.
func TestAGateTriesItsCasesSideBySideWithinItsGrant(t *testing.T) {
	b := many(t, 50)
	now, most := 0, 0
	var given []int64
	met := make(chan struct{}) // by then two were tried at once
	meet := sync.OnceFunc(func() { close(met) })
	b.try = func(ctx context.Context, in activities.TrialInput) (activities.TrialResult, error) {
		b.mu.Lock()
		now++
		most = max(most, now)
		if now == 2 {
			meet()
		}
		given = append(given, in.Remaining.SubagentTokens)
		b.mu.Unlock()
		select {
		case <-met:
			time.Sleep(time.Millisecond)
		case <-time.After(patience): // they come one after the other
		}
		b.mu.Lock()
		now--
		b.mu.Unlock()
		res, err := b.tryCase(ctx, in)
		res.Usage.SubagentOutputTokens = min(100, in.Remaining.SubagentTokens)
		return res, err
	}
	res, err := b.gate(t, GateInput{Skill: "a", Version: 2, AtOnce: 4, Grant: &activities.Allowance{SubagentTokens: 1000, CostUSD: -1, Seconds: -1}})
	require.NoError(t, err)
	require.Equal(t, 50, res.Cases)
	require.Equal(t, skill.GatePassed, res.Verdict)
	require.LessOrEqual(t, res.Usage.SubagentOutputTokens, int64(1000))
	require.GreaterOrEqual(t, res.Usage.SubagentOutputTokens, int64(990))
	require.Equal(t, int64(250), given[0])
	require.Zero(t, given[len(given)-1], "the last cases have nothing left for calls that were not recorded")
	require.LessOrEqual(t, most, 4)
	require.Greater(t, most, 1)
}

func TestACaseThatNoWorkerSurvivesDecidesNothing(t *testing.T) {
	b := many(t, 3)
	b.try = func(ctx context.Context, in activities.TrialInput) (activities.TrialResult, error) {
		if in.Case == "001" {
			return activities.TrialResult{}, temporal.NewTimeoutError(enumspb.TIMEOUT_TYPE_HEARTBEAT, nil)
		}
		return b.tryCase(ctx, in)
	}
	res, err := b.gate(t, GateInput{Skill: "a", Version: 2})
	require.NoError(t, err)
	require.Equal(t, skill.GatePassed, res.Verdict)
	require.Equal(t, "breaks none of 3 past cases, of which 2 could be told", res.Why)
}

func TestAGateWaitsForAServiceWhereItIsSeen(t *testing.T) {
	b := many(t, 1)
	times := 0
	b.try = func(ctx context.Context, in activities.TrialInput) (activities.TrialResult, error) {
		if times++; times == 1 {
			return activities.TrialResult{}, temporal.NewNonRetryableApplicationError("connection refused", activities.StorageUnavailable, nil)
		}
		return b.tryCase(ctx, in)
	}
	b.at(t, 5*time.Second, func(s run.Status) {
		require.Equal(t, run.WaitingForStorage, s.Phase)
		require.Contains(t, s.WaitsFor, "connection refused")
	})
	res, err := b.gate(t, GateInput{Skill: "a", Version: 2})
	require.NoError(t, err)
	require.Equal(t, skill.GatePassed, res.Verdict)
}
