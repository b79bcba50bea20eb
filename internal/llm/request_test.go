package llm_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"agentfactory/internal/llm"
)

var tools = []llm.Tool{
	{Name: "run", Description: "Runs it <now> & here.", Parameters: json.RawMessage(`{"type": "object", "properties": {"zeta": {"type": "string"}, "alpha": {"type": "integer"}}}`)},
	{Name: "finish"},
}

// conversation returns the requests of a run's turns, each continuing the one before.
func conversation(turns int) []llm.Request {
	messages := []llm.Message{{Role: llm.RoleSystem, Content: "Be <brief>."}, {Role: llm.RoleUser, Content: "Größe? 😀 \u2028 \x00"}}
	var requests []llm.Request
	for turn := range turns {
		requests = append(requests, llm.Request{Model: "gpt-5-mini", Messages: messages, Tools: tools, MaxOutputTokens: 1000})
		id := strings.Repeat("c", turn+1)
		messages = append(messages[:len(messages):len(messages)],
			llm.Message{Role: llm.RoleAssistant, Content: "Well.", ToolCalls: []llm.ToolCall{{ID: id, Name: "run", Arguments: `{"zeta": "1",  "alpha": 2}`}}},
			llm.Message{Role: llm.RoleTool, ToolCallID: id, Content: "done"})
	}
	return requests
}

func TestEachTurnRepeatsTheBytesOfTheOneBefore(t *testing.T) {
	server := serve(t, events(`{"choices":[{"delta":{"content":"Hi"}}]}`, `[DONE]`))
	for _, request := range conversation(5) {
		// A fresh client each time: another process continues the conversation after a crash.
		client := newClient(t, server.URL, llm.Options{})
		for range 2 {
			_, err := client.Complete(t.Context(), request, nil)
			require.NoError(t, err)
		}
	}
	bodies := server.requests()
	require.Len(t, bodies, 10)
	for turn := 0; turn < len(bodies); turn += 2 {
		require.Equal(t, bodies[turn], bodies[turn+1], "equal requests are equal bytes")
	}
	for turn := 2; turn < len(bodies); turn += 2 {
		before, after, found := strings.Cut(messagesOf(t, bodies[turn-2]), "\x00end")
		require.True(t, found)
		require.True(t, strings.HasPrefix(messagesOf(t, bodies[turn]), before), "turn %d changes what was said before", turn/2)
		require.Empty(t, after)
		require.Equal(t, section(t, bodies[turn-2], "tools"), section(t, bodies[turn], "tools"))
	}
	require.Contains(t, section(t, bodies[0], "tools"), `{"type":"object","properties":{"zeta":{"type":"string"},"alpha":{"type":"integer"}}}`, "schemas keep their order")
}

// messagesOf returns the messages of a body without the closing bracket, and a mark in its place.
func messagesOf(t *testing.T, body string) string {
	return strings.TrimSuffix(section(t, body, "messages"), "]") + "\x00end"
}

// section returns the bytes of a top-level value.
func section(t *testing.T, body, key string) string {
	var fields map[string]json.RawMessage
	require.NoError(t, json.Unmarshal([]byte(body), &fields))
	return string(fields[key])
}

