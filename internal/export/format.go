package export

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"agentfactory/internal/skill"
)

// FormatVersion is raised when the layout of artifacts changes, so that a reader of an old one knows what it has.
const FormatVersion = 1

// Format is a kind of artifact.
type Format struct {
	Name  string
	About string // what it is, for people who choose one
	Many  bool   // one artifact for a set of skills; otherwise Make takes exactly one
	// Make fails with ErrRefused for a skill that cannot be had in this format. Equal skills and options give equal bytes.
	Make func(skills []Skill, o Options) (Artifact, error)
}

// Options are what whoever exports may choose.
type Options struct {
	Cases   bool   // ship the past cases, which show what was asked and answered
	License string // of the artifacts, an SPDX expression; "": what the skill's own document says
	Name    string // of a set, by the rules of skill names; "": the skill's own if it is one, else DefaultSetName
}

// DefaultSetName names a set of skills whose owner gave it no name.
const DefaultSetName = "agentfactory-skills"

// Artifact is one thing to ship.
type Artifact struct {
	Format string
	Name   string // of the skill or the set
	File   string // the name to store it under, such as word-count-3.agent-skills.zip
	Tree   Tree   // its files; a single file for formats that are one
	Data   []byte // the bytes of File
	Skills []Ref  // what is in it, by name
	// Programs are the paths in Tree, by skill, of what answers a query when Python runs it: python PROGRAM QUERY. A
	// single file is its own program; a prompt has none.
	Programs map[string]string
}

// Ref names a version of a skill by number and content.
type Ref struct {
	Name    string `json:"name"`
	Version int    `json:"version"`
	Digest  string `json:"digest"` // skill.Manifest.ContentDigest
}

// The errors of making an artifact, for errors.Is.
var (
	ErrUnknownFormat = errors.New("unknown format")
	ErrRefused       = errors.New("the skill cannot be exported") // for the reason that follows
)

// Formats lists all formats, in the order in which people should meet them.
func Formats() []Format {
	return []Format{
		{Name: "agent-skills", About: "a directory of the Agent Skills standard, zipped", Make: agentSkills("")},
		{Name: "agent-skills-claude", About: "the same below .claude/skills, for the root of a repository (Claude Code)", Make: agentSkills("claude")},
		{Name: "agent-skills-agents", About: "the same below .agents/skills (Codex, Cursor, Gemini CLI, Copilot, OpenCode)", Make: agentSkills("agents")},
		{Name: "agent-skills-github", About: "the same below .github/skills (Copilot)", Make: agentSkills("github")},
		{Name: "claude-plugin", About: "a plugin with all skills, which is its own marketplace", Many: true, Make: claudePlugin},
		{Name: "python", About: "a wheel: a function, a command, and tools for LangChain, AutoGen and MCP as extras", Make: wheel},
		{Name: "python-script", About: "one Python file with everything in it, for python or uv run", Make: script},
		{Name: "mcp", About: "an MCP server that offers all skills as tools", Many: true, Make: mcpServer},
		{Name: "prompt", About: "a text for the instructions of any agent that can run commands", Many: true, Make: prompt},
	}
}

// FormatByName finds a format. langchain and autogen are part of the wheel, as extras. The error is ErrUnknownFormat.
func FormatByName(name string) (Format, error) {
	wanted := name
	if name == "langchain" || name == "autogen" {
		wanted = "python"
	}
	var known []string
	for _, f := range Formats() {
		if f.Name == wanted {
			return f, nil
		}
		known = append(known, f.Name)
	}
	return Format{}, fmt.Errorf("%w %.60q; there are %s", ErrUnknownFormat, name, strings.Join(known, ", "))
}

// one is the skill of a format that takes one.
func one(skills []Skill) (Skill, error) {
	if len(skills) != 1 {
		return Skill{}, fmt.Errorf("%w: the format holds one skill, not %d", ErrRefused, len(skills))
	}
	return skills[0], check(skills[0])
}

// set is the skills of a format that takes several, by name.
func set(skills []Skill) ([]Skill, error) {
	if len(skills) == 0 {
		return nil, fmt.Errorf("%w: no skill was named", ErrRefused)
	}
	sorted := slices.Clone(skills)
	slices.SortFunc(sorted, func(a, b Skill) int { return strings.Compare(a.Manifest.Name, b.Manifest.Name) })
	for i, s := range sorted {
		if err := check(s); err != nil {
			return nil, err
		}
		if i > 0 && sorted[i-1].Manifest.Name == s.Manifest.Name {
			return nil, fmt.Errorf("%w: %s is in the set twice", ErrRefused, s.Manifest.Name)
		}
	}
	return sorted, nil
}

// setName is what a set is called.
func setName(skills []Skill, o Options) (string, error) {
	switch {
	case o.Name != "":
		return o.Name, skill.CheckName(o.Name)
	case len(skills) == 1:
		return skills[0].Manifest.Name, nil
	}
	return DefaultSetName, nil
}

// setDigest is the identity of a set: 12 hex digits.
func setDigest(skills []Skill) string {
	var all strings.Builder
	for _, r := range refs(skills) {
		fmt.Fprintf(&all, "%s %d %s\n", r.Name, r.Version, r.Digest)
	}
	return sum([]byte(all.String()))[:12]
}

func refs(skills []Skill) []Ref {
	list := make([]Ref, 0, len(skills))
	for _, s := range skills {
		list = append(list, Ref{Name: s.Manifest.Name, Version: s.Manifest.Version, Digest: s.Manifest.Digest})
	}
	return list
}

func fileName(s Skill, suffix string) string {
	return fmt.Sprintf("%s-%d.%s", s.Manifest.Name, s.Manifest.Version, suffix)
}
