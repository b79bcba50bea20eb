package scripted_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"agentfactory/internal/llm"
	"agentfactory/internal/llm/scripted"
)

// BenchmarkTurn is what client and scripted server together add to the nth turn of a run whose messages are 1 KB: the
// floor under every benchmark that runs on the scripted model.
func BenchmarkTurn(b *testing.B) {
	script, err := scripted.Parse([]byte("conversations: [{turns: [{calls: [{name: run_subagent, arguments: {query: Go on.}}], repeat: 1000}]}]"))
	require.NoError(b, err)
	server, err := scripted.NewServer(script, scripted.Options{})
	require.NoError(b, err)
	running, err := scripted.Start("127.0.0.1:0", server)
	require.NoError(b, err)
	b.Cleanup(func() { running.Close() })
	client, err := llm.New(llm.Endpoint{BaseURL: running.URL}, llm.Options{})
	require.NoError(b, err)

	request := llm.Request{Model: scripted.DefaultModel, Messages: []llm.Message{user("Go.")}}
	for turn := 1; turn <= 500; turn++ {
		if turn == 1 || turn == 10 || turn == 100 || turn == 500 {
			b.Run(fmt.Sprintf("turn %d", turn), func(b *testing.B) {
				for b.Loop() {
					_, err := client.Complete(b.Context(), request, nil)
					require.NoError(b, err)
				}
			})
		}
		id := fmt.Sprintf("call_%d", turn)
		request.Messages = append(request.Messages,
			llm.Message{Role: llm.RoleAssistant, ToolCalls: []llm.ToolCall{{ID: id, Name: "run_subagent", Arguments: `{"query":"Go on."}`}}},
			llm.Message{Role: llm.RoleTool, ToolCallID: id, Content: fmt.Sprintf("%01000d", turn)})
	}
}
