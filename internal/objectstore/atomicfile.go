package objectstore

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// atomicFile is a file that appears under its name when it is published, and leaves nothing behind otherwise.
type atomicFile struct {
	*os.File
	name string
}

const unfinishedPrefix = ".unfinished-"

func isUnfinished(name string) bool { return strings.HasPrefix(name, unfinishedPrefix) }

func newAtomicFile(name string) (*atomicFile, error) {
	f, err := os.CreateTemp(filepath.Dir(name), unfinishedPrefix+"*")
	if err != nil {
		return nil, err
	}
	return &atomicFile{File: f, name: name}, nil
}

func (f *atomicFile) publish(mode fs.FileMode) error {
	if err := f.Chmod(mode); err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	return os.Rename(f.File.Name(), f.name)
}

// discard removes what was not published; after publish it finds nothing to do.
func (f *atomicFile) discard() {
	f.Close()
	os.Remove(f.File.Name())
}
