package shellcheck

import (
	"fmt"
	"slices"
	"strings"
)

// Kind is what makes a command destructive.
type Kind string

// The kinds of findings.
const (
	Delete        Kind = "delete"          // outside the workspace, all of it, or what cannot be known
	Overwrite     Kind = "overwrite"       // files outside the workspace, by any program that writes
	Kill          Kind = "kill"            // processes that the command did not start, or the machine
	Permissions   Kind = "permissions"     // of files outside the workspace, of users
	PipeToShell   Kind = "pipe_to_shell"   // a shell or interpreter runs a download or unknown text, or serves a stranger
	HistoryOrKeys Kind = "history_or_keys" // reads or alters shell histories, keys, credentials
	Device        Kind = "device"          // writes to devices, file systems, the kernel's files
	ForkBomb      Kind = "fork_bomb"       // starts processes without end
	Unparsable    Kind = "unparsable"      // is no shell command, as a whole or in a part that it runs
	TooComplex    Kind = "too_complex"     // was not followed to its end
)

// Finding is one thing that a command would do and that deserves a refusal or a question.
type Finding struct {
	Kind     Kind   `json:"kind"`
	Fragment string `json:"fragment"` // the command that does it, as the shell would run it; "…" stands for what is not known
	Why      string `json:"why"`      // a clause whose subject is the command: "deletes /etc, which is outside the workspace"
}

// String is one line for the author of the command.
func (f Finding) String() string { return fmt.Sprintf("`%s` %s (%s)", f.Fragment, f.Why, f.Kind) }

// maxFragment is how much of a command a finding shows, in characters.
const maxFragment = 120

// fragment makes a text fit for one line of a message.
func fragment(text string) string {
	text = shown(strings.Join(strings.Fields(text), " "))
	if r := []rune(text); len(r) > maxFragment {
		return string(r[:maxFragment-1]) + "…"
	}
	return text
}

// flag records a finding about the command that is being followed.
func (c *checker) flag(kind Kind, format string, args ...any) {
	f := Finding{Kind: kind, Fragment: fragment(c.current), Why: fragment(fmt.Sprintf(format, args...))}
	if len(c.findings) < maxFindings && !slices.Contains(c.findings, f) {
		c.findings = append(c.findings, f)
	}
}
