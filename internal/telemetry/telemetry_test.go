package telemetry_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"agentfactory/internal/llm"
	"agentfactory/internal/pyruntime"
	"agentfactory/internal/telemetry"
	"agentfactory/internal/telemetry/telemetrytest"
)

var reply = llm.Response{
	Message: llm.Message{Role: "assistant", Content: "the answer is a secret"}, FinishReason: "stop", Model: "gpt-5-mini-2026", ID: "chat-1",
	Usage:      llm.Usage{InputTokens: 100, CachedInputTokens: 40, OutputTokens: 20, ReasoningTokens: 5, CostUSD: 0.25},
	FirstToken: time.Second,
}

// traced is telemetry with a collector.
func traced(t *testing.T) (*telemetry.Telemetry, *telemetrytest.Collector) {
	t.Helper()
	collector := telemetrytest.Collect(t)
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.URL)
	to, err := telemetry.Open(t.Context(), telemetry.Options{Version: "1.2.3"})
	require.NoError(t, err)
	require.True(t, to.Tracing())
	return to, collector
}

func TestAModelCallIsASpanWithItsTokensAndNoTexts(t *testing.T) {
	to, collector := traced(t)
	ctx := telemetry.WithScope(t.Context(), telemetry.Scope{Conversation: "install-1", Role: telemetry.MetaAgent})
	_, ended := to.ModelCall(ctx, telemetry.Chat, "gpt-5-mini")
	ended(reply, nil)
	_, ended = to.ModelCall(ctx, telemetry.Chat, "gpt-5-mini")
	ended(llm.Response{}, &llm.Error{Kind: llm.KindRateLimited, Message: "the answer is a secret"})
	require.NoError(t, to.Close(t.Context()))

	spans := collector.Named("chat gpt-5-mini")
	require.Len(t, spans, 2)
	told, failed := spans[0], spans[1]
	require.Equal(t, "install-1", told.Attribute("gen_ai.conversation.id").GetStringValue())
	require.Equal(t, "chat", told.Attribute("gen_ai.operation.name").GetStringValue())
	require.Equal(t, "gpt-5-mini-2026", told.Attribute("gen_ai.response.model").GetStringValue())
	require.Equal(t, "stop", told.Attribute("gen_ai.response.finish_reasons").GetArrayValue().Values[0].GetStringValue())
	require.Equal(t, int64(100), told.Attribute("gen_ai.usage.input_tokens").GetIntValue())
	require.Equal(t, int64(40), told.Attribute("gen_ai.usage.cache_read.input_tokens").GetIntValue())
	require.Equal(t, int64(5), told.Attribute("gen_ai.usage.reasoning.output_tokens").GetIntValue())
	require.InDelta(t, 0.25, told.Attribute("agentfactory.cost_usd").GetDoubleValue(), 1e-9)
	require.Equal(t, "rate_limited", failed.Attribute("error.type").GetStringValue())
	require.NotContains(t, collector.Wire(), "secret")
	require.Contains(t, collector.Wire(), "1.2.3", "the version is told")
}

func TestCallsFromTheSandboxLieBelowTheirSubagent(t *testing.T) {
	to, collector := traced(t)
	ctx := telemetry.WithScope(t.Context(), telemetry.Scope{Conversation: "c", Role: telemetry.MetaAgent})
	ctx, ended := to.Agent(ctx, "word-count")
	h := telemetry.Below(ctx, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, replied := to.ModelCall(r.Context(), telemetry.Chat, "m")
		replied(reply, nil)
		_, found := to.Tool(r.Context(), "web_search")
		found(errors.New("no"))
	}))
	h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodPost, "/", nil))
	ended(pyruntime.Result{Failure: &pyruntime.Failure{Kind: pyruntime.Memory, Message: "secret"}}, nil)
	require.NoError(t, to.Close(t.Context()))

	agent := collector.One(t, "invoke_agent word-count")
	chat, tool := collector.One(t, "chat m"), collector.One(t, "execute_tool web_search")
	require.Equal(t, agent.ID(), chat.Parent())
	require.Equal(t, agent.ID(), tool.Parent())
	require.Equal(t, "subagent", chat.Attribute("agentfactory.role").GetStringValue())
	require.Equal(t, "memory", agent.Attribute("error.type").GetStringValue())
	require.NotContains(t, collector.Wire(), "secret")
}

// observeAll does once what each of our metrics counts.
func observeAll(ctx context.Context, to *telemetry.Telemetry) {
	_, replied := to.ModelCall(ctx, telemetry.Chat, "m")
	replied(reply, nil)
	_, ran := to.Agent(ctx, "s")
	ran(pyruntime.Result{Failure: &pyruntime.Failure{Kind: pyruntime.Timeout}}, nil)
	_, found := to.Tool(ctx, "web_search")
	found(nil)
	to.Turn()
	to.GateEnded("passed")
	to.Promoted(true, telemetry.LibraryKind(""))
	to.Kept(telemetry.LibraryKind("forked"))
	to.RunEnded("Install", "completed")
	to.Decided("reused", "live")
	to.Failed("Think", "ModelUnavailable")
	to.Waits("model")
	to.S3Request("GET", "blobs", http.StatusOK, time.Millisecond)
	to.WatchLibrary(func(context.Context) (map[string]int, error) { return map[string]int{"mature": 2}, nil })
}

