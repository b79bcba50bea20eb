package telemetry

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"sync"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
)

// tracing is the provider that the environment asks for; nil when it asks for none. Sampling (OTEL_TRACES_SAMPLER), limits
// and batches (OTEL_BSP_*) are read by the OpenTelemetry SDK itself.
func tracing(ctx context.Context, o Options) (*sdktrace.TracerProvider, error) {
	if !wanted(os.Getenv) {
		return nil, nil
	}
	if err := check(os.Getenv); err != nil {
		return nil, err
	}
	exporter, err := newExporter(ctx, protocol(os.Getenv))
	if err != nil {
		return nil, err
	}
	about, err := describe(ctx, o)
	if err != nil {
		return nil, err
	}
	logFailures()
	return sdktrace.NewTracerProvider(sdktrace.WithBatcher(exporter), sdktrace.WithResource(about), sdktrace.WithIDGenerator(idGenerator{})), nil
}

// wanted tells whether the environment names a collector for traces.
func wanted(getenv func(string) string) bool {
	if getenv("OTEL_SDK_DISABLED") == "true" || getenv("OTEL_TRACES_EXPORTER") == "none" {
		return false
	}
	return getenv("OTEL_EXPORTER_OTLP_ENDPOINT") != "" || getenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT") != ""
}

// check refuses what the exporter would pass over with a line of its own: it would send spans to localhost, or trust nobody.
func check(getenv func(string) string) error {
	for _, name := range []string{"OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"} {
		if u, err := url.Parse(getenv(name)); err != nil || (getenv(name) != "" && u.Host == "" && u.Scheme != "unix") {
			return fmt.Errorf("%s is no URL: write it like http://localhost:4318", name) // it may hold a login
		}
	}
	for _, kind := range []string{"CERTIFICATE", "CLIENT_CERTIFICATE", "CLIENT_KEY"} {
		for _, name := range []string{"OTEL_EXPORTER_OTLP_" + kind, "OTEL_EXPORTER_OTLP_TRACES_" + kind} {
			if getenv(name) == "" {
				continue
			}
			if _, err := os.ReadFile(getenv(name)); err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
		}
	}
	return nil
}

// The protocols of OTEL_EXPORTER_OTLP_PROTOCOL that are spoken; http/protobuf is the specification's default.
const (
	overHTTP = "http/protobuf"
	overGRPC = "grpc"
)

func protocol(getenv func(string) string) string {
	return cmp.Or(getenv("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL"), getenv("OTEL_EXPORTER_OTLP_PROTOCOL"), overHTTP)
}

func newExporter(ctx context.Context, protocol string) (*otlptrace.Exporter, error) {
	switch protocol {
	case overHTTP:
		return otlptracehttp.New(ctx)
	case overGRPC:
		return otlptracegrpc.New(ctx)
	}
	return nil, fmt.Errorf("OTEL_EXPORTER_OTLP_PROTOCOL: %q is not spoken, %s and %s are", protocol, overHTTP, overGRPC)
}

// describe says who makes the spans; OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES overrule it.
func describe(ctx context.Context, o Options) (*resource.Resource, error) {
	about := []attribute.KeyValue{attribute.String("service.name", cmp.Or(o.Service, scope))}
	if o.Version != "" {
		about = append(about, attribute.String("service.version", o.Version))
	}
	made, err := resource.New(ctx, resource.WithTelemetrySDK(), resource.WithHost(), resource.WithAttributes(about...), resource.WithFromEnv())
	if errors.Is(err, resource.ErrPartialResource) { // a host without a name has spans as well
		err = nil
	}
	return made, err
}

// logFailures makes OpenTelemetry, whose error handler is one for the process, report spans that could not be sent.
var logFailures = sync.OnceFunc(func() {
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) {
		slog.Warn("spans were not sent; check the collector and OTEL_EXPORTER_OTLP_ENDPOINT", "error", err)
	}))
})
