package pyruntime

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// downloadsLock is shared by those who install and exclusive for the one who empties the cache.
const downloadsLock = "downloads"

// readyEnvironment is an environment on disk.
type readyEnvironment struct {
	manifest
	digest string
	used   time.Time
}

// ready lists the environments that can be used, the least recently used first.
func (e *Environments) ready() ([]readyEnvironment, error) {
	files, err := filepath.Glob(e.manifestFile("*"))
	if err != nil {
		return nil, err
	}
	var found []readyEnvironment
	for _, file := range files {
		r := readyEnvironment{digest: filepath.Base(filepath.Dir(file))}
		body, err := os.ReadFile(file)
		info, statErr := os.Stat(file)
		if cmp.Or(err, statErr) != nil || json.Unmarshal(body, &r.manifest) != nil {
			continue // removed meanwhile
		}
		r.used = info.ModTime()
		found = append(found, r)
	}
	slices.SortFunc(found, func(a, b readyEnvironment) int { return a.used.Compare(b.used) })
	return found, nil
}

// tidy removes what dead processes left and, beyond the allowed size, the environments used longest ago. Those in use are
// passed over, and so is the newest, whose lock the caller holds.
func (e *Environments) tidy(newest string) error {
	e.sweep(newest)
	e.emptyCache()
	there, err := e.ready()
	if err != nil {
		return fmt.Errorf("list the environments: %w", err)
	}
	var total int64
	for _, r := range there {
		total += r.Bytes
	}
	for _, r := range there {
		if total <= e.maxBytes {
			break
		}
		if r.digest != newest && e.remove(r.digest) {
			total -= r.Bytes
		}
	}
	return nil
}

// remove takes an environment away unless a run uses it. It vanishes at once; its files go afterwards, and what a kill
// leaves of them goes with the next sweep.
func (e *Environments) remove(digest string) bool {
	lock := e.flock(digest)
	defer lock.Close()
	if free, err := lock.TryLock(); err != nil || !free {
		return false
	}
	trash := filepath.Join(e.dir, fmt.Sprintf(".trash-%s-%d", digest, time.Now().UnixNano()))
	if os.Rename(filepath.Join(e.dir, digest), trash) != nil {
		return false
	}
	_ = removeTree(trash) // or else the next sweep does it
	return true
}

// sweep removes what processes that are gone have half made or half removed. What it cannot remove, the next sweep may.
func (e *Environments) sweep(newest string) {
	for _, dir := range e.left(".trash-") {
		_ = removeTree(dir)
	}
	for prefix, lock := range map[string]string{".build-": "", ".resolve-": "resolve-"} {
		for _, dir := range e.left(prefix) {
			digest, _, _ := strings.Cut(strings.TrimPrefix(filepath.Base(dir), prefix), "-")
			if digest != newest {
				e.removeAbandoned(dir, lock+digest)
			}
		}
	}
}

func (e *Environments) left(prefix string) []string {
	dirs, _ := filepath.Glob(filepath.Join(e.dir, prefix+"*")) // the pattern is well-formed, the only error that Glob has
	return dirs
}

// removeAbandoned removes a directory unless the one who works in it holds its lock.
func (e *Environments) removeAbandoned(dir, name string) {
	lock := e.flock(name)
	defer lock.Close()
	if free, err := lock.TryLock(); err == nil && free {
		_ = removeTree(dir)
	}
}

// emptyCache keeps downloads from taking more than a quarter of what the environments may. It is only a cache, so it goes
// as a whole; while somebody installs, it stays.
func (e *Environments) emptyCache() {
	lock := e.flock(downloadsLock)
	defer lock.Close()
	if free, err := lock.TryLock(); err != nil || !free {
		return
	}
	if dir := e.cacheDir(); size(dir) > e.maxBytes/4 {
		_ = removeTree(dir)
	}
}

func (e *Environments) cacheDir() string { return filepath.Join(e.dir, "cache") }

// removeTree is os.RemoveAll for trees whose directories may be read-only.
func removeTree(dir string) error {
	if err := os.RemoveAll(dir); err == nil {
		return nil
	}
	if err := setModes(dir, 0o755, 0o644); err != nil {
		return err
	}
	return os.RemoveAll(dir)
}

// setModes sets the modes of all directories and files of a tree; programs stay executable. A directory gets its mode
// after what is in it, unless it is opened for writing.
func setModes(dir string, directories, files fs.FileMode) error {
	var later []string
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil || d.Type()&fs.ModeSymlink != 0:
			return err
		case d.IsDir():
			later = append(later, path)
			return os.Chmod(path, directories|0o200)
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		return os.Chmod(path, files|info.Mode()&0o100|(info.Mode()&0o100)>>3|(info.Mode()&0o100)>>6)
	})
	for _, path := range later {
		err = cmp.Or(err, os.Chmod(path, directories))
	}
	return err
}

// size sums the files of a tree that changes meanwhile; what vanishes does not count.
func size(dir string) (total int64) {
	filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			if info, err := d.Info(); err == nil {
				total += info.Size()
			}
		}
		return nil
	})
	return total
}
