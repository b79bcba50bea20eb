package service

import (
	"context"
	"fmt"
	"maps"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"
	"go.temporal.io/sdk/activity"

	"agentfactory/activities"
	"agentfactory/internal/gateway"
	"agentfactory/internal/llm"
	"agentfactory/internal/run"
	"agentfactory/internal/telemetry"
	"agentfactory/skillstore"
)

// observer counts what activities have done, told by their results: each is there once, however often the workflow that
// receives it is replayed.
type observer struct{ to *telemetry.Telemetry }

// ActivityDone implements runtrace.Observer.
func (o observer) ActivityDone(ctx context.Context, info activity.Info, args []any, result any, errorType string) {
	if errorType != "" {
		o.failed(info, errorType)
		return
	}
	switch done := result.(type) {
	case activities.ThinkResult:
		o.thought(ctx, done)
	case activities.CallResult:
		o.carriedOut(ctx, done)
	case activities.GateVerdict:
		o.to.GateEnded(string(done.Verdict))
		trace.SpanFromContext(ctx).SetAttributes(attribute.String("agentfactory.verdict", string(done.Verdict)))
	case activities.SaveResult:
		o.saved(args, done)
	case run.Result:
		o.ended(info, done)
	}
}

func (o observer) thought(ctx context.Context, turn activities.ThinkResult) {
	trace.SpanFromContext(ctx).SetAttributes(attribute.Bool("agentfactory.replayed", turn.Replayed))
	if !turn.Replayed { // else an earlier attempt was counted
		o.to.Turn()
	}
}

func (o observer) carriedOut(ctx context.Context, call activities.CallResult) {
	trace.SpanFromContext(ctx).SetAttributes(append(spent(call.Usage), attribute.Bool("agentfactory.ok", call.OK))...)
}

func (o observer) saved(args []any, s activities.SaveResult) {
	in, ok := args[0].(activities.SaveInput)
	if !ok || s.Moved {
		return // nothing was saved
	}
	if s.Promoted {
		o.to.Promoted(s.Parent == 0, telemetry.LibraryKind(in.Library))
	} else {
		o.to.Kept(telemetry.LibraryKind(in.Library))
	}
}

func (o observer) ended(info activity.Info, res run.Result) {
	o.to.RunEnded(info.WorkflowType.Name, string(res.Outcome))
	if res.Decision != nil {
		o.to.Decided(string(res.Decision.Choice), telemetry.LibraryKind(res.Library))
	}
}

// awaited are the services for which runs wait, by the type of the error.
var awaited = map[string]string{
	activities.ModelUnavailable: "model", activities.ModelNotConfigured: "model", activities.ModelAuth: "model",
	activities.StorageUnavailable: "storage", activities.SandboxUnavailable: "sandbox",
}

// failed counts an attempt. A run waits when the last one has failed, or the first where trying again is of no use.
func (o observer) failed(info activity.Info, errorType string) {
	o.to.Failed(info.ActivityType.Name, errorType)
	service, waits := awaited[errorType]
	final := errorType == activities.ModelNotConfigured || errorType == activities.ModelAuth
	last := info.RetryPolicy != nil && info.RetryPolicy.MaximumAttempts > 0 && info.Attempt >= info.RetryPolicy.MaximumAttempts
	if waits && (final || last) {
		o.to.Waits(service)
	}
}

// WorkflowResult implements runtrace.Observer.
func (observer) WorkflowResult(result any) []attribute.KeyValue {
	res, ok := result.(run.Result)
	if !ok {
		return nil
	}
	about := append(spent(res.Usage), attribute.String("agentfactory.outcome", string(res.Outcome)), attribute.Int("agentfactory.turns", res.Turns),
		attribute.String("gen_ai.request.model", res.Model), attribute.Int64("gen_ai.usage.input_tokens", res.Usage.OrchestrationInputTokens),
		attribute.Int64("gen_ai.usage.output_tokens", res.Usage.OrchestrationOutputTokens))
	if res.Decision != nil {
		about = append(about, attribute.String("agentfactory.decision", string(res.Decision.Choice)))
	}
	return about
}

func spent(u run.Usage) []attribute.KeyValue {
	return []attribute.KeyValue{
		attribute.Float64("agentfactory.cost_usd", u.CostUSD), attribute.Int64("agentfactory.subagent.output_tokens", u.SubagentOutputTokens),
		attribute.Int("agentfactory.subagent.runs", u.SubagentRuns),
	}
}

// Role implements runtrace.Observer. The model calls of subagents are told apart below their span.
func (observer) Role(activityType string) telemetry.Role {
	if activityType == "Think" {
		return telemetry.MetaAgent
	}
	return telemetry.Check
}

// observedCompleter is a model client whose calls are spans and counted.
type observedCompleter struct {
	activities.Completer
	to *telemetry.Telemetry
}

// Complete implements activities.Completer.
func (c observedCompleter) Complete(ctx context.Context, req llm.Request, progress func(llm.Progress)) (llm.Response, error) {
	ctx, ended := c.to.ModelCall(ctx, telemetry.Chat, req.Model)
	res, err := c.Completer.Complete(ctx, req, progress)
	ended(res, err)
	return res, err
}

// Transcribe implements activities.Completer.
func (c observedCompleter) Transcribe(ctx context.Context, model string, audio llm.Audio) (llm.Transcription, error) {
	ctx, ended := c.to.ModelCall(ctx, telemetry.Transcription, model)
	heard, err := c.Completer.Transcribe(ctx, model, audio)
	ended(llm.Response{Usage: heard.Usage}, err)
	return heard, err
}

// observedTools are tools whose calls are spans and counted.
func observedTools(tools map[string]gateway.Tool, to *telemetry.Telemetry) map[string]gateway.Tool {
	made := map[string]gateway.Tool{}
	for name, tool := range maps.All(tools) {
		observed := observedTool{tool, to}
		made[name] = observed
		if each, ok := tool.(gateway.PerRun); ok {
			made[name] = observedPerRun{observed, each}
		}
	}
	return made
}

type observedTool struct {
	gateway.Tool
	to *telemetry.Telemetry
}

// Call implements gateway.Tool.
func (o observedTool) Call(ctx context.Context, r gateway.ToolRequest) (gateway.ToolReply, error) {
	ctx, ended := o.to.Tool(ctx, r.Tool)
	reply, err := o.Tool.Call(ctx, r)
	ended(err)
	return reply, err
}

// observedPerRun is for tools that serve each run by an instance of its own.
type observedPerRun struct {
	observedTool
	each gateway.PerRun
}

// ForRun implements gateway.PerRun.
func (o observedPerRun) ForRun(r gateway.Run) (gateway.Tool, func()) {
	instance, closeIt := o.each.ForRun(r)
	return observedTool{instance, o.to}, closeIt
}

// librarySize counts the current skills by trust.
func librarySize(skills skillstore.Store) telemetry.LibrarySize {
	return func(ctx context.Context) (map[string]int, error) {
		heads, err := skills.Recent(ctx, 0)
		if err != nil {
			return nil, fmt.Errorf("read the library: %w", err)
		}
		size := map[string]int{}
		for _, h := range heads {
			size[string(h.Trust)]++
		}
		return size, nil
	}
}
