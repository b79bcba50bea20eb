package llm_test

import (
	"context"
	"errors"
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

func TestRepliesOfOddServersAreUnderstood(t *testing.T) {
	tests := map[string]struct {
		handler http.HandlerFunc
		want    llm.Message
		finish  string
	}{
		"a document although a stream was asked for": {
			document(200, ` {"choices":[{"message":{"role":"assistant","content":"Hi"},"finish_reason":"stop"}],"error":null}`),
			llm.Message{Role: "assistant", Content: "Hi"}, "stop",
		},
		"no [DONE] after the last piece": {
			events(`{"choices":[{"delta":{"content":"Hi"},"finish_reason":"stop"}]}`),
			llm.Message{Role: "assistant", Content: "Hi"}, "stop",
		},
		"no finish reason before [DONE]": {
			events(`{"choices":[{"delta":{"content":"Hi"}}]}`, `[DONE]`),
			llm.Message{Role: "assistant", Content: "Hi"}, "stop",
		},
		"an explicit null error in every piece": {
			events(`{"error":null,"choices":[{"delta":{"content":"Hi"},"finish_reason":"stop"}]}`, `[DONE]`),
			llm.Message{Role: "assistant", Content: "Hi"}, "stop",
		},
		"a finish reason of its own": {
			events(`{"choices":[{"delta":{"content":"Hi"},"finish_reason":"eos"}]}`, `[DONE]`),
			llm.Message{Role: "assistant", Content: "Hi"}, "eos",
		},
		"stop where tool calls are meant": {
			events(`{"choices":[{"delta":{"tool_calls":[{"index":0,"id":"a","function":{"name":"f","arguments":"{}"}}]},"finish_reason":"stop"}]}`),
			llm.Message{Role: "assistant", ToolCalls: []llm.ToolCall{{ID: "a", Name: "f", Arguments: "{}"}}}, "tool_calls",
		},
		"further choices that nobody asked for": {
			events(`{"choices":[{"index":0,"delta":{"content":"Hi"}},{"index":1,"delta":{"content":"Ho"}}]}`, `[DONE]`),
			llm.Message{Role: "assistant", Content: "Hi"}, "stop",
		},
		"comments and event names": {
			func(w http.ResponseWriter, _ *http.Request) {
				io.WriteString(w, ": PROCESSING\n\nevent: message\nid: 7\ndata: {\"choices\":[{\"delta\":{\"content\":\"Hi\"}}]}\r\n\r\ndata:[DONE]\n\n")
			},
			llm.Message{Role: "assistant", Content: "Hi"}, "stop",
		},
		"nothing said at all": {events(`[DONE]`), llm.Message{Role: "assistant"}, "stop"},
		"reasoning only": {
			events(`{"choices":[{"delta":{"reasoning_content":"Hm."}}]}`, `{"choices":[{"delta":{},"finish_reason":"length"}]}`, `[DONE]`),
			llm.Message{Role: "assistant"}, "length",
		},
		"a refusal in pieces": {
			events(`{"choices":[{"delta":{"refusal":"I "}}]}`, `{"choices":[{"delta":{"refusal":"won't"},"finish_reason":"stop"}]}`, `[DONE]`),
			llm.Message{Role: "assistant", Refusal: "I won't"}, "refusal",
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			response, err := complete(t, test.handler)
			require.NoError(t, err)
			require.Equal(t, test.want, response.Message)
			require.Equal(t, test.finish, response.FinishReason)
			require.Equal(t, test.want.Content == "" && test.want.ToolCalls == nil && test.want.Refusal == "", response.Empty())
			require.True(t, response.Usage.Estimated)
			require.Equal(t, "gpt-5-mini", response.Model)
		})
	}
}

