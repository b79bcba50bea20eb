package gateway_test

import (
	"context"
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"agentfactory/internal/gateway"
)

// notebook is a tool that serves each run by an instance of its own.
type notebook struct {
	gateway.ToolFunc
	opened, closed []string
}

func (n *notebook) ForRun(r gateway.Run) (gateway.Tool, func()) {
	n.opened = append(n.opened, r.Skill+" in "+r.Workspace)
	instance := gateway.ToolFunc(func(ctx context.Context, _ gateway.ToolRequest) (gateway.ToolReply, error) {
		reply, err := r.LLM(ctx, gateway.LLMRequest{System: "think"})
		if err != nil {
			return gateway.ToolReply{}, err
		}
		body, err := json.Marshal(map[string]string{"text": reply.Text})
		return gateway.ToolReply{Body: body, Usage: reply.Usage}, err
	})
	return instance, func() { n.closed = append(n.closed, r.Skill) }
}

func TestAToolServesEachRunByAnInstanceOfItsOwn(t *testing.T) {
	n := &notebook{}
	d := open(t, gateway.Config{
		Tools: map[string]gateway.Tool{"browser_automation": n, "web_search": &notebook{}}, Granted: []string{"browser_automation"},
		Skill: "reader", Workspace: "/work", MaxTokens: 10, MaxCostUSD: -1,
		LLM: func(context.Context, gateway.LLMRequest) (gateway.LLMReply, error) {
			return gateway.LLMReply{Text: "thought", Usage: gateway.Usage{OutputTokens: 10}}, nil
		},
	})
	require.JSONEq(t, `{"text": "thought"}`, d.ok("/v1/tool/browser_automation", `{}`))
	require.Equal(t, int64(10), d.Usage().OutputTokens, "what the tool's model calls cost is counted")
	d.fails("/v1/tool/browser_automation", `{"again": true}`, 429, gateway.BudgetExhausted)
	require.NoError(t, d.Close())
	require.NoError(t, d.Close())
	require.Equal(t, []string{"reader in /work"}, n.opened, "only for tools that were granted")
	require.Equal(t, []string{"reader"}, n.closed)
}
