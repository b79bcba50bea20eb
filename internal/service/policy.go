package service

import (
	"encoding/json"
	"net/url"

	"agentfactory/internal/browser"
	"agentfactory/internal/config"
	"agentfactory/internal/gateway"
	"agentfactory/internal/policy"
	"agentfactory/internal/shellcheck"
)

// rules are the policy of a worker, as the gateway, the tools and the package installer ask it.
type rules struct{ *policy.Policy }

func loadRules(c config.Policy) (rules, error) {
	if c.File == "" {
		return rules{policy.Default()}, nil
	}
	p, err := policy.Load(c.File)
	return rules{p}, err
}

// ruling implements gateway.Policy: the strictest of what the rules say about the parts of a call.
func (r rules) ruling(q gateway.Question) gateway.Ruling {
	ruling := gateway.Ruling{Action: gateway.Allow}
	for _, e := range eventsOf(q) {
		d := r.Decide(e)
		switch {
		case d.Action == policy.Deny:
			return gateway.Ruling{Action: gateway.Deny, Rule: d.Rule, Reason: d.Reason}
		case d.Action == policy.Ask && ruling.Action == gateway.Allow:
			ruling = gateway.Ruling{Action: gateway.Ask, Rule: d.Rule, Reason: d.Reason}
		}
	}
	return ruling
}

// eventsOf are what a call does, one by one.
func eventsOf(q gateway.Question) []policy.Event {
	var body struct {
		Command string `json:"command"`
		URL     string `json:"url"`
		Method  string `json:"method"`
		Tunnel  bool   `json:"tunnel"`
	}
	_ = json.Unmarshal(q.Body, &body) // what has none of these fields is decided by its kind
	switch q.Kind {
	case gateway.KindLLM, gateway.KindTranscribe:
		return []policy.Event{{Trigger: policy.Model, Skill: q.Skill}}
	case gateway.KindHTTP:
		return []policy.Event{policy.Event{Trigger: policy.Host, Skill: q.Skill, Method: body.Method, Tunnel: body.Tunnel}.WithURL(body.URL)}
	case gateway.KindShell:
		e := policy.Event{Trigger: policy.Shell, Skill: q.Skill, Tool: q.Tool, Command: body.Command}
		for _, f := range shellcheck.Check(body.Command, insideWorkspace) {
			e.Findings = append(e.Findings, string(f.Kind))
		}
		return []policy.Event{{Trigger: policy.Tool, Skill: q.Skill, Tool: q.Tool}, e}
	}
	events := []policy.Event{policy.Event{Trigger: policy.Tool, Skill: q.Skill, Tool: q.Tool}.WithURL(body.URL)}
	if body.URL != "" {
		events = append(events, policy.Event{Trigger: policy.Host, Skill: q.Skill, Tool: q.Tool, Method: "GET"}.WithURL(body.URL))
	}
	return events
}

// insideWorkspace is where commands run in the sandbox; at its weaker level the path is another, and relative ones are the
// same.
const insideWorkspace = "/workspace"

// page tells whether a page may be fetched.
func (r rules) page(skill, tool, address string) error {
	return r.check(policy.Event{Trigger: policy.Host, Skill: skill, Tool: tool, Method: "GET"}.WithURL(address))
}

// fetched is page for web_reading, which follows redirects.
func (r rules) fetched(u *url.URL) error { return r.page("", "web_reading", u.String()) }

// pack tells whether a package may be installed.
func (r rules) pack(skill, name, version string) error {
	return r.check(policy.Event{Trigger: policy.Package, Skill: skill, Package: name, Version: version})
}

// check is an error unless the rules allow the event; there is nobody to be asked here.
func (r rules) check(e policy.Event) error {
	if d := r.Decide(e); d.Action != policy.Allow {
		return gateway.Errorf(gateway.Denied, "rule %s: %s", d.Rule, d.Reason)
	}
	return nil
}

// inBrowser is what a run may do with the browser.
func (r rules) inBrowser(sessions *browser.Sessions) func(gateway.Run) browser.Run {
	return func(g gateway.Run) browser.Run {
		run := browser.Run{
			Allow:     func(address string) error { return r.page(g.Skill, "browser_automation", address) },
			AllowEval: r.check(policy.Event{Trigger: policy.Tool, Skill: g.Skill, Tool: "browser_automation", Action: "eval"}) == nil,
		}
		stored, err := sessions.List()
		if err != nil {
			return run // no login is usable then
		}
		for _, s := range stored {
			if r.check(policy.Event{Trigger: policy.Session, Skill: g.Skill, Tool: "browser_automation", Session: s.Name}) == nil {
				run.Sessions = append(run.Sessions, s.Name)
			}
		}
		return run
	}
}
