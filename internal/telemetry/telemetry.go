// Package telemetry tells operators what a worker does: OpenTelemetry spans with the names of the semantic conventions for
// generative AI, and Prometheus metrics. Spans and metrics carry names, counts, durations and kinds of errors; never a
// prompt, an answer, code, the text of an error or a secret. It knows nothing of Temporal (see runtrace for that) and may
// import internal/llm and internal/pyruntime, whose results it counts.
package telemetry

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	promexporter "go.opentelemetry.io/otel/exporters/prometheus"
	"go.opentelemetry.io/otel/metric"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"
)

// scope names this instrumentation in spans.
const scope = "agentfactory"

// Options say who reports.
type Options struct {
	Service string // name in traces, where OTEL_SERVICE_NAME gives none; "": agentfactory
	Version string // of the build; "": not said
}

// Telemetry is the spans and the metrics of one process. Its methods are safe for concurrent use.
type Telemetry struct {
	registry *prometheus.Registry
	meters   *sdkmetric.MeterProvider
	provider *sdktrace.TracerProvider // nil: no spans
	tracer   trace.Tracer
	metrics  *metrics
}

// New counts, and makes no spans.
func New() *Telemetry {
	t := &Telemetry{registry: prometheus.NewRegistry(), tracer: noop.NewTracerProvider().Tracer(scope)}
	t.registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	t.metrics = newMetrics(t.registry)
	exporter, err := promexporter.New(promexporter.WithRegisterer(t.registry), promexporter.WithoutScopeInfo(), promexporter.WithoutTargetInfo())
	if err != nil {
		panic(fmt.Sprintf("register the metrics of the Temporal SDK: %v", err)) // the registry is new, and has none of that name
	}
	t.meters = sdkmetric.NewMeterProvider(sdkmetric.WithReader(exporter), sdkmetric.WithView(inSeconds))
	return t
}

// Open counts, and sends spans where the standard variables (OTEL_EXPORTER_OTLP_ENDPOINT and so on) name a collector. A
// collector that does not answer costs spans and nothing else. Close sends what is left.
func Open(ctx context.Context, o Options) (*Telemetry, error) {
	t := New()
	provider, err := tracing(ctx, o)
	if err != nil {
		return nil, fmt.Errorf("open the OTLP exporter: %w; check the OTEL_EXPORTER_OTLP_* variables, or unset them to send no traces", err)
	}
	if provider != nil {
		t.provider, t.tracer = provider, provider.Tracer(scope)
	}
	return t, nil
}

// Handler serves the metrics in Prometheus' text format.
func (t *Telemetry) Handler() http.Handler {
	return promhttp.HandlerFor(t.registry, promhttp.HandlerOpts{})
}

// Tracer makes spans; without a collector they are nothing.
func (t *Telemetry) Tracer() trace.Tracer { return t.tracer }

// Tracing tells whether spans are sent.
func (t *Telemetry) Tracing() bool { return t.provider != nil }

// Meter is for metrics that others define, the Temporal SDK; they are served with ours.
func (t *Telemetry) Meter(name string) metric.Meter { return t.meters.Meter(name) }

// Close sends the spans that are not sent yet, as long as ctx allows.
func (t *Telemetry) Close(ctx context.Context) error {
	if t.provider == nil {
		return nil
	}
	if err := t.provider.Shutdown(ctx); err != nil {
		return fmt.Errorf("send the last spans: %w", err)
	}
	return nil
}

// lastSpansWithin bounds how long a process that ends waits for the collector.
const lastSpansWithin = 5 * time.Second

// SendLast is Close for a process that ends, whatever the collector does: what is lost stands in the log.
func (t *Telemetry) SendLast(log *slog.Logger) {
	ctx, cancel := context.WithTimeout(context.Background(), lastSpansWithin)
	defer cancel()
	if err := t.Close(ctx); err != nil {
		log.Warn("the last spans are lost", "error", err)
	}
}
