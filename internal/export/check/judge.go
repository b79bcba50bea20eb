package check

import (
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"agentfactory/internal/export"
	"agentfactory/internal/gateway"
	"agentfactory/internal/metaskill"
)

// judgement is what becomes of the facts about one skill.
type judgement struct {
	skill  export.Skill
	oldest string
	found  []Finding
}

// judge says which facts are faults. installed: the skill's packages were there, so that it is known what they provide.
func judge(s export.Skill, oldest string, f facts, installed bool) []Finding {
	j := judgement{skill: s, oldest: oldest}
	j.language(f)
	j.imports(f, installed)
	j.secrets(f)
	j.literals(f)
	j.permissions(f)
	return j.found
}

// add names a place as people know it.
func (j *judgement) add(where at, rule Rule, severity Severity, format string, args ...any) {
	file := strings.TrimPrefix(strings.TrimPrefix(where.File, "code/"), "text/")
	message := strings.Join(strings.Fields(fmt.Sprintf(format, args...)), " ")
	j.found = append(j.found, Finding{File: file, Line: max(1, where.Line), Rule: rule, Severity: severity, Message: message})
}

// language is about the Python that the skill is written for.
func (j *judgement) language(f facts) {
	faulty := map[string]bool{} // files
	said := map[at]bool{}
	for _, l := range f.Syntax {
		said[l.at], faulty[l.File] = true, true
		switch {
		case l.Code == "invalid-syntax" || strings.HasPrefix(l.Code, "E9") || strings.HasPrefix(l.Code, "F7"):
			j.add(l.at, RuleSyntax, Error, "%s%s", l.Message, j.remedy(l.Message))
		case l.Code == "FA102":
			j.add(l.at, RuleSyntax, Error, "%s: Python %s evaluates it and fails; add `from __future__ import annotations`%s", l.Message, j.oldest, j.orNewer())
		default:
			j.add(l.at, RuleName, Warning, "%s", l.Message)
			said[l.at], faulty[l.File] = false, false
		}
	}
	for _, l := range f.Unread {
		if !faulty[l.File] {
			j.add(l.at, RuleSyntax, Error, "%s (says the Python of this worker)", l.Message)
		}
	}
	j.versions(f, said)
}

// versions is about the standard library; said are the lines whose syntax is too new already.
func (j *judgement) versions(f facts, said map[at]bool) {
	optional := map[at]bool{}
	for _, i := range f.Imports {
		optional[i.at] = optional[i.at] || i.Guarded
	}
	for _, l := range f.Versions {
		severity := Error
		if optional[l.at] {
			severity = Warning
		}
		if !said[l.at] {
			j.add(l.at, RulePython, severity, "%s needs Python %s, and the skill runs on %s and newer by its own word%s", l.Message, l.Since, j.oldest, j.orNewer())
		}
	}
}

// remedy is for messages of ruff that end in the version that is needed.
func (j *judgement) remedy(message string) string {
	if strings.Contains(message, " on Python 3.") {
		return j.orNewer()
	}
	return ""
}

func (j *judgement) orNewer() string {
	if j.skill.Declared.RequiresPython == "" {
		return "; or declare requires-python in its `# /// script` block"
	}
	return "; or raise its requires-python"
}

// ownModules are those that an export brings along; tools are judged by name.
var ownModules = []string{"tools", "llm"}

// imports finds modules that nobody provides, and tools that were not granted.
func (j *judgement) imports(f facts, installed bool) {
	declared := j.declared()
	for _, i := range f.Imports {
		switch {
		case i.Module == "tools":
			for _, name := range i.Names {
				j.tool(i.at, name)
			}
		case i.Local || i.Standard || slices.Contains(ownModules, i.Module) || i.Module == "__future__":
		case slices.ContainsFunc(i.Packages, func(p string) bool { return slices.Contains(declared, p) }):
		case len(i.Packages) > 0:
			j.add(i.at, RuleImport, Warning, "%s comes with another package; declare %s in the `# /// script` block", i.Module, i.Packages[0])
		case !installed && len(declared) > 0: // what could not be installed may have it
		case i.Guarded:
			j.add(i.at, RuleImport, Warning, "%s is imported if it is there, but not declared; exports will not have it", i.Module)
		default:
			j.add(i.at, RuleImport, Error, "%s is imported and no declared package has it; add its package to dependencies in the `# /// script` block", i.Module)
		}
	}
	for _, u := range f.Uses {
		if name, ok := strings.CutPrefix(u.Name, "tools."); ok {
			j.tool(u.at, name)
		}
	}
}

