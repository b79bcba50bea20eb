package skillstore

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
)

// source is what skills are looked for in: a directory, an archive, or a script. Nothing is read before it is known to be
// part of a skill.
type source struct {
	files   map[string]member // by path
	leftOut map[string]string // the reason, by the path of a file or folder
	room    *int64            // bytes that may still be read
}

// member is one file of a source.
type member struct {
	size int64 // as it says itself
	open func() (io.ReadCloser, error)
}

// The limits of what is looked through. Skills have far less, see MaxFiles; a checkout of several has more.
const (
	maxMembers = 4096
	maxDepth   = 24        // folders
	maxRead    = 128 << 20 // bytes of all files that are read
)

func newSource() source {
	room := int64(maxRead)
	return source{files: map[string]member{}, leftOut: map[string]string{}, room: &room}
}

// add takes a file in.
func (s source) add(p string, m member) error {
	if len(s.files) == maxMembers {
		return invalid("it has more than %d files; give the directory of one skill", maxMembers)
	}
	if strings.Count(p, "/") > maxDepth {
		return invalid("the path %.80q… is more than %d folders deep", p, maxDepth)
	}
	s.files[p] = m
	return nil
}

// hosts are the folders in which hosts of skills look for them, although they are hidden.
var hosts = []string{".claude", ".agents", ".github"}

// readDirectory lists a directory.
func readDirectory(dir fs.FS) (source, error) {
	s := newSource()
	err := fs.WalkDir(dir, ".", func(p string, entry fs.DirEntry, err error) error {
		if err != nil || p == "." {
			return err
		}
		if why := leftOut(entry.Name(), entry.Type()); why != "" {
			s.leftOut[p] = why
			if entry.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		if entry.IsDir() {
			return nil
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		return s.add(p, member{size: info.Size(), open: func() (io.ReadCloser, error) { return dir.Open(p) }})
	})
	if err != nil {
		return s, inSource(err)
	}
	return s, nil
}

// inSource makes an ErrInvalid of what reading met.
func inSource(err error) error {
	if errors.Is(err, ErrInvalid) {
		return err
	}
	return invalid("%w", err)
}

// leftOut says why a file or folder is no part of a skill, by its own name and kind.
func leftOut(name string, kind fs.FileMode) string {
	switch {
	case kind.IsDir() && slices.Contains(hosts, name):
		return ""
	case strings.HasPrefix(name, "."):
		return "hidden"
	case name == "__pycache__", strings.HasSuffix(name, ".pyc"):
		return "compiled Python"
	case kind&fs.ModeSymlink != 0:
		return "a symbolic link"
	case !kind.IsDir() && !kind.IsRegular():
		return "no regular file"
	}
	return ""
}

// read returns the content of a file, whatever size it gives itself.
func (s source) read(p string) ([]byte, error) {
	m, ok := s.files[p]
	if !ok {
		return nil, invalid("there is no file %.200q", p)
	}
	if m.size > MaxFileBytes {
		return nil, invalid("file %s: it has %d bytes, at most %d are allowed", p, m.size, MaxFileBytes)
	}
	f, err := m.open()
	if err != nil {
		return nil, inSource(err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, MaxFileBytes+1))
	switch {
	case err != nil:
		return nil, invalid("file %s: %w", p, err)
	case len(data) > MaxFileBytes:
		return nil, invalid("file %s: it has more than the %d bytes that are allowed", p, MaxFileBytes)
	}
	if *s.room -= int64(len(data)); *s.room < 0 {
		return nil, invalid("its files have more than %d bytes together; give the directory of one skill", maxRead)
	}
	return data, nil
}

// below are the files and omissions of a folder, by their paths in it.
func (s source) below(dir string) (files []string, left []string) {
	for _, p := range slices.Sorted(maps.Keys(s.files)) {
		if in, ok := within(dir, p); ok {
			files = append(files, in)
		}
	}
	for _, p := range slices.Sorted(maps.Keys(s.leftOut)) {
		if in, ok := within(dir, p); ok {
			left = append(left, fmt.Sprintf("%s: left out, it is %s", in, s.leftOut[p]))
		}
	}
	return files, left
}

// within is a path as it is below a folder.
func within(dir, p string) (string, bool) {
	if dir == "." {
		return p, true
	}
	return strings.CutPrefix(p, dir+"/")
}

// directory reads the files of a skill directory.
func (s source) directory(dir string) (files map[string][]byte, left []string, err error) {
	paths, left := s.below(dir)
	files = map[string][]byte{}
	total := 0
	for _, p := range paths {
		if hidden := hiddenPart(p); hidden != "" {
			if note := hidden + ": left out, it is hidden"; !slices.Contains(left, note) {
				left = append(left, note)
			}
			continue
		}
		if len(files) == MaxFiles {
			return nil, nil, invalid("files: at most %d with together %d bytes are allowed", MaxFiles, MaxBytes)
		}
		data, err := s.read(path.Join(dir, p))
		if err != nil {
			return nil, nil, err
		}
		if total += len(data); total > MaxBytes {
			return nil, nil, invalid("files: at most %d with together %d bytes are allowed", MaxFiles, MaxBytes)
		}
		files[p] = data
	}
	return files, left, nil
}

// hiddenPart is the path up to its first hidden part, "" without one.
func hiddenPart(p string) string {
	for i, part := range strings.Split(p, "/") {
		if strings.HasPrefix(part, ".") {
			return strings.Join(strings.Split(p, "/")[:i+1], "/")
		}
	}
	return ""
}
