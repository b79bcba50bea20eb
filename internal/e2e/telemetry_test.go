package e2e

import (
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"agentfactory/internal/config"
	"agentfactory/internal/run"
	"agentfactory/internal/service"
	"agentfactory/internal/telemetry"
	"agentfactory/internal/telemetry/runtrace"
	"agentfactory/internal/telemetry/telemetrytest"
	"agentfactory/workflows"
)

// translators is a model that builds a skill which asks a model, and then repairs it.
const translators = `
conversations:
  - name: subagent
    when: {system: Translate}
    turns: [{text: "three", usage: {input: 7, output: 3}, repeat: 40}]
  - name: repair
    when: {user: '/(?s)translate tre.*translator:/'}
    turns:
      - calls:
          - {name: modify_subagent, arguments: {skill_name: translator, old_content: Translate it., new_content: Translate it politely.}}
          - {name: run_subagent, arguments: {skill_name: translator, query: tre}}
      - calls: [{name: finish, arguments: {answer: three, subagents: [{entry_file: skills/translator/subagent.py, description: Translates a word into English.}]}}]
  - name: build
    when: {user: translate drei}
    turns:
      - usage: {input: 200, output: 11}
        calls:
          - name: create_subagent
            arguments:
              skill_name: translator
              code: |
                """Translates a word; the query is the word."""
                from llm import call_llm
                def main(query):
                    said = call_llm("Translate it.", [{"role": "user", "content": query}])
                    return {"answer": said, "summary": "translated"}
              query: drei
      - calls: [{name: finish, arguments: {answer: three, subagents: [{entry_file: subagent.py, description: Translates a word into English.}]}}]
`

// observedWorker is a worker in this process that reports.
type observedWorker struct {
	*telemetry.Telemetry
	temporal service.Temporal
	stop     func()
}

func (s *stack) observedWorker() *observedWorker {
	s.t.Helper()
	to, err := telemetry.Open(s.t.Context(), telemetry.Options{Version: "test"})
	require.NoError(s.t, err)
	options, err := service.TemporalOptions(s.address, config.Encryption{})
	require.NoError(s.t, err)
	options.MetricsHandler = runtrace.Metrics(to)
	temporal, err := service.ConnectTemporal(s.t.Context(), options)
	require.NoError(s.t, err)
	data := s.t.TempDir()
	env := map[string]string{
		"HOME": data, "AGENTFACTORY_DATA": data, "OPENAI_BASE_URL": s.modelURL, "OPENAI_API_KEY": "sk-test-0123456789abcdef",
		"AGENTFACTORY_MODEL": "scripted-test", "AGENTFACTORY_S3_BUCKET": bucket, "AGENTFACTORY_CHECKS": "off",
	}
	cfg, err := config.Load(func(name string) string { return env[name] })
	require.NoError(s.t, err)
	w, err := service.New(s.t.Context(), service.Parts{Config: cfg, Temporal: temporal, Objects: s.objects, State: filepath.Join(data, "worker"), Telemetry: to})
	require.NoError(s.t, err)
	require.NoError(s.t, w.Start(s.t.Context()))
	stop := sync.OnceFunc(func() {
		w.Stop()
		temporal.Close()
		require.NoError(s.t, to.Close(s.t.Context()))
	})
	s.t.Cleanup(stop)
	return &observedWorker{to, temporal, stop}
}

