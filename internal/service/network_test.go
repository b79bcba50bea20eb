package service

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"agentfactory/internal/browser"
	"agentfactory/internal/config"
	"agentfactory/internal/gateway"
	"agentfactory/internal/netguard"
	"agentfactory/internal/pyruntime"
)

// inside is a page of one's own network, which every test of it finds at 127.0.0.1.
func inside(t *testing.T) (url string) {
	t.Helper()
	site := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		_, _ = w.Write([]byte("<!doctype html><title>Wiki</title><p>How we work</p>"))
	}))
	t.Cleanup(site.Close)
	return site.URL
}

// toolsFor are the tools of a worker with these private hosts, and rules that allow the site.
func toolsFor(t *testing.T, hosts ...string) toolSet {
	t.Helper()
	file := filepath.Join(t.TempDir(), "policy.yaml")
	require.NoError(t, os.WriteFile(file, []byte(`version: 1
extends: default
rules:
  - {name: our-wiki, trigger: host, when: 'host in ["127.0.0.1", "localhost"]', action: allow}
`), 0o600))
	r, err := loadRules(config.Policy{File: file})
	require.NoError(t, err)
	network, err := netguard.ParseNetworks(hosts)
	require.NoError(t, err)
	p := Parts{State: t.TempDir(), Dial: network.DialContext}
	p.Config.Browser = config.Browser{Driver: os.Getenv("AGENTFACTORY_TEST_PLAYWRIGHT"), Executable: os.Getenv("AGENTFACTORY_TEST_CHROMIUM")}
	tools := openTools(t.Context(), p, r, network, nil)
	t.Cleanup(tools.browser.Close)
	return tools
}

func call(t *testing.T, tool gateway.Tool, body any) (string, error) {
	t.Helper()
	text, err := json.Marshal(body)
	require.NoError(t, err)
	reply, err := tool.Call(t.Context(), gateway.ToolRequest{Body: text})
	return string(reply.Body), err
}

func TestOnesOwnNetworkIsReadWhereSettingsAndPolicyAllowIt(t *testing.T) {
	url := inside(t)
	reading := map[string]string{"url": url}
	text, err := call(t, toolsFor(t, "127.0.0.1").byName["web_reading"], reading)
	require.NoError(t, err)
	require.Contains(t, text, "How we work")
	_, err = call(t, toolsFor(t).byName["web_reading"], reading)
	require.ErrorContains(t, err, "127.0.0.1 is not a public address", "a rule alone does not open it")
	_, err = call(t, toolsFor(t, "127.0.0.1").byName["web_reading"], map[string]string{"url": strings.Replace(url, "127.0.0.1", "localhost", 1)})
	require.ErrorContains(t, err, "is not a public address", "a name is not its address")
}

func TestOnesOwnNetworkIsBrowsedWhereSettingsAndPolicyAllowIt(t *testing.T) {
	url := inside(t)
	browse := func(tools toolSet) string {
		tool, end := tools.byName["browser_automation"].(gateway.PerRun).ForRun(gateway.Run{Workspace: t.TempDir()})
		defer end()
		text, err := call(t, tool, map[string]any{"actions": []map[string]string{{"action": "navigate", "url": url}, {"action": "text"}}})
		require.NoError(t, err)
		return text
	}
	open := toolsFor(t, "127.0.0.1")
	if _, err := browser.Find(t.Context(), browser.Places{Driver: os.Getenv("AGENTFACTORY_TEST_PLAYWRIGHT"), Executable: os.Getenv("AGENTFACTORY_TEST_CHROMIUM")}); err != nil {
		if os.Getenv("AGENTFACTORY_TEST_REQUIRE") == "all" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	require.Contains(t, browse(open), "How we work")
	require.Contains(t, browse(toolsFor(t)), "127.0.0.1 is not a public address")
}

func TestPackagesAreKeptWhereSettingsSayIfSubagentsCanReadThem(t *testing.T) {
	var c config.Config
	made, err := Python(c, "/state", pyruntime.Interpreter{}, nil)
	require.NoError(t, err)
	require.Equal(t, "/state/packages", made.Dir)

	open, err := os.MkdirTemp("", "service-test-")
	require.NoError(t, err)
	t.Cleanup(func() { os.RemoveAll(open) })
	require.NoError(t, os.Chmod(open, 0o755))
	c.Packages = config.Packages{Dir: filepath.Join(open, "kept"), UV: "none", IndexURL: "https://index.example/simple", MaxSize: 1 << 30}
	made, err = Python(c, "/state", pyruntime.Interpreter{}, nil)
	require.NoError(t, err)
	require.Equal(t, pyruntime.Config{Dir: c.Packages.Dir, UV: "none", IndexURL: "https://index.example/simple", MaxPackageBytes: 1 << 30}, made)

	require.NoError(t, os.Chmod(open, 0o700))
	if _, err = Python(c, "/state", pyruntime.Interpreter{}, nil); os.Geteuid() == 0 {
		require.ErrorContains(t, err, "is closed to other users: set AGENTFACTORY_PACKAGES (packages.dir) to another directory")
	} else {
		require.NoError(t, err, "subagents run as the same user")
	}
}

func TestLoginsOfPackageIndexesAreSecrets(t *testing.T) {
	t.Setenv("PIP_INDEX_URL", "https://reader:login-of-pip@index.example/simple")
	c := config.Config{Packages: config.Packages{IndexURL: "https://reader:login-of-settings@index.example/simple"}}
	require.Subset(t, secrets(c), []string{"login-of-pip", "login-of-settings"})
}