func TestARequestIsEncodedAsTheProtocolSays(t *testing.T) {
	temperature := 0.0
	request := llm.Request{
		Model: "o4-mini", MaxOutputTokens: 50, ReasoningEffort: "low", Temperature: &temperature, Tools: tools[1:],
		Messages: []llm.Message{
			{Role: llm.RoleSystem, Content: "S"},
			{Role: llm.RoleUser, Content: "U"},
			{Role: llm.RoleAssistant},
			{Role: llm.RoleUser, Content: "U"},
			{Role: llm.RoleAssistant, Refusal: "No."},
			{Role: llm.RoleAssistant, ToolCalls: []llm.ToolCall{
				{ID: "1", Name: "run", Arguments: `{"a": 1}`},
				{ID: "2", Name: "make tea!", Arguments: `{"a": `},
				{ID: "3", Name: "", Arguments: ""},
				{ID: "4", Name: strings.Repeat("n", 70), Arguments: `[1]`},
			}},
			{Role: llm.RoleTool, ToolCallID: "1"},
		},
	}
	server := serve(t, events(`[DONE]`))
	_, err := newClient(t, server.URL, llm.Options{}).Complete(t.Context(), request, nil)
	require.NoError(t, err)
	require.JSONEq(t, `{
		"model": "o4-mini", "stream": true, "stream_options": {"include_usage": true},
		"max_completion_tokens": 50, "reasoning_effort": "low", "temperature": 0,
		"tools": [{"type": "function", "function": {"name": "finish"}}],
		"messages": [
			{"role": "system", "content": "S"},
			{"role": "user", "content": "U"},
			{"role": "assistant", "content": ""},
			{"role": "user", "content": "U"},
			{"role": "assistant", "refusal": "No."},
			{"role": "assistant", "tool_calls": [
				{"type": "function", "id": "1", "function": {"name": "run", "arguments": "{\"a\": 1}"}},
				{"type": "function", "id": "2", "function": {"name": "make_tea_", "arguments": "{\"malformed_arguments\":\"{\\\"a\\\": \"}"}},
				{"type": "function", "id": "3", "function": {"name": "_", "arguments": "{}"}},
				{"type": "function", "id": "4", "function": {"name": "`+strings.Repeat("n", 64)+`", "arguments": "{\"malformed_arguments\":\"[1]\"}"}}
			]},
			{"role": "tool", "tool_call_id": "1", "content": ""}
		]}`, server.requests()[0])
}

func TestARequestThatCannotBeSentIsInvalid(t *testing.T) {
	for name, test := range map[string]struct {
		request llm.Request
		message string
	}{
		"no model":       {llm.Request{Messages: ask("Hi").Messages}, "set AGENTFACTORY_MODEL"},
		"no messages":    {llm.Request{Model: "m"}, "no messages"},
		"a strange role": {llm.Request{Model: "m", Messages: []llm.Message{{Role: "robot"}}}, `message 1 has the unknown role "robot"`},
		"a broken schema": {llm.Request{Model: "m", Messages: ask("Hi").Messages, Tools: []llm.Tool{{Name: "t", Parameters: json.RawMessage(`{`)}}},
			`parameters of tool "t"`},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := newClient(t, "http://model.invalid/v1", llm.Options{}).Complete(t.Context(), test.request, nil)
			var failure *llm.Error
			require.ErrorAs(t, err, &failure)
			require.Equal(t, llm.KindInvalidRequest, failure.Kind)
			require.Contains(t, failure.Error(), test.message)
		})
	}
}

// choosy refuses bodies that hold one of the parameters, naming it, like servers that check their input strictly.
func choosy(t *testing.T, parameters ...string) *modelServer {
	var server *modelServer
	server = serve(t, func(w http.ResponseWriter, r *http.Request) {
		bodies := server.requests()
		for _, parameter := range parameters {
			if strings.Contains(bodies[len(bodies)-1], `"`+parameter+`"`) {
				document(400, `{"error":{"message":"Unknown parameter","param":"`+parameter+`"}}`)(w, r)
				return
			}
		}
		events(`{"choices":[{"delta":{"content":"Hi"}}]}`, `[DONE]`)(w, r)
	})
	return server
}

func TestParametersThatAServerDoesNotKnowAreLeftOutFromThenOn(t *testing.T) {
	for name, test := range map[string]struct {
		refused     []string
		first, then int
		last        string
	}{
		"stream_options":                           {[]string{"stream_options"}, 2, 1, `"max_completion_tokens":9`},
		"max_completion_tokens":                    {[]string{"max_completion_tokens"}, 2, 1, `"max_tokens":9`},
		"stream_options and max_completion_tokens": {[]string{"stream_options", "max_completion_tokens"}, 3, 1, `"max_tokens":9`},
	} {
		t.Run(name, func(t *testing.T) {
			server := choosy(t, test.refused...)
			client := newClient(t, server.URL, llm.Options{})
			request := ask("Hi")
			request.MaxOutputTokens = 9
			for _, want := range []int{test.first, test.then} {
				before := len(server.requests())
				response, err := client.Complete(t.Context(), request, nil)
				require.NoError(t, err)
				require.Equal(t, "Hi", response.Message.Content)
				require.Len(t, server.requests(), before+want)
			}
			bodies := server.requests()
			require.Contains(t, bodies[len(bodies)-1], test.last)
		})
	}
}

