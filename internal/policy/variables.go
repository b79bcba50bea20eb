package policy

import (
	"slices"

	"github.com/google/cel-go/cel"
)

// Variable is what a condition can read.
type Variable struct {
	Name     string
	Type     string // string, int, bool or list(string)
	Meaning  string
	Triggers []Trigger

	kind  *cel.Type
	value func(*Event) any
}

// Variables returns those that conditions of a trigger can read.
func Variables(t Trigger) []Variable {
	var all []Variable
	for _, v := range variables {
		if slices.Contains(v.Triggers, t) {
			all = append(all, v)
		}
	}
	return all
}

func text(name, meaning string, value func(*Event) string, of ...Trigger) Variable {
	return Variable{name, "string", meaning, of, cel.StringType, func(e *Event) any { return value(e) }}
}

// variables are named as the fields of Event, except for package and bytes, which CEL reserves.
var variables = []Variable{
	text("skill", "the saved skill that runs; \"\" for a subagent that is not saved yet", func(e *Event) string { return e.Skill }, triggers...),
	text("tool", "the tool skill, such as web_reading; \"\" for a request by the subagent's own libraries", func(e *Event) string { return e.Tool }, Tool, Host, Path, Session),
	text("action", "what the tool is to do: an action of browser_automation (navigate, eval, …); of a path: read or write", func(e *Event) string { return e.Action }, Tool, Path),
	text("method", "the HTTP method in capitals; CONNECT for a tunnel whose requests are not seen", func(e *Event) string { return e.Method }, Host),
	text("url", "the whole address; \"\" if there is none", func(e *Event) string { return e.URL }, Tool, Host, Session),
	text("scheme", "http or https", func(e *Event) string { return e.Scheme }, Tool, Host, Session),
	text("host", "the host of the address, in small letters, without port", func(e *Event) string { return e.Host }, Tool, Host, Session),
	{"port", "int", "the port of the address", []Trigger{Tool, Host, Session}, cel.IntType, func(e *Event) any { return e.Port }},
	text("path", "of a request: the path of the address; of a path: the file, relative to the workspace", func(e *Event) string { return e.Path }, Host, Path),
	{"tunnel", "bool", "what follows cannot be seen: a CONNECT, or an upgrade to another protocol", []Trigger{Host}, cel.BoolType, func(e *Event) any { return e.Tunnel }},
	text("package_name", "the package, in small letters with hyphens (PEP 503)", func(e *Event) string { return e.Package }, Package),
	text("package_version", "its version; \"\" before it is resolved", func(e *Event) string { return e.Version }, Package),
	text("model", "the name of the model", func(e *Event) string { return e.Model }, Model),
	text("session", "the name of the stored session", func(e *Event) string { return e.Session }, Session),
	text("command", "the command as the subagent gave it", func(e *Event) string { return e.Command }, Shell),
	{"findings", "list(string)", "what the shell check found, by kind: delete, overwrite, kill, …; empty for ordinary commands", []Trigger{Shell}, cel.ListType(cel.StringType), func(e *Event) any { return append([]string{}, e.Findings...) }},
	{"byte_count", "int", "the size of the request or file, in bytes; 0 if it is not known", []Trigger{Tool, Host, Path, Model}, cel.IntType, func(e *Event) any { return e.Bytes }},
}

// activation gives the variables of an event to a condition.
func activation(e *Event) map[string]any {
	values := make(map[string]any, len(variables))
	for _, v := range variables {
		if slices.Contains(v.Triggers, e.Trigger) {
			values[v.Name] = v.value(e)
		}
	}
	return values
}
