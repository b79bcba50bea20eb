package check

import (
	"cmp"
	"fmt"
	"slices"
)

// Severity says what a finding does to an export.
type Severity string

// An error keeps a skill from being exported; a warning is shown with it.
const (
	Error   Severity = "error"
	Warning Severity = "warning"
)

// Rule is what a finding breaks.
type Rule string

// The rules.
const (
	RuleSyntax      Rule = "syntax"       // not the language of the oldest Python named
	RulePython      Rule = "python"       // not in the standard library of the oldest Python named
	RuleName        Rule = "name"         // a name that is not defined, or a statement out of place
	RuleImport      Rule = "import"       // a module that is nowhere declared
	RuleDependency  Rule = "dependency"   // a declared package that cannot be had
	RuleTool        Rule = "tool"         // a tool skill that was not granted
	RulePath        Rule = "path"         // a file whose path some systems and tools cannot hold
	RuleSecret      Rule = "secret"       // a key, password or token
	RuleMachinePath Rule = "machine-path" // a path that exists on one machine
	RulePermission  Rule = "permission"   // more than the skill was granted or seen to do
	RuleRisk        Rule = "risk"         // a call that is known to go wrong
)

// Finding is one thing that is wrong with a skill, or may be.
type Finding struct {
	File     string   `json:"file"` // of the skill; cases/<id>/query, cases/<id>/answer and cases/<id>/files/<path> of a case
	Line     int      `json:"line"` // from 1
	Rule     Rule     `json:"rule"`
	Severity Severity `json:"severity"`
	Message  string   `json:"message"` // one line; never shows a secret
}

func (f Finding) String() string {
	return fmt.Sprintf("%s:%d: %s (%s)", f.File, f.Line, f.Message, f.Rule)
}

// Errors are the findings that keep a skill from being exported.
func Errors(all []Finding) []Finding {
	return slices.DeleteFunc(slices.Clone(all), func(f Finding) bool { return f.Severity != Error })
}

// ordered sorts findings by place and drops what is said twice of a line under one rule, the graver one first.
func ordered(all []Finding) []Finding {
	slices.SortStableFunc(all, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Rule, b.Rule), cmp.Compare(a.Severity, b.Severity))
	})
	return slices.CompactFunc(all, func(a, b Finding) bool {
		return a.File == b.File && a.Line == b.Line && a.Rule == b.Rule && (a.Message == b.Message || a.Rule == RuleSecret)
	})
}
