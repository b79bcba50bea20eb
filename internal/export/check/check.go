package check

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"

	"agentfactory/internal/export"
	"agentfactory/internal/pyruntime"
	"agentfactory/internal/sandbox"
)

// Config says with what skills are checked. All but Secrets is needed.
type Config struct {
	Sandbox  *sandbox.Runner
	Python   pyruntime.Interpreter
	Packages *pyruntime.Environments // where the linters are installed, and what skills declare
	Secrets  []string                // the worker's own keys, which no skill may hold; they never enter the sandbox
}

// Checker checks skills. It is safe for concurrent use.
type Checker struct{ config Config }

// ErrConfig: a Config lacks something; the message names it.
var ErrConfig = errors.New("checker of exports")

// New returns a checker.
func New(c Config) (*Checker, error) {
	switch {
	case c.Sandbox == nil:
		return nil, fmt.Errorf("%w: Sandbox is missing", ErrConfig)
	case c.Packages == nil:
		return nil, fmt.Errorf("%w: Packages is missing", ErrConfig)
	case c.Python.Path == "":
		return nil, fmt.Errorf("%w: Python is missing", ErrConfig)
	}
	return &Checker{config: c}, nil
}

// Report is what was found out about a skill.
type Report struct {
	// Python is the oldest version that the skill runs on, such as "3.9": what it declares, or else the first that its code is
	// written for.
	Python   string
	Findings []Finding // none is good
}

// Check looks at a skill. An error means that it could not be looked at: errors.As an *pyruntime.IndexError when the linters, or
// the skill's packages, are not installed here and no package index has them to give.
func (c *Checker) Check(ctx context.Context, s export.Skill) (Report, error) {
	oldest, wrong := oldestPython(s.Declared)
	if wrong != "" {
		broken := Finding{File: s.Manifest.EntryFile, Line: declaration(s), Rule: RulePython, Severity: Error, Message: wrong}
		return Report{Findings: ordered(append(c.withoutPython(s), broken))}, nil
	}
	for {
		found, err := c.checkFor(ctx, s, oldest)
		newer, more := c.newer(oldest)
		if err != nil || s.Declared.RequiresPython != "" || !more || !tooOld(found) {
			return Report{Python: oldest, Findings: ordered(append(c.withoutPython(s), found...))}, err
		}
		oldest = newer
	}
}

// withoutPython are the findings for which nothing has to be run.
func (c *Checker) withoutPython(s export.Skill) []Finding {
	return append(c.ownSecrets(s), oddPaths(s)...)
}

// checkFor looks at a skill as one for a version of Python and newer ones.
func (c *Checker) checkFor(ctx context.Context, s export.Skill, oldest string) ([]Finding, error) {
	facts, missing, err := c.examine(ctx, s, oldest)
	if err != nil {
		return nil, fmt.Errorf("check %s: %w", s.Manifest.Name, err)
	}
	var found []Finding
	if missing != "" {
		found = append(found, Finding{File: s.Manifest.EntryFile, Line: declaration(s), Rule: RuleDependency, Severity: Error, Message: missing})
	}
	return append(found, judge(s, oldest, facts, missing == "")...), nil
}

// tooOld tells that code may be fine for a newer Python.
func tooOld(found []Finding) bool {
	return slices.ContainsFunc(found, func(f Finding) bool {
		return f.Severity == Error && (f.Rule == RuleSyntax || f.Rule == RulePython)
	})
}

// newer is the version of Python after another, if it is not after that on which skills run here: nobody has seen them there.
func (c *Checker) newer(version string) (string, bool) {
	var minor, here int
	if _, err := fmt.Sscanf(version, "3.%d", &minor); err != nil {
		return "", false
	}
	if _, err := fmt.Sscanf(c.config.Python.Version, "3.%d", &here); err != nil {
		return "", false
	}
	return fmt.Sprintf("3.%d", minor+1), minor < here
}

// declaration is the line of the entry file that begins the block of dependencies, 1 without one.
func declaration(s export.Skill) int {
	before, _, found := bytes.Cut(s.Code[s.Manifest.EntryFile], []byte("# /// script"))
	if !found {
		return 1
	}
	return lineAt(before, len(before))
}

// lineAt is the line, from 1, of an offset into a text.
func lineAt(text []byte, offset int) int { return 1 + bytes.Count(text[:offset], []byte("\n")) }

// defaultMinor is the least 3.x that a skill runs on that names none.
const defaultMinor = 9

// oldestPython is the oldest Python that a skill says it runs on, such as "3.9"; wrong says why there is none.
func oldestPython(declared pyruntime.Metadata) (oldest, wrong string) {
	if declared.RequiresPython == "" {
		return fmt.Sprintf("3.%d", defaultMinor), ""
	}
	const newest, patches = 30, 30 // far beyond those there are
	var err error
	for minor := range newest {
		for patch := range patches {
			if err = declared.Accepts(fmt.Sprintf("3.%d.%d", minor, patch)); err == nil {
				return fmt.Sprintf("3.%d", max(minor, 7)), "" // the linters know no older one
			}
		}
	}
	return "", fmt.Sprintf("requires-python %q admits no Python 3; write it like \">=3.9\"", declared.RequiresPython)
}
