package workspace

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strconv"
)

// walk finds the regular files below a root without following anything out of it.
type walk struct {
	root    *os.Root
	limits  Limits
	folders []string // still to be read
	entries int
	bytes   int64
	found   []found
	skipped []string
}

// found is a regular file as it was when the walk saw it.
type found struct {
	path string
	info fs.FileInfo
}

// batch is how many entries of a folder are read at once, so that a folder with a million of them fits in memory.
const batch = 1000

// everything reads folder after folder rather than one inside the other: depth then costs no open files.
func (w *walk) everything() error {
	for w.folders = []string{"."}; len(w.folders) > 0; {
		last := len(w.folders) - 1
		dir := w.folders[last]
		w.folders = w.folders[:last]
		if err := w.folder(dir); err != nil {
			return err
		}
	}
	return nil
}

func (w *walk) folder(dir string) error {
	f, err := w.root.Open(dir)
	if err != nil {
		w.skip(dir, "the folder cannot be read")
		return nil
	}
	defer f.Close()
	for {
		entries, err := f.ReadDir(batch)
		for _, e := range entries {
			if err := w.entry(path.Join(dir, e.Name()), e.Name()); err != nil {
				return err
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			w.skip(dir, "the folder cannot be read to its end")
			return nil
		}
	}
}

func (w *walk) entry(p, name string) error {
	if reserved(name) {
		return nil
	}
	if w.entries++; w.entries > w.limits.Files {
		return fmt.Errorf("%w: more than %d files and folders", ErrLimit, w.limits.Files)
	}
	clean, err := CleanPath(p)
	if err != nil || clean != p {
		w.skip(p, "the name is not allowed")
		return nil
	}
	info, err := w.root.Lstat(p)
	if err != nil {
		w.skip(p, "it cannot be read")
		return nil
	}
	switch {
	case info.IsDir():
		w.folders = append(w.folders, p)
		return nil
	case info.Mode().IsRegular():
		return w.file(p, info)
	}
	w.skip(p, kind(info.Mode()))
	return nil
}

func (w *walk) file(p string, info fs.FileInfo) error {
	if info.Size() > w.limits.FileBytes {
		w.skip(p, fmt.Sprintf("larger than %d bytes", w.limits.FileBytes))
		return nil
	}
	if w.bytes += info.Size(); w.bytes > w.limits.Bytes {
		return fmt.Errorf("%w: more than %d bytes", ErrLimit, w.limits.Bytes)
	}
	w.found = append(w.found, found{p, info})
	return nil
}

func kind(mode fs.FileMode) string {
	switch {
	case mode&fs.ModeSymlink != 0:
		return "a symbolic link"
	case mode&fs.ModeNamedPipe != 0:
		return "a named pipe"
	case mode&fs.ModeSocket != 0:
		return "a socket"
	case mode&fs.ModeDevice != 0:
		return "a device"
	}
	return "not a regular file"
}

func (w *walk) skip(p, reason string) { w.skipped = append(w.skipped, skip(p, reason)) }

// skip quotes names that would break the line in which they are shown.
func skip(p, reason string) string {
	if quoted := strconv.QuoteToGraphic(p); quoted != `"`+p+`"` {
		p = quoted
	}
	return p + " (" + reason + ")"
}
