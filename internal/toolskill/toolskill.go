// Package toolskill holds the documents of the four tool skills, for the one who writes subagents: parameters, return
// shapes, examples, errors. They are SKILL.md files by the Agent Skills standard, so that any reader of skills can read
// them. It imports nothing of this project.
package toolskill

import (
	"embed"
	"strings"
)

//go:embed skills/*/SKILL.md
var documents embed.FS

// Document returns the SKILL.md of a tool skill, web_search for example, and whether there is one.
func Document(name string) (string, bool) {
	text, err := documents.ReadFile("skills/" + strings.ReplaceAll(name, "_", "-") + "/SKILL.md")
	return string(text), err == nil
}