var (
	projectName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]*`)
	separators  = regexp.MustCompile(`[-_.]+`)
)

// declared are the packages that the skill names, in the spelling of PEP 503.
func (j *judgement) declared() []string {
	var names []string
	for _, requirement := range j.skill.Declared.Dependencies {
		name := projectName.FindString(strings.TrimSpace(requirement))
		names = append(names, strings.ToLower(separators.ReplaceAllString(name, "-")))
	}
	return names
}

// notTools is what the module tools has beside its tools.
var notTools = []string{"*", "ToolError", "Results", "Page"}

func (j *judgement) tool(where at, name string) {
	if slices.Contains(notTools, name) {
		return
	}
	tools, err := metaskill.NormalizeTools([]string{name})
	switch {
	case err != nil:
		j.add(where, RuleTool, Error, "tools has no %.60s", name)
	case !slices.Contains(j.skill.Manifest.Tools, tools[0]):
		j.add(where, RuleTool, Error, "%s was not granted to this skill; it has %s", tools[0], listed(j.skill.Manifest.Tools))
	}
}

func listed(names []string) string {
	if len(names) == 0 {
		return "no tools"
	}
	return strings.Join(names, ", ")
}

// secrets tells keys from what only looks random: a key that a service would accept is one wherever it stands; a password by
// its name alone, or a random text, is one in code and may be data elsewhere.
func (j *judgement) secrets(f facts) {
	for _, s := range f.Secrets {
		code := strings.HasPrefix(s.File, "code/")
		severity := Error
		switch s.Kind {
		case "Secret Keyword":
			if !code {
				severity = Warning
			}
		case "Base64 High Entropy String", "Hex High Entropy String":
			if !code && !s.Named {
				continue // hashes and identifiers are what data is made of
			}
			if !code || !s.Named {
				severity = Warning
			}
		}
		j.add(s.at, RuleSecret, severity, "it looks like a secret (%s); read it from the environment", s.Kind)
	}
}

var (
	// homes are places that another machine does not have: homes of users, and where the factory runs skills.
	homes = regexp.MustCompile(`(?:^|[\s"'=:(,])((?:/home/|/Users/|/root/|/work(?:space)?/)[^\s"']*|[A-Za-z]:\\[^\s"']+)|^(?:/root|/work(?:space)?)$`)
	// temporary is a directory that only some systems have.
	temporary = regexp.MustCompile(`^/(?:tmp|var/tmp|dev/shm)(?:/|$)`)
	address   = regexp.MustCompile(`https?://[^\s"'<>\\)\]}]+`)
)

// literals finds paths of one machine, and hosts that the skill was never seen to reach.
func (j *judgement) literals(f facts) {
	hosts, known := j.hosts()
	for _, l := range f.Literals {
		if path := homes.FindString(l.Text); path != "" && !address.MatchString(l.Text) {
			j.add(l.at, RuleMachinePath, Error, "%.80q is a path of one machine; take paths from the query, or make them relative", strings.Trim(path, " \"'=:(,"))
		} else if temporary.MatchString(l.Text) {
			j.add(l.at, RuleMachinePath, Warning, "%.80q is not on every system; use the module tempfile", l.Text)
		}
		if !known {
			continue
		}
		for _, text := range address.FindAllString(l.Text, -1) {
			if u, err := url.Parse(text); err == nil && strings.Contains(u.Hostname(), ".") && !slices.Contains(hosts, strings.ToLower(u.Hostname())) {
				j.add(l.at, RulePermission, Warning, "%.80s is a host that it was never seen to reach", u.Hostname())
			}
		}
	}
}

// names are hosts in the addresses of XML namespaces, which nobody requests.
var names = []string{"www.w3.org", "schemas.openxmlformats.org", "purl.org"}

// hosts are those that the skill was seen to reach; known is false when nobody looked.
func (j *judgement) hosts() (hosts []string, known bool) {
	if j.skill.Manifest.Permissions == nil {
		return nil, false
	}
	hosts = append(slices.Clone(names), j.skill.Manifest.Permissions.Hosts...)
	for _, c := range j.skill.Cases {
		_, seen := gateway.Seen(c.Calls)
		hosts = append(hosts, seen...)
	}
	return hosts, true
}
