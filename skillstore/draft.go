package skillstore

import (
	"bytes"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"agentfactory/internal/objectstore"
	"agentfactory/internal/skill"
)

// The limits of a version. They are far above what a subagent needs; what is larger is data, and belongs in the input
// files of a task.
const (
	MaxFiles     = 256
	MaxCodeBytes = 1 << 20  // one .py or .md file
	MaxFileBytes = 8 << 20  // one other file
	MaxBytes     = 32 << 20 // all files
	maxPath      = 512      // bytes
	maxSegment   = 200      // bytes
)

// prepared is a draft that passed all checks, with its SKILL.md.
type prepared struct {
	manifest skill.Manifest // without number and time
	files    map[string][]byte
}

func prepare(d Draft) (prepared, error) {
	d.Description, d.Interface = strings.TrimSpace(d.Description), clipped(d.Interface, maxInterface)
	if err := d.check(); err != nil {
		return prepared{}, err
	}
	d.Tools = slices.Compact(slices.Sorted(slices.Values(d.Tools)))
	document, err := d.document()
	if err != nil {
		return prepared{}, err
	}
	files := maps.Clone(d.Files)
	files[skill.DocumentFile] = document
	m := skill.Manifest{
		Name: d.Name, Description: d.Description, EntryFile: d.EntryFile, Interface: d.Interface, Tools: append([]string{}, d.Tools...),
		Files: describe(files), Permissions: d.Permissions, Lineage: d.Lineage, Metadata: maps.Clone(d.Metadata),
	}
	m.Digest = m.ContentDigest()
	return prepared{manifest: m, files: files}, nil
}

// maxInterface bounds what every reuse of a skill reads of its interface, in characters.
const maxInterface = 1500

// clipped is a text of at most limit characters.
func clipped(text string, limit int) string {
	text = strings.TrimSpace(strings.ToValidUTF8(text, "�"))
	if r := []rune(text); len(r) > limit {
		return string(r[:limit-1]) + "…"
	}
	return text
}

// describe lists files sorted by path. Executable is what begins like a script, so that it follows from the content.
func describe(files map[string][]byte) []skill.File {
	var list []skill.File
	for _, p := range slices.Sorted(maps.Keys(files)) {
		data := files[p]
		list = append(list, skill.File{
			Path: p, Digest: string(objectstore.DigestOf(data)), Size: int64(len(data)), Executable: bytes.HasPrefix(data, []byte("#!")),
		})
	}
	return list
}

var toolName = regexp.MustCompile(`^[a-z][a-z0-9_]{0,63}$`)

func (d Draft) check() error {
	if err := skill.CheckName(d.Name); err != nil {
		return invalid("draft: name: %w", err)
	}
	if err := skill.CheckDescription(d.Description); err != nil {
		return invalid("draft of %s: description: %w", d.Name, err)
	}
	for _, t := range d.Tools {
		if !toolName.MatchString(t) {
			return invalid("draft of %s: tools: %.80q is no name of a tool skill", d.Name, t)
		}
	}
	if err := checkFiles(d.Files); err != nil {
		return invalid("draft of %s: %w", d.Name, err)
	}
	if _, ok := d.Files[d.EntryFile]; !ok || !isCode(d.EntryFile) {
		return invalid("draft of %s: entry_file: %.200q is no .py file of the draft", d.Name, d.EntryFile)
	}
	return nil
}

func checkFiles(files map[string][]byte) error {
	if len(files) > MaxFiles {
		return fmt.Errorf("files: there are %d, at most %d are allowed", len(files), MaxFiles)
	}
	total := 0
	spelled := map[string]string{}
	for _, p := range slices.Sorted(maps.Keys(files)) {
		if err := checkPath(p); err != nil {
			return err
		}
		if err := checkContent(p, files[p]); err != nil {
			return err
		}
		if other, taken := spelled[strings.ToLower(p)]; taken {
			return fmt.Errorf("files: %q and %q differ in case alone, which some file systems cannot hold", other, p)
		}
		spelled[strings.ToLower(p)] = p
		total += len(files[p])
	}
	if total > MaxBytes {
		return fmt.Errorf("files: together they have %d bytes, at most %d are allowed", total, MaxBytes)
	}
	return checkNesting(spelled)
}

// checkNesting refuses a path that is a file and a folder at once.
func checkNesting(spelled map[string]string) error {
	for lower, p := range spelled {
		for dir := path.Dir(lower); dir != "."; dir = path.Dir(dir) {
			if file, taken := spelled[dir]; taken {
				return fmt.Errorf("files: %q is a file and the folder of %q", file, p)
			}
		}
	}
	return nil
}

func checkPath(p string) error {
	switch {
	case !fs.ValidPath(p) || p == ".":
		return fmt.Errorf("files: the path %.200q is not a clean relative path", p)
	case len(p) > maxPath:
		return fmt.Errorf("files: the path %.80q… has %d bytes, at most %d are allowed", p, len(p), maxPath)
	case strings.ContainsFunc(p, func(r rune) bool { return r == '\\' || r == utf8.RuneError || !unicode.IsPrint(r) }):
		return fmt.Errorf("files: the path %.200q holds a backslash or a control character", p)
	}
	for segment := range strings.SplitSeq(p, "/") {
		if len(segment) > maxSegment {
			return fmt.Errorf("files: the path segment %.80q… has %d bytes, at most %d are allowed", segment, len(segment), maxSegment)
		}
	}
	return nil
}

func checkContent(p string, data []byte) error {
	if !isText(p) {
		if len(data) > MaxFileBytes {
			return fmt.Errorf("file %s: it has %d bytes, at most %d are allowed; give large data to a run as an input file", p, len(data), MaxFileBytes)
		}
		return nil
	}
	switch {
	case len(data) > MaxCodeBytes:
		return fmt.Errorf("file %s: it has %d bytes, code and documents may have %d", p, len(data), MaxCodeBytes)
	case bytes.IndexByte(data, 0) >= 0:
		return fmt.Errorf("file %s: it contains NUL bytes", p)
	case !utf8.Valid(data):
		return fmt.Errorf("file %s: it is not UTF-8 text", p)
	}
	return nil
}

func isCode(p string) bool { return strings.HasSuffix(p, ".py") }

func isText(p string) bool { return isCode(p) || strings.HasSuffix(p, ".md") }
