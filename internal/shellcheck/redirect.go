package shellcheck

import (
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// redirect judges one redirection, sets input and output accordingly, and returns the files that the output goes to.
func (c *checker) redirect(r *syntax.Redirect, s *state) []string {
	switch r.Op {
	case syntax.Hdoc, syntax.DashHdoc:
		body := c.document(r.Hdoc, s)
		s.stdin = &body
		return nil
	case syntax.WordHdoc:
		body := c.literal(r.Word, s) + "\n"
		s.stdin = &body
		return nil
	}
	target := c.literal(r.Word, s)
	c.current = r.Op.String() + " " + target
	switch r.Op {
	case syntax.RdrIn:
		c.uses(s, target)
		body := c.content(s, target)
		s.stdin = &body
		return nil
	case syntax.DplIn, syntax.DplOut:
		if strings.Trim(target, "0123456789-") == "" {
			return nil // another descriptor
		}
	}
	if strings.HasPrefix(target, "/dev/tcp/") || strings.HasPrefix(target, "/dev/udp/") {
		c.flag(PipeToShell, "opens a connection that a shell can be led by")
		return nil
	}
	c.write(s, target)
	if r.N != nil && r.N.Value != "1" { // errors, say
		return nil
	}
	s.out = &strings.Builder{}
	return []string{c.path(s, target)}
}

// wrote remembers what a command wrote into a file.
func (c *checker) wrote(file, content string) {
	if len(c.files) < maxFields {
		c.files[file] = append(c.files[file], clipped(content))
	}
}

// content is what a file holds, as far as the command itself wrote it.
func (c *checker) content(s *state, name string) string {
	if versions := c.files[c.path(s, name)]; len(versions) > 0 {
		return clipped(strings.Join(versions, "\n"))
	}
	return unknown
}
