package check

import (
	"bytes"
	"context"
	"errors"
	"fmt"

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

// Check returns what is wrong with a skill, by file and line; nothing is good. An error means that it could not be looked
// at: errors.As an *pyruntime.IndexError when the linters, or the skill's packages, are not installed here and no package
// index has them to give.
func (c *Checker) Check(ctx context.Context, s export.Skill) ([]Finding, error) {
	found := append(c.ownSecrets(s), oddPaths(s)...)
	oldest, wrong := oldestPython(s.Declared)
	if wrong != "" {
		return ordered(append(found, Finding{File: s.Manifest.EntryFile, Line: declaration(s), Rule: RulePython, Severity: Error, Message: wrong})), nil
	}
	facts, missing, err := c.examine(ctx, s, oldest)
	if err != nil {
		return nil, fmt.Errorf("check %s: %w", s.Manifest.Name, err)
	}
	if missing != "" {
		found = append(found, Finding{File: s.Manifest.EntryFile, Line: declaration(s), Rule: RuleDependency, Severity: Error, Message: missing})
	}
	return ordered(append(found, judge(s, oldest, facts, missing == "")...)), nil
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
