package llm_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"agentfactory/internal/llm"
)

// kept is what the client keeps of one reply, in bytes.
const kept = 2 << 20

// A server that never stops writing is left, as at the token limit: all that it goes on
// to write would be paid for.
func TestAReplyWithoutEndIsCutOffAsAtTheTokenLimit(t *testing.T) {
	for name, piece := range map[string]string{
		"text":      `{"content":%q}`,
		"a call":    `{"tool_calls":[{"index":0,"id":"a","function":{"name":"f","arguments":%q}}]}`,
		"calls":     `{"tool_calls":[{"index":%[2]d,"id":"call-%[2]d","function":{"name":"f","arguments":"{}"}}]}%.0[1]s`,
		"reasoning": `{"reasoning_content":%q}`,
	} {
		t.Run(name, func(t *testing.T) {
			left := make(chan struct{})
			response, err := complete(t, func(w http.ResponseWriter, r *http.Request) {
				defer close(left)
				for i := 0; r.Context().Err() == nil; i++ {
					if _, err := fmt.Fprintf(w, "data: {\"choices\":[{\"delta\":"+piece+"}]}\n\n", strings.Repeat("é", 30_000), i); err != nil {
						return
					}
				}
			})
			require.NoError(t, err)
			<-left // the server is told that nobody listens
			require.Equal(t, llm.FinishLength, response.FinishReason)
			require.True(t, response.Usage.Estimated, "the count comes at the end of a reply")
			require.LessOrEqual(t, sizeOf(response.Message), kept)
			require.LessOrEqual(t, len(response.Message.ToolCalls), 128)
			require.Equal(t, name == "reasoning", response.Empty())
		})
	}
}

func TestADocumentIsCutLikeAStream(t *testing.T) {
	text, err := json.Marshal(strings.Repeat("word ", 2<<20))
	require.NoError(t, err)
	response, err := complete(t, document(200, `{"choices":[{"message":{"content":`+string(text)+`,"tool_calls":[{"id":"a","function":{"name":"f","arguments":"{}"}}]},"finish_reason":"stop"}],
		"usage":{"prompt_tokens":10,"completion_tokens":2000000}}`))
	require.NoError(t, err)
	require.Equal(t, llm.FinishLength, response.FinishReason)
	require.Len(t, response.Message.Content, kept)
	require.Empty(t, response.Message.ToolCalls, "a call behind the cut would be carried out without what it belongs to")
	require.EqualValues(t, 2_000_000, response.Usage.OutputTokens, "all of it was paid for")
}

func TestMoreCallsThanAServerTakesBackAreDropped(t *testing.T) {
	response, err := complete(t, func(w http.ResponseWriter, _ *http.Request) {
		for i := range 200 {
			fmt.Fprintf(w, "data: {\"choices\":[{\"delta\":{\"tool_calls\":[{\"index\":%d,\"id\":\"same\",\"function\":{\"name\":\"f\",\"arguments\":\"{}\"}}]}}]}\n\n", i)
		}
		io.WriteString(w, "data: [DONE]\n\n")
	})
	require.NoError(t, err)
	require.Equal(t, llm.FinishLength, response.FinishReason)
	require.Len(t, response.Message.ToolCalls, 128)
	ids := map[string]bool{}
	for _, call := range response.Message.ToolCalls {
		ids[call.ID] = true
	}
	require.Len(t, ids, 128, "each has an ID of its own")
}

func sizeOf(m llm.Message) int {
	n := len(m.Content) + len(m.Refusal)
	for _, call := range m.ToolCalls {
		n += len(call.ID) + len(call.Name) + len(call.Arguments)
	}
	return n
}
