package export

import (
	"archive/zip"
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// Tree is the files of an artifact by path, with slashes.
type Tree map[string]File

// File is one of them.
type File struct {
	Data       []byte
	Executable bool
}

// Put adds a file; a path that is taken is a mistake of the format.
func (t Tree) Put(path string, data []byte) {
	if _, taken := t[path]; taken {
		panic(fmt.Sprintf("export: %s is written twice", path))
	}
	t[path] = File{Data: data}
}

// PutScript adds a file that can be started.
func (t Tree) PutScript(path string, data []byte) {
	t.Put(path, data)
	t[path] = File{Data: data, Executable: true}
}

// Under is the tree below a directory.
func (t Tree) Under(dir string) Tree {
	moved := Tree{}
	for path, f := range t {
		moved[strings.TrimSuffix(dir, "/")+"/"+path] = f
	}
	return moved
}

// Merge adds the files of another tree.
func (t Tree) Merge(other Tree) {
	for path, f := range other {
		t.Put(path, f.Data)
		t[path] = f
	}
}

// Paths are those of all files, sorted.
func (t Tree) Paths() []string { return slices.Sorted(maps.Keys(t)) }

// epoch is the time of every file in an archive, the first that ZIP can write.
var epoch = time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC)

// Zip is the tree as an archive. Equal trees give equal bytes.
func (t Tree) Zip() ([]byte, error) {
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	for _, path := range t.Paths() {
		f := t[path]
		h := &zip.FileHeader{Name: path, Method: zip.Store, Modified: epoch} // what deflate makes of a file may change with the Go version
		h.SetMode(0o644)
		if f.Executable {
			h.SetMode(0o755)
		}
		entry, err := w.CreateHeader(h)
		if err != nil {
			return nil, fmt.Errorf("write %s: %w", path, err)
		}
		if _, err := entry.Write(f.Data); err != nil {
			return nil, fmt.Errorf("write %s: %w", path, err)
		}
	}
	if err := w.Close(); err != nil {
		return nil, fmt.Errorf("write an archive: %w", err)
	}
	return out.Bytes(), nil
}
