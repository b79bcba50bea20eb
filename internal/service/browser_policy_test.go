package service

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"

	"agentfactory/internal/browser"
	"agentfactory/internal/config"
	"agentfactory/internal/gateway"
)

// inBrowserOf is what a run of a skill may do with the browser under the rules of a file; "" are the built-in ones.
func inBrowserOf(t *testing.T, file string) browser.Run {
	t.Helper()
	var c config.Policy
	if file != "" {
		c.File = filepath.Join(t.TempDir(), "policy.yaml")
		require.NoError(t, os.WriteFile(c.File, []byte(file), 0o600))
	}
	r, err := loadRules(c)
	require.NoError(t, err)
	return r.inBrowser(browser.OpenSessions(t.TempDir(), ""))(gateway.Run{Skill: "buyer"})
}

func TestTheBrowserReadsTheWebAndAFormNeedsARule(t *testing.T) {
	allow := inBrowserOf(t, "").Allow
	require.NoError(t, allow("GET", "https://shop.example.com/cart"))
	require.NoError(t, allow("HEAD", "https://shop.example.com/cart"))
	require.NoError(t, allow("", "https://shop.example.com:443/"), "of a tunnel the host is judged")
	require.EqualError(t, allow("GET", "http://10.0.0.1/"), "rule no-private-hosts: this host is not on the public internet")
	err := allow("POST", "https://shop.example.com/order")
	require.ErrorContains(t, err, "rule no-writes-to-the-web: ")
	require.ErrorContains(t, err, `when: tool == "browser_automation" && host == "shop.example.com" && method == "POST", action: allow`)
	require.ErrorContains(t, allow("PUT", "https://shop.example.com/order"), `method == "PUT"`)
}

var yamlBlock = regexp.MustCompile("(?s)```yaml\n(.*?)```")

func TestTheDocumentedPolicyLetsOneFormBeSent(t *testing.T) {
	text, err := os.ReadFile("../../docs/browser.md")
	require.NoError(t, err)
	found := yamlBlock.FindSubmatch(text)
	require.NotNil(t, found)
	allow := inBrowserOf(t, string(found[1])).Allow
	require.NoError(t, allow("POST", "https://shop.example.com/order/new"))
	require.Error(t, allow("POST", "https://shop.example.com/account/delete"))
	require.Error(t, allow("PUT", "https://shop.example.com/order/new"))
	require.Error(t, allow("POST", "https://other.example.com/order/new"))
	require.NoError(t, allow("GET", "https://other.example.com/"))
}

func TestARuleThatAsksDeniesInTheBrowserAndSaysSo(t *testing.T) {
	allow := inBrowserOf(t, `version: 1
extends: default
rules:
  - {name: orders, trigger: host, when: 'host == "shop.example.com" && method == "POST"', action: ask, reason: this orders something}
`).Allow
	require.ErrorContains(t, allow("POST", "https://shop.example.com/order"),
		"rule orders asks a person first (this orders something), and nobody can be asked here")
}

func TestTheActionsOfAGoalAreDecidedOnOneByOne(t *testing.T) {
	run := inBrowserOf(t, own)
	for name, c := range map[string]struct{ action, refusal string }{
		"a click":             {`{"action": "click", "text": "Send"}`, ""},
		"a page":              {`{"action": "navigate", "url": "https://example.com"}`, ""},
		"a forbidden page":    {`{"action": "tab", "open": "https://evil.example.com"}`, "rule not-this-host: it is evil"},
		"a forbidden file":    {`{"action": "download", "text": "x", "path": "../x"}`, "rule only-the-workspace"},
		"what would be asked": {`{"action": "upload", "css": "input", "paths": ["a.txt"]}`, "rule uploads-are-asked-about asks a person first"},
	} {
		t.Run(name, func(t *testing.T) {
			err := run.Permit(json.RawMessage(c.action))
			if c.refusal == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, c.refusal)
		})
	}
	require.False(t, run.AllowEval)
}

func TestAScriptThatAPersonIsAskedAboutIsLeftToThatPerson(t *testing.T) {
	run := inBrowserOf(t, `version: 1
extends: default
rules:
  - {name: no-scripts-in-pages, trigger: tool, when: 'tool == "browser_automation" && action == "eval"', action: ask}
`)
	require.True(t, run.AllowEval, "the gateway has asked before the call is carried out")
	require.Error(t, run.Permit(json.RawMessage(`{"action": "eval", "script": "1"}`)), "in a goal nobody can be asked")
}
