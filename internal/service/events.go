package service

import (
	"encoding/json"
	"path"

	"agentfactory/internal/gateway"
	"agentfactory/internal/policy"
	"agentfactory/internal/shellcheck"
)

// request is what the policy looks at in the requests of all kinds; fields that a kind has no use for are empty.
type request struct {
	Command string          `json:"command"`
	URL     string          `json:"url"`
	Method  string          `json:"method"`
	Tunnel  bool            `json:"tunnel"`
	Actions []browserAction `json:"actions"`
}

type browserAction struct {
	Action string   `json:"action"`
	URL    string   `json:"url"`
	Open   string   `json:"open"`
	Path   string   `json:"path"`
	Paths  []string `json:"paths"`
}

// eventsOf are what a call does, one by one.
func eventsOf(q gateway.Question) []policy.Event {
	var r request
	_ = json.Unmarshal(q.Body, &r) // the tool refuses what is no request of its own
	of := event{skill: q.Skill, tool: q.Tool, bytes: int64(len(q.Body))}
	switch q.Kind {
	case gateway.KindLLM, gateway.KindTranscribe:
		return []policy.Event{{Trigger: policy.Model, Skill: q.Skill, Model: q.Model, Bytes: of.bytes}}
	case gateway.KindHTTP, gateway.KindHTTPFailed:
		return []policy.Event{policy.Event{Trigger: policy.Host, Skill: q.Skill, Method: r.Method, Tunnel: r.Tunnel}.WithURL(r.URL)}
	case gateway.KindShell:
		return []policy.Event{of.does(""), of.shell(r.Command)}
	}
	if len(r.Actions) == 0 {
		return of.visits("", r.URL)
	}
	var events []policy.Event
	for _, a := range r.Actions {
		events = append(events, of.browser(a)...)
	}
	return events
}

// event makes the events of one call.
type event struct {
	skill, tool string
	bytes       int64
}

func (e event) does(action string) policy.Event {
	return policy.Event{Trigger: policy.Tool, Skill: e.skill, Tool: e.tool, Action: action, Bytes: e.bytes}
}

// visits is what a tool does at an address, if it names one.
func (e event) visits(action, address string) []policy.Event {
	if address == "" {
		return []policy.Event{e.does(action)}
	}
	host := policy.Event{Trigger: policy.Host, Skill: e.skill, Tool: e.tool, Method: "GET"}
	return []policy.Event{e.does(action).WithURL(address), host.WithURL(address)}
}

// insideWorkspace is where commands run in the sandbox; at its weaker level the path is another, and relative ones are the
// same.
const insideWorkspace = "/workspace"

func (e event) shell(command string) policy.Event {
	shell := policy.Event{Trigger: policy.Shell, Skill: e.skill, Tool: e.tool, Command: command}
	for _, f := range shellcheck.Check(command, insideWorkspace) {
		shell.Findings = append(shell.Findings, string(f.Kind))
	}
	return shell
}

// browser is what one action does: to the page, and to files of the workspace.
func (e event) browser(a browserAction) []policy.Event {
	address := a.URL
	if a.Action == "tab" {
		address = a.Open
	}
	if a.Action == "wait" { // url is a part of an address there
		address = ""
	}
	events := e.visits(a.Action, address)
	for _, p := range a.Paths {
		events = append(events, e.file("read", p))
	}
	if a.Path != "" {
		events = append(events, e.file("write", a.Path))
	}
	return events
}

// file has one spelling of a path, so that no other one slips through a rule.
func (e event) file(action, name string) policy.Event {
	return policy.Event{Trigger: policy.Path, Skill: e.skill, Tool: e.tool, Action: action, Path: path.Clean(name)}
}
