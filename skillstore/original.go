package skillstore

import (
	"regexp"
	"slices"
	"strings"

	"agentfactory/internal/skill"
)

// The original AgentFactory (https://github.com/zzatpku/AgentFactory) reads its frontmatter with one regular expression
// per field, so that most of its documents are no YAML, and puts what others would call the description into the body.

var originalField = regexp.MustCompile(`(?m)^(name|description|entry_file):[ \t]*(.+)$`)

// parseOriginal reads a document the original's way. It is one of the original's only if it has an entry_file.
func parseOriginal(data []byte) (skill.Document, bool) {
	front, body, err := skill.SplitFrontmatter(data)
	if err != nil {
		return skill.Document{}, false
	}
	fields := map[string]string{}
	for _, match := range originalField.FindAllStringSubmatch(front, -1) {
		if _, taken := fields[match[1]]; !taken {
			fields[match[1]] = strings.TrimSpace(match[2])
		}
	}
	d := skill.Document{Name: fields["name"], Description: fields["description"], Body: body}
	d.Unknown = map[string]string{"entry_file": fields["entry_file"]}
	return d, fields["entry_file"] != ""
}

// label matches the bold labels that the original begins its lines with.
var label = regexp.MustCompile(`^\*\*([^*]+)\*\*:[ \t]*(.*)$`)

// originalDescription joins what the skill is for, which stands in the frontmatter, and the questions that it answers,
// which stand in the body: both are what a search needs.
func originalDescription(d skill.Document) string {
	text := d.Description
	if match := label.FindStringSubmatch(text); match != nil {
		text = match[2]
	}
	for line := range strings.Lines(d.Body) {
		match := label.FindStringSubmatch(strings.TrimSpace(line))
		if match != nil && match[1] == "Applicable Questions" && match[2] != "" {
			return strings.TrimSuffix(text, ".") + ". Use it for: " + match[2]
		}
	}
	return text
}

// replaceBody keeps the original's notes on the skill and replaces its instructions, which call the original's own
// protocol, by ours. Python files that the entry file does not reach are the debris of its making and are left out.
func (im *importer) replaceBody() {
	im.dropUnreached()
	body := im.draft.body()
	if notes := section(im.document.Body, "Description"); notes != "" {
		body += "\n## Notes of its author\n\n" + notes + "\n"
	}
	im.document.Body = body
	im.changed("SKILL.md: the instructions for the original's own protocol were replaced")
}

func (im *importer) dropUnreached() {
	reached := im.localModules()
	for _, f := range describe(im.draft.Files) {
		if isCode(f.Path) && !slices.Contains(reached, f.Path) {
			delete(im.draft.Files, f.Path)
			im.changed("%s: left out, the entry file does not import it", f.Path)
		}
	}
}

// section is the text below a second-level heading.
func section(body, heading string) string {
	_, rest, ok := strings.Cut("\n"+body, "\n## "+heading+"\n")
	if !ok {
		return ""
	}
	text, _, _ := strings.Cut(rest, "\n## ")
	return strings.TrimSpace(text)
}
