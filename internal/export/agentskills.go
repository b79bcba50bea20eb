package export

import (
	"maps"
	"path"
	"strconv"
	"strings"

	"agentfactory/internal/skill"
)

// agentSkills makes the directory of the Agent Skills standard (agentskills.io), zipped: NAME/, or for a host that looks for
// the skills of a repository in .HOST/skills, that directory with NAME/ in it.
func agentSkills(host string) func([]Skill, Options) (Artifact, error) {
	return func(skills []Skill, o Options) (Artifact, error) {
		s, err := one(skills)
		if err != nil {
			return Artifact{}, err
		}
		dir, err := skillDirectory(s, o)
		if err != nil {
			return Artifact{}, err
		}
		format, home := "agent-skills", s.Manifest.Name
		if host != "" {
			format, home = "agent-skills-"+host, path.Join("."+host, "skills", s.Manifest.Name)
		}
		a := Artifact{
			Format: format, Name: s.Manifest.Name, File: fileName(s, format+".zip"), Tree: dir.Under(home), Skills: refs(skills),
			Programs: map[string]string{s.Manifest.Name: path.Join(home, scriptsDir, launcherFile(s))},
		}
		a.Data, err = a.Tree.Zip()
		return a, err
	}
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
	if o.Cases {
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
