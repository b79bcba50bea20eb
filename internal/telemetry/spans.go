package telemetry

import (
	"context"
	"errors"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	"agentfactory/internal/llm"
	"agentfactory/internal/pyruntime"
)

// Outcomes beside the kinds of errors.
const (
	outcomeOK        = "ok"
	outcomeError     = "error" // of no kind
	outcomeCancelled = "cancelled"
)

// Operation is what a model is asked for, as gen_ai.operation.name says it.
type Operation string

// The operations. The semantic conventions have no name for writing down audio.
const (
	Chat          Operation = "chat"
	Embeddings    Operation = "embeddings"
	Transcription Operation = "transcription"
)

// ModelCall observes a model call: span `chat {model}`, tokens, cost and duration. ended takes what came of it.
func (t *Telemetry) ModelCall(ctx context.Context, o Operation, model string) (_ context.Context, ended func(llm.Response, error)) {
	started, role := time.Now(), scopeOf(ctx).Role
	if o == Embeddings {
		role = Library
	}
	ctx, span := t.start(ctx, string(o)+" "+model, trace.SpanKindClient,
		attribute.String("gen_ai.operation.name", string(o)), attribute.String("gen_ai.provider.name", "openai"), // the protocol that is spoken
		attribute.String("gen_ai.request.model", model), attribute.String("agentfactory.role", string(role)))
	return ctx, func(r llm.Response, err error) {
		defer span.End()
		t.metrics.calls.WithLabelValues(model, string(role), kindOf(err)).Observe(time.Since(started).Seconds())
		if err != nil {
			fail(span, kindOf(err))
			return
		}
		span.SetAttributes(replyAttributes(r)...)
		t.countReply(role, model, r)
	}
}

func replyAttributes(r llm.Response) []attribute.KeyValue {
	u := r.Usage
	about := []attribute.KeyValue{
		attribute.Int64("gen_ai.usage.input_tokens", u.InputTokens), attribute.Int64("gen_ai.usage.output_tokens", u.OutputTokens),
		attribute.Int64("gen_ai.usage.cache_read.input_tokens", u.CachedInputTokens), attribute.Int64("gen_ai.usage.reasoning.output_tokens", u.ReasoningTokens),
		attribute.Float64("agentfactory.cost_usd", u.CostUSD), attribute.Bool("agentfactory.usage_estimated", u.Estimated),
	}
	if r.FinishReason == "" { // only chats have one, and an ID
		return about
	}
	return append(about, attribute.String("gen_ai.response.model", r.Model), attribute.String("gen_ai.response.id", r.ID),
		attribute.StringSlice("gen_ai.response.finish_reasons", []string{r.FinishReason}))
}

func (t *Telemetry) countReply(role Role, model string, r llm.Response) {
	u := r.Usage
	for kind, n := range map[string]int64{"input": u.InputTokens, "cached_input": u.CachedInputTokens, "output": u.OutputTokens, "reasoning": u.ReasoningTokens} {
		t.metrics.tokens.WithLabelValues(model, string(role), kind).Add(float64(n))
	}
	t.metrics.cost.WithLabelValues(model, string(role)).Add(u.CostUSD)
	if r.FirstToken > 0 {
		t.metrics.firstToken.WithLabelValues(model).Observe(r.FirstToken.Seconds())
	}
}

// Tool observes a call of a tool skill by a subagent: span `execute_tool {tool}`.
func (t *Telemetry) Tool(ctx context.Context, tool string) (_ context.Context, ended func(error)) {
	started := time.Now()
	ctx, span := t.start(ctx, "execute_tool "+tool, trace.SpanKindInternal, toolAttributes(tool)...)
	return ctx, func(err error) {
		defer span.End()
		t.metrics.tools.WithLabelValues(tool, kindOf(err)).Observe(time.Since(started).Seconds())
		if err != nil {
			fail(span, kindOf(err))
		}
	}
}

// NameCall makes the current span that of a meta skill call: `execute_tool {tool}`.
func NameCall(ctx context.Context, tool, callID string) {
	span := trace.SpanFromContext(ctx)
	span.SetName("execute_tool " + tool)
	span.SetAttributes(append(toolAttributes(tool), attribute.String("gen_ai.tool.call.id", callID))...)
}

func toolAttributes(tool string) []attribute.KeyValue {
	return []attribute.KeyValue{
		attribute.String("gen_ai.operation.name", "execute_tool"), attribute.String("gen_ai.tool.name", tool), attribute.String("gen_ai.tool.type", "function"),
	}
}

// Agent observes a run of a subagent in the sandbox: span `invoke_agent {skill}`. Model calls below ctx are the subagent's.
func (t *Telemetry) Agent(ctx context.Context, skill string) (_ context.Context, ended func(pyruntime.Result, error)) {
	scope := scopeOf(ctx)
	scope.Role = Subagent
	ctx, span := t.start(WithScope(ctx, scope), "invoke_agent "+skill, trace.SpanKindInternal,
		attribute.String("gen_ai.operation.name", "invoke_agent"), attribute.String("gen_ai.agent.name", skill))
	return ctx, func(r pyruntime.Result, err error) {
		defer span.End()
		outcome := t.ranSubagent(r, err)
		span.SetAttributes(attribute.String("agentfactory.outcome", outcome), attribute.Int64("agentfactory.peak_memory_bytes", r.PeakMemory))
		if outcome != outcomeOK {
			fail(span, outcome)
		}
	}
}

// ranSubagent counts a run and returns its outcome.
func (t *Telemetry) ranSubagent(r pyruntime.Result, err error) string {
	outcome := kindOf(err)
	if err == nil && r.Failure != nil {
		outcome = string(r.Failure.Kind)
		if killed(r.Failure.Kind) {
			t.metrics.kills.WithLabelValues(outcome).Inc()
		}
	}
	t.metrics.subagentRuns.WithLabelValues(outcome).Inc()
	return outcome
}

func killed(k pyruntime.Kind) bool {
	switch k {
	case pyruntime.Timeout, pyruntime.Memory, pyruntime.CPU, pyruntime.Disk, pyruntime.Output, pyruntime.Killed:
		return true
	}
	return false
}

func (t *Telemetry) start(ctx context.Context, name string, kind trace.SpanKind, about ...attribute.KeyValue) (context.Context, trace.Span) {
	if c := scopeOf(ctx).Conversation; c != "" {
		about = append(about, attribute.String("gen_ai.conversation.id", c))
	}
	return t.tracer.Start(ctx, name, trace.WithSpanKind(kind), trace.WithAttributes(about...))
}

// fail marks a span by the kind of error alone: an error's text may quote what a model said.
func fail(span trace.Span, kind string) {
	span.SetAttributes(attribute.String("error.type", kind))
	span.SetStatus(codes.Error, kind)
}

// kindOf is the outcome that an error stands for.
func kindOf(err error) string {
	var model *llm.Error
	switch {
	case err == nil:
		return outcomeOK
	case errors.As(err, &model):
		return string(model.Kind)
	case errors.Is(err, context.Canceled):
		return outcomeCancelled
	}
	return outcomeError
}
