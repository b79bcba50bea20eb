package gateway_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"agentfactory/internal/gateway"
)

func TestAJournalTellsWhichToolsAndHostsWereUsed(t *testing.T) {
	tools, hosts := gateway.Seen([]gateway.Entry{
		{Kind: gateway.KindLLM, Request: json.RawMessage(`{"messages": [{"role": "user", "content": "https://no.example"}]}`)},
		{Kind: gateway.KindTool, Tool: "web_reading", Request: json.RawMessage(`{"url": "https://B.example:8443/x"}`)},
		{Kind: gateway.KindTool, Tool: "browser_automation", Request: json.RawMessage(`{"actions": [{"action": "navigate", "url": "http://a.example/"}, {"action": "text", "url": "none"}]}`)},
		{Kind: gateway.KindTool, Tool: "web_reading", Request: json.RawMessage(`{"url": "https://b.example/y"}`)},
		{Kind: gateway.KindShell, Tool: "shell_command", Request: json.RawMessage(`no json`)},
	})
	require.Equal(t, []string{"browser_automation", "shell_command", "web_reading"}, tools)
	require.Equal(t, []string{"a.example", "b.example"}, hosts)
}
