package shellcheck

import (
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// stmts follows commands one after the other. The two states are those after success and after failure of the last.
func (c *checker) stmts(all []*syntax.Stmt, s *state) (ok, failed *state) {
	ok, failed = s, s
	for _, stmt := range all {
		ok, failed = c.stmt(stmt, merge(ok, failed))
	}
	return ok, failed
}

func (c *checker) stmt(stmt *syntax.Stmt, s *state) (ok, failed *state) {
	if !c.step(s) {
		return s, s
	}
	if stmt.Background {
		c.redirected(stmt, s.clone())
		s.set("!", ownPID)
		return s, s
	}
	ok, failed = c.redirected(stmt, s)
	if stmt.Negated {
		return failed, ok
	}
	return ok, failed
}

// redirected follows a command with its input and output as its redirections say.
func (c *checker) redirected(stmt *syntax.Stmt, s *state) (ok, failed *state) {
	if len(stmt.Redirs) == 0 {
		return c.command(stmt.Cmd, s)
	}
	stdin, out := s.stdin, s.out
	var files []string
	for _, r := range stmt.Redirs {
		for s.choice = range s.choices(r) {
			files = append(files, c.redirect(r, s)...)
		}
		s.choice = 0
	}
	ok, failed = c.command(stmt.Cmd, s)
	for _, f := range files {
		c.wrote(f, s.out.String())
	}
	for _, after := range []*state{ok, failed} {
		after.stdin, after.out = stdin, out
	}
	return ok, failed
}

// command follows a command; nil, a statement of redirections alone, prints its input for the sake of $(<file).
func (c *checker) command(cmd syntax.Command, s *state) (ok, failed *state) {
	switch cmd := cmd.(type) {
	case nil:
		input, _ := s.input()
		s.print(input)
	case *syntax.CallExpr:
		return c.callExpr(cmd, s)
	case *syntax.BinaryCmd:
		return c.binary(cmd, s)
	case *syntax.Block:
		return c.stmts(cmd.Stmts, s)
	case *syntax.Subshell:
		c.stmts(cmd.Stmts, s.clone())
	case *syntax.IfClause:
		return c.ifClause(cmd, s)
	case *syntax.WhileClause:
		return c.while(cmd, s)
	case *syntax.ForClause:
		return c.forClause(cmd, s)
	case *syntax.CaseClause:
		return c.caseClause(cmd, s)
	case *syntax.FuncDecl:
		c.function(cmd, s)
	case *syntax.DeclClause:
		c.declare(cmd, s)
	case *syntax.TimeClause:
		if cmd.Stmt != nil {
			return c.stmt(cmd.Stmt, s)
		}
	case *syntax.CoprocClause:
		c.stmt(cmd.Stmt, s.clone())
	default: // tests and arithmetic
		c.substitutions(cmd, s)
	}
	return s, s
}

func (c *checker) binary(b *syntax.BinaryCmd, s *state) (ok, failed *state) {
	switch b.Op {
	case syntax.AndStmt:
		first, failed := c.stmt(b.X, s)
		second, failedToo := c.stmt(b.Y, first.clone())
		return second, merge(failed, failedToo)
	case syntax.OrStmt:
		first, failed := c.stmt(b.X, s)
		other := failed.clone()
		other.unlikely = s.unlikely
		second, failedToo := c.stmt(b.Y, other)
		return merge(first, second), failedToo
	}
	return c.pipe(b, s)
}

// pipe follows both sides in subshells, the second with what the first prints.
func (c *checker) pipe(b *syntax.BinaryCmd, s *state) (ok, failed *state) {
	if reader, writer := calls(b.Y), calls(b.X); reader != "" && reader == writer && s.funcs[reader] != nil && b.Y.Background {
		c.flag(ForkBomb, "starts itself twice without end")
	}
	printed := c.output([]*syntax.Stmt{b.X}, s, nil)
	right := s.clone()
	right.stdin = &printed
	c.stmt(b.Y, right)
	return s, s
}

func (c *checker) ifClause(clause *syntax.IfClause, s *state) (ok, failed *state) {
	if len(clause.Cond) == 0 { // else
		return c.stmts(clause.Then, s)
	}
	yes, no := c.stmts(clause.Cond, s)
	ok, failed = c.stmts(clause.Then, yes.clone())
	otherwise := no.clone()
	otherwise.unlikely = s.unlikely
	otherOK, otherFailed := otherwise, otherwise
	if clause.Else != nil {
		otherOK, otherFailed = c.ifClause(clause.Else, otherwise)
	}
	return merge(ok, otherOK), merge(failed, otherFailed)
}

func (c *checker) caseClause(clause *syntax.CaseClause, s *state) (ok, failed *state) {
	c.substitutions(clause.Word, s)
	after := s.clone() // no arm fits
	for _, item := range clause.Items {
		ok, failed := c.stmts(item.Stmts, s.clone())
		after = merge(after, merge(ok, failed))
	}
	return after, after
}

// function remembers a function, and recognises one that starts itself beside itself.
func (c *checker) function(decl *syntax.FuncDecl, s *state) {
	if decl.Name == nil {
		return
	}
	name := decl.Name.Value
	s.funcs[name] = decl.Body
	syntax.Walk(decl.Body, func(n syntax.Node) bool {
		stmt, ok := n.(*syntax.Stmt)
		if !ok {
			return true
		}
		pipe, piped := stmt.Cmd.(*syntax.BinaryCmd)
		again := calls(stmt) == name || piped && pipe.Op == syntax.Pipe && (calls(pipe.X) == name || calls(pipe.Y) == name)
		if again && (stmt.Background || piped) {
			c.current = name + "() { … }"
			c.flag(ForkBomb, "starts itself again and again without end")
			return false
		}
		return true
	})
}

// declare follows export, local, declare and the like.
func (c *checker) declare(d *syntax.DeclClause, s *state) {
	var assigns []*syntax.Assign
	for _, a := range d.Args {
		if a.Name != nil {
			assigns = append(assigns, a)
		} else if a.Value != nil { // an option, or a computed assignment
			for _, f := range c.expandWord(a.Value, s) {
				if name, value, ok := strings.Cut(f, "="); ok {
					s.set(name, value)
				}
			}
		}
	}
	c.current = d.Variant.Value
	c.assign(assigns, s)
}
