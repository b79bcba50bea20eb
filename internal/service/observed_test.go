package service

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"agentfactory/activities"
	"agentfactory/internal/config"
	"agentfactory/internal/gateway"
	"agentfactory/internal/llm/scripted"
	"agentfactory/internal/run"
	"agentfactory/internal/skill"
	"agentfactory/internal/telemetry"
)

func TestWhatActivitiesHaveDoneIsCounted(t *testing.T) {
	decided := run.Result{Outcome: run.Completed, Decision: &run.Decision{Choice: run.Reused}}
	for name, c := range map[string]struct {
		args   []any
		result any
		want   string // "" for nothing
	}{
		"a turn":                         {nil, activities.ThinkResult{}, "agentfactory_turns_total 1"},
		"a turn of an earlier attempt":   {nil, activities.ThinkResult{Replayed: true}, "agentfactory_turns_total 0"},
		"a gate":                         {nil, activities.GateVerdict{Verdict: skill.GateFailed}, `agentfactory_gate_verdicts_total{verdict="failed"} 1`},
		"a run":                          {nil, decided, `agentfactory_runs_total{outcome="completed",workflow="Solve"} 1`},
		"its decision":                   {nil, decided, `agentfactory_decisions_total{choice="reused",library="live"} 1`},
		"a new skill":                    {[]any{activities.SaveInput{}}, saved(0, true), `agentfactory_promotions_total{kind="new",library="live"} 1`},
		"a better version, evaluated":    {[]any{activities.SaveInput{Library: "x"}}, saved(1, true), `agentfactory_promotions_total{kind="evolved",library="evaluation"} 1`},
		"a version that is kept beside":  {[]any{activities.SaveInput{}}, saved(1, false), `agentfactory_versions_kept_total{library="live"} 1`},
		"nothing saved: the base is old": {[]any{activities.SaveInput{}}, activities.SaveResult{Moved: true}, "agentfactory_turns_total 0"},
	} {
		t.Run(name, func(t *testing.T) {
			to := telemetry.New()
			observer{to}.ActivityDone(t.Context(), activity.Info{WorkflowType: &workflow.Type{Name: "Solve"}}, c.args, c.result, "")
			require.Contains(t, metricsOf(to), c.want+"\n")
		})
	}
}

func saved(parent int, promoted bool) activities.SaveResult {
	return activities.SaveResult{SavedSkill: run.SavedSkill{Name: "s", Parent: parent, Promoted: promoted}}
}

func TestARunWaitsAfterTheLastAttemptOrAtOnceForWhatAPersonHasToMend(t *testing.T) {
	retries := &temporal.RetryPolicy{MaximumAttempts: 8}
	for name, c := range map[string]struct {
		errorType string
		attempt   int32
		waits     bool
	}{
		"an early attempt":    {activities.ModelUnavailable, 1, false},
		"the last attempt":    {activities.ModelUnavailable, 8, true},
		"a wrong key":         {activities.ModelAuth, 1, true},
		"nothing to wait for": {activities.TurnConflict, 8, false},
	} {
		t.Run(name, func(t *testing.T) {
			to := telemetry.New()
			info := activity.Info{ActivityType: activity.Type{Name: "Think"}, Attempt: c.attempt, RetryPolicy: retries}
			observer{to}.ActivityDone(t.Context(), info, nil, nil, c.errorType)
			require.Contains(t, metricsOf(to), `agentfactory_activity_failures_total{activity="Think",type="`+c.errorType+`"} 1`)
			const waits = `agentfactory_waits_total{service="model"} 1`
			if c.waits {
				require.Contains(t, metricsOf(to), waits)
			} else {
				require.NotContains(t, metricsOf(to), waits)
			}
		})
	}
}

// perRun is a tool with an instance for each run.
type perRun struct{ gateway.Tool }

func (p perRun) ForRun(gateway.Run) (gateway.Tool, func()) { return p.Tool, func() {} }

func TestObservedToolsStayWhatTheyAreAndEachCallCountsOnce(t *testing.T) {
	to := telemetry.New()
	plain := gateway.ToolFunc(func(context.Context, gateway.ToolRequest) (gateway.ToolReply, error) { return gateway.ToolReply{}, nil })
	tools := observedTools(map[string]gateway.Tool{"web_search": plain, "browser_automation": perRun{plain}}, to)
	_, isPerRun := tools["web_search"].(gateway.PerRun)
	require.False(t, isPerRun)
	instance, _ := tools["browser_automation"].(gateway.PerRun).ForRun(gateway.Run{})
	_, err := instance.Call(t.Context(), gateway.ToolRequest{Tool: "browser_automation"})
	require.NoError(t, err)
	require.Contains(t, metricsOf(to), `agentfactory_tool_call_duration_seconds_count{outcome="ok",tool="browser_automation"} 1`)
}

func TestEmbeddingsAreCountedForTheLibrary(t *testing.T) {
	server, err := scripted.NewServer(&scripted.Script{}, scripted.Options{})
	require.NoError(t, err)
	running, err := scripted.Start("127.0.0.1:0", server)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, running.Close()) })
	m := models(t, config.Config{Model: config.Model{BaseURL: running.URL, Name: "scripted-x", EmbeddingModel: "e"}})
	m.telemetry = telemetry.New()
	_, _, err = m.Embed(t.Context(), "e", []string{"count words"})
	require.NoError(t, err)
	require.Contains(t, metricsOf(m.telemetry), `agentfactory_model_call_duration_seconds_count{model="e",outcome="ok",role="library"} 1`)
}

func metricsOf(to *telemetry.Telemetry) string {
	w := httptest.NewRecorder()
	to.Handler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	return w.Body.String()
}
