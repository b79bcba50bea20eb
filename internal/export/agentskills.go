package export

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"

	"agentfactory/internal/skill"
)

// Layout is where a host looks for the skills of a repository. The archive is unpacked at the repository's root.
type Layout string

// The layouts. Hosts that read several are named once.
const (
	LayoutPlain  Layout = ""       // NAME/, for a directory of skills
	LayoutClaude Layout = "claude" // .claude/skills/NAME/: Claude Code
	LayoutAgents Layout = "agents" // .agents/skills/NAME/: Codex, Cursor, Gemini CLI, Copilot, OpenCode
	LayoutGitHub Layout = "github" // .github/skills/NAME/: Copilot
)

// Layouts lists them.
func Layouts() []Layout { return []Layout{LayoutPlain, LayoutClaude, LayoutAgents, LayoutGitHub} }

// dir is the directory in which the skill's own lies; "" for none.
func (l Layout) dir() (string, error) {
	if !slices.Contains(Layouts(), l) {
		return "", fmt.Errorf("unknown layout %.60q; there are %s, %s, %s", l, LayoutClaude, LayoutAgents, LayoutGitHub)
	}
	if l == LayoutPlain {
		return "", nil
	}
	return "." + string(l) + "/skills", nil
}

// agentSkills makes the directory of the Agent Skills standard (agentskills.io), zipped.
func agentSkills(skills []Skill, o Options) (Artifact, error) {
	s, err := one(skills)
	if err != nil {
		return Artifact{}, err
	}
	above, err := o.Layout.dir()
	if err != nil {
		return Artifact{}, err
	}
	dir, err := skillDirectory(s, o)
	if err != nil {
		return Artifact{}, err
	}
	home := path.Join(above, s.Manifest.Name)
	a := Artifact{
		Format: "agent-skills", Name: s.Manifest.Name, File: fileName(s, "agent-skills.zip"), Tree: dir.Under(home), Skills: refs(skills),
		Programs: map[string]string{s.Manifest.Name: path.Join(home, scriptsDir, launcherFile(s))},
	}
	if o.Layout != LayoutPlain {
		a.File = fileName(s, string(o.Layout)+"-skills.zip")
	}
	a.Data, err = a.Tree.Zip()
	return a, err
}

const scriptsDir = "scripts"

// skillDirectory is the directory of one skill, sealed.
func skillDirectory(s Skill, o Options) (Tree, error) {
	t := program(s).Under(scriptsDir)
	document := exportedDocument(s, o)
	if problems := document.Validate(s.Manifest.Name); len(problems) > 0 {
		return nil, unfit(s, "%s: %s", skill.DocumentFile, problems[0])
	}
	t.Put(skill.DocumentFile, document.Render())
	t.Put("references/interface.md", interfaceReference(s))
	t.Put("references/provenance.md", provenanceReference(s))
	if notes := strings.TrimSpace(printable(s.Document.Body)); notes != "" {
		t.Put("references/notes.md", []byte(notes+"\n"))
	}
	if s.Lock != nil {
		t.Put(skill.LockFile, s.Lock)
	}
	if !o.NoCases {
		if err := t.putEvals(s); err != nil {
			return nil, err
		}
	}
	from := origin(s, o, func(p string) string { return path.Join(scriptsDir, inProgram(p)) })
	return t, seal(t, "agent-skills", []Origin{from})
}

// exportedDocument is the SKILL.md for a host that does not know this project.
func exportedDocument(s Skill, o Options) skill.Document {
	meta := map[string]string{}
	maps.Copy(meta, s.Document.Metadata)
	meta[skill.MetaVersion], meta[skill.MetaDigest] = strconv.Itoa(s.Manifest.Version), s.Manifest.Digest
	meta[skill.MetaEntryFile] = path.Join(scriptsDir, inProgram(s.Manifest.EntryFile))
	if len(s.Manifest.Tools) > 0 {
		meta[skill.MetaTools] = strings.Join(s.Manifest.Tools, " ")
	}
	for key, value := range meta {
		meta[key] = plain(value)
	}
	return skill.Document{
		Name: s.Manifest.Name, Description: description(s), License: plain(license(s, o)), Compatibility: needsOf(s).compatibility(),
		AllowedTools: plain(s.Document.AllowedTools), Metadata: meta, Body: body(s, o),
	}
}

func license(s Skill, o Options) string {
	if o.License != "" {
		return o.License
	}
	return s.Document.License
}
