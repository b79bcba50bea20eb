package policy

import (
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"sync"
)

// Policy is a set of rules in their order. It is immutable and safe for concurrent use.
type Policy struct {
	rules    []condition
	defaults map[Trigger]Action
	digest   string
}

// Decision is what a policy makes of an event.
type Decision struct {
	Action Action   `json:"action"`         // allow, deny or ask
	Rule   string   `json:"rule"`           // the rule that decided; "default" where none held
	Reason string   `json:"reason"`         // one line
	Logs   []string `json:"logs,omitempty"` // of the rules that only log, in order: "name: reason"
}

// DefaultRule stands in a Decision for the name of a rule where none held.
const DefaultRule = "default"

// Decide finds the first rule that holds. A condition that fails or costs too much denies, since nobody knows what it
// would have said.
func (p *Policy) Decide(e Event) Decision {
	var logs []string
	values := activation(&e)
	for _, r := range p.rules {
		if r.Trigger != e.Trigger {
			continue
		}
		holds, err := r.holds(values)
		switch {
		case err != nil:
			return Decision{Deny, r.Name, fmt.Sprintf("the condition of this rule fails: %v", err), logs}
		case !holds:
		case r.Action == Log:
			logs = append(logs, r.Name+": "+r.reason())
		default:
			return Decision{r.Action, r.Name, r.reason(), logs}
		}
	}
	return p.fallback(e.Trigger, logs)
}

func (p *Policy) fallback(t Trigger, logs []string) Decision {
	action, known := p.defaults[t]
	if !known {
		return Decision{Deny, DefaultRule, fmt.Sprintf("no rule allows it, and the policy has no default for %s", t), logs}
	}
	return Decision{action, DefaultRule, fmt.Sprintf("no rule holds; the default for %s is to %s", t, action), logs}
}

func (r Rule) reason() string {
	if r.Reason == "" {
		return fmt.Sprintf("the rule says to %s it", r.Action)
	}
	return r.Reason
}

// Rules returns the rules in the order in which they are tried, those of an extended policy last.
func (p *Policy) Rules() []Rule {
	all := make([]Rule, len(p.rules))
	for i, r := range p.rules {
		all[i] = r.Rule
	}
	return all
}

// Defaults tells what happens where no rule holds; a trigger that is missing is denied.
func (p *Policy) Defaults() map[Trigger]Action { return maps.Clone(p.defaults) }

// Digest names the policy: SHA-256 of its text and of what it extends, hexadecimal. Equal digests decide alike.
func (p *Policy) Digest() string { return p.digest }

func digestOf(parts ...[]byte) string {
	h := sha256.New()
	for _, part := range parts {
		fmt.Fprintf(h, "%d\n", len(part))
		h.Write(part)
	}
	return hex.EncodeToString(h.Sum(nil))
}

//go:embed default.yaml
var defaultText []byte

// Default is the policy that holds when none is configured: reading the public web, packages and ordinary commands are
// allowed; writes, private hosts, destructive commands, scripts in pages and stored sessions are denied.
func Default() *Policy { return builtIn() }

// DefaultText is the file of Default, with its explanations.
func DefaultText() []byte { return slices.Clone(defaultText) }

var builtIn = sync.OnceValue(func() *Policy {
	p, _, err := parseAlone(defaultText)
	if err != nil {
		panic(fmt.Sprintf("the built-in policy: %v", err)) // a test parses it
	}
	return p
})

// Load reads a policy from a file, or returns Default for "". Its errors name the file.
func Load(name string) (*Policy, error) {
	if name == "" {
		return Default(), nil
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, fmt.Errorf("read the policy: %w", err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return nil, fmt.Errorf("read the policy: %w", err)
	}
	p, err := Parse(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return p, nil
}
