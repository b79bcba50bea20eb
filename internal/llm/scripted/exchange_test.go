package scripted

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"agentfactory/internal/llm"
)

// FuzzExchange checks that whatever a model says is repeated as it was said.
func FuzzExchange(f *testing.F) {
	f.Add("plain", `{"code":"a\nb\n"}`, "")
	f.Add("{{.Task}} {{ .Find \"x\" }} {{.Open}}", `{"a":{"b":[1,2.50,1e400,null,"{{.Turn}}"]}}`, "No.")
	f.Add("---\n- *x\n\t|  \n", `{"a":1,"a":2}`, "\u0085\u2028 ")
	f.Add(" leading\ntrailing \r\n", `{broken`, "~")
	f.Add("yes", `{"n":"012","on":"0x1F","~":".inf","":"","date":"2026-11-21"}`, "null")
	f.Add("# no comment", "[1]", "%TAG")
	f.Fuzz(func(t *testing.T, text, arguments, refusal string) {
		response := llm.Response{Message: llm.Message{Content: text, Refusal: refusal}, FinishReason: "stop"}
		response.Message.ToolCalls = []llm.ToolCall{{ID: "c1", Name: "f", Arguments: arguments}}
		asked := &request{model: "m", digest: "0123456789abcdef0123456789abcdef", messages: []message{{Message: llm.Message{Content: text}}}}

		item, err := formatExchange(newExchange(asked, response, time.Unix(0, 0)))
		if err != nil {
			t.Skip("not representable: ", err)
		}
		script, err := Parse([]byte("exchanges:\n" + item))
		require.NoError(t, err)
		found, err := script.answer(asked)
		require.NoError(t, err)
		said, err := found.say(asked)
		require.NoError(t, err)
		require.Equal(t, text, said.text)
		require.Equal(t, refusal, said.refusal)
		require.Equal(t, canonicalJSON(arguments), canonicalJSON(said.calls[0].Arguments))
	})
}

// FuzzRequest checks that no request body breaks the server.
func FuzzRequest(f *testing.F) {
	f.Add([]byte(`{"model":"m","messages":[{"role":"user","content":"Hi"}],"stream":true}`))
	f.Add([]byte(`{"model":"m","messages":[{"role":"user","content":[{"type":"text","text":"Hi"}]},{"role":"assistant","tool_calls":[{"id":"1","type":"function","function":{"name":"f","arguments":"{"}}]},{"role":"tool","tool_call_id":"1","content":null}],"tools":[{"type":"function","function":{"name":"f","parameters":{}}}]}`))
	f.Add([]byte(`{"model":"m","messages":[null],"tools":[null]}`))
	script, err := Parse([]byte("conversations: [{when: {user: Hi}, turns: [{text: 'Hi {{.Task}}', repeat: 3}]}]"))
	require.NoError(f, err)
	var cache promptCache
	var memory messageMemory
	f.Fuzz(func(t *testing.T, body []byte) {
		r, err := readRequest(body, &memory)
		if err != nil {
			return
		}
		input, cached := cache.count(r)
		require.LessOrEqual(t, cached, input)
		digest, err := Digest(body)
		require.NoError(t, err)
		require.Equal(t, digest, r.digest)
		if found, err := script.answer(r); err == nil {
			_, err = found.say(r)
			require.NoError(t, err)
		}
	})
}
