package service

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"agentfactory/internal/browser"
	"agentfactory/internal/config"
	"agentfactory/internal/gateway"
	"agentfactory/internal/netguard"
	"agentfactory/internal/offlinesite"
	"agentfactory/internal/policy"
)

func TestTheSiteOnBoardIsReadAndBrowsedUnderTheDefaultPolicy(t *testing.T) {
	var network netguard.Networks
	p := Parts{State: t.TempDir(), Dial: offlinesite.Dialer(network.DialContext)}
	p.Config.Browser = config.Browser{Driver: os.Getenv("AGENTFACTORY_TEST_PLAYWRIGHT"), Executable: os.Getenv("AGENTFACTORY_TEST_CHROMIUM")}
	p.Config.Tools.Reading.APIKey = "jina_key" // no service outside could read it
	tools := openTools(t.Context(), p, rules{policy.Default()}, network, nil)
	t.Cleanup(tools.browser.Close)

	text, err := call(t, tools.byName["web_reading"], map[string]string{"url": "http://shop.offline.test/search?q=lamp"})
	require.NoError(t, err)
	require.Contains(t, text, "22 articles")
	_, err = call(t, tools.byName["web_reading"], map[string]string{"url": "http://127.0.0.1/"})
	require.ErrorContains(t, err, "not a public address")

	if _, err := browser.Find(t.Context(), browser.Places{Driver: p.Config.Browser.Driver, Executable: p.Config.Browser.Executable}); err != nil {
		if os.Getenv("AGENTFACTORY_TEST_REQUIRE") == "all" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	tool, end := tools.byName["browser_automation"].(gateway.PerRun).ForRun(gateway.Run{Workspace: t.TempDir()})
	defer end()
	text, err = call(t, tool, map[string]any{"actions": []map[string]string{
		{"action": "navigate", "url": "http://shop.offline.test/warehouse/north"}, {"action": "click", "role": "button", "name": "Show more"}, {"action": "text", "css": "#pallets"},
	}})
	require.NoError(t, err)
	require.Contains(t, text, "P-351")
}