func TestAWorkaroundThatDoesNotHelpIsForgotten(t *testing.T) {
	server := choosy(t, "max_completion_tokens", "max_tokens") // it finds fault with the number, not with the name
	client := newClient(t, server.URL, llm.Options{})
	request := ask("Hi")
	request.MaxOutputTokens = 1 << 30
	for range 2 {
		_, err := client.Complete(t.Context(), request, nil)
		require.ErrorContains(t, err, "parameter max_completion_tokens", "the error of the request as it should be")
	}
	require.Len(t, server.requests(), 4)
	request.MaxOutputTokens = 0
	_, err := client.Complete(t.Context(), request, nil)
	require.NoError(t, err)
}

// reasoner answers like OpenAI's reasoning models over Chat Completions: tools go with the effort "none" alone.
func reasoner(t *testing.T, takesNone bool) *modelServer {
	var server *modelServer
	server = serve(t, func(w http.ResponseWriter, r *http.Request) {
		bodies := server.requests()
		body := bodies[len(bodies)-1]
		none := strings.Contains(body, `"reasoning_effort":"none"`)
		switch {
		case none && !takesNone:
			document(400, `{"error":{"message":"Unsupported value: 'none' is not supported with this model.","param":"reasoning_effort"}}`)(w, r)
		case strings.Contains(body, `"tools"`) && !none:
			document(400, `{"error":{"message":"Function tools with reasoning_effort are not supported for gpt-6 in /v1/chat/completions. To use function tools, use /v1/responses or set reasoning_effort to 'none'.","param":"reasoning_effort"}}`)(w, r)
		default:
			events(`{"choices":[{"delta":{"content":"Hi"}}]}`, `[DONE]`)(w, r)
		}
	})
	return server
}

func TestAModelThatCannotReasonWithToolsIsAskedNotTo(t *testing.T) {
	server := reasoner(t, true)
	client := newClient(t, server.URL, llm.Options{})
	withTools := ask("Hi")
	withTools.Tools = tools
	for range 2 {
		_, err := client.Complete(t.Context(), withTools, nil)
		require.NoError(t, err)
	}
	_, err := client.Complete(t.Context(), ask("Hi"), nil)
	require.NoError(t, err)
	bodies := server.requests()
	require.Len(t, bodies, 4, "one refusal, then it is known")
	require.NotContains(t, bodies[3], "reasoning_effort", "without tools the model reasons as it likes")
	require.NotContains(t, bodies[3], "tools", "servers refuse an empty list")

	withTools.ReasoningEffort = "high"
	_, err = client.Complete(t.Context(), withTools, nil)
	require.ErrorContains(t, err, "use /v1/responses", "a level that was asked for is not dropped silently")
	require.Len(t, server.requests(), 5)

	withTools.Model, withTools.ReasoningEffort = "another", ""
	_, err = client.Complete(t.Context(), withTools, nil)
	require.NoError(t, err)
	require.NotContains(t, server.requests()[5], "none", "what one model cannot says nothing of another")
}

func TestAModelThatOnlyReasonsWithToolsElsewhereSaysSo(t *testing.T) {
	client := newClient(t, reasoner(t, false).URL, llm.Options{})
	request := ask("Hi")
	request.Tools = tools
	_, err := client.Complete(t.Context(), request, nil)
	require.ErrorContains(t, err, "use /v1/responses", "the refusal of the request as it should be, not of the workaround")
}
