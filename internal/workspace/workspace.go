// Package workspace keeps the files of a run between its steps. A step gets them as a [Manifest], a list of paths and
// digests; [Materialise] lays them out in a directory, the step works on it, and [Snapshot] stores what changed and
// returns the next manifest. The contents are blobs, so that any worker can do the next step and unchanged files cost
// nothing.
//
// What code in the sandbox leaves behind is hostile until proven otherwise: symbolic links, pipes, devices, a million
// files. Folders exist only as parts of paths; empty ones are not kept.
//
// The package imports internal/objectstore alone.
package workspace

import (
	"slices"
	"strings"

	"agentfactory/internal/objectstore"
)

// File is one file of a workspace.
type File struct {
	Path       string             `json:"path"` // as CleanPath returns it
	Digest     objectstore.Digest `json:"digest"`
	Size       int64              `json:"size"` // bytes
	Executable bool               `json:"executable,omitempty"`
}

// Manifest lists the files of a workspace, sorted by path, each path once. Its methods never change it.
type Manifest []File

// Lookup returns the file with this path.
func (m Manifest) Lookup(path string) (File, bool) {
	i, found := m.search(path)
	if !found {
		return File{}, false
	}
	return m[i], true
}

// With returns the manifest with f added, or in the place of the file that has the same path.
func (m Manifest) With(f File) Manifest {
	i, found := m.search(f.Path)
	if found {
		next := slices.Clone(m)
		next[i] = f
		return next
	}
	return slices.Insert(slices.Clone(m), i, f)
}

// Without returns the manifest without the file that has this path, if there is one.
func (m Manifest) Without(path string) Manifest {
	i, found := m.search(path)
	if !found {
		return m
	}
	return slices.Delete(slices.Clone(m), i, i+1)
}

// Bytes is the size of all files together.
func (m Manifest) Bytes() int64 {
	var sum int64
	for _, f := range m {
		sum += f.Size
	}
	return sum
}

func (m Manifest) search(path string) (int, bool) {
	return slices.BinarySearchFunc(m, path, func(f File, p string) int { return strings.Compare(f.Path, p) })
}

func (m Manifest) sort() {
	slices.SortFunc(m, func(a, b File) int { return strings.Compare(a.Path, b.Path) })
}
