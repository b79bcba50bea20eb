package service

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"
)

// eventLog writes one line for a run that begins or ends and for an activity that is done, to the logger of the connection,
// which adds the workflow, its run and the activity. Failed activities have a line from the SDK. No line holds what runs are
// about: no task, no answer, no text of a model.
type eventLog struct {
	interceptor.WorkerInterceptorBase
}

// InterceptActivity is called for every activity that is carried out.
func (*eventLog) InterceptActivity(_ context.Context, next interceptor.ActivityInboundInterceptor) interceptor.ActivityInboundInterceptor {
	return &loggedActivity{interceptor.ActivityInboundInterceptorBase{Next: next}}
}

// InterceptWorkflow is called for every run that is begun or replayed.
func (*eventLog) InterceptWorkflow(_ workflow.Context, next interceptor.WorkflowInboundInterceptor) interceptor.WorkflowInboundInterceptor {
	return &loggedWorkflow{interceptor.WorkflowInboundInterceptorBase{Next: next}}
}

type loggedActivity struct {
	interceptor.ActivityInboundInterceptorBase
}

// telling is a result of an activity that has more to say in the log: names and numbers.
type telling interface{ LogAttrs() []slog.Attr }

func (a *loggedActivity) ExecuteActivity(ctx context.Context, in *interceptor.ExecuteActivityInput) (any, error) {
	began := time.Now()
	out, err := a.Next.ExecuteActivity(ctx, in)
	if err != nil {
		return out, err
	}
	pairs := []any{"seconds", time.Since(began).Seconds()}
	if t, ok := out.(telling); ok {
		for _, a := range t.LogAttrs() {
			pairs = append(pairs, a.Key, a.Value.Any())
		}
	}
	activity.GetLogger(ctx).Info("activity done", pairs...)
	return out, nil
}

type loggedWorkflow struct {
	interceptor.WorkflowInboundInterceptorBase
}

// ExecuteWorkflow logs nothing during replay; the logger sees to that.
func (w *loggedWorkflow) ExecuteWorkflow(ctx workflow.Context, in *interceptor.ExecuteWorkflowInput) (any, error) {
	workflow.GetLogger(ctx).Info("workflow begun")
	out, err := w.Next.ExecuteWorkflow(ctx, in)
	switch {
	case workflow.IsContinueAsNewError(err):
		workflow.GetLogger(ctx).Info("workflow continues as new")
	case err != nil:
		workflow.GetLogger(ctx).Warn("workflow failed", "error_type", errorType(err))
	default:
		workflow.GetLogger(ctx).Info("workflow done")
	}
	return out, err
}

// errorType is the stable name of a failure; its text can hold words of a model.
func errorType(err error) string {
	var app *temporal.ApplicationError
	if errors.As(err, &app) {
		return app.Type()
	}
	return fmt.Sprintf("%T", err)
}
