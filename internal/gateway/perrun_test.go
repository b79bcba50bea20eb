package gateway_test

import (
	"context"
	"encoding/json"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"agentfactory/internal/embedded/s3server/s3test"
	"agentfactory/internal/gateway"
)

// notebook is a tool that serves each run by an instance of its own.
type notebook struct {
	gateway.ToolFunc
	opened, closed []string
}

func (n *notebook) ForRun(r gateway.Run) (gateway.Tool, func()) {
	n.opened = append(n.opened, r.Skill+" in "+r.Workspace)
	instance := gateway.ToolFunc(func(ctx context.Context, c gateway.ToolRequest) (gateway.ToolReply, error) {
		reply, err := c.LLM(ctx, gateway.LLMRequest{System: "think"})
		if err != nil {
			return gateway.ToolReply{}, err
		}
		body, err := json.Marshal(map[string]string{"text": reply.Text})
		return gateway.ToolReply{Body: body}, err
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

// stubborn is a tool that asks the model again and again until it is refused, and then answers with what it has.
func stubborn(ctx context.Context, r gateway.ToolRequest) (gateway.ToolReply, error) {
	var texts []string
	for {
		reply, err := r.LLM(ctx, gateway.LLMRequest{System: "think"})
		var refused *gateway.Error
		if errors.As(err, &refused) && refused.Code == gateway.BudgetExhausted {
			body, err := json.Marshal(map[string]any{"texts": texts})
			return gateway.ToolReply{Body: body, Usage: gateway.Usage{InputTokens: 1}}, err
		}
		if err != nil {
			return gateway.ToolReply{}, err
		}
		texts = append(texts, reply.Text)
	}
}

func TestTheBudgetHoldsInTheMiddleOfAToolsCall(t *testing.T) {
	for name, limit := range map[string]gateway.Config{
		"tokens": {MaxTokens: 25, MaxCostUSD: -1},
		"cost":   {MaxTokens: -1, MaxCostUSD: 1.5},
	} {
		t.Run(name, func(t *testing.T) {
			journal := gateway.NewJournal(s3test.Bucket(t), prefix)
			m := &model{tokens: 10}
			limit.Tools, limit.Granted = map[string]gateway.Tool{"browser_automation": gateway.ToolFunc(stubborn)}, []string{"browser_automation"}
			limit.LLM, limit.Journal = m.complete, journal
			d := open(t, limit)
			require.JSONEq(t, `{"texts": ["reply 1", "reply 2", "reply 3"]}`, d.ok("/v1/tool/browser_automation", `{}`))
			require.True(t, d.Exhausted())
			spent := gateway.Usage{InputTokens: 31, OutputTokens: 30, CostUSD: 1.5}
			require.Equal(t, spent, d.Usage(), "each call is booked once, and what the tool spent otherwise too")
			require.Equal(t, spent, load(t, journal)[0].Usage)

			rerun := open(t, limit)
			rerun.ok("/v1/tool/browser_automation", `{}`)
			require.Equal(t, spent, rerun.Usage())
			require.Equal(t, int64(3), m.calls.Load(), "a rerun pays nothing")
		})
	}
}

func TestAToolWithoutAModelIsTold(t *testing.T) {
	d := open(t, gateway.Config{
		Tools: map[string]gateway.Tool{"web_search": gateway.ToolFunc(func(_ context.Context, r gateway.ToolRequest) (gateway.ToolReply, error) {
			body, err := json.Marshal(map[string]bool{"model": r.LLM != nil})
			return gateway.ToolReply{Body: body}, err
		})}, Granted: []string{"web_search"},
	})
	require.JSONEq(t, `{"model": false}`, d.ok("/v1/tool/web_search", `{}`))
}
