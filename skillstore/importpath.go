package skillstore

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"agentfactory/internal/skill"
)

// Imported is a skill that was found, as a draft, and what was done to bring it into line, a line each.
type Imported struct {
	Draft   Draft
	Changes []string
}

// maxArchive bounds an archive, maxScript a script, in bytes.
const (
	maxArchive = 64 << 20
	maxScript  = 48 << 20
)

// ImportPath makes drafts of all skills at a path: a skill directory, a directory or checkout with several, a ZIP archive of
// either, and the exports of every format (archives, wheels, plugins, servers, single scripts). See Import for what is
// brought into line. The skills come in the order of their names; two of one name are an error, as is none. The error is
// ErrInvalid, or that of the file system.
func ImportPath(at string) ([]Imported, error) {
	absolute, err := filepath.Abs(at)
	if err != nil {
		return nil, err
	}
	info, err := os.Stat(absolute)
	if err != nil {
		return nil, err
	}
	all, err := importFrom(absolute, info)
	if err != nil {
		return nil, fmt.Errorf("import %s: %w", filepath.Base(absolute), err)
	}
	return all, nil
}

func importFrom(at string, info fs.FileInfo) ([]Imported, error) {
	hint := strings.TrimSuffix(filepath.Base(at), filepath.Ext(at))
	switch {
	case info.IsDir():
		s, err := readDirectory(os.DirFS(at))
		if err != nil {
			return nil, err
		}
		return s.skills(filepath.Base(at))
	case !info.Mode().IsRegular():
		return nil, invalid("it is neither a directory nor a regular file")
	case info.Size() > maxArchive:
		return nil, invalid("it has %d bytes, at most %d are read", info.Size(), maxArchive)
	}
	f, err := os.Open(at)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	s, err := readFile(f, info.Size())
	if err != nil {
		return nil, err
	}
	return s.skills(hint)
}

// readFile tells archives from scripts by their first bytes.
func readFile(f io.ReaderAt, size int64) (source, error) {
	begin := make([]byte, 4)
	if _, err := f.ReadAt(begin, 0); err != nil && !errors.Is(err, io.EOF) {
		return source{}, err
	}
	if bytes.HasPrefix(begin, []byte("PK")) {
		return readArchive(f, size)
	}
	if size > maxScript {
		return source{}, invalid("it has %d bytes, a script may have %d", size, maxScript)
	}
	script, err := io.ReadAll(io.NewSectionReader(f, 0, size))
	if err != nil {
		return source{}, err
	}
	return readScript(script)
}

// maxSkills bounds how many skills come at once.
const maxSkills = 100

// skills finds the skills of a source: exports by their provenance, the outermost of nested ones, and then every other
// directory that has a SKILL.md.
func (s source) skills(hint string) ([]Imported, error) {
	var all []Imported
	var claimed []string
	for _, at := range s.named(provenanceFile) {
		root := rootOf(at)
		if inside(claimed, root) {
			continue
		}
		found, ours, err := s.exported(at, root)
		if err != nil {
			return nil, err
		}
		if ours {
			all, claimed = append(all, found...), append(claimed, root)
		}
	}
	for _, at := range s.named(skill.DocumentFile) {
		root := path.Dir(at)
		if inside(claimed, root) {
			continue
		}
		files, left, err := s.directory(root)
		if err != nil {
			return nil, err
		}
		called := hint
		if root != "." {
			called = path.Base(root)
		}
		found, err := importDirectory(files, left, called)
		if err != nil {
			return nil, inSkill(root, err)
		}
		all, claimed = append(all, found), append(claimed, root)
	}
	return checkAll(all)
}

// inSkill says which of several skills an error is about.
func inSkill(root string, err error) error {
	if root == "." {
		return err
	}
	return fmt.Errorf("%s: %w", root, err)
}

// named are the paths of all files of a name, in whatever case, those that lie higher first.
func (s source) named(name string) []string {
	var found []string
	for _, p := range slices.Sorted(maps.Keys(s.files)) {
		if strings.EqualFold(path.Base(p), name) {
			found = append(found, p)
		}
	}
	slices.SortStableFunc(found, func(a, b string) int { return strings.Count(a, "/") - strings.Count(b, "/") })
	return found
}

// inside tells whether a folder is one of others, or below one.
func inside(others []string, dir string) bool {
	return slices.ContainsFunc(others, func(o string) bool { return o == "." || o == dir || strings.HasPrefix(dir, o+"/") })
}

func checkAll(all []Imported) ([]Imported, error) {
	switch {
	case len(all) == 0:
		return nil, invalid("there is no SKILL.md in it")
	case len(all) > maxSkills:
		return nil, invalid("there are %d skills in it, at most %d are imported at once", len(all), maxSkills)
	}
	slices.SortStableFunc(all, func(a, b Imported) int { return strings.Compare(a.Draft.Name, b.Draft.Name) })
	for i := 1; i < len(all); i++ {
		if all[i].Draft.Name == all[i-1].Draft.Name {
			return nil, invalid("there are two skills %s in it; give the directory of one", all[i].Draft.Name)
		}
	}
	return all, nil
}
