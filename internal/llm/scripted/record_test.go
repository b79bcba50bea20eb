package scripted_test

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"

	"agentfactory/internal/llm"
	"agentfactory/internal/llm/scripted"
)

const upstreamKey = "sk-upstream-0123456789"

// record starts a recorder in front of a server at baseURL; the client has a key of its own.
func record(t *testing.T, baseURL, path string) *llm.Client {
	t.Helper()
	recorder, err := scripted.NewRecorder(baseURL, upstreamKey, path)
	require.NoError(t, err)
	running, err := scripted.Start("127.0.0.1:0", recorder)
	require.NoError(t, err)
	t.Cleanup(func() {
		require.NoError(t, running.Close())
		require.NoError(t, recorder.Close())
	})
	client, err := llm.New(llm.Endpoint{BaseURL: running.URL, APIKey: "sk-client-0123456789"}, llm.Options{})
	require.NoError(t, err)
	return client
}

// recorded waits for a number of exchanges: a client may see the end of a reply before the recorder does.
func recorded(t *testing.T, path string, count int) *scripted.Script {
	t.Helper()
	var script *scripted.Script
	require.Eventually(t, func() bool {
		var err error
		script, err = scripted.Load(path)
		return err == nil && len(script.Exchanges) == count
	}, 2*time.Minute, 5*time.Millisecond)
	return script
}

const upstreamScript = `
models: [scripted-upstream]
conversations:
- turns:
  - text: "First I look at {{.Task}}."
    calls:
    - {name: create_subagent, arguments: {code: "def main(query):\n    return f\"{{query}}\"\n", n: [1, 2.5, null]}}
    - {name: broken, arguments: '{"a": 1'}
    fault: [{status: 429, retry_after: 1s}, {cut_after_chunks: 3}]
  - text: "Go templates look like {{.Open}}.Values.name}} \t\r\n \u0007 😀 # not a comment: [x]"
    usage: {input: 10, cached_input: 4, output: 3, reasoning: 1}
  - refusal: No more.
  - {text: "", usage: {none: true}}
  - {text: Once upon, finish_reason: length}
`

// converse talks until the script is at its end, repeating what fails, and returns all replies.
func converse(t *testing.T, client *llm.Client) []llm.Response {
	t.Helper()
	request := llm.Request{Model: "scripted-upstream", MaxOutputTokens: 100, Messages: []llm.Message{user("a file")}}
	var replies []llm.Response
	for len(replies) < 5 {
		response, err := client.Complete(t.Context(), request, nil)
		if err != nil {
			var failure *llm.Error
			require.ErrorAs(t, err, &failure)
			require.True(t, failure.Retryable(), failure)
			continue
		}
		response.Duration, response.FirstToken = 0, 0
		replies = append(replies, response)
		request.Messages = append(request.Messages, response.Message)
		for _, call := range response.Message.ToolCalls {
			request.Messages = append(request.Messages, result(call, "done"))
		}
		request.Messages = append(request.Messages, user("Go on."))
	}
	return replies
}

func TestARecordedConversationRepeatsItself(t *testing.T) {
	upstream, url := serveScript(t, upstreamScript, scripted.Options{APIKey: upstreamKey})
	path := filepath.Join(t.TempDir(), "recorded.yaml")
	live := converse(t, record(t, url, path))
	require.Len(t, upstream.Log(), 7, "two faults and five replies")
	script := recorded(t, path, 5)

	written, err := os.ReadFile(path)
	require.NoError(t, err)
	require.NotContains(t, string(written), upstreamKey)
	require.NotContains(t, string(written), "sk-client")
	require.Contains(t, string(written), "def main(query):\n", "code is written as a readable block")
	require.Contains(t, string(written), "asked: a file")

	server, client := start(t, script, scripted.Options{})
	require.Empty(t, cmp.Diff(live, converse(t, client)))
	require.Equal(t, "recorded", server.Log()[0].Conversation)
	models, err := client.Models(t.Context())
	require.NoError(t, err)
	require.Equal(t, []string{"scripted-upstream"}, models)

	_, err = client.Complete(t.Context(), llm.Request{Model: "scripted-upstream", Messages: []llm.Message{user("never asked")}}, nil)
	require.ErrorContains(t, err, "no conversation of the script matches", "nothing is made up")
}