// A run that moves from one worker to another, and is asked for its status by a third when it is over, is replayed by each of
// them, and is one trace with each span once.
func TestARunIsOneTraceHoweverOftenItIsReplayed(t *testing.T) {
	collector := telemetrytest.Collect(t)
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.URL)
	s := newStack(t, translators)
	first := s.observedWorker()
	r, err := s.temporal.ExecuteWorkflow(t.Context(), startOptions, workflows.SolveType, workflows.InstallInput{Task: "translate drei", Paused: true})
	require.NoError(t, err)
	require.Eventually(t, func() bool { st, err := s.status(r); return err == nil && st.Phase == run.Paused }, testPatience, tick)
	first.stop()
	require.Equal(t, []string{"Begin"}, collector.Names(), "the run itself is not over")

	second := s.observedWorker()
	s.mustUpdate(r, workflows.ResumeUpdate, nil)
	res, err := s.result(r)
	require.NoError(t, err)
	require.Equal(t, run.Completed, res.Outcome, s.dump(res.Transcript))
	series := telemetrytest.Scrape(t, second.Handler())
	second.stop()
	third := s.observedWorker()
	_, err = s.status(r)
	require.NoError(t, err)
	third.stop()

	root := collector.One(t, "invoke_workflow Solve")
	require.Empty(t, root.Parent())
	require.Equal(t, r.GetID(), root.Attribute("gen_ai.conversation.id").GetStringValue())
	require.Equal(t, "completed", root.Attribute("agentfactory.outcome").GetStringValue())
	require.Equal(t, "built", root.Attribute("agentfactory.decision").GetStringValue())
	ids := map[string]bool{}
	for _, span := range collector.Spans() {
		require.Equal(t, root.Trace(), span.Trace(), span.Name)
		require.False(t, ids[span.ID()], "%s came twice", span.Name)
		ids[span.ID()] = true
	}
	created := collector.One(t, "execute_tool create_subagent")
	require.Equal(t, root.ID(), created.Parent())
	thoughts := collector.Named("Think")
	require.Len(t, thoughts, 2)
	for name, parents := range map[string]map[string]int{
		"chat scripted-test":      {"Think": 2, "invoke_agent translator": 1}, // the rerun of the review is answered from the journal
		"invoke_agent translator": {"execute_tool create_subagent": 1, "execute_tool finish": 1},
	} {
		require.Equal(t, parents, parentsOf(collector, name), name)
	}
	for _, name := range []string{"Begin", "SaveSkill", "Close"} {
		require.Equal(t, root.ID(), collector.One(t, name).Parent(), name)
	}
	for _, secret := range []string{"sk-test", "translate drei", "Translate it", "three"} {
		require.NotContains(t, collector.Wire(), secret)
	}
	require.Contains(t, series, "agentfactory_turns_total")
}

// parentsOf counts the parents of the spans of a name by their names.
func parentsOf(c *telemetrytest.Collector, name string) map[string]int {
	names := map[string]string{}
	for _, s := range c.Spans() {
		names[s.ID()] = s.Name
	}
	found := map[string]int{}
	for _, s := range c.Named(name) {
		found[names[s.Parent()]]++
	}
	return found
}

// What the dashboard and the rules ask the Temporal SDK for is exported by a worker that has carried out a run, failed at a
// workflow task and been refused a request; and a gate is part of the trace of the run that asked for it.
func TestAWorkerExportsWhatTheDashboardAsksFor(t *testing.T) {
	collector := telemetrytest.Collect(t)
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.URL)
	s := newStack(t, translators)
	w := s.observedWorker()
	s.solve(workflows.InstallInput{Task: "translate drei"})
	s.solve(workflows.InstallInput{Task: "translate tre"})
	unknown, err := s.temporal.ExecuteWorkflow(t.Context(), startOptions, "NoSuchWorkflow")
	require.NoError(t, err)
	_, err = w.temporal.QueryWorkflow(t.Context(), "no-such-run", "", workflows.StatusQuery)
	require.Error(t, err)
	require.Eventually(t, func() bool {
		_, failed := telemetrytest.Scrape(t, w.Handler())["temporal_workflow_task_execution_failed_total"]
		return failed
	}, testPatience, 100*time.Millisecond)
	require.NoError(t, s.temporal.TerminateWorkflow(t.Context(), unknown.GetID(), "", "the test is over"))

	series := telemetrytest.Scrape(t, w.Handler())
	for _, name := range []string{"agentfactory_gate_verdicts_total", "agentfactory_promotions_total", "agentfactory_decisions_total", "agentfactory_library_skills"} {
		require.Contains(t, series, name)
	}
	for _, q := range telemetrytest.Queries(t) {
		if strings.Contains(q.Expr, "temporal_") {
			series.Check(t, q)
		}
	}
	w.stop()
	gate := collector.One(t, "invoke_workflow Gate")
	require.Equal(t, map[string]int{"invoke_workflow Solve": 1}, parentsOf(collector, gate.Name))
	require.Equal(t, "passed", collector.One(t, "CloseGate").Attribute("agentfactory.verdict").GetStringValue())
}
