package skillstore

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"agentfactory/internal/skill"
)

// Import makes a draft of a skill directory: one of the Agent Skills standard that has a Python file with main(query),
// or one of the original AgentFactory's library (entry_file in a frontmatter that need not be YAML, snake_case names).
// What does not follow our rules is brought into line, and changes tells of each such step in one line. hint is the
// directory's name, for a document without one. The error is ErrInvalid. Symbolic links are left out, not followed.
func Import(dir fs.FS, hint string) (d Draft, changes []string, err error) {
	im := importer{draft: Draft{Files: map[string][]byte{}, Lineage: skill.Lineage{Source: skill.SourceImport}}}
	if err := im.run(dir, hint); err != nil {
		return Draft{}, nil, fmt.Errorf("import %s: %w", hint, err)
	}
	return im.draft, im.changes, nil
}

type importer struct {
	draft    Draft
	document skill.Document
	original bool // the original AgentFactory's layout
	bytes    int64
	changes  []string
}

func (im *importer) changed(format string, args ...any) {
	im.changes = append(im.changes, fmt.Sprintf(format, args...))
}

func (im *importer) run(dir fs.FS, hint string) error {
	if err := im.readFiles(dir); err != nil {
		return err
	}
	for _, step := range []func() error{
		im.readDocument,
		func() error { return im.name(hint) },
		im.entryFile,
		im.tools,
		im.description,
		im.rewriteDocument,
	} {
		if err := step(); err != nil {
			return err
		}
	}
	_, err := prepare(im.draft)
	return err
}

func (im *importer) readFiles(dir fs.FS) error {
	err := fs.WalkDir(dir, ".", func(p string, entry fs.DirEntry, err error) error {
		if err != nil || p == "." {
			return err
		}
		if left := leftOut(entry); left != "" {
			im.changed("%s: left out, it is %s", p, left)
			if entry.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		if entry.IsDir() {
			return nil
		}
		return im.readFile(dir, p, entry)
	})
	if err != nil && !errors.Is(err, ErrInvalid) {
		return invalid("directory: %w", err)
	}
	return err
}

// readFile looks at the size before it reads.
func (im *importer) readFile(dir fs.FS, p string, entry fs.DirEntry) error {
	info, err := entry.Info()
	if err != nil {
		return err
	}
	if info.Size() > MaxFileBytes {
		return invalid("file %s: it has %d bytes, at most %d are allowed", p, info.Size(), MaxFileBytes)
	}
	if im.bytes += info.Size(); im.bytes > MaxBytes || len(im.draft.Files) == MaxFiles {
		return invalid("files: at most %d with together %d bytes are allowed", MaxFiles, MaxBytes)
	}
	data, err := fs.ReadFile(dir, p)
	im.draft.Files[p] = data
	return err
}

func leftOut(entry fs.DirEntry) string {
	switch name := entry.Name(); {
	case strings.HasPrefix(name, "."):
		return "hidden"
	case name == "__pycache__", strings.HasSuffix(name, ".pyc"):
		return "compiled Python"
	case entry.Type()&fs.ModeSymlink != 0:
		return "a symbolic link"
	case !entry.IsDir() && !entry.Type().IsRegular():
		return "no regular file"
	}
	return ""
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
