// Package check looks at a skill before it is exported, without running it: is it written for the oldest Python that it
// names, does it declare what it imports, does it hold a secret or a path of one machine, does it do more than it was
// permitted and seen to do?
//
// The looking is done by linters that others keep well: ruff for syntax and names, vermin for what of the standard library
// came when, bandit for risky calls, detect-secrets for keys; and by a walk over the syntax tree for imports. They run in
// the sandbox, since a parser that reads untrusted code belongs there, from pinned packages that are installed like those
// of a skill. What is a fault is decided here, not there. Comments by which code would excuse itself count for nothing.
//
// It imports internal/export, internal/pyruntime and internal/sandbox, and the words of gateway, metaskill and skill.
package check
