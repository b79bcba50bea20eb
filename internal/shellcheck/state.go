package shellcheck

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"mvdan.cc/sh/v3/expand"
	"mvdan.cc/sh/v3/syntax"
)

// Marks stand in a text for what is not known before the command runs.
const (
	unknown = "\uE000" // anything
	fetched = "\uE001" // anything, from the network
	ownPID  = "\uE002" // the number of a process that the command itself started
	marks   = unknown + fetched + ownPID
)

func uncertain(text string) bool { return strings.ContainsAny(text, marks) }

// shown is a text for people.
func shown(text string) string {
	text = strings.NewReplacer(unknown, "…", fetched, "…", ownPID, "…").Replace(strings.ToValidUTF8(text, "?"))
	return strings.ReplaceAll(text, home, "~")
}

// home stands for the home directory of whoever runs the command.
const home = "/home/user"

// maxAlternatives is how many values of a variable are told apart; beyond that it is unknown.
const maxAlternatives = 64

// maxValue bounds what is remembered of a variable, a file or an output, in bytes.
const maxValue = 16 << 10

// state is what a shell knows at one point of a command. A variable may have several values where the way to this point
// is not known; choice selects among them.
type state struct {
	vars     map[string][]expand.Variable
	funcs    map[string]*syntax.Stmt
	aliases  map[string]string
	stdin    *string          // nil: nothing that the command itself supplies
	out      *strings.Builder // nil: nobody reads it
	choice   int
	depth    int
	unlikely bool // comes after an exit, or a cd that failed
}

func newState(dir string) *state {
	s := &state{vars: map[string][]expand.Variable{}, funcs: map[string]*syntax.Stmt{}, aliases: map[string]string{}}
	for name, value := range map[string]string{
		"PWD": dir, "OLDPWD": dir, "HOME": home, "USER": "user", "TMPDIR": "/tmp", "SHELL": "/bin/bash", "IFS": " \t\n", "0": "bash", "?": "0", "#": "0",
	} {
		s.set(name, value)
	}
	s.positional(nil)
	return s
}

func (s *state) clone() *state {
	copied := *s
	copied.vars, copied.funcs, copied.aliases = maps.Clone(s.vars), maps.Clone(s.funcs), maps.Clone(s.aliases)
	return &copied
}

func text(value string) expand.Variable {
	if len(value) > maxValue {
		value = unknown
	}
	return expand.Variable{Set: true, Kind: expand.String, Str: value}
}

func list(values []string) expand.Variable {
	return expand.Variable{Set: true, Kind: expand.Indexed, List: values}
}

func (s *state) set(name, value string) { s.vars[name] = []expand.Variable{text(value)} }

// setAny gives a variable one of several values.
func (s *state) setAny(name string, values []expand.Variable) {
	values = distinct(values)
	if len(values) > maxAlternatives {
		values = []expand.Variable{text(unknown)}
	}
	s.vars[name] = values
}

// positional sets $1, $2 and so on.
func (s *state) positional(args []string) {
	s.vars["@"] = []expand.Variable{list(args)}
	s.vars["*"] = s.vars["@"]
	s.set("#", strconv.Itoa(len(args)))
}

// value is a variable as it is under the present choice.
func (s *state) value(name string) (expand.Variable, bool) {
	if values := s.vars[name]; len(values) > 0 {
		return values[s.choice%len(values)], true
	}
	if n, err := strconv.Atoi(name); err == nil && n > 0 {
		args, _ := s.value("@")
		if n <= len(args.List) {
			return text(args.List[n-1]), true
		}
		return expand.Variable{}, true
	}
	return expand.Variable{}, false
}

// dir is the working directory; it may be uncertain.
func (s *state) dir() string {
	v, _ := s.value("PWD")
	return v.String()
}

// print adds to the output of the command, if anybody reads it.
func (s *state) print(text string) {
	if s.out == nil {
		return
	}
	if s.out.Len()+len(text) > maxValue {
		text = unknown
	}
	if s.out.Len() <= maxValue {
		s.out.WriteString(text)
	}
}

// input is what the command can read, and whether it comes from the command itself.
func (s *state) input() (string, bool) {
	if s.stdin == nil {
		return "", false
	}
	return *s.stdin, true
}

// merge is the state after two ways that both may have been taken.
func merge(a, b *state) *state {
	switch {
	case a == b, b.unlikely && !a.unlikely:
		return a
	case a.unlikely && !b.unlikely:
		return b
	}
	m := a.clone()
	for name, values := range b.vars {
		m.setAny(name, slices.Concat(orOutside(a.vars[name]), values))
	}
	for name, values := range a.vars {
		if _, both := b.vars[name]; !both {
			m.setAny(name, slices.Concat(values, orOutside(nil)))
		}
	}
	maps.Copy(m.funcs, b.funcs)
	maps.Copy(m.aliases, b.aliases)
	return m
}

// orOutside is what a variable holds that the command has not set.
func orOutside(values []expand.Variable) []expand.Variable {
	if values == nil {
		return []expand.Variable{text(unknown)}
	}
	return values
}

func distinct(values []expand.Variable) []expand.Variable {
	var kept []expand.Variable
	for _, v := range values {
		if !slices.ContainsFunc(kept, func(k expand.Variable) bool {
			return k.Set == v.Set && k.Kind == v.Kind && k.Str == v.Str && slices.Equal(k.List, v.List)
		}) {
			kept = append(kept, v)
		}
	}
	return kept
}
