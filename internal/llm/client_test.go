package llm_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"agentfactory/internal/llm"
)

// modelServer answers with a handler and remembers the request bodies.
type modelServer struct {
	*httptest.Server
	mu     sync.Mutex
	bodies []string
}

func serve(t *testing.T, handler http.HandlerFunc) *modelServer {
	t.Helper()
	server := &modelServer{}
	server.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		server.mu.Lock()
		server.bodies = append(server.bodies, string(body))
		server.mu.Unlock()
		handler(w, r)
	}))
	t.Cleanup(server.Close)
	return server
}

func (s *modelServer) requests() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.bodies...)
}

// events serves data lines as a stream of server-sent events.
func events(data ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		for _, line := range data {
			fmt.Fprintf(w, "data: %s\n\n", line)
			w.(http.Flusher).Flush()
		}
	}
}

// document serves one JSON body with a status.
func document(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		io.WriteString(w, body)
	}
}

func newClient(t *testing.T, baseURL string, options llm.Options) *llm.Client {
	t.Helper()
	client, err := llm.New(llm.Endpoint{BaseURL: baseURL, APIKey: "key-for-tests"}, options)
	require.NoError(t, err)
	return client
}

func ask(texts ...string) llm.Request {
	request := llm.Request{Model: "gpt-5-mini"}
	for _, text := range texts {
		request.Messages = append(request.Messages, llm.Message{Role: llm.RoleUser, Content: text})
	}
	return request
}

func complete(t *testing.T, handler http.HandlerFunc) (llm.Response, error) {
	t.Helper()
	return newClient(t, serve(t, handler).URL, llm.Options{}).Complete(t.Context(), ask("Hello"), nil)
}

func TestCompleteReadsAStream(t *testing.T) {
	server := serve(t, events(
		`{"id":"chatcmpl-1","model":"gpt-5-mini-2025-08-07","choices":[{"index":0,"delta":{"role":"assistant","content":""}}]}`,
		`{"id":"chatcmpl-1","choices":[{"index":0,"delta":{"content":"Hello"}}]}`,
		`{"id":"chatcmpl-1","choices":[{"index":0,"delta":{"content":", world"}}]}`,
		`{"id":"chatcmpl-1","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}`,
		`{"id":"chatcmpl-1","choices":[],"usage":{"prompt_tokens":1000,"completion_tokens":200,"total_tokens":1200,`+
			`"prompt_tokens_details":{"cached_tokens":600},"completion_tokens_details":{"reasoning_tokens":50}}}`,
		`[DONE]`,
	))
	var seen []llm.Progress
	response, err := newClient(t, server.URL, llm.Options{}).Complete(context.Background(), ask("Hi"), func(p llm.Progress) { seen = append(seen, p) })
	require.NoError(t, err)
	require.Equal(t, llm.Message{Role: "assistant", Content: "Hello, world"}, response.Message)
	require.Equal(t, "stop", response.FinishReason)
	require.Equal(t, "gpt-5-mini-2025-08-07", response.Model)
	require.Equal(t, "chatcmpl-1", response.ID)
	require.False(t, response.Empty())
	require.Equal(t, llm.Usage{
		InputTokens: 1000, CachedInputTokens: 600, OutputTokens: 200, ReasoningTokens: 50,
		CostUSD: (400*0.25 + 600*0.025 + 200*2) / 1e6,
	}, response.Usage)
	require.Greater(t, response.FirstToken, time.Duration(0))
	require.GreaterOrEqual(t, response.Duration, response.FirstToken)
	require.Equal(t, llm.Progress{Chunks: 5, OutputTokensEstimate: 3}, seen[len(seen)-1])
}
