package web_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"agentfactory/internal/gateway"
	"agentfactory/internal/web"
)

// loopback lets tests read pages from their own servers, at 127.0.0.1 and nowhere else.
func loopback(_ string, a netip.Addr) bool { return a == netip.AddrFrom4([4]byte{127, 0, 0, 1}) }

func serve(t testing.TB, handler http.HandlerFunc) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(handler)
	t.Cleanup(s.Close)
	return s
}

// call returns the reply as the subagent gets it.
func call(t testing.TB, tool gateway.Tool, body string) map[string]any {
	t.Helper()
	got, err := tool.Call(t.Context(), gateway.ToolRequest{Body: json.RawMessage(body)})
	require.NoError(t, err)
	var object map[string]any
	require.NoError(t, json.Unmarshal(got.Body, &object))
	return object
}

// fails returns the message of an error for the subagent.
func fails(t testing.TB, tool gateway.Tool, body string, code gateway.Code) string {
	t.Helper()
	_, err := tool.Call(t.Context(), gateway.ToolRequest{Body: json.RawMessage(body)})
	var e *gateway.Error
	require.ErrorAs(t, err, &e)
	require.Equal(t, code, e.Code, e.Message)
	require.NotContains(t, e.Message, "\n")
	return e.Message
}

// breaks returns the message of an outage, which ends the run so that it is repeated.
func breaks(t testing.TB, tool gateway.Tool, body string) string {
	t.Helper()
	_, err := tool.Call(t.Context(), gateway.ToolRequest{Body: json.RawMessage(body)})
	var passing interface{ Retryable() bool }
	require.True(t, errors.As(err, &passing) && passing.Retryable(), "%v", err)
	return err.Error()
}

// inTurn answers with one handler after the other, the last one for good, and counts.
func inTurn(handlers ...http.HandlerFunc) (http.HandlerFunc, *atomic.Int64) {
	var n atomic.Int64
	return func(w http.ResponseWriter, r *http.Request) {
		handlers[min(n.Add(1), int64(len(handlers)))-1](w, r)
	}, &n
}

func status(code int, headers ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		for i := 0; i < len(headers); i += 2 {
			w.Header().Set(headers[i], headers[i+1])
		}
		w.WriteHeader(code)
	}
}

func sends(contentType, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header()["Content-Type"] = nil // rather than a guess
		if contentType != "" {
			w.Header().Set("Content-Type", contentType)
		}
		w.Write([]byte(body))
	}
}

// breaksOff promises more than it sends.
func breaksOff(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Length", "1000")
	w.Write([]byte(`{"organic": [`))
}

// hangs until the client gives up, which a server sees once it has read the body.
func hangs(_ http.ResponseWriter, r *http.Request) {
	io.Copy(io.Discard, r.Body)
	<-r.Context().Done()
}

func contextFor(t testing.TB, d time.Duration) (context.Context, context.CancelFunc) {
	return context.WithTimeout(t.Context(), d)
}

// reading is web_reading without a service, for pages on loopback.
func reading() gateway.Tool { return web.NewReading(web.ReadingConfig{Allow: loopback}) }
