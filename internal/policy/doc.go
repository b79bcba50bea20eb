// Package policy decides what subagents may do, by a file of readable rules. A rule names what it is about (its trigger), says
// when it holds in CEL, the Common Expression Language, and what follows: allow, deny, ask a person, or only log. The first
// rule that holds decides; where none does, the default of the trigger. docs/policy.md explains the file to its authors.
//
// A policy does no I/O and knows no clock: equal events get equal decisions, anywhere and at any time. Conditions are
// checked when the file is parsed, so that a misspelt variable is an error with its position before anything runs, and
// bounded in size and cost. A condition that fails while it is evaluated denies.
//
// It imports CEL, a YAML library, and nothing else of this project.
package policy
