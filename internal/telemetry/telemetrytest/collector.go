// Package telemetrytest gives tests what stands at the other ends of telemetry: a collector of spans that speaks OTLP over
// HTTP, and a reader of the metrics that dashboards and rules ask for.
package telemetrytest

import (
	"encoding/hex"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	collectorpb "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

// Span is a span as it arrived.
type Span struct {
	*tracepb.Span
}

// ID is the span's ID in hexadecimal digits.
func (s Span) ID() string { return hex.EncodeToString(s.SpanId) }

// Parent is the ID of the parent; "" for none.
func (s Span) Parent() string { return hex.EncodeToString(s.ParentSpanId) }

// Trace is the trace's ID.
func (s Span) Trace() string { return hex.EncodeToString(s.TraceId) }

// Attribute returns an attribute's value; nil for none.
func (s Span) Attribute(name string) *commonpb.AnyValue {
	for _, a := range s.Attributes {
		if a.Key == name {
			return a.Value
		}
	}
	return nil
}

// Collector keeps the spans that it is sent.
type Collector struct {
	URL string

	mu    sync.Mutex
	spans []Span
	raw   []byte
}

// Collect starts a collector on this machine; it ends with the test.
func Collect(t testing.TB) *Collector {
	c := &Collector{}
	server := httptest.NewServer(http.HandlerFunc(c.serve))
	t.Cleanup(server.Close)
	c.URL = server.URL
	return c
}

func (c *Collector) serve(w http.ResponseWriter, r *http.Request) {
	var request collectorpb.ExportTraceServiceRequest
	body, err := io.ReadAll(r.Body)
	if err == nil {
		err = proto.Unmarshal(body, &request)
	}
	if err != nil || r.URL.Path != "/v1/traces" || r.Header.Get("Content-Type") != "application/x-protobuf" {
		http.Error(w, "this is no OTLP request", http.StatusBadRequest)
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.raw = append(c.raw, body...)
	for _, resource := range request.ResourceSpans {
		for _, scope := range resource.ScopeSpans {
			for _, s := range scope.Spans {
				c.spans = append(c.spans, Span{s})
			}
		}
	}
}

// Spans returns what has come so far.
func (c *Collector) Spans() []Span {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]Span(nil), c.spans...)
}

// Named returns the spans of a name.
func (c *Collector) Named(name string) []Span {
	var found []Span
	for _, s := range c.Spans() {
		if s.Name == name {
			found = append(found, s)
		}
	}
	return found
}

// One returns the only span of a name.
func (c *Collector) One(t testing.TB, name string) Span {
	t.Helper()
	found := c.Named(name)
	require.Equal(t, 1, len(found), "%s among %v", name, c.Names()) // not Len: it would print the spans
	return found[0]
}

// Names lists the names of all spans.
func (c *Collector) Names() []string {
	var names []string
	for _, s := range c.Spans() {
		names = append(names, s.Name)
	}
	return names
}

// Wire returns all that was sent, as it was sent, to look for what must not be there.
func (c *Collector) Wire() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return string(c.raw)
}
