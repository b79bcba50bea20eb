package runtrace_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"agentfactory/internal/telemetry"
	"agentfactory/internal/telemetry/runtrace"
	"agentfactory/internal/telemetry/telemetrytest"
)

// silent hears, and says nothing.
type silent struct{}

func (silent) ActivityDone(context.Context, activity.Info, []any, any, string) {}
func (silent) WorkflowResult(any) []attribute.KeyValue                         { return nil }
func (silent) Role(string) telemetry.Role                                      { return telemetry.Check }

func look(context.Context) error { return nil }

func refuse(context.Context) error {
	return temporal.NewNonRetryableApplicationError("the model said: a secret", "ModelRefused", nil)
}

var brief = workflow.ActivityOptions{StartToCloseTimeout: time.Minute}

func looks(ctx workflow.Context) error {
	return workflow.ExecuteActivity(workflow.WithActivityOptions(ctx, brief), look).Get(ctx, nil)
}

func fails(ctx workflow.Context) error {
	return workflow.ExecuteActivity(workflow.WithActivityOptions(ctx, brief), refuse).Get(ctx, nil)
}

func goesOn(ctx workflow.Context) error { return workflow.NewContinueAsNewError(ctx, goesOn) }

// inTrace carries a workflow out, with spans, and returns what it ended with.
func inTrace(t *testing.T, w any, header *commonpb.Header) (*telemetrytest.Collector, error) {
	t.Helper()
	collector := telemetrytest.Collect(t)
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.URL)
	to, err := telemetry.Open(t.Context(), telemetry.Options{})
	require.NoError(t, err)
	var suite testsuite.WorkflowTestSuite
	suite.SetHeader(header)
	env := suite.NewTestWorkflowEnvironment()
	env.SetWorkerOptions(worker.Options{Interceptors: []interceptor.WorkerInterceptor{runtrace.New(to, silent{})}})
	env.RegisterWorkflow(w)
	env.RegisterActivity(look)
	env.RegisterActivity(refuse)
	env.ExecuteWorkflow(w)
	require.NoError(t, to.Close(t.Context()))
	return collector, env.GetWorkflowError()
}

// caller is the header of somebody who traces.
func caller(t *testing.T, content any) *commonpb.Header {
	payload, err := converter.GetDefaultDataConverter().ToPayload(content)
	require.NoError(t, err)
	return &commonpb.Header{Fields: map[string]*commonpb.Payload{"_tracer-data": payload}}
}

var traceparent = map[string]string{"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}

func TestActivitiesLieBelowTheirWorkflowAndThatBelowItsCaller(t *testing.T) {
	collector, err := inTrace(t, looks, caller(t, traceparent))
	require.NoError(t, err)
	root, below := collector.One(t, "invoke_workflow looks"), collector.One(t, "look")
	require.Equal(t, "0af7651916cd43dd8448eb211c80319c", root.Trace())
	require.Equal(t, "b7ad6b7169203331", root.Parent())
	require.Equal(t, root.ID(), below.Parent())
	require.Equal(t, int64(1), below.Attribute("temporal.attempt").GetIntValue())
}

func TestAHeaderThatIsNoTraceContextIsNoReasonToFail(t *testing.T) {
	for name, content := range map[string]any{"a number": 7, "no trace": map[string]string{"traceparent": "nonsense"}, "nothing": nil} {
		t.Run(name, func(t *testing.T) {
			collector, err := inTrace(t, looks, caller(t, content))
			require.NoError(t, err)
			require.Empty(t, collector.One(t, "invoke_workflow looks").Parent())
		})
	}
}

func TestASpanHasTheTypeOfAnErrorAndNotItsText(t *testing.T) {
	collector, err := inTrace(t, fails, nil)
	require.Error(t, err)
	for _, name := range []string{"invoke_workflow fails", "refuse"} {
		require.Equal(t, "ModelRefused", collector.One(t, name).Attribute("error.type").GetStringValue())
	}
	require.NotContains(t, collector.Wire(), "secret")
}

func TestARunThatContinuesAsNewHandsItsCallerOnAndHasNotFailed(t *testing.T) {
	collector, err := inTrace(t, goesOn, caller(t, traceparent))
	var next *workflow.ContinueAsNewError
	require.True(t, errors.As(err, &next))
	var handedOn map[string]string
	require.NoError(t, converter.GetDefaultDataConverter().FromPayload(next.Header.Fields["_tracer-data"], &handedOn))
	require.Equal(t, traceparent, handedOn)
	require.Nil(t, collector.One(t, "invoke_workflow goesOn").Attribute("error.type"))
}

func TestTheMetricsOfTheSDKAreServedBesideOurs(t *testing.T) {
	to := telemetry.New()
	h := runtrace.Metrics(to).WithTags(map[string]string{"task_queue": "q"})
	h.Counter("temporal_request").Inc(2)
	h.Timer("temporal_request_latency").Record(30 * time.Millisecond)
	series := telemetrytest.Scrape(t, to.Handler())
	require.Equal(t, []string{"task_queue"}, series["temporal_request_total"])
	require.Contains(t, series["temporal_request_latency_seconds_bucket"], "le")
	require.Contains(t, series, "agentfactory_turns_total")
}
