package llm_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"agentfactory/internal/llm"
)

// FuzzReadReply checks that whatever a server sends is a reply or a classified error, and the same one each time.
func FuzzReadReply(f *testing.F) {
	f.Add([]byte("data: {\"choices\":[{\"delta\":{\"content\":\"Hi\"},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n"))
	f.Add([]byte("data: {\"choices\":[{\"delta\":{\"tool_calls\":[{\"index\":-1,\"id\":\"a\",\"function\":{\"name\":\"f\",\"arguments\":{}}}]}}]}\n\ndata: [DONE]\n\n"))
	f.Add([]byte(`{"choices":[{"message":{"content":null,"tool_calls":[{"function":{"name":"f"}}]}}],"usage":{"prompt_tokens":1e99}}`))
	f.Add([]byte("data: {\"error\":{\"code\":429,\"message\":7}}\n\n"))
	f.Add([]byte(": comment\n\nevent: x\ndata: [DONE]\n\n"))
	f.Add([]byte("<html>"))
	f.Fuzz(func(t *testing.T, body []byte) {
		response, err := llm.ReadReply(bytes.NewReader(body), 3)
		if err != nil {
			var failure *llm.Error
			require.ErrorAs(t, err, &failure)
			require.NotEmpty(t, failure.Kind)
			return
		}
		require.NotEmpty(t, response.FinishReason)
		require.GreaterOrEqual(t, response.Usage.InputTokens, response.Usage.CachedInputTokens)
		ids := map[string]bool{}
		for _, call := range response.Message.ToolCalls {
			require.NotEmpty(t, call.ID)
			require.False(t, ids[call.ID], "IDs are unique")
			ids[call.ID] = true
		}
		again, err := llm.ReadReply(bytes.NewReader(body), 3)
		require.NoError(t, err)
		require.Equal(t, response.Message, again.Message)
	})
}

// BenchmarkComplete is what the client itself costs for a call: a reply of 16 pieces, by the length of the conversation.
func BenchmarkComplete(b *testing.B) {
	var data strings.Builder
	for i := range 16 {
		fmt.Fprintf(&data, "data: {\"id\":\"c\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"piece %d\"}}]}\n\n", i)
	}
	data.WriteString("data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":9,\"completion_tokens\":9}}\n\ndata: [DONE]\n\n")
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		io.WriteString(w, data.String())
	}))
	b.Cleanup(server.Close)
	for _, turns := range []int{1, 50, 500} {
		requests := conversation(turns)
		b.Run(fmt.Sprintf("turn %d", turns), func(b *testing.B) {
			client, err := llm.New(llm.Endpoint{BaseURL: server.URL}, llm.Options{})
			require.NoError(b, err)
			for b.Loop() {
				_, err := client.Complete(b.Context(), requests[turns-1], nil)
				require.NoError(b, err)
			}
		})
	}
}

func BenchmarkCountTokens(b *testing.B) {
	text := strings.Repeat("The quick brown fox jumps over the lazy dog.\n", 1000)
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		llm.CountTokens("gpt-5", text)
	}
}