func TestToolCallsArePutTogether(t *testing.T) {
	piece := func(calls string) string { return `{"choices":[{"delta":{"tool_calls":[` + calls + `]}}]}` }
	tests := map[string]struct {
		pieces []string
		want   []llm.ToolCall
	}{
		"from interleaved pieces": {
			[]string{
				piece(`{"index":0,"id":"a","function":{"name":"f","arguments":""}},{"index":1,"id":"b","function":{"name":"g"}}`),
				piece(`{"index":1,"function":{"arguments":"{\"y\":"}}`), piece(`{"index":0,"function":{"arguments":"{\"x\":1}"}}`), piece(`{"index":1,"function":{"arguments":"2}"}}`),
			},
			[]llm.ToolCall{{ID: "a", Name: "f", Arguments: `{"x":1}`}, {ID: "b", Name: "g", Arguments: `{"y":2}`}},
		},
		"that all have the same index": {
			[]string{piece(`{"index":0,"id":"a","function":{"name":"f","arguments":"{}"}}`), piece(`{"index":0,"id":"b","function":{"name":"f","arguments":"{}"}}`)},
			[]llm.ToolCall{{ID: "a", Name: "f", Arguments: "{}"}, {ID: "b", Name: "f", Arguments: "{}"}},
		},
		"that have neither index nor ID": {
			[]string{piece(`{"function":{"name":"f","arguments":"{}"}}`), piece(`{"function":{"name":"g","arguments":"{}"}}`)},
			[]llm.ToolCall{{ID: "call_1_1", Name: "f", Arguments: "{}"}, {ID: "call_1_2", Name: "g", Arguments: "{}"}},
		},
		"that share an ID": {
			[]string{piece(`{"index":0,"id":"f","function":{"name":"f","arguments":"{}"}},{"index":1,"id":"f","function":{"name":"f","arguments":"{}"}}`)},
			[]llm.ToolCall{{ID: "f", Name: "f", Arguments: "{}"}, {ID: "call_1_2", Name: "f", Arguments: "{}"}},
		},
		"whose ID and name are repeated in every piece": {
			[]string{piece(`{"index":0,"id":"a","function":{"name":"f","arguments":"{\"x\""}}`), piece(`{"index":0,"id":"a","function":{"name":"f","arguments":":1}"}}`)},
			[]llm.ToolCall{{ID: "a", Name: "f", Arguments: `{"x":1}`}},
		},
		"whose ID changes with every piece": {
			[]string{piece(`{"index":0,"id":"a","function":{"name":"f","arguments":"{"}}`), piece(`{"index":0,"id":"b","function":{"arguments":"}"}}`)},
			[]llm.ToolCall{{ID: "a", Name: "f", Arguments: `{}`}},
		},
		"whose name comes late": {
			[]string{piece(`{"index":0,"id":"a"}`), piece(`{"index":0,"function":{"name":"f"}}`), piece(`{"index":0,"function":{"arguments":"{}"}}`)},
			[]llm.ToolCall{{ID: "a", Name: "f", Arguments: `{}`}},
		},
		"whose arguments are an object instead of a string": {
			[]string{piece(`{"index":0,"id":"a","function":{"name":"f","arguments":{"x":1}}}`)},
			[]llm.ToolCall{{ID: "a", Name: "f", Arguments: `{"x":1}`}},
		},
		"whose arguments are no JSON": {
			[]string{piece(`{"index":0,"id":"a","function":{"name":"f","arguments":"{\"x\": oops"}}`)},
			[]llm.ToolCall{{ID: "a", Name: "f", Arguments: `{"x": oops`}},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			response, err := complete(t, events(append(test.pieces, `[DONE]`)...))
			require.NoError(t, err)
			require.Equal(t, test.want, response.Message.ToolCalls)
			require.Equal(t, llm.FinishToolCalls, response.FinishReason)
		})
	}
}

