package skillstore

import (
	"archive/zip"
	"bytes"
	"io"
	"io/fs"
	"path"
	"strings"

	"agentfactory/internal/export/onefile"
)

// readArchive lists a ZIP archive, which wheels are, too. What no archive of a skill holds makes it suspect as a whole:
// paths that lead out of it, links, devices, two files of one path, encryption. Contents are unpacked later, and only so
// far as a skill may be large.
func readArchive(data io.ReaderAt, size int64) (source, error) {
	s := newSource()
	archive, err := zip.NewReader(data, size)
	if err != nil {
		return s, invalid("it is no ZIP archive that can be read: %w", err)
	}
	for _, f := range archive.File {
		name := strings.TrimSuffix(f.Name, "/")
		if err := checkMember(f, name); err != nil {
			return s, err
		}
		if f.Name != name || f.Mode().IsDir() {
			continue
		}
		if _, taken := s.files[name]; taken {
			return s, invalid("the archive holds %.200q twice", name)
		}
		if at, why := omitted(name); why != "" {
			s.leftOut[at] = why
			continue
		}
		m := member{size: int64(min(f.UncompressedSize64, 1<<62)), open: f.Open}
		if err := s.add(name, m); err != nil {
			return s, err
		}
	}
	return s, nil
}

// omitted judges a member and the folders above it, the highest first, as if they were walked through.
func omitted(name string) (at, why string) {
	for i, c := range name {
		if c == '/' {
			if why := leftOut(path.Base(name[:i]), fs.ModeDir); why != "" {
				return name[:i], why
			}
		}
	}
	return name, leftOut(path.Base(name), 0)
}

// encrypted is the bit of a member's flags that says so.
const encrypted = 1

func checkMember(f *zip.File, name string) error {
	switch {
	case !fs.ValidPath(name) || name == "." || strings.ContainsAny(name, "\\\x00"):
		return invalid("the archive holds %.200q, a path that leads out of it or that no system can hold", f.Name)
	case f.Mode()&fs.ModeSymlink != 0:
		return invalid("the archive holds %.200q, a symbolic link; none are followed", f.Name)
	case !f.Mode().IsRegular() && !f.Mode().IsDir():
		return invalid("the archive holds %.200q, which is no regular file", f.Name)
	case f.Flags&encrypted != 0:
		return invalid("the archive holds %.200q in encrypted form", f.Name)
	}
	return nil
}

// readScript lists what an export of a single file has in it.
func readScript(script []byte) (source, error) {
	s := newSource()
	files, err := onefile.Read(script)
	if err != nil {
		return s, invalid("it is no export of a skill in one file: %w", err)
	}
	for p, data := range files {
		if !fs.ValidPath(p) || p == "." {
			return s, invalid("it holds %.200q, a path that leads out of it", p)
		}
		m := member{size: int64(len(data)), open: func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(data)), nil }}
		if err := s.add(p, m); err != nil {
			return s, err
		}
	}
	return s, nil
}
