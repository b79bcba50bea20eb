package export

import (
	"cmp"
	"regexp"
	"slices"
	"strings"

	"agentfactory/internal/export/standalone"
	"agentfactory/internal/skill"
)

// needs is what has to be there for a skill to run.
type needs struct {
	Python    string // PEP 440 specifiers
	Packages  []string
	Variables []standalone.Variable
	Model     bool // it asks a language model
	Audio     bool // it has audio transcribed
	Browser   bool
	Shell     bool
	Network   bool
}

// usesModel matches the import of the module that asks a language model, usesAudio what it transcribes with.
var (
	usesModel = regexp.MustCompile(`(?m)^[ \t]*(?:from[ \t]+llm[ \t]+import|import[ \t]+llm)\b`)
	usesAudio = regexp.MustCompile(`\btranscribe\b`)
	callsLLM  = regexp.MustCompile(`\bcall_llm\b`)
)

func needsOf(s Skill) needs {
	n := needs{Python: strings.TrimSpace(s.Declared.RequiresPython), Packages: slices.Clone(s.Declared.Dependencies)}
	if n.Python == "" {
		n.Python = ">=" + cmp.Or(s.Python, standalone.OldestPython)
	}
	n.Model, n.Audio = modelUse(s)
	n.Browser = slices.Contains(s.Manifest.Tools, "browser_automation")
	n.Shell = slices.Contains(s.Manifest.Tools, "shell_command")
	n.Network = n.Model || n.Audio || n.Browser || slices.Contains(s.Manifest.Tools, "web_search") || slices.Contains(s.Manifest.Tools, "web_reading")
	n.Variables = standalone.Variables(standalone.Needs{Tools: s.Manifest.Tools, Model: n.Model, Audio: n.Audio})
	return n
}

// modelUse tells what a skill asks of the module llm, by its code.
func modelUse(s Skill) (model, audio bool) {
	for path, data := range s.Code {
		if strings.HasSuffix(path, ".py") && usesModel.Match(data) {
			audio = audio || usesAudio.Match(data)
			model = model || callsLLM.Match(data)
		}
	}
	return model, audio
}

// installs are the packages with which everything that the skill may do works.
func (n needs) installs() []string {
	if n.Browser && !slices.ContainsFunc(n.Packages, func(p string) bool { return strings.HasPrefix(strings.ToLower(p), "playwright") }) {
		return append(slices.Clone(n.Packages), playwright)
	}
	return n.Packages
}

const playwright = "playwright>=1.40"

// header is the inline metadata of a script (PEP 723), by which uv and others install what it needs.
func (n needs) header(more ...string) string {
	var b strings.Builder
	b.WriteString("# /// script\n# requires-python = " + tomlString(n.Python) + "\n")
	if packages := append(slices.Clone(more), n.installs()...); len(packages) > 0 {
		b.WriteString("# dependencies = [\n")
		for _, p := range packages {
			b.WriteString("#     " + tomlString(p) + ",\n")
		}
		b.WriteString("# ]\n")
	}
	b.WriteString("# ///\n")
	return b.String()
}

// tomlString is a basic string; control characters were refused before.
func tomlString(text string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(text) + `"`
}

// lines describe the needs in Markdown, one item a line.
func (n needs) lines() []string {
	list := []string{"Python " + n.Python}
	if len(n.Packages) > 0 {
		list = append(list, "packages: `"+strings.Join(n.Packages, "`, `")+"`")
	}
	if n.Browser {
		list = append(list, "a browser: the package `playwright` and Chromium (`playwright install chromium`, or `AGENTFACTORY_CHROMIUM` names the executable)")
	}
	for _, v := range n.Variables {
		must := "optional"
		switch {
		case v.Required:
			must = "required"
		case v.Default != "":
			must = "default: " + v.Default
		}
		list = append(list, "the environment variable `"+v.Name+"`: "+v.Purpose+" ("+must+")")
	}
	return list
}

// compatibility is the same in a line of at most skill.MaxCompatibility characters, without angle brackets.
func (n needs) compatibility() string {
	parts := []string{"Python " + plainly(n.Python)}
	if len(n.Packages) > 0 {
		parts = append(parts, "packages "+strings.Join(projects(n.Packages), ", "))
	}
	if n.Browser {
		parts = append(parts, "Playwright with Chromium")
	}
	if required := n.required(); len(required) > 0 {
		parts = append(parts, "environment variables "+strings.Join(required, ", "))
	}
	if n.Network {
		parts = append(parts, "network access")
	}
	return clipped(oneLine(strings.Join(parts, "; ")), skill.MaxCompatibility)
}

// required are the names of the variables without which it does not run.
func (n needs) required() []string {
	var names []string
	for _, v := range n.Variables {
		if v.Required {
			names = append(names, v.Name)
		}
	}
	return names
}

// plainly puts version specifiers into words: ">=3.9" is "3.9 or newer".
func plainly(specifiers string) string {
	if least, ok := strings.CutPrefix(specifiers, ">="); ok && !strings.Contains(least, ",") {
		return strings.TrimSpace(least) + " or newer"
	}
	return strings.NewReplacer(">=", "from ", "<=", "up to ", ">", "above ", "<", "below ", "~=", "like ").Replace(specifiers)
}

// project matches the name at the beginning of a requirement.
var project = regexp.MustCompile(`^[A-Za-z0-9._-]+`)

func projects(requirements []string) []string {
	var names []string
	for _, r := range requirements {
		names = append(names, project.FindString(r))
	}
	return names
}
