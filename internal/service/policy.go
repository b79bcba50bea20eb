package service

import (
	"net/url"

	"agentfactory/internal/browser"
	"agentfactory/internal/config"
	"agentfactory/internal/gateway"
	"agentfactory/internal/policy"
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
		ruling.Notes = append(ruling.Notes, d.Logs...)
		switch {
		case d.Action == policy.Deny:
			return gateway.Ruling{Action: gateway.Deny, Rule: d.Rule, Reason: d.Reason, Notes: ruling.Notes}
		case d.Action == policy.Ask && ruling.Action == gateway.Allow:
			ruling.Action, ruling.Rule, ruling.Reason = gateway.Ask, d.Rule, d.Reason
		}
	}
	return ruling
}

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
