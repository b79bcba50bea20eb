package shellcheck

import (
	"fmt"
	"io"
	"strings"

	"mvdan.cc/sh/v3/expand"
	"mvdan.cc/sh/v3/syntax"
)

// maxFields is how many words one word may expand to, as in {1..100000}.
const maxFields = 512

// environ shows a state to the expansion.
type environ struct {
	*state
	unset map[string]bool // variables that have a default where they are used
}

// Get implements expand.Environ. What the command has not set is unknown, or unset where the command has a default for it.
func (e environ) Get(name string) expand.Variable {
	if v, ok := e.value(name); ok {
		return v
	}
	switch {
	case strings.HasPrefix(name, "HOME "): // of another user
		return text("/home/" + name[len("HOME "):])
	case name == "$", name == "BASHPID":
		return text(ownPID)
	case e.unset[name]:
		return expand.Variable{}
	}
	return text(unknown)
}

// Each implements expand.Environ.
func (e environ) Each(visit func(string, expand.Variable) bool) {
	for name := range e.vars {
		if v, _ := e.value(name); !visit(name, v) {
			return
		}
	}
}

// Set implements expand.WriteEnviron.
func (e environ) Set(name string, v expand.Variable) error {
	if v.Kind == expand.KeepValue {
		return nil
	}
	e.vars[name] = []expand.Variable{v}
	return nil
}

// choices is how many runs show every value that these nodes can have. The working directory always counts: paths depend on it.
func (s *state) choices(nodes ...syntax.Node) int {
	most := len(s.vars["PWD"])
	for _, n := range nodes {
		eachParam(n, func(p *syntax.ParamExp) { most = max(most, len(s.vars[p.Param.Value])) })
	}
	return max(most, 1)
}

func eachParam(n syntax.Node, visit func(*syntax.ParamExp)) {
	syntax.Walk(n, func(n syntax.Node) bool {
		if p, ok := n.(*syntax.ParamExp); ok && p.Param != nil {
			visit(p)
		}
		return true
	})
}

func (c *checker) config(s *state, n syntax.Node) *expand.Config {
	e := environ{s, map[string]bool{}}
	eachParam(n, func(p *syntax.ParamExp) {
		if p.Exp != nil {
			switch p.Exp.Op {
			case syntax.DefaultUnset, syntax.DefaultUnsetOrNull, syntax.AssignUnset, syntax.AssignUnsetOrNull:
				e.unset[p.Param.Value] = true
			}
		}
	})
	return &expand.Config{
		Env: e,
		CmdSubst: func(w io.Writer, n *syntax.CmdSubst) error {
			_, err := io.WriteString(w, c.output(n.Stmts, s, nil))
			return err
		},
		ProcSubst: func(n *syntax.ProcSubst) (string, error) { return c.process(n, s), nil },
	}
}

// output follows commands in a subshell and returns what they print.
func (c *checker) output(stmts []*syntax.Stmt, s *state, stdin *string) string {
	sub := s.clone()
	sub.out, sub.depth = &strings.Builder{}, s.depth+1
	if stdin != nil {
		sub.stdin = stdin
	}
	outer := c.current
	c.stmts(stmts, sub)
	c.current = outer
	return sub.out.String()
}

// process follows <(commands) or >(commands) and returns the file by which they are read or written.
func (c *checker) process(n *syntax.ProcSubst, s *state) string {
	c.substs++
	file := fmt.Sprintf("/dev/fd/%d", 62+c.substs)
	anything := unknown
	if n.Op == syntax.CmdIn {
		c.files[file] = []string{c.output(n.Stmts, s, nil)}
	} else {
		c.output(n.Stmts, s, &anything)
	}
	return file
}

// fields expands words as the shell would, into unknown where that fails.
func (c *checker) fields(words []*syntax.Word, s *state) []string {
	var all []string
	for _, w := range words {
		all = append(all, c.expandWord(w, s)...)
		if len(all) > maxFields {
			return append(all[:maxFields], unknown)
		}
	}
	return all
}

func (c *checker) expandWord(w *syntax.Word, s *state) (fields []string) {
	if c.opaque(w, s) {
		c.substitutions(w, s)
		return []string{unknown}
	}
	defer orUnknown(&fields)
	for f, err := range expand.FieldsSeq(c.config(s, w), w) {
		if err != nil || len(fields) == maxFields {
			return append(fields, unknown)
		}
		fields = append(fields, clipped(f))
	}
	return fields
}

// orUnknown turns a panic of the expansion library, which has some for odd input such as $((1 << -1)), into an unknown value.
func orUnknown(fields *[]string) {
	if recover() != nil {
		*fields = []string{unknown}
	}
}

func clipped(text string) string {
	if len(text) > maxValue {
		return unknown
	}
	return text
}

// literal expands a word that is not split, such as the value of an assignment.
func (c *checker) literal(w *syntax.Word, s *state) string {
	return c.single(w, s, expand.Literal)
}

// document expands the body of a here-document.
func (c *checker) document(w *syntax.Word, s *state) string {
	return c.single(w, s, expand.Document)
}

func (c *checker) single(w *syntax.Word, s *state, by func(*expand.Config, *syntax.Word) (string, error)) string {
	if w == nil {
		return ""
	}
	if c.opaque(w, s) {
		c.substitutions(w, s)
		return unknown
	}
	fields := []string{unknown}
	func() {
		defer orUnknown(&fields)
		if value, err := by(c.config(s, w), w); err == nil {
			fields[0] = clipped(value)
		}
	}()
	return fields[0]
}

// opaque tells that a word's value cannot be worked out: it measures or slices something unknown, or would become too large.
func (c *checker) opaque(w syntax.Node, s *state) bool {
	opaque, size := false, 0
	eachParam(w, func(p *syntax.ParamExp) {
		v, known := s.value(p.Param.Value)
		value := strings.Join(append(v.List, v.Str), " ")
		size += len(value)
		if p.Repl != nil && p.Repl.With != nil { // at most one replacement for every byte
			eachParam(p.Repl.With, func(with *syntax.ParamExp) {
				by, _ := s.value(with.Param.Value)
				size += len(value) * len(by.String())
			})
		}
		if p.Length || p.Slice != nil || p.Excl {
			opaque = opaque || !known || uncertain(value)
		}
	})
	return opaque || size > 64*maxValue
}

// substitutions follows the commands inside a node whose value is of no interest, such as a test.
func (c *checker) substitutions(n syntax.Node, s *state) {
	syntax.Walk(n, func(n syntax.Node) bool {
		switch n := n.(type) {
		case *syntax.CmdSubst:
			c.output(n.Stmts, s, nil)
			return false
		case *syntax.ProcSubst:
			c.process(n, s)
			return false
		}
		return true
	})
}
