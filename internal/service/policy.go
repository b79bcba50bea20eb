package service

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
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

// fetched tells whether web_reading, which follows redirects, may fetch a page.
func (r rules) fetched(u *url.URL) error {
	return r.check(policy.Event{Trigger: policy.Host, Tool: "web_reading", Method: http.MethodGet}.WithURL(u.String()))
}

const browserTool = "browser_automation"

// sentByPage tells whether a page in the browser may send a request; one whose method is not known counts as reading. A
// form is a write to the web, and its refusal tells the rule that would allow it.
func (r rules) sentByPage(skill, method, address string) error {
	e := policy.Event{Trigger: policy.Host, Skill: skill, Tool: browserTool, Method: cmp.Or(method, http.MethodGet)}.WithURL(address)
	why := r.refusal(e)
	switch {
	case why == "":
		return nil
	case e.Method == http.MethodGet || e.Method == http.MethodHead:
		return errors.New(why)
	}
	return fmt.Errorf("%s. Whoever runs this worker can allow it by a rule with trigger: host, when: tool == %q && host == %q && method == %q, action: allow",
		why, browserTool, e.Host, e.Method)
}

// pack tells whether a package may be installed.
func (r rules) pack(skill, name, version string) error {
	return r.check(policy.Event{Trigger: policy.Package, Skill: skill, Package: name, Version: version})
}

// check is an error unless the rules allow the event.
func (r rules) check(e policy.Event) error {
	if why := r.refusal(e); why != "" {
		return gateway.Errorf(gateway.Denied, "%s", why)
	}
	return nil
}

// refusal says why the rules do not allow an event; "" if they do. A rule that asks denies: there is nobody to be asked in
// the middle of a page, a redirect or an installation.
func (r rules) refusal(e policy.Event) string {
	switch d := r.Decide(e); d.Action {
	case policy.Allow:
		return ""
	case policy.Ask:
		return fmt.Sprintf("rule %s asks a person first (%s), and nobody can be asked here: it has to allow or deny", d.Rule, d.Reason)
	default:
		return fmt.Sprintf("rule %s: %s", d.Rule, d.Reason)
	}
}

// inGoal tells whether the model that pursues a goal may take an action. The actions of a request are decided on before it
// is carried out, when a person can still be asked.
func (r rules) inGoal(skill string, action json.RawMessage) error {
	var a browserAction
	if err := json.Unmarshal(action, &a); err != nil {
		return err
	}
	for _, e := range (event{skill: skill, tool: browserTool, bytes: int64(len(action))}).browser(a) {
		if err := r.check(e); err != nil {
			return err
		}
	}
	return nil
}

// inBrowser is what a run may do with the browser.
func (r rules) inBrowser(sessions *browser.Sessions) func(gateway.Run) browser.Run {
	return func(g gateway.Run) browser.Run {
		run := browser.Run{
			Allow:     func(method, address string) error { return r.sentByPage(g.Skill, method, address) },
			AllowEval: r.Decide(policy.Event{Trigger: policy.Tool, Skill: g.Skill, Tool: browserTool, Action: "eval"}).Action != policy.Deny,
			Permit:    func(action json.RawMessage) error { return r.inGoal(g.Skill, action) },
		}
		stored, err := sessions.List()
		if err != nil {
			return run // no login is usable then
		}
		for _, s := range stored {
			if r.check(policy.Event{Trigger: policy.Session, Skill: g.Skill, Tool: browserTool, Session: s.Name}) == nil {
				run.Sessions = append(run.Sessions, s.Name)
			}
		}
		return run
	}
}
