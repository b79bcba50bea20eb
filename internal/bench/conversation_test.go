package bench

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"
)

// conversation asks a model turn by turn, as a run does.
type conversation struct {
	t        *testing.T
	model    http.Handler
	messages []any
}

func newConversation(t *testing.T, model http.Handler, task string) *conversation {
	return &conversation{t, model, []any{map[string]any{"role": "user", "content": task}}}
}

// next is the name of the call that the model asks for, which is answered by the observation.
func (c *conversation) next(observation string) string {
	asked, err := json.Marshal(map[string]any{"model": ModelName, "messages": c.messages})
	require.NoError(c.t, err)
	w := httptest.NewRecorder()
	c.model.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/v1/chat/completions", bytes.NewReader(asked)))
	require.Equal(c.t, http.StatusOK, w.Code, w.Body)
	var reply struct {
		Choices []struct {
			Message struct {
				Calls []struct {
					ID       string
					Function struct{ Name string }
				} `json:"tool_calls"`
			}
		}
	}
	require.NoError(c.t, json.Unmarshal(w.Body.Bytes(), &reply))
	calls := reply.Choices[0].Message.Calls
	require.Len(c.t, calls, 1)
	var said struct{ Choices []struct{ Message any } }
	require.NoError(c.t, json.Unmarshal(w.Body.Bytes(), &said))
	c.messages = append(c.messages, said.Choices[0].Message, map[string]any{"role": "tool", "tool_call_id": calls[0].ID, "content": observation})
	return calls[0].Function.Name
}