func TestTheDashboardAndTheRulesAskForMetricsThatAreExported(t *testing.T) {
	to := telemetry.New()
	observeAll(t.Context(), to)
	series := telemetrytest.Scrape(t, to.Handler())
	checked := 0
	for _, q := range telemetrytest.Queries(t) {
		if !strings.Contains(q.Expr, "temporal_") { // those need a worker
			series.Check(t, q)
			checked++
		}
	}
	require.Greater(t, checked, 30)
}

func TestTheSizeOfTheLibraryIsReadOnceAMinuteAndOutlivesS3(t *testing.T) {
	to := telemetry.New()
	reads := 0
	to.WatchLibrary(func(context.Context) (map[string]int, error) {
		reads++
		return map[string]int{"mature": 3}, nil
	})
	for range 3 {
		require.Contains(t, scrape(to), `agentfactory_library_skills{trust="mature"} 3`)
	}
	require.Equal(t, 1, reads)

	away := telemetry.New()
	away.WatchLibrary(func(context.Context) (map[string]int, error) { return nil, errors.New("S3 is away") })
	require.Contains(t, scrape(away), "agentfactory_turns_total 0", "the other metrics are served")
}

func scrape(to *telemetry.Telemetry) string {
	w := httptest.NewRecorder()
	to.Handler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	return w.Body.String()
}

func TestWithoutACollectorNothingIsSentAndAWrongProtocolIsAnError(t *testing.T) {
	for name, env := range map[string]map[string]string{
		"nothing is set":   {},
		"traces are off":   {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1", "OTEL_TRACES_EXPORTER": "none"},
		"telemetry is off": {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1", "OTEL_SDK_DISABLED": "true"},
	} {
		t.Run(name, func(t *testing.T) {
			for k, v := range env {
				t.Setenv(k, v)
			}
			to, err := telemetry.Open(t.Context(), telemetry.Options{})
			require.NoError(t, err)
			require.False(t, to.Tracing())
			require.NoError(t, to.Close(t.Context()))
		})
	}
	t.Setenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://127.0.0.1:1/v1/traces")
	t.Setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "carrier-pigeon")
	_, err := telemetry.Open(t.Context(), telemetry.Options{})
	require.ErrorContains(t, err, "carrier-pigeon")
	require.ErrorContains(t, err, "http/protobuf")
}

func TestWhatTheExporterWouldPassOverIsAnError(t *testing.T) {
	for says, variables := range map[string][2]string{
		"OTEL_EXPORTER_OTLP_ENDPOINT is no URL":           {"OTEL_EXPORTER_OTLP_ENDPOINT", "me:secret@collector:4318"},
		"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT is no URL":    {"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "localhost:4317"},
		"OTEL_EXPORTER_OTLP_CERTIFICATE: open /none-such": {"OTEL_EXPORTER_OTLP_CERTIFICATE", "/none-such"},
	} {
		t.Run(variables[0], func(t *testing.T) {
			t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1")
			t.Setenv(variables[0], variables[1])
			_, err := telemetry.Open(t.Context(), telemetry.Options{})
			require.ErrorContains(t, err, says)
			require.NotContains(t, err.Error(), "secret")
		})
	}
}

func TestACollectorThatIsAwayOrHangsCostsSpansAndNothingElse(t *testing.T) {
	hang := make(chan struct{})
	hanging := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-hang }))
	t.Cleanup(hanging.Close)
	t.Cleanup(func() { close(hang) })
	for name, url := range map[string]string{"away": "http://127.0.0.1:1", "hangs": hanging.URL} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", url)
			to, err := telemetry.Open(t.Context(), telemetry.Options{})
			require.NoError(t, err)
			_, ended := to.ModelCall(t.Context(), telemetry.Chat, "m")
			ended(reply, nil)
			ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
			defer cancel()
			began := time.Now()
			err = to.Close(ctx)
			require.Less(t, time.Since(began), 10*time.Second, "what an exporter waits by itself")
			if name == "hangs" {
				require.ErrorContains(t, err, "send the last spans")
			}
		})
	}
}

func TestNamedSpansHaveTheSameIDsInEveryProcess(t *testing.T) {
	to, collector := traced(t)
	for range 2 {
		ctx := telemetry.Named(t.Context(), telemetry.Name{Trace: "default/first", Span: "default/run"})
		_, span := to.Tracer().Start(ctx, "replayed")
		require.Equal(t, "f249", span.SpanContext().TraceID().String()[:4])
		span.End()
		_, other := to.Tracer().Start(t.Context(), "other")
		other.End()
	}
	require.NoError(t, to.Close(t.Context()))
	named, others := collector.Named("replayed"), collector.Named("other")
	require.Equal(t, named[0].ID(), named[1].ID())
	require.Equal(t, named[0].Trace(), named[1].Trace())
	require.NotEqual(t, others[0].ID(), others[1].ID())
}

// BenchmarkModelCall is what observing a model call costs when nobody collects spans.
func BenchmarkModelCall(b *testing.B) {
	to := telemetry.New()
	for b.Loop() {
		_, ended := to.ModelCall(b.Context(), telemetry.Chat, "m")
		ended(reply, nil)
	}
}
