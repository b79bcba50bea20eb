package gateway_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"agentfactory/internal/embedded/s3server/s3test"
	"agentfactory/internal/gateway"
)

// A call that the policy asks about ends the run: nothing is called after it. The run is repeated with the decision, and what
// was answered before comes from the journal.
func TestACallThatIsAskedAboutWaitsForADecision(t *testing.T) {
	for name, c := range map[string]struct {
		granted bool
		calls   int
	}{"allowed": {true, 2}, "refused": {false, 1}} {
		t.Run(name, func(t *testing.T) {
			calls := 0
			config := searching(gateway.NewJournal(s3test.Bucket(t), prefix), &calls)
			d := open(t, config)
			d.ok("/v1/tool/web_search", `{"query": "weather"}`)
			require.Nil(t, d.Asked())
			require.Contains(t, d.fails("/v1/tool/web_search", `{"query": "secret plans"}`, 403, gateway.ApprovalRequired), "rule plans asks a person first")
			d.fails("/v1/tool/web_search", `{"query": "anything else"}`, 403, gateway.ApprovalRequired)
			asked := d.Asked()
			require.Equal(t, []string{"plans", "web_search", `{"query":"secret plans"}`}, []string{asked.Rule, asked.Tool, string(asked.Request)})
			require.Equal(t, 1, calls)
			require.Len(t, load(t, config.Journal), 1, "what was not decided is not recorded")

			config.Grants = map[string]bool{asked.Digest: c.granted}
			again := open(t, config)
			again.ok("/v1/tool/web_search", `{"query": "weather"}`)
			if c.granted {
				again.ok("/v1/tool/web_search", `{"query": "secret plans"}`)
			} else {
				require.Contains(t, again.fails("/v1/tool/web_search", `{"query": "secret plans"}`, 403, gateway.Denied), "a person refused this call")
			}
			require.Equal(t, c.calls, calls)
			require.Nil(t, again.Asked())
		})
	}
}

// searching is a configuration whose policy asks about secret plans.
func searching(journal gateway.Journal, calls *int) gateway.Config {
	return gateway.Config{
		Granted: []string{"web_search"}, Journal: journal,
		Tools: map[string]gateway.Tool{"web_search": gateway.ToolFunc(func(context.Context, gateway.ToolRequest) (gateway.ToolReply, error) {
			*calls++
			return gateway.ToolReply{Body: json.RawMessage(`{"results": []}`)}, nil
		})},
		Policy: func(q gateway.Question) gateway.Ruling {
			if strings.Contains(string(q.Body), "secret plans") {
				return gateway.Ruling{Action: gateway.Ask, Rule: "plans", Reason: "they are nobody's business"}
			}
			return gateway.Ruling{Action: gateway.Allow}
		},
	}
}
