package skillstore

import (
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"agentfactory/internal/skill"
)

// Import makes a draft of a skill directory: one of the Agent Skills standard that has a Python file with main(query),
// one of the original AgentFactory's library (entry_file in a frontmatter that need not be YAML, snake_case names), or an
// export of one skill, of which the skill's own files come back as they were saved. What does not follow our rules is
// brought into line, and changes tells of each such step in one line. hint is the directory's name, for a document without
// one. The error is ErrInvalid. Symbolic links are left out, not followed.
func Import(dir fs.FS, hint string) (d Draft, changes []string, err error) {
	s, err := readDirectory(dir)
	if err != nil {
		return Draft{}, nil, fmt.Errorf("import %s: %w", hint, err)
	}
	all, err := s.skills(hint)
	if err == nil && len(all) > 1 {
		err = invalid("there are %d skills in it (%s, %s, …); give the directory of one", len(all), all[0].Draft.Name, all[1].Draft.Name)
	}
	if err != nil {
		return Draft{}, nil, fmt.Errorf("import %s: %w", hint, err)
	}
	return all[0].Draft, all[0].Changes, nil
}

type importer struct {
	draft    Draft
	document skill.Document
	original bool // the original AgentFactory's layout
	changes  []string
}

func (im *importer) changed(format string, args ...any) {
	im.changes = append(im.changes, fmt.Sprintf(format, args...))
}

// importDirectory makes a draft of the files of one skill directory.
func importDirectory(files map[string][]byte, leftOut []string, hint string) (Imported, error) {
	im := importer{draft: Draft{Files: files, Lineage: skill.Lineage{Source: skill.SourceImport}}, changes: leftOut}
	for _, step := range []func() error{
		im.readDocument,
		im.withoutRuntime,
		func() error { return im.name(hint) },
		im.entryFile,
		im.tools,
		im.description,
		im.rewriteDocument,
	} {
		if err := step(); err != nil {
			return Imported{}, err
		}
	}
	_, err := prepare(im.draft)
	return Imported{Draft: im.draft, Changes: im.changes}, err
}

func (im *importer) readDocument() error {
	if lower, ok := im.draft.Files["skill.md"]; ok {
		im.draft.Files[skill.DocumentFile] = lower
		delete(im.draft.Files, "skill.md")
		im.changed("skill.md: renamed to SKILL.md")
	}
	data, ok := im.draft.Files[skill.DocumentFile]
	if !ok {
		return invalid("there is no SKILL.md in it")
	}
	var err error
	im.document, err = skill.Parse(data)
	if err != nil {
		document, ok := parseOriginal(data)
		if !ok {
			return invalid("%w", err)
		}
		im.document = document
		im.changed("SKILL.md: its frontmatter is no YAML and was read line by line (%v)", err)
	}
	_, im.original = im.document.Unknown["entry_file"]
	for _, field := range unknownFields(im.document) {
		im.changed("%s: left out, the standard has no such field", field)
	}
	return nil
}

func unknownFields(d skill.Document) []string {
	var fields []string
	for field := range d.Unknown {
		if field != "entry_file" {
			fields = append(fields, field)
		}
	}
	slices.Sort(fields)
	return fields
}

func (im *importer) name(hint string) error {
	given := im.document.Name
	if given == "" {
		given = hint
	}
	name, err := skill.NormalizeName(given)
	if err != nil {
		return invalid("name: %w", err)
	}
	if name != im.document.Name {
		im.changed("name: %q became %s", im.document.Name, name)
	}
	im.draft.Name = name
	return nil
}

func (im *importer) description() error {
	text := im.document.Description
	if im.original {
		text = originalDescription(im.document)
	}
	text = strings.Join(strings.Fields(strings.NewReplacer("<", "‹", ">", "›").Replace(text)), " ")
	if runes := []rune(text); len(runes) > skill.MaxDescription {
		text = string(runes[:skill.MaxDescription-1]) + "…"
	}
	if text == "" {
		return invalid("description: SKILL.md has none")
	}
	if text != im.document.Description {
		im.changed("description: became %q", text)
	}
	im.draft.Description = text
	return nil
}

// rewriteDocument leaves the document to be finished with the draft: body and optional fields stay.
func (im *importer) rewriteDocument() error {
	if im.original {
		im.replaceBody()
	}
	im.document.Unknown = nil
	im.document.Name, im.document.Description = im.draft.Name, im.draft.Description
	im.draft.Files[skill.DocumentFile] = im.document.Render()
	return nil
}
