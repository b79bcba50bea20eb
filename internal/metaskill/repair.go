package metaskill

import (
	"fmt"
	"strings"
)

// Repair is what a run that repairs a saved skill begins with.
type Repair struct {
	Task        string
	Skill       string
	Version     int
	Entry       string // where the copy's entry file will lie
	Description string
	Code        string   // of the current version
	Cases       int      // past cases that a repaired version is held against
	Queries     []string // of some of them
	Failure     string   // what was seen of the skill when it fell short; empty: nothing
	Rejected    []string // candidates that were not taken, and why
}

// maxRepairCode bounds the code that is sent with every turn, in characters; view_subagent_code shows the rest.
const maxRepairCode = 16_000

// RepairMessage is the user message that opens the repair of a saved skill.
func RepairMessage(p Repair, files, tools []string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "Repair the saved skill %s, version %d, so that it solves this task and goes on solving what it solved before.\n\nTask:\n%s\n", p.Skill, p.Version, p.Task)
	if len(files) > 0 {
		b.WriteString("\nInput files in the workspace:\n")
		writeFiles(&b, files)
	}
	writeTools(&b, "subagent", tools)
	fmt.Fprintf(&b, "\nThe skill: %s\n\nIts code:\n%s\n", oneLine(p.Description), clip(p.Code, maxRepairCode))
	if p.Failure != "" {
		fmt.Fprintf(&b, "\nWhen it fell short, this was seen:\n%s\n", p.Failure)
	}
	if len(p.Rejected) > 0 {
		fmt.Fprintf(&b, "\nCandidates before this were rejected:\n- %s\n", strings.Join(p.Rejected, "\n- "))
	}
	if len(p.Queries) > 0 {
		fmt.Fprintf(&b, "\nA repaired version is held against %d past cases and must break none. Their queries are like\n- %s\n", p.Cases, strings.Join(p.Queries, "\n- "))
	}
	fmt.Fprintf(&b, `
How: run it on the task first. If it already does the task, finish without listing it. Else find the cause, change the copy with modify_subagent {skill_name: %q}, run it again on the task, and finish with entry_file %q. Keep the form of its query; if that has to change, write a new subagent and name %s in supersedes.
`, p.Skill, p.Entry, p.Skill)
	return b.String()
}
