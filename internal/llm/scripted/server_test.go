package scripted_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"agentfactory/internal/llm"
	"agentfactory/internal/llm/scripted"
)

// start serves a script and returns the server and a client of it.
func start(t *testing.T, script *scripted.Script, options scripted.Options) (*scripted.Server, *llm.Client) {
	t.Helper()
	server, err := scripted.NewServer(script, options)
	require.NoError(t, err)
	running, err := scripted.Start("127.0.0.1:0", server)
	require.NoError(t, err)
	t.Cleanup(func() {
		require.NoError(t, running.Close())
		require.NoError(t, server.Close())
	})
	client, err := llm.New(llm.Endpoint{BaseURL: running.URL, APIKey: options.APIKey}, llm.Options{})
	require.NoError(t, err)
	return server, client
}

func parse(t *testing.T, source string) *scripted.Script {
	t.Helper()
	script, err := scripted.Parse([]byte(source))
	require.NoError(t, err)
	return script
}

func user(text string) llm.Message { return llm.Message{Role: llm.RoleUser, Content: text} }

func result(call llm.ToolCall, text string) llm.Message {
	return llm.Message{Role: llm.RoleTool, ToolCallID: call.ID, Content: text}
}

func TestAConversationFollowsItsTurns(t *testing.T) {
	script, err := scripted.Load("testdata/example.yaml")
	require.NoError(t, err)
	server, client := start(t, script, scripted.Options{})

	request := llm.Request{Model: "scripted-example", Messages: []llm.Message{user("Please count the words in notes.txt")}}
	first, err := client.Complete(t.Context(), request, nil)
	require.NoError(t, err)
	require.Equal(t, "I will write a subagent that counts.", first.Message.Content)
	require.Len(t, first.Message.ToolCalls, 1)
	create := first.Message.ToolCalls[0]
	require.Equal(t, "create_subagent", create.Name)
	require.Equal(t, `{"skill_name":"word-count","code":"def main(query: str) -> dict:\n    words = len(open(query).read().split())\n`+
		`    return {\"answer\": f\"{words}\", \"summary\": f\"{query}: {words} words\"}\n","skills":[],"query":"notes.txt"}`, create.Arguments)
	require.Equal(t, llm.FinishToolCalls, first.FinishReason)

	failed := append(request.Messages, first.Message, result(create, "Traceback: UnicodeDecodeError"))
	request.Messages = failed
	repair, err := client.Complete(t.Context(), request, nil)
	require.NoError(t, err)
	require.Equal(t, "modify_subagent", repair.Message.ToolCalls[0].Name)

	request.Messages = append(failed, repair.Message, result(repair.Message.ToolCalls[0], `{"answer": "42"}`))
	last, err := client.Complete(t.Context(), request, nil)
	require.NoError(t, err)
	require.JSONEq(t, `{"answer":"There are 42 words.","subagents":[{"entry_file":"subagent.py","description":"Counts the words of a text file."}]}`, last.Message.ToolCalls[0].Arguments)
	require.Greater(t, last.Usage.CachedInputTokens, int64(100), "the repeated prefix is cached")
	require.Less(t, last.Usage.CachedInputTokens, last.Usage.InputTokens)

	log := server.Log()
	require.Len(t, log, 3)
	require.Equal(t, "word count", log[2].Conversation)
	require.Equal(t, 3, log[2].Turn)
	require.Equal(t, 5, log[2].Messages)
	require.Equal(t, 200, log[2].Status)
}
