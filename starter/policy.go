package main

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"agentfactory/internal/policy"
	"agentfactory/internal/shellcheck"
)

func (a *app) policyCommand() *cobra.Command {
	var file string
	cmd := &cobra.Command{
		Use:   "policy",
		Short: "Show what subagents may do, and which rule decides about a call",
		Long: `A policy is a file of rules about what subagents may do: tools, hosts, files, packages,
models, shell commands, stored sessions. AGENTFACTORY_POLICY (policy.file) names it; without
one the built-in rules hold. The form of the file: docs/policy.md.`,
		Example: `  starter policy show
  starter policy check --url https://example.com/api --method POST`,
		Args: cobra.ArbitraryArgs,
		RunE: group,
	}
	cmd.PersistentFlags().StringVar(&file, "file", "", "try this policy instead of the configured one")
	cmd.AddCommand(a.policyCheckCommand(&file), a.policyShowCommand(&file))
	return cmd
}

func (a *app) policyShowCommand(file *string) *cobra.Command {
	return &cobra.Command{
		Use:   "show",
		Short: "Print the rules in force, as a policy file",
		Long: `Print the rules in force, as a policy file: the built-in one with its explanations, or the
configured one with what it extends, in the order in which the rules are tried.`,
		Example: `  starter policy show
  starter policy show > policy.yaml      # to begin with
  starter policy show --file policy.yaml # is it valid?`,
		Args: exactly(),
		RunE: func(*cobra.Command, []string) error { return a.showPolicy(*file) },
	}
}

// shownPolicy is a policy in --json.
type shownPolicy struct {
	File     string                           `json:"file"` // "" for the built-in one
	Digest   string                           `json:"digest"`
	Rules    []policy.Rule                    `json:"rules"`
	Defaults map[policy.Trigger]policy.Action `json:"defaults"`
}

func (a *app) showPolicy(file string) error {
	p, file, err := a.policyInForce(file)
	if err != nil {
		return err
	}
	if a.json {
		return a.printJSON(shownPolicy{file, p.Digest(), p.Rules(), p.Defaults()})
	}
	text := policy.DefaultText()
	if file != "" {
		if text, err = p.YAML(); err != nil {
			return err
		}
	}
	a.say("policy: %s", nameOf(file))
	_, err = fmt.Fprint(a.stdout, plain(string(text)))
	return err
}

// policyInForce is the policy of a file, or the configured one, and where it is from.
func (a *app) policyInForce(file string) (*policy.Policy, string, error) {
	if file == "" {
		cfg, err := a.load()
		if err != nil {
			return nil, "", err
		}
		file = cfg.Policy.File
	}
	p, err := policy.Load(file)
	return p, file, withCode(exitUsage, err)
}

func nameOf(file string) string { return cmp.Or(file, "built in") }

// asked is a call that a policy is asked about.
type asked struct {
	policy.Event
	url, pkg string
}

func (a *app) policyCheckCommand(file *string) *cobra.Command {
	var q asked
	cmd := &cobra.Command{
		Use:   "check",
		Short: "Tell which rule decides about a call, and how",
		Long: `Tell which rule decides about a call of a subagent, its action and its reason. Nothing is
called and nothing is run. --tool with --url asks about both, the tool and the request.

The exit code is 0 when the policy allows the call, and 4 when it does not: it denies it, or
asks a person first. --json tells which.`,
		Example: `  starter policy check --tool web_search
  starter policy check --url https://example.com/api --method POST
  starter policy check --command 'rm -rf "$DIR"'
  starter policy check --package pandas==2.3.1 --file policy.yaml
  starter policy check --session mail --skill weekly-report`,
		Args: exactly(),
		RunE: func(*cobra.Command, []string) error { return a.checkPolicy(*file, q) },
	}
	f := cmd.Flags()
	f.StringVar(&q.Tool, "tool", "", "a tool skill: web_search, web_reading, browser_automation, shell_command")
	f.StringVar(&q.Action, "action", "", "what the tool is to do, such as eval; of a path, read or write")
	f.StringVar(&q.url, "url", "", "a request")
	f.StringVar(&q.Method, "method", "GET", "its HTTP method")
	f.StringVar(&q.Command, "command", "", "a command of shell_command")
	f.StringVar(&q.pkg, "package", "", "a Python package, NAME or NAME==VERSION")
	f.StringVar(&q.Model, "model", "", "a language model that call_llm would ask")
	f.StringVar(&q.Path, "path", "", "a file that a tool would read or write")
	f.StringVar(&q.Session, "session", "", "a stored browser session")
	f.StringVar(&q.Skill, "skill", "", "the saved skill that makes the call")
	f.Int64Var(&q.Bytes, "bytes", 0, "how large the request or file is")
	return cmd
}