func TestImpossibleUsageIsNotBelieved(t *testing.T) {
	usage := func(usage string) http.HandlerFunc {
		return events(`{"choices":[{"delta":{"content":"Hi"},"finish_reason":"stop"}],"usage":`+usage+`}`, `[DONE]`)
	}
	for name, test := range map[string]struct {
		usage string
		want  llm.Usage
	}{
		"zeros":                    {`{"prompt_tokens":0,"completion_tokens":0}`, llm.Usage{InputTokens: 7, OutputTokens: 4, Estimated: true}},
		"negative":                 {`{"prompt_tokens":10,"completion_tokens":-1}`, llm.Usage{InputTokens: 7, OutputTokens: 4, Estimated: true}},
		"null":                     {`null`, llm.Usage{InputTokens: 7, OutputTokens: 4, Estimated: true}},
		"parts larger than wholes": {`{"prompt_tokens":10,"completion_tokens":5,"prompt_tokens_details":{"cached_tokens":99},"completion_tokens_details":{"reasoning_tokens":-3}}`, llm.Usage{InputTokens: 10, CachedInputTokens: 10, OutputTokens: 5}},
	} {
		t.Run(name, func(t *testing.T) {
			response, err := complete(t, usage(test.usage))
			require.NoError(t, err)
			response.Usage.CostUSD = 0
			require.Equal(t, test.want, response.Usage)
		})
	}
}

func TestUsageInEveryPieceCountsOnce(t *testing.T) {
	response, err := complete(t, events(
		`{"choices":[{"delta":{"content":"Hi"}}],"usage":{"prompt_tokens":10,"completion_tokens":1}}`,
		`{"choices":[{"delta":{},"finish_reason":"stop"}],"usage":{"prompt_tokens":10,"completion_tokens":2}}`, `[DONE]`))
	require.NoError(t, err)
	require.EqualValues(t, 10, response.Usage.InputTokens)
	require.EqualValues(t, 2, response.Usage.OutputTokens)
}

func TestSignsOfLifeKeepAStreamOpen(t *testing.T) {
	const patience, beats = 4 * time.Second, 12
	server := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		for range beats {
			time.Sleep(patience / 10)
			io.WriteString(w, ": still thinking\n\n")
			w.(http.Flusher).Flush()
		}
		io.WriteString(w, "data: {\"choices\":[{\"delta\":{\"content\":\"42\"},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n")
	})
	client := newClient(t, server.URL, llm.Options{FirstTokenTimeout: patience, ChunkTimeout: patience})
	response, err := client.Complete(t.Context(), ask("What is the answer?"), nil)
	require.NoError(t, err)
	require.Equal(t, "42", response.Message.Content)
	require.Greater(t, response.FirstToken, patience, "the comments came before the first token")
}

func TestTheCallersContextEndsTheCall(t *testing.T) {
	arrived := make(chan struct{}, 1)
	server := serve(t, func(_ http.ResponseWriter, r *http.Request) {
		arrived <- struct{}{}
		<-r.Context().Done()
	})
	client := newClient(t, server.URL, llm.Options{})

	cancelled, cancel := context.WithCancel(t.Context())
	go func() { <-arrived; cancel() }()
	_, err := client.Complete(cancelled, ask("Hi"), nil)
	require.ErrorIs(t, err, context.Canceled)

	expired, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err = client.Complete(expired, ask("Hi"), nil)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	var failure *llm.Error
	require.False(t, errors.As(err, &failure), "the server did nothing wrong")
}

func TestCancellationIsSeenInTheMiddleOfAStream(t *testing.T) {
	server := serve(t, func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, "data: {\"choices\":[{\"delta\":{\"content\":\"Hi\"}}]}\n\n")
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	})
	ctx, cancel := context.WithCancel(t.Context())
	_, err := newClient(t, server.URL, llm.Options{}).Complete(ctx, ask("Hi"), func(llm.Progress) { cancel() })
	require.ErrorIs(t, err, context.Canceled)
}

func TestOneCallIsOneRequest(t *testing.T) {
	for _, status := range []int{408, 409, 429, 500, 503} {
		server := serve(t, document(status, `{"error":{"message":"no"}}`))
		_, err := newClient(t, server.URL, llm.Options{}).Complete(t.Context(), ask("Hi"), nil)
		require.Error(t, err)
		require.Len(t, server.requests(), 1, "whoever calls owns the retries")
	}
}
