package policy

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"

	"github.com/goccy/go-yaml"
)

// What a file may be.
const (
	maxFile  = 256 << 10 // bytes
	maxRules = 500
	version  = 1
)

// ErrInvalid: a file is no policy; the message names the line, or the rule and its field.
var ErrInvalid = errors.New("invalid policy")

// file is a policy as it is written.
type file struct {
	Version  int                `yaml:"version"`
	Extends  string             `yaml:"extends,omitempty"` // "default", or nothing
	Defaults map[Trigger]Action `yaml:"defaults,omitempty"`
	Rules    []Rule             `yaml:"rules,omitempty"`
}

// YAML is a policy file that decides like p and extends nothing.
func (p *Policy) YAML() ([]byte, error) {
	text, err := yaml.Marshal(file{Version: version, Defaults: p.defaults, Rules: p.Rules()})
	if err != nil {
		return nil, fmt.Errorf("write the policy: %w", err)
	}
	return text, nil
}

// Parse reads a policy: one strict YAML document. Errors are ErrInvalid, in one line.
func Parse(text []byte) (*Policy, error) {
	p, f, err := parseAlone(text)
	if err == nil && f.Extends != "" {
		p.extend(Default(), text)
	}
	return p, err
}

// parseAlone reads a policy without what it extends.
func parseAlone(text []byte) (*Policy, file, error) {
	f, err := decode(text)
	if err == nil {
		err = f.check()
	}
	var rules []condition
	if err == nil {
		rules, err = f.compile()
	}
	if err != nil {
		return nil, f, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	return &Policy{rules: rules, defaults: f.Defaults, digest: digestOf(text)}, f, nil
}

// extend puts the rules of another policy behind those of p. A name that both have is p's: it replaces the other rule.
func (p *Policy) extend(base *Policy, text []byte) {
	own := p.rules
	for _, r := range base.rules {
		if !slices.ContainsFunc(own, func(o condition) bool { return o.Name == r.Name }) {
			p.rules = append(p.rules, r)
		}
	}
	defaults := base.Defaults()
	maps.Copy(defaults, p.defaults)
	p.defaults, p.digest = defaults, digestOf(text, defaultText)
}

func decode(text []byte) (file, error) {
	var f file
	if len(text) > maxFile {
		return f, fmt.Errorf("the file has more than %d KiB", maxFile>>10)
	}
	decoder := yaml.NewDecoder(bytes.NewReader(text), yaml.Strict())
	if err := decoder.Decode(&f); errors.Is(err, io.EOF) {
		return f, errors.New("the file is empty: a policy begins with `version: 1`")
	} else if err != nil {
		return f, inOneLine(err)
	}
	if err := decoder.Decode(new(any)); !errors.Is(err, io.EOF) {
		return f, errors.New("there is more than one YAML document: keep one")
	}
	return f, nil
}

// inOneLine is what the YAML library says over several lines, with the line at fault.
func inOneLine(err error) error {
	var at yaml.Error
	if !errors.As(err, &at) || at.GetToken() == nil {
		return errors.New(firstLine(err.Error()))
	}
	token := at.GetToken()
	var unknown *yaml.UnknownFieldError
	if errors.As(err, &unknown) {
		return fmt.Errorf("line %d: there is no field %q: a policy has version, extends, defaults and rules, a rule has name, trigger, when, action and reason", token.Position.Line, token.Value)
	}
	return fmt.Errorf("line %d: %s", token.Position.Line, firstLine(at.GetMessage()))
}

func (f file) check() error {
	switch {
	case f.Version != version:
		return fmt.Errorf("version: %d: write `version: %d`", f.Version, version)
	case f.Extends != "" && f.Extends != DefaultRule:
		return fmt.Errorf("extends: %q: only `default` can be extended", f.Extends)
	case len(f.Rules) > maxRules:
		return fmt.Errorf("rules: %d of them: at most %d", len(f.Rules), maxRules)
	}
	for _, t := range slices.Sorted(maps.Keys(f.Defaults)) {
		if !slices.Contains(triggers, t) {
			return fmt.Errorf("defaults: there is no trigger %q: choose one of %s", t, joined(triggers))
		}
		if a := f.Defaults[t]; a != Allow && a != Deny && a != Ask {
			return fmt.Errorf("defaults: %s: %q: choose allow, deny or ask", t, a)
		}
	}
	return nil
}

func (f file) compile() ([]condition, error) {
	seen := map[string]bool{DefaultRule: true}
	var rules []condition
	for i, r := range f.Rules {
		c, err := r.compile()
		if err == nil && seen[r.Name] {
			err = errors.New("name: it is taken: rules are told apart by their names")
		}
		if err != nil {
			return nil, fmt.Errorf("rule %d (%.80q): %w", i+1, r.Name, err)
		}
		seen[r.Name] = true
		rules = append(rules, c)
	}
	return rules, nil
}
