package runtrace

import (
	"context"
	"log/slog"

	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/sdk/converter"
)

// headerKey is where all Temporal SDKs keep the span of whoever asked, as a W3C trace context.
const headerKey = "_tracer-data"

var w3c = propagation.TraceContext{}

// read returns ctx with the span that a header names as the parent. A header that cannot be read, as somebody else's may
// be, is no reason to fail a run: it goes without the parent.
func read(ctx context.Context, header map[string]*commonpb.Payload) context.Context {
	payload := header[headerKey]
	if payload == nil {
		return ctx
	}
	carrier := propagation.MapCarrier{}
	if err := converter.GetDefaultDataConverter().FromPayload(payload, &carrier); err != nil {
		slog.Debug("the header "+headerKey+" is not a trace context", "error", err)
		return ctx
	}
	return w3c.Extract(ctx, carrier)
}

// write puts a span into a header; without tracing there is none.
func write(header map[string]*commonpb.Payload, span trace.SpanContext) {
	if header == nil || !span.IsValid() {
		return
	}
	carrier := propagation.MapCarrier{}
	w3c.Inject(trace.ContextWithSpanContext(context.Background(), span), carrier)
	payload, err := converter.GetDefaultDataConverter().ToPayload(carrier)
	if err != nil {
		return // a map of strings always converts
	}
	header[headerKey] = payload
}
