package service

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"agentfactory/internal/config"
	"agentfactory/internal/gateway"
)

// own is a policy with a rule of each kind that the default leaves open.
const own = `version: 1
extends: default
rules:
  - {name: note-large-prompts, trigger: model, when: byte_count > 100, action: log, reason: it is a large prompt}
  - {name: small-models-only, trigger: model, when: 'model.startsWith("big")', action: deny, reason: it costs too much}
  - {name: uploads-are-asked-about, trigger: tool, when: 'tool == "browser_automation" && action == "upload"', action: ask, reason: a file leaves this house}
  - {name: no-secret-files, trigger: path, when: 'action == "read" && glob(path, "secret/*")', action: deny, reason: they are secret}
  - {name: not-this-host, trigger: host, when: 'host == "evil.example.com"', action: deny, reason: it is evil}
`

func TestEveryPartOfACallIsDecidedOn(t *testing.T) {
	file := filepath.Join(t.TempDir(), "policy.yaml")
	require.NoError(t, os.WriteFile(file, []byte(own), 0o600))
	r, err := loadRules(config.Policy{File: file})
	require.NoError(t, err)
	browser := func(actions string) gateway.Question {
		return gateway.Question{Kind: gateway.KindTool, Tool: "browser_automation", Body: json.RawMessage(`{"actions": [` + actions + `]}`)}
	}
	for name, c := range map[string]struct {
		call gateway.Question
		want gateway.Ruling
	}{
		"a model that is allowed": {gateway.Question{Kind: gateway.KindLLM, Model: "small", Body: json.RawMessage(`{}`)}, gateway.Ruling{Action: gateway.Allow}},
		"a large prompt is noted": {
			gateway.Question{Kind: gateway.KindLLM, Model: "small", Body: json.RawMessage(`{"system": "` + string(make([]byte, 100)) + `"}`)},
			gateway.Ruling{Action: gateway.Allow, Notes: []string{"note-large-prompts: it is a large prompt"}},
		},
		"a model that is not":     {gateway.Question{Kind: gateway.KindTranscribe, Model: "big-ears"}, gateway.Ruling{Action: gateway.Deny, Rule: "small-models-only", Reason: "it costs too much"}},
		"a page":                  {browser(`{"action": "navigate", "url": "https://example.com"}, {"action": "text"}`), gateway.Ruling{Action: gateway.Allow}},
		"a page behind the first": {browser(`{"action": "navigate", "url": "https://example.com"}, {"action": "tab", "open": "https://evil.example.com/x"}`), gateway.Ruling{Action: gateway.Deny, Rule: "not-this-host", Reason: "it is evil"}},
		"a private page":          {browser(`{"action": "navigate", "url": "http://[::ffff:10.0.0.1]/"}`), gateway.Ruling{Action: gateway.Deny, Rule: "no-private-hosts", Reason: "this host is not on the public internet"}},
		"a part of an address":    {browser(`{"action": "wait", "url": "/done"}`), gateway.Ruling{Action: gateway.Allow}},
		"a script": {browser(`{"action": "eval", "script": "1"}`), gateway.Ruling{
			Action: gateway.Deny, Rule: "no-scripts-in-pages", Reason: "scripts in pages can do what no other rule sees; use text, find, snapshot and click",
		}},
		"an upload":           {browser(`{"action": "upload", "paths": ["a.txt"]}`), gateway.Ruling{Action: gateway.Ask, Rule: "uploads-are-asked-about", Reason: "a file leaves this house"}},
		"of a forbidden file": {browser(`{"action": "upload", "paths": ["a.txt", "x/../secret/b.txt"]}`), gateway.Ruling{Action: gateway.Deny, Rule: "no-secret-files", Reason: "they are secret"}},
		"a file elsewhere":    {browser(`{"action": "screenshot", "path": "../../etc/x.png"}`), gateway.Ruling{Action: gateway.Deny, Rule: "only-the-workspace", Reason: "tools read and write files of the workspace alone"}},
		"a goal":              {gateway.Question{Kind: gateway.KindTool, Tool: "browser_automation", Body: json.RawMessage(`{"goal": "x", "url": "https://evil.example.com"}`)}, gateway.Ruling{Action: gateway.Deny, Rule: "not-this-host", Reason: "it is evil"}},
		"a command": {gateway.Question{Kind: gateway.KindShell, Tool: gateway.ShellCommand, Body: json.RawMessage(`{"command": "r''m -rf /"}`)}, gateway.Ruling{
			Action: gateway.Deny, Rule: "no-destructive-commands", Reason: "the command looks destructive; do it in Python on named files of the workspace, or without that part",
		}},
		"a tunnel": {gateway.Question{Kind: gateway.KindHTTP, Body: json.RawMessage(`{"method": "CONNECT", "url": "https://example.com/", "tunnel": true}`)}, gateway.Ruling{
			Action: gateway.Deny, Rule: "no-writes-to-the-web", Reason: "only GET, HEAD and OPTIONS leave the sandbox; allow this host and method by a rule, or use a tool that was given to the subagent",
		}},
		"no request at all": {gateway.Question{Kind: gateway.KindTool, Tool: "web_search", Body: json.RawMessage(`[1]`)}, gateway.Ruling{Action: gateway.Allow}},
	} {
		t.Run(name, func(t *testing.T) { require.Equal(t, c.want, r.ruling(c.call)) })
	}
}
