package shellcheck

import (
	"strings"

	"mvdan.cc/sh/v3/expand"
	"mvdan.cc/sh/v3/syntax"
)

// while follows the loop twice: the second time with what the first has set.
func (c *checker) while(loop *syntax.WhileClause, s *state) (ok, failed *state) {
	if endless(loop) && spawns(loop.Do) {
		c.current = "while …; do … & done"
		c.flag(ForkBomb, "starts processes without end")
	}
	for range 2 {
		before := s.clone()
		inside, _ := c.stmts(loop.Cond, s)
		ok, failed := c.stmts(loop.Do, inside)
		s = merge(merge(ok, failed), before)
	}
	return s, s
}

// endless tells a loop whose condition is a constant.
func endless(loop *syntax.WhileClause) bool {
	if len(loop.Cond) != 1 {
		return false
	}
	name := calls(loop.Cond[0])
	return name == ":" || name == "true" || name == "false" && loop.Until
}

// spawns tells whether commands leave processes behind without ever waiting.
func spawns(stmts []*syntax.Stmt) bool {
	background, waits := false, false
	for _, stmt := range stmts {
		syntax.Walk(stmt, func(n syntax.Node) bool {
			if stmt, ok := n.(*syntax.Stmt); ok {
				background = background || stmt.Background
				name := calls(stmt)
				waits = waits || name == "wait" || name == "sleep" || name == "break" || name == "exit"
			}
			return true
		})
	}
	return background && !waits
}

// calls is the literal name of the command that a statement calls, "" if it is none.
func calls(stmt *syntax.Stmt) string {
	if call, ok := stmt.Cmd.(*syntax.CallExpr); ok && len(call.Args) > 0 {
		return call.Args[0].Lit()
	}
	return ""
}

func (c *checker) forClause(loop *syntax.ForClause, s *state) (ok, failed *state) {
	items, ok2 := loop.Loop.(*syntax.WordIter)
	if !ok2 {
		c.substitutions(loop.Loop, s)
		c.setCounters(loop.Loop, s)
		return c.stmts(loop.Do, s)
	}
	values := c.items(items, s)
	s.setAny(items.Name.Value, values)
	before := s.clone()
	ok, failed = c.stmts(loop.Do, s)
	s = merge(merge(ok, failed), before)
	return s, s
}

// items are the values of a loop's variable.
func (c *checker) items(loop *syntax.WordIter, s *state) []expand.Variable {
	var values []expand.Variable
	if !loop.InPos.IsValid() {
		args, _ := s.value("@")
		for _, a := range args.List {
			values = append(values, text(a))
		}
		return values
	}
	nodes := make([]syntax.Node, len(loop.Items))
	for i, w := range loop.Items {
		nodes[i] = w
	}
	for s.choice = range s.choices(nodes...) {
		for _, f := range c.fields(loop.Items, s) {
			values = append(values, text(f))
		}
	}
	s.choice = 0
	if len(values) > maxAlternatives && strings.Trim(joined(values), "0123456789") == "" {
		return []expand.Variable{text("1")} // numbers: one is like the other
	}
	return values
}

func joined(values []expand.Variable) string {
	var all strings.Builder
	for _, v := range values {
		all.WriteString(v.Str)
	}
	return all.String()
}

// setCounters gives the variables of a C-like loop a number.
func (c *checker) setCounters(loop syntax.Loop, s *state) {
	syntax.Walk(loop, func(n syntax.Node) bool {
		if b, ok := n.(*syntax.BinaryArithm); ok && b.Op == syntax.Assgn {
			if w, ok := b.X.(*syntax.Word); ok {
				s.set(w.Lit(), "1")
			}
		}
		return true
	})
}
