// Package runtrace makes one trace of each run: a span `invoke_workflow {type}` for the workflow, below it one for every
// attempt at an activity, and one `invoke_workflow` for every child workflow. It may import internal/telemetry and the
// Temporal SDK, and knows nothing of what the activities do.
//
// Workflow code is replayed, in other processes too, and a span must not be sent by each of them. The span of a workflow
// therefore has IDs that are made from its run ID (see telemetry.Named): every replay starts the same span, the activities
// name it as their parent, and only whoever carries the workflow beyond its last event ends it, which is what sends it. The
// SDK's own OpenTelemetry interceptor draws random IDs with every replay and sends each of these spans.
//
// A caller that traces has its span become the parent, by the header that all Temporal SDKs use.
package runtrace

import (
	"context"
	"errors"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/contrib/opentelemetry"
	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"agentfactory/internal/telemetry"
)

// Observer hears of what was done, and may add to its span.
type Observer interface {
	// ActivityDone is told of every attempt at an activity. errorType is the stable type of its error; "" for none.
	ActivityDone(ctx context.Context, info activity.Info, args []any, result any, errorType string)
	// WorkflowResult returns what is known of a workflow that ended, for its span.
	WorkflowResult(result any) []attribute.KeyValue
	// Role says for whom the model calls of an activity are made.
	Role(activityType string) telemetry.Role
}

// New is the interceptor for worker.Options.
func New(t *telemetry.Telemetry, o Observer) interceptor.WorkerInterceptor {
	return &traced{tracer: t.Tracer(), observer: o}
}

// Metrics is the MetricsHandler for client.Options: what the Temporal SDK counts, served beside our own.
func Metrics(t *telemetry.Telemetry) client.MetricsHandler {
	return opentelemetry.NewMetricsHandler(opentelemetry.MetricsHandlerOptions{
		Meter: t.Meter("temporal-sdk-go"), UseMonotonicCounters: true,
		OnError: func(error) {}, // the handler counts nothing then; a worker must not end for it
	})
}

type traced struct {
	interceptor.WorkerInterceptorBase
	tracer   trace.Tracer
	observer Observer
}

// InterceptActivity implements interceptor.WorkerInterceptor.
func (t *traced) InterceptActivity(_ context.Context, next interceptor.ActivityInboundInterceptor) interceptor.ActivityInboundInterceptor {
	a := &activityInbound{traced: t}
	a.Next = next
	return a
}

// InterceptWorkflow implements interceptor.WorkerInterceptor.
func (t *traced) InterceptWorkflow(_ workflow.Context, next interceptor.WorkflowInboundInterceptor) interceptor.WorkflowInboundInterceptor {
	w := &workflowInbound{traced: t}
	w.Next = next
	return w
}

type activityInbound struct {
	interceptor.ActivityInboundInterceptorBase
	*traced
}

// ExecuteActivity makes the span of one attempt.
func (a *activityInbound) ExecuteActivity(ctx context.Context, in *interceptor.ExecuteActivityInput) (any, error) {
	info := activity.GetInfo(ctx)
	ctx = telemetry.WithScope(read(ctx, interceptor.Header(ctx)), telemetry.Scope{
		Conversation: info.WorkflowExecution.ID, Role: a.observer.Role(info.ActivityType.Name),
	})
	ctx, span := a.tracer.Start(ctx, info.ActivityType.Name, trace.WithAttributes(
		conversation(info.WorkflowExecution.ID), attribute.String("temporal.run_id", info.WorkflowExecution.RunID),
		attribute.String("temporal.activity_id", info.ActivityID), attribute.Int("temporal.attempt", int(info.Attempt))))
	defer span.End()
	result, err := a.Next.ExecuteActivity(ctx, in)
	kind := errorType(err)
	fail(span, kind)
	a.observer.ActivityDone(ctx, info, in.Args, result, kind)
	return result, err
}

func conversation(workflowID string) attribute.KeyValue {
	return attribute.String("gen_ai.conversation.id", workflowID)
}

// fail marks a span by the type of the error alone: its text may quote what a model said.
func fail(span trace.Span, errorType string) {
	if errorType != "" {
		span.SetAttributes(attribute.String("error.type", errorType))
		span.SetStatus(codes.Error, errorType)
	}
}

// errorType is the stable type of an error; "" for none.
func errorType(err error) string {
	var app *temporal.ApplicationError
	switch {
	case err == nil:
		return ""
	case workflow.IsContinueAsNewError(err):
		return ""
	case temporal.IsCanceledError(err), errors.Is(err, context.Canceled):
		return "cancelled"
	case temporal.IsTimeoutError(err), errors.Is(err, context.DeadlineExceeded):
		return "timeout"
	case errors.As(err, &app) && app.Type() != "":
		return app.Type()
	}
	return "error"
}
