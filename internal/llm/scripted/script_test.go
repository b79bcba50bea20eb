package scripted_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"agentfactory/internal/llm"
	"agentfactory/internal/llm/scripted"
)

func TestMistakesInAScriptAreNamed(t *testing.T) {
	tests := map[string]struct{ source, message string }{
		"no YAML":                   {"conversations: [", "read script"},
		"an unknown key":            {"conversation: []", `unknown field "conversation"`},
		"an unknown key further in": {"conversations: [{turns: [{txt: Hi}]}]", `unknown field "txt"`},
		"no turns":                  {"conversations: [{name: talk, turns: []}]", "talk: there are no turns"},
		"an empty turn":             {"conversations: [{turns: [{delay: 1s}]}]", "neither text, calls, refusal nor fault"},
		"a bad expression":          {"conversations: [{when: {user: '/(/'}, turns: [{text: Hi}]}]", "pattern /(/"},
		"a bad duration":            {"conversations: [{turns: [{text: Hi, delay: soon}]}]", `"soon" is no duration`},
		"a negative duration":       {"conversations: [{turns: [{text: Hi, delay: -1s}]}]", "negative"},
		"an unknown placeholder":    {"conversations: [{turns: [{text: 'Hi {{.Nobody}}'}]}]", "Nobody"},
		"an unfinished placeholder": {"conversations: [{turns: [{text: 'Hi {{.Find }}'}]}]", "Find"},
		"a bad search":              {"conversations: [{turns: [{calls: [{name: f, arguments: {x: '{{.Find \"(\"}}'}}]}]}]", "missing closing )"},
		"a call without a name":     {"conversations: [{turns: [{calls: [{arguments: {}}]}]}]", "a call has no name"},
		"arguments that are a list": {"conversations: [{turns: [{calls: [{name: f, arguments: [1]}]}]}]", "arguments must be a mapping"},
		"a fault without a fault":   {"conversations: [{turns: [{text: Hi, fault: {times: 3}}]}]", "one of status, stall"},
		"a fault's unknown key":     {"conversations: [{turns: [{text: Hi, fault: {code_: 3}}]}]", "code_"},
		"a status that is no error": {"conversations: [{turns: [{text: Hi, fault: {status: 200}}]}]", "not an HTTP error"},
		"repeated too often":        {"conversations: [{turns: [{text: Hi, repeat: 1000000}]}]", "between 1 and 100000"},
		"a repeated alternative":    {"conversations: [{turns: [{when: x, text: Hi, repeat: 2}, {text: Ho}]}]", "exclude each other"},
		"an exchange of nothing":    {"exchanges: [{model: m, reply: {text: Hi}}]", "exchange 1 names no request"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := scripted.Parse([]byte(test.source))
			require.ErrorContains(t, err, test.message)
			require.NotContains(t, err.Error(), "\n", "one line")
		})
	}
}

func TestLoadNamesTheFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "broken.yaml")
	require.NoError(t, os.WriteFile(path, []byte("models: 7\n"), 0o600))
	_, err := scripted.Load(path)
	require.ErrorContains(t, err, path)
	_, err = scripted.Load(path + ".missing")
	require.ErrorIs(t, err, os.ErrNotExist)
}

func TestTurnsCompeteForTheirPlace(t *testing.T) {
	const source = `
conversations:
- when: {system: /tester/, model: scripted-b}
  turns:
  - {when: /erro?r/, text: It failed.}
  - {when: fine, text: It worked.}
  - {text: "I am at turn {{.Turn}} with {{.Model}}: {{.LastMessage}}", repeat: 2}
  - {when: never, text: unreachable}
`
	_, client := start(t, parse(t, source), scripted.Options{})
	say := func(replies int, last string) (string, error) {
		request := llm.Request{Model: "scripted-b", Messages: []llm.Message{{Role: llm.RoleSystem, Content: "You are a tester."}}}
		for range replies {
			request.Messages = append(request.Messages, user("Go on."), llm.Message{Role: llm.RoleAssistant, Content: "Well."})
		}
		request.Messages = append(request.Messages, user(last))
		response, err := client.Complete(t.Context(), request, nil)
		return response.Message.Content, err
	}
	for _, test := range []struct {
		replies    int
		last, want string
	}{
		{0, "an error occurred", "It failed."},
		{0, "all fine", "It worked."},
		{0, "what now?", "I am at turn 1 with scripted-b: what now?"},
		{1, "what now?", "I am at turn 2 with scripted-b: what now?"},
		{1, "all fine", "It worked."},
	} {
		got, err := say(test.replies, test.last)
		require.NoError(t, err)
		require.Equal(t, test.want, got)
	}
	_, err := say(2, "whatever")
	require.ErrorContains(t, err, "no turn of conversation 1 matches for reply 3")
	_, err = say(3, "whatever")
	require.ErrorContains(t, err, "has 3 turns, and reply 4 is asked for")
}

func TestBracesOfCodeAreNoPlaceholders(t *testing.T) {
	const code = `print(f"{{x}} {{ {y} }} {% .Task %}") # {{{z}}}`
	_, client := start(t, parse(t, "conversations: [{turns: [{calls: [{name: f, arguments: {code: '"+code+"', more: '{{.Open}}.Task}}'}}]}]}]"), scripted.Options{})
	response, err := client.Complete(t.Context(), llm.Request{Model: "m", Messages: []llm.Message{user("Hi")}}, nil)
	require.NoError(t, err)
	require.JSONEq(t, `{"code":"`+strings.ReplaceAll(code, `"`, `\"`)+`","more":"{{.Task}}"}`, response.Message.ToolCalls[0].Arguments)
}

func TestAPlaceholderThatFindsNothingIsAnUnscriptedRequest(t *testing.T) {
	_, client := start(t, parse(t, `conversations: [{name: talk, turns: [{text: '{{.Find "[0-9]+"}}'}]}]`), scripted.Options{})
	_, err := client.Complete(t.Context(), llm.Request{Model: "m", Messages: []llm.Message{user("no digits")}}, nil)
	require.ErrorContains(t, err, "the last message does not match")
	require.ErrorContains(t, err, "talk, reply 1")
}

func TestArgumentsKeepTheirOrderAndTypes(t *testing.T) {
	const source = `
conversations:
- turns:
  - calls:
    - name: f
      arguments: {z: 1, a: [true, null, 2.5, {y: x}], m: "<&>", n: "{{.Task}}", 7: seven}
`
	_, client := start(t, parse(t, source), scripted.Options{})
	response, err := client.Complete(t.Context(), llm.Request{Model: "m", Messages: []llm.Message{user("say \"hi\"\n")}}, nil)
	require.NoError(t, err)
	require.Equal(t, `{"z":1,"a":[true,null,2.5,{"y":"x"}],"m":"<&>","n":"say \"hi\"\n","7":"seven"}`, response.Message.ToolCalls[0].Arguments)
}

func FuzzParse(f *testing.F) {
	example, err := os.ReadFile("testdata/example.yaml")
	require.NoError(f, err)
	f.Add(example)
	f.Add([]byte("conversations: [{turns: [{text: '{{.Find \"x\"}}', fault: [{status: 500}]}]}]"))
	f.Add([]byte("exchanges:\n- {request: a, model: m, reply: {calls: [{name: f, arguments: '{'}]}}"))
	f.Fuzz(func(t *testing.T, source []byte) {
		script, err := scripted.Parse(source)
		if err != nil {
			require.NotContains(t, err.Error(), "\n")
			return
		}
		_, err = scripted.NewServer(script, scripted.Options{})
		require.NoError(t, err)
	})
}
