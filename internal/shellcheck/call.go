package shellcheck

import (
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"

	"mvdan.cc/sh/v3/expand"
	"mvdan.cc/sh/v3/syntax"
)

// callExpr follows a simple command once for every value that its variables may have.
func (c *checker) callExpr(call *syntax.CallExpr, s *state) (ok, failed *state) {
	if len(call.Args) == 0 {
		c.assign(call.Assigns, s)
		return s, s
	}
	choice := s.choice
	n := s.choices(call)
	for i := range n {
		one := s
		if n > 1 {
			one = s.clone()
		}
		one.choice = i
		okOne, failedOne := c.once(call, one)
		okOne.choice, failedOne.choice = choice, choice
		if ok == nil {
			ok, failed = okOne, failedOne
			continue
		}
		ok, failed = merge(ok, okOne), merge(failed, failedOne)
	}
	return ok, failed
}

// once follows a simple command under the present choice. Its assignments hold for it alone.
func (c *checker) once(call *syntax.CallExpr, s *state) (ok, failed *state) {
	if !c.step(s) {
		return s, s
	}
	args := c.fields(call.Args, s)
	if len(call.Assigns) == 0 {
		return c.run(args, s)
	}
	before := map[string][]expand.Variable{}
	for _, a := range call.Assigns {
		before[a.Name.Value] = s.vars[a.Name.Value]
	}
	c.assign(call.Assigns, s)
	ok, failed = c.run(args, s)
	for _, after := range []*state{ok, failed} {
		maps.Copy(after.vars, before)
		maps.DeleteFunc(after.vars, func(_ string, values []expand.Variable) bool { return values == nil })
	}
	return ok, failed
}

// run follows a command that is expanded.
func (c *checker) run(args []string, s *state) (ok, failed *state) {
	if !c.step(s) {
		return s, s
	}
	for len(args) > 0 && args[0] == "" {
		args = args[1:]
	}
	if len(args) == 0 {
		return s, s
	}
	outer := c.current
	c.current = strings.Join(args, " ")
	defer func() { c.current = outer }()
	if alias, is := s.aliases[args[0]]; is {
		inner := s.clone()
		delete(inner.aliases, args[0])
		return c.nested(alias+" "+quoted(args[1:]), inner)
	}
	if body := s.funcs[args[0]]; body != nil {
		return c.callFunction(body, args, s)
	}
	name := program(args[0])
	if uncertain(name) {
		c.unknownCommand(args, s)
	}
	c.usesAll(name, args[1:], s)
	if b := builtins[name]; b != nil {
		return b(c, args[1:], s)
	}
	if e := effects[name]; e != nil {
		e(c, args[1:], s)
	} else if strings.Contains(args[0], "/") {
		c.runFile(args[0], s.clone())
	}
	s.print(c.printed(name, args[1:], s))
	return s, s
}

func (c *checker) callFunction(body *syntax.Stmt, args []string, s *state) (ok, failed *state) {
	saved := []string{"@", "*", "#"}
	before := map[string][]expand.Variable{}
	for _, name := range saved {
		before[name] = s.vars[name]
	}
	s.positional(args[1:])
	s.depth++
	ok, failed = c.stmt(body, s)
	s.depth--
	for _, after := range []*state{ok, failed} {
		after.depth, after.unlikely = s.depth, false // a return ends the function alone
		maps.Copy(after.vars, before)
	}
	return ok, failed
}

// program is the name of a command without its directory; a pattern such as /bin/r? is resolved to a program that is known here.
func program(name string) string {
	base := path.Base(name)
	if !strings.ContainsAny(base, "*?[") {
		return strings.TrimPrefix(base, "\\")
	}
	for _, known := range slices.Sorted(maps.Keys(effects)) {
		if match, err := path.Match(base, known); match && err == nil {
			return known
		}
	}
	for _, known := range slices.Sorted(maps.Keys(builtins)) {
		if match, err := path.Match(base, known); match && err == nil {
			return known
		}
	}
	return base
}

// unknownCommand judges a command whose name is not known before it runs.
func (c *checker) unknownCommand(args []string, s *state) {
	if strings.Contains(args[0], fetched) {
		c.flag(PipeToShell, "runs what it downloads")
		return
	}
	if s.depth > 0 && strings.Trim(args[0], marks) == "" && len(args) == 1 {
		c.flag(PipeToShell, "runs text that cannot be known before it runs")
		return
	}
	for _, a := range args[1:] {
		if p := c.locate(s, a); !strings.HasPrefix(a, "-") && (p == everything || p == device || path.Clean(a) == "/") {
			c.flag(Delete, "runs a program that cannot be known before it runs on %s", a)
		}
	}
}

// usesAll looks for histories and keys among the arguments.
func (c *checker) usesAll(name string, args []string, s *state) {
	if name == "echo" || name == "printf" || name == "export" {
		return
	}
	for _, a := range args {
		a = strings.TrimPrefix(a, "@")
		if i := strings.IndexAny(a, "="); i >= 0 {
			a = strings.TrimPrefix(a[i+1:], "@")
		}
		if strings.HasPrefix(a, "/") || strings.HasPrefix(a, "~") || !path.IsAbs(a) && !within(s.dir(), c.workspace) {
			c.uses(s, a)
		}
	}
}

// assign follows assignments, each with all the values that it may give.
func (c *checker) assign(assigns []*syntax.Assign, s *state) {
	for _, a := range assigns {
		name := a.Name.Value
		c.historyVariable(name, a)
		if a.Naked {
			continue
		}
		var values []expand.Variable
		for s.choice = range s.choices(a) {
			values = append(values, c.assigned(a, s))
		}
		s.choice = 0
		s.setAny(name, values)
	}
}

func (c *checker) historyVariable(name string, a *syntax.Assign) {
	if name == "HISTFILE" || name == "HISTSIZE" || name == "HISTFILESIZE" {
		c.current = name + "=…"
		c.flag(HistoryOrKeys, "alters what the shell's history records")
	}
}

func (c *checker) assigned(a *syntax.Assign, s *state) expand.Variable {
	old, had := s.value(a.Name.Value)
	switch {
	case a.Array != nil:
		var values []string
		if a.Append {
			values = slices.Clone(old.List)
		}
		for _, e := range a.Array.Elems {
			if e.Value != nil {
				values = append(values, c.expandWord(e.Value, s)...)
			}
		}
		return list(values)
	case a.Index != nil:
		return c.element(a, old, s)
	case a.Append && !had:
		return text(unknown + c.literal(a.Value, s))
	case a.Append:
		return text(old.String() + c.literal(a.Value, s))
	}
	return text(c.literal(a.Value, s))
}

// element sets one element of an array; one whose place is not a plain number makes all of it unknown.
func (c *checker) element(a *syntax.Assign, old expand.Variable, s *state) expand.Variable {
	value := c.literal(a.Value, s)
	w, isWord := a.Index.(*syntax.Word)
	if isWord {
		if i, err := strconv.Atoi(w.Lit()); err == nil && i >= 0 && i < maxFields {
			values := slices.Clone(old.List)
			for len(values) <= i {
				values = append(values, "")
			}
			values[i] = value
			return list(values)
		}
	}
	return list([]string{unknown})
}
