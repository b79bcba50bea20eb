package shellcheck

import (
	"path"
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// What is followed of one command. They bound the time of a Check to a fraction of a second.
const (
	maxCommand  = 256 << 10 // bytes
	maxSteps    = 10_000    // commands, each repetition counted
	maxDepth    = 24        // shells within shells, functions within functions
	maxFindings = 20
)

// defaultWorkspace stands in for a workspace that is not known.
const defaultWorkspace = "/workspace"

// Check returns what the command would do that is destructive; none: it is ordinary work. workspace is the absolute path of
// the directory in which the command begins and may write. Check has no side effects and may be called concurrently.
func Check(command, workspace string) (findings []Finding) {
	defer func() { // the parser is a large program; what it cannot take must not end the one who asks
		if recover() != nil {
			findings = []Finding{{Unparsable, fragment(command), "cannot be followed: write it into a file of the workspace and run that"}}
		}
	}()
	return check(command, workspace)
}

func check(command, workspace string) []Finding {
	if !path.IsAbs(workspace) {
		workspace = defaultWorkspace
	}
	c := &checker{workspace: path.Clean(workspace), files: map[string][]string{}, links: map[string]string{}, current: command}
	if len(command) > maxCommand {
		c.flag(TooComplex, "has more than %d KiB: write it into a file of the workspace and run that", maxCommand>>10)
		return c.findings
	}
	c.text(command, newState(c.workspace))
	return c.findings
}

// checker follows one command.
type checker struct {
	workspace string
	current   string              // the command that is being followed, expanded
	files     map[string][]string // what the command itself wrote into files, every version
	links     map[string]string   // symbolic links that the command itself made
	substs    int                 // process substitutions so far
	steps     int
	stopped   bool // the limits are reached
	findings  []Finding
}

// step counts a command and tells whether it may still be followed.
func (c *checker) step(s *state) bool {
	c.steps++
	if c.steps <= maxSteps && s.depth <= maxDepth {
		return true
	}
	if !c.stopped {
		c.stopped = true
		c.flag(TooComplex, "takes more steps than can be followed: write it into a file of the workspace and run that")
	}
	return false
}

// text follows a script.
func (c *checker) text(script string, s *state) (ok, failed *state) {
	file, err := syntax.NewParser(syntax.Variant(syntax.LangBash)).Parse(strings.NewReader(script), "")
	if err != nil {
		c.unparsable(script, err)
		return s, s
	}
	return c.stmts(file.Stmts, s)
}

func (c *checker) unparsable(script string, err error) {
	outer := c.current
	c.current = script
	c.flag(Unparsable, "is not valid shell: %v", err)
	c.current = outer
}

// nested follows a script that another command runs.
func (c *checker) nested(script string, s *state) (ok, failed *state) {
	s.depth++
	ok, failed = c.text(script, s)
	s.depth--
	return ok, failed
}
