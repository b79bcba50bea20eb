package export

import (
	"fmt"
	"path"
)

// pluginManifest is .claude-plugin/plugin.json, marketplace .claude-plugin/marketplace.json, by the plugin and marketplace
// references of Claude Code (code.claude.com/docs/en/plugins).
type (
	pluginManifest struct {
		Name        string   `json:"name"`
		Version     string   `json:"version"`
		Description string   `json:"description"`
		Author      person   `json:"author"`
		License     string   `json:"license,omitempty"`
		Keywords    []string `json:"keywords,omitempty"`
	}
	marketplace struct {
		Name        string        `json:"name"`
		Owner       person        `json:"owner"`
		Description string        `json:"description"`
		Plugins     []pluginEntry `json:"plugins"`
	}
	pluginEntry struct {
		Name        string `json:"name"`
		Source      string `json:"source"` // from the root of the marketplace, which is that of the plugin
		Description string `json:"description"`
		Version     string `json:"version"`
		License     string `json:"license,omitempty"`
	}
	person struct {
		Name string `json:"name"`
	}
)

const pluginDir = ".claude-plugin"

var us = person{Name: "AgentFactory"}

// claudePlugin makes a plugin that is its own marketplace: hosts load the directory as it is, or add it as a marketplace and
// install the plugin from there.
func claudePlugin(skills []Skill, o Options) (Artifact, error) {
	skills, err := set(skills)
	if err != nil {
		return Artifact{}, err
	}
	name, err := setName(skills, o)
	if err != nil {
		return Artifact{}, err
	}
	a := Artifact{
		Format: "claude-plugin", Name: name, File: fmt.Sprintf("%s-%s.claude-plugin.zip", name, setDigest(skills)), Skills: refs(skills),
		Programs: map[string]string{},
	}
	t := Tree{}
	if err := t.putManifests(name, skills, o); err != nil {
		return Artifact{}, err
	}
	var from []Origin
	for _, s := range skills {
		dir, err := skillDirectory(s, o)
		if err != nil {
			return Artifact{}, err
		}
		home := path.Join("skills", s.Manifest.Name)
		t.Merge(dir.Under(home))
		from = append(from, origin(s, o, func(p string) string { return path.Join(home, scriptsDir, inProgram(p)) }))
		a.Programs[s.Manifest.Name] = path.Join(name, home, scriptsDir, launcherFile(s))
	}
	if err := seal(t, a.Format, from); err != nil {
		return Artifact{}, err
	}
	a.Tree = t.Under(name)
	a.Data, err = a.Tree.Zip()
	return a, err
}

func (t Tree) putManifests(name string, skills []Skill, o Options) error {
	p := pluginManifest{Name: name, Version: setVersion(skills), Description: setDescription(skills), Author: us, License: o.License}
	for _, s := range skills {
		p.Keywords = append(p.Keywords, s.Manifest.Name)
	}
	m := marketplace{Name: name + "-marketplace", Owner: us, Description: p.Description, Plugins: []pluginEntry{
		{Name: p.Name, Source: "./", Description: p.Description, Version: p.Version, License: p.License},
	}}
	if err := t.putJSON(path.Join(pluginDir, "plugin.json"), p); err != nil {
		return err
	}
	return t.putJSON(path.Join(pluginDir, "marketplace.json"), m)
}

// setVersion is a semantic version of a set: it rises with the versions of its skills, and sets that differ in anything
// have different ones.
func setVersion(skills []Skill) string {
	versions := 0
	for _, s := range skills {
		versions += s.Manifest.Version
	}
	return fmt.Sprintf("1.%d.0+%s", versions, setDigest(skills))
}

func setDescription(skills []Skill) string {
	if len(skills) == 1 {
		return description(skills[0])
	}
	text := fmt.Sprintf("%d skills:", len(skills))
	for i, s := range skills {
		if i > 0 {
			text += ","
		}
		text += " " + s.Manifest.Name
	}
	return clipped(text, 1000)
}