func TestARecordingIsContinued(t *testing.T) {
	_, url := serveScript(t, "conversations: [{turns: [{text: 'Hi {{.Task}}'}]}]", scripted.Options{})
	path := filepath.Join(t.TempDir(), "recorded.yaml")
	for i, name := range []string{"Ada", "Alan"} {
		_, err := record(t, url, path).Complete(t.Context(), llm.Request{Model: "m", Messages: []llm.Message{user(name)}}, nil)
		require.NoError(t, err)
		recorded(t, path, i+1)
	}
}

func TestKeysThatAMessageRepeatsAreMasked(t *testing.T) {
	_, url := serveScript(t, "conversations: [{turns: [{text: 'You said {{.Task}}'}]}]", scripted.Options{})
	path := filepath.Join(t.TempDir(), "recorded.yaml")
	_, err := record(t, url, path).Complete(t.Context(), llm.Request{Model: "m", Messages: []llm.Message{user("sk-client-0123456789 and " + upstreamKey)}}, nil)
	require.NoError(t, err)
	recorded(t, path, 1)
	written, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Contains(t, string(written), "You said masked-key and masked-key")
	require.NotContains(t, string(written), "0123456789")
}

func TestOtherEndpointsPassThroughUnrecorded(t *testing.T) {
	_, url := serveScript(t, "models: [scripted-upstream]", scripted.Options{APIKey: upstreamKey})
	path := filepath.Join(t.TempDir(), "recorded.yaml")
	models, err := record(t, url, path).Models(t.Context())
	require.NoError(t, err)
	require.Equal(t, []string{"scripted-upstream"}, models)
	recorded(t, path, 0)
}

func TestAnUpstreamThatIsGoneIsABadGateway(t *testing.T) {
	closed := httptest.NewServer(http.NotFoundHandler())
	closed.Close()
	_, err := record(t, closed.URL+"/v1", filepath.Join(t.TempDir(), "r.yaml")).Models(t.Context())
	var failure *llm.Error
	require.ErrorAs(t, err, &failure)
	require.Equal(t, 502, failure.Status)
	require.Contains(t, failure.Message, "cannot be reached")
}

func TestAPlaceThatCannotBeRecordedToIsNamedAtTheStart(t *testing.T) {
	dir := t.TempDir()
	write := func(name, content string) string {
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
		return path
	}
	tests := map[string]struct{ url, path, message string }{
		"no URL":                        {"api.openai.com", filepath.Join(dir, "a"), "not an http(s) URL"},
		"a directory":                   {"http://localhost/v1", dir, "is a directory"},
		"not a script":                  {"http://localhost/v1", write("notes", "Dear diary"), "notes"},
		"exchanges in the middle":       {"http://localhost/v1", write("middle", "exchanges: [{request: a, model: m, reply: {text: x}}]\nmodels: [m]\n"), "must be the last key"},
		"a directory that is not there": {"http://localhost/v1", filepath.Join(dir, "no", "where"), "no such file"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := scripted.NewRecorder(test.url, "", test.path)
			require.ErrorContains(t, err, test.message)
		})
	}
}

func TestARecorderThatCanNoLongerWriteRefusesRequests(t *testing.T) {
	_, url := serveScript(t, "conversations: [{turns: [{text: Hi}]}]", scripted.Options{})
	recorder, err := scripted.NewRecorder(url, "", filepath.Join(t.TempDir(), "r.yaml"))
	require.NoError(t, err)
	require.NoError(t, recorder.Close())
	running, err := scripted.Start("127.0.0.1:0", recorder)
	require.NoError(t, err)
	t.Cleanup(func() { running.Close() })
	const body = `{"model":"m","messages":[{"role":"user","content":"Hi"}]}`
	status, _ := post(t, running.URL+"/chat/completions", "application/json", body)
	require.Equal(t, 200, status, "this reply was paid for")
	status, answer := post(t, running.URL+"/chat/completions", "application/json", body)
	require.Equal(t, 500, status)
	require.Contains(t, answer, "record: append to")
}
