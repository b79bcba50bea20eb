package check

import (
	"regexp"
	"slices"

	"agentfactory/internal/gateway"
)

// processes are bandit's tests for calls that start programs.
var processes = regexp.MustCompile(`^B60[1-69]$`)

// ignored are its tests that say nothing here: passwords and paths are looked for elsewhere, the rest is about style, or about what
// every skill does.
var ignored = regexp.MustCompile(`^B(?:10[15678]|110|112|31[01]|324|40[0-9]|41[0-9]|607|701)$`)

// running are what starts code that is not there to be read.
var running = map[string]string{
	"B102": "exec runs text as code; write the code out",
	"B307": "eval runs text as code; use ast.literal_eval, or a parser",
}

// startsPrograms are the functions of the standard library that start programs.
var startsPrograms = regexp.MustCompile(`^(?:subprocess\.(?:run|call|check_call|check_output|getoutput|getstatusoutput|Popen)|os\.(?:system|popen|exec\w+|spawn\w+|posix_spawnp?|fork|forkpty)|pty\.spawn|asyncio\.create_subprocess_(?:exec|shell))$`)

// opensSockets are those that reach the network past HTTP, of which nothing leaves the sandbox.
var opensSockets = regexp.MustCompile(`^(?:socket\.(?:socket|create_connection|create_server|fromfd)|asyncio\.(?:open_connection|start_server))$`)

// native are modules that call machine code.
var native = []string{"ctypes", "cffi"}

// permissions finds what a skill does beyond what it was granted: outside the sandbox nothing else holds it back.
func (j *judgement) permissions(f facts) {
	started := map[at]bool{}
	for _, u := range f.Uses {
		switch {
		case startsPrograms.MatchString(u.Name):
			started[u.at] = true
			j.program(u.at, u.Name+" starts a program")
		case opensSockets.MatchString(u.Name):
			j.add(u.at, RulePermission, Error, "%s opens a connection of its own, which no skill is granted; use HTTP, or the tool skills of the web", u.Name)
		}
	}
	for _, i := range f.Imports {
		if slices.Contains(native, i.Module) && i.Standard {
			j.add(i.at, RulePermission, Error, "%s calls machine code, which no skill is granted", i.Module)
		}
	}
	for _, r := range f.Risks {
		j.risk(r, started[r.at])
	}
}

// program is about starting one: the skill that was given shell_command may.
func (j *judgement) program(where at, what string) {
	if slices.Contains(j.skill.Manifest.Tools, gateway.ShellCommand) {
		j.add(where, RulePermission, Warning, "%s; the host that runs the export decides about it", what)
		return
	}
	j.add(where, RulePermission, Error, "%s, and %s was not granted to this skill", what, gateway.ShellCommand)
}

// risk is what bandit found. Its own grave findings keep a skill in, its lesser ones are shown.
func (j *judgement) risk(r lint, started bool) {
	switch {
	case running[r.Code] != "":
		j.add(r.at, RulePermission, Error, "%s (%s)", running[r.Code], r.Code)
	case processes.MatchString(r.Code):
		if !started { // or it has been said
			j.program(r.at, r.Message)
		}
	case ignored.MatchString(r.Code) || r.Severity == "LOW":
	case r.Severity == "HIGH":
		j.add(r.at, RuleRisk, Error, "%s (%s)", r.Message, r.Code)
	default:
		j.add(r.at, RuleRisk, Warning, "%s (%s)", r.Message, r.Code)
	}
}