// ruledOn is a decision in `policy check --json`.
type ruledOn struct {
	Trigger policy.Trigger `json:"trigger"`
	policy.Decision
}

type checked struct {
	Allowed   bool                 `json:"allowed"`
	Policy    string               `json:"policy"` // the file, "" for the built-in one
	Digest    string               `json:"digest"`
	Decisions []ruledOn            `json:"decisions"`
	Findings  []shellcheck.Finding `json:"findings,omitempty"`
}

func (a *app) checkPolicy(file string, q asked) error {
	p, file, err := a.policyInForce(file)
	if err != nil {
		return err
	}
	result := checked{Allowed: true, Policy: file, Digest: p.Digest()}
	events, findings := q.events()
	if len(events) == 0 {
		return badInput("say what to check: --tool, --url, --command, --package, --model, --path or --session; see `starter policy check --help`")
	}
	result.Findings = findings
	for _, e := range events {
		d := ruledOn{e.Trigger, p.Decide(e)}
		result.Decisions = append(result.Decisions, d)
		result.Allowed = result.Allowed && d.Action == policy.Allow
	}
	if err := a.printChecked(p, result); err != nil {
		return err
	}
	if !result.Allowed {
		return ended(exitRejected)
	}
	return nil
}

// events are what a policy would be asked, and what was found in the command.
func (q asked) events() ([]policy.Event, []shellcheck.Finding) {
	var events []policy.Event
	add := func(t policy.Trigger) {
		e := q.Event
		e.Trigger, e.Method = t, strings.ToUpper(e.Method)
		e.Package, e.Version, _ = strings.Cut(q.pkg, "==")
		events = append(events, e.WithURL(q.url))
	}
	findings := shellcheck.Check(q.Command, sandboxWorkspace)
	for _, f := range findings {
		q.Findings = append(q.Findings, string(f.Kind))
	}
	for _, about := range []struct {
		trigger policy.Trigger
		given   bool
	}{
		{policy.Tool, q.Tool != ""}, {policy.Session, q.Session != ""}, {policy.Host, q.url != ""}, {policy.Path, q.Path != ""},
		{policy.Package, q.pkg != ""}, {policy.Model, q.Model != ""}, {policy.Shell, q.Command != ""},
	} {
		if about.given {
			add(about.trigger)
		}
	}
	return events, findings
}

// sandboxWorkspace is where commands run.
const sandboxWorkspace = "/workspace"

func (a *app) printChecked(p *policy.Policy, c checked) error {
	if a.json {
		return a.printJSON(c)
	}
	a.say("policy: %s", nameOf(c.Policy))
	for _, d := range c.Decisions {
		fmt.Fprintf(a.stdout, "%s: %s, by rule %s\n  %s\n", d.Trigger, d.Action, d.Rule, plain(d.Reason))
		if when := conditionOf(p, d.Rule); when != "" {
			fmt.Fprintf(a.stdout, "  when %s\n", oneLine(when))
		}
		for _, line := range d.Logs {
			fmt.Fprintf(a.stdout, "  logged by %s\n", plain(line))
		}
	}
	for _, f := range c.Findings {
		fmt.Fprintf(a.stdout, "  found: %s\n", plain(f.String()))
	}
	return nil
}

func conditionOf(p *policy.Policy, name string) string {
	for _, r := range p.Rules() {
		if r.Name == name {
			return r.When
		}
	}
	return ""
}
