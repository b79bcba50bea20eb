package export

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// What is read of an artifact that somebody hands in.
const (
	maxArtifact = 512 << 20 // bytes, of the file and of all that is in it
	maxEntries  = 20_000
)

// ErrNotAnArtifact: what was to be verified is nothing that Formats make, or cannot be read as such.
var ErrNotAnArtifact = errors.New("not an exported artifact")

func notAnArtifact(format string, args ...any) error {
	return fmt.Errorf("%w: %w", ErrNotAnArtifact, fmt.Errorf(format, args...))
}

// readDirectory reads an unpacked artifact. A symbolic link is none of ours.
func readDirectory(dir string) (Tree, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", dir, err)
	}
	defer root.Close()
	t, left := Tree{}, int64(maxArtifact)
	err = fs.WalkDir(root.FS(), ".", func(p string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		if !entry.Type().IsRegular() {
			return notAnArtifact("%s is neither file nor directory", p)
		}
		if len(t) == maxEntries {
			return notAnArtifact("it has more than %d files", maxEntries)
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		if left -= info.Size(); left < 0 {
			return notAnArtifact("its files have more than %d bytes", maxArtifact)
		}
		data, err := root.ReadFile(p)
		t[p] = File{Data: data, Executable: info.Mode()&0o111 != 0}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", dir, err)
	}
	return t, nil
}

// readFile reads a file that is not larger than any artifact.
func readFile(name string) ([]byte, error) {
	f, err := os.Open(filepath.Clean(name))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxArtifact+1))
	if err == nil && len(data) > maxArtifact {
		return nil, notAnArtifact("%s has more than %d bytes", name, maxArtifact)
	}
	return data, err
}

// isZip tells a zip by its first bytes.
func isZip(data []byte) bool { return bytes.HasPrefix(data, []byte("PK\x03\x04")) }

// readZip reads an archive. It trusts no size that stands in it.
func readZip(data []byte) (Tree, error) {
	archive, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return nil, notAnArtifact("the archive cannot be read: %w", err)
	}
	if len(archive.File) > maxEntries {
		return nil, notAnArtifact("it has more than %d files", maxEntries)
	}
	t, left := Tree{}, int64(maxArtifact)
	for _, f := range archive.File {
		if f.FileInfo().IsDir() {
			continue
		}
		if _, twice := t[f.Name]; twice || !cleanPath(f.Name) || !f.Mode().IsRegular() {
			return nil, notAnArtifact("%.200q is there twice, is no clean path or no file", f.Name)
		}
		content, err := readEntry(f, left)
		if err != nil {
			return nil, err
		}
		left -= int64(len(content))
		t[f.Name] = File{Data: content, Executable: f.Mode()&0o111 != 0}
	}
	return t, nil
}

func readEntry(f *zip.File, limit int64) ([]byte, error) {
	r, err := f.Open()
	if err != nil {
		return nil, notAnArtifact("%s cannot be read: %w", f.Name, err)
	}
	defer r.Close()
	data, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err != nil {
		return nil, notAnArtifact("%s cannot be read: %w", f.Name, err)
	}
	if int64(len(data)) > limit {
		return nil, notAnArtifact("its files have more than %d bytes", maxArtifact)
	}
	return data, nil
}
