package runtrace

import (
	"context"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"
	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/workflow"

	"agentfactory/internal/telemetry"
)

// workflowInbound makes the span of one run of a workflow.
type workflowInbound struct {
	interceptor.WorkflowInboundInterceptorBase
	*traced
	span trace.Span
	came *commonpb.Payload // the caller's span; nil for none
}

// Init implements interceptor.WorkflowInboundInterceptor.
func (w *workflowInbound) Init(next interceptor.WorkflowOutboundInterceptor) error {
	out := &workflowOutbound{in: w}
	out.Next = next
	return w.Next.Init(out)
}

// ExecuteWorkflow starts the span, which has no effect, and ends it with the workflow; a replay of what has ended, as for a
// query, does not.
func (w *workflowInbound) ExecuteWorkflow(ctx workflow.Context, in *interceptor.ExecuteWorkflowInput) (any, error) {
	w.came = interceptor.WorkflowHeader(ctx)[headerKey]
	w.span = w.start(workflow.GetInfo(ctx), interceptor.WorkflowHeader(ctx))
	result, err := w.Next.ExecuteWorkflow(ctx, in)
	if !workflow.IsReplaying(ctx) {
		w.end(ctx, result, err)
	}
	return result, err
}

func (w *workflowInbound) start(info *workflow.Info, header map[string]*commonpb.Payload) trace.Span {
	name := telemetry.Name{
		Trace: info.Namespace + "/" + info.FirstRunID, // the same for all that continue the run
		Span:  info.Namespace + "/" + info.WorkflowExecution.RunID,
	}
	_, span := w.tracer.Start(telemetry.Named(read(context.Background(), header), name), "invoke_workflow "+info.WorkflowType.Name,
		trace.WithTimestamp(info.WorkflowStartTime), trace.WithAttributes(
			attribute.String("gen_ai.operation.name", "invoke_workflow"), attribute.String("gen_ai.workflow.name", info.WorkflowType.Name),
			conversation(info.WorkflowExecution.ID), attribute.String("temporal.run_id", info.WorkflowExecution.RunID)))
	return span
}

func (w *workflowInbound) end(ctx workflow.Context, result any, err error) {
	if err == nil {
		w.span.SetAttributes(w.observer.WorkflowResult(result)...)
	}
	fail(w.span, errorType(err))
	w.span.End(trace.WithTimestamp(workflow.Now(ctx)))
}

// workflowOutbound tells activities and child workflows which span is their parent.
type workflowOutbound struct {
	interceptor.WorkflowOutboundInterceptorBase
	in *workflowInbound
}

// ExecuteActivity implements interceptor.WorkflowOutboundInterceptor.
func (w *workflowOutbound) ExecuteActivity(ctx workflow.Context, activityType string, args ...any) workflow.Future {
	write(interceptor.WorkflowHeader(ctx), w.in.span.SpanContext())
	return w.Next.ExecuteActivity(ctx, activityType, args...)
}

// ExecuteChildWorkflow implements interceptor.WorkflowOutboundInterceptor.
func (w *workflowOutbound) ExecuteChildWorkflow(ctx workflow.Context, childType string, args ...any) workflow.ChildWorkflowFuture {
	write(interceptor.WorkflowHeader(ctx), w.in.span.SpanContext())
	return w.Next.ExecuteChildWorkflow(ctx, childType, args...)
}

// NewContinueAsNewError hands the caller's span on, so that the parts of a run lie side by side.
func (w *workflowOutbound) NewContinueAsNewError(ctx workflow.Context, wfn any, args ...any) error {
	if w.in.came != nil {
		interceptor.WorkflowHeader(ctx)[headerKey] = w.in.came
	}
	return w.Next.NewContinueAsNewError(ctx, wfn, args...)
}
