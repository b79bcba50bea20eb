package workspace

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"syscall"

	"golang.org/x/sync/errgroup"

	"agentfactory/internal/objectstore"
)

// ErrLimit: a run left more files or bytes than the limits allow; nothing of it is kept. The message says how many.
var ErrLimit = errors.New("the workspace is over its limit")

// Limits bound what Snapshot keeps of a run.
type Limits struct {
	Files     int   // files and folders; more are ErrLimit
	Bytes     int64 // of all files together; more are ErrLimit
	FileBytes int64 // of one file; a larger one is skipped
}

// Changes tell what a run did to its workspace, by path, sorted.
type Changes struct {
	Added, Modified, Removed []string
	Skipped                  []string // left out, each with the reason: "data.bin (larger than 1000 bytes)"
}

// Snapshot stores what untrusted code left in dir and returns it as a manifest, with what is different from base. Only
// regular files are kept. No symbolic link is followed and no pipe or device opened; they are skipped, as are files that
// are too large, that cannot be read, or whose path CleanPath refuses. Folders named .tmp, .agentfactory and __pycache__
// are ignored. Files whose content base has already are not stored again. ErrLimit; the errors of objectstore.
//
// The processes of the run must have ended.
func Snapshot(ctx context.Context, blobs *objectstore.Blobs, dir string, base Manifest, limits Limits) (Manifest, Changes, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, Changes{}, fmt.Errorf("snapshot workspace: %w", err)
	}
	defer root.Close()
	w := walk{root: root, limits: limits}
	if err := w.everything(); err != nil {
		return nil, Changes{}, fmt.Errorf("snapshot workspace: %w", err)
	}
	s := snapshot{root: root, blobs: blobs, stored: digests(base)}
	kept, skipped, err := s.store(ctx, w.found)
	if err != nil {
		return nil, Changes{}, fmt.Errorf("snapshot workspace: %w", err)
	}
	changes := compare(base, kept)
	changes.Skipped = append(w.skipped, skipped...)
	slices.Sort(changes.Skipped)
	return kept, changes, nil
}

func digests(m Manifest) map[objectstore.Digest]bool {
	set := make(map[objectstore.Digest]bool, len(m))
	for _, f := range m {
		set[f.Digest] = true
	}
	return set
}

type snapshot struct {
	root   *os.Root
	blobs  *objectstore.Blobs
	stored map[objectstore.Digest]bool // by earlier snapshots
}

// store returns the files that could be read, and why the others could not.
func (s *snapshot) store(ctx context.Context, found []found) (Manifest, []string, error) {
	kept := make(Manifest, len(found))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(transfers)
	for i, f := range found {
		group.Go(func() error {
			file, err := s.storeOne(ctx, f)
			kept[i] = file
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, nil, err
	}
	var skipped []string
	for i, f := range found {
		if kept[i].Path == "" {
			skipped = append(skipped, skip(f.path, "it cannot be read"))
		}
	}
	kept = slices.DeleteFunc(kept, func(f File) bool { return f.Path == "" })
	kept.sort()
	return kept, skipped, nil
}

// storeOne returns the zero File when the file cannot be read.
func (s *snapshot) storeOne(ctx context.Context, f found) (File, error) {
	if err := ctx.Err(); err != nil {
		return File{}, err
	}
	opened, err := openRegular(s.root, f)
	if err != nil {
		return File{}, nil
	}
	defer opened.Close()
	digest, err := digestOf(opened)
	if err != nil {
		return File{}, nil
	}
	size := f.info.Size()
	if !s.stored[digest] {
		if digest, size, err = s.blobs.PutFrom(ctx, opened); err != nil {
			return File{}, fmt.Errorf("store %s: %w", f.path, err)
		}
	}
	return File{Path: f.path, Digest: digest, Size: size, Executable: f.info.Mode()&0o111 != 0}, nil
}

var errNotRegular = errors.New("not the regular file that was found")

// openRegular opens exactly the file that the walk saw, and does not block if it has become a pipe.
func openRegular(root *os.Root, f found) (*os.File, error) {
	opened, err := root.OpenFile(f.path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	now, err := opened.Stat()
	if err == nil && (!now.Mode().IsRegular() || !os.SameFile(now, f.info) || now.Size() != f.info.Size()) {
		err = errNotRegular
	}
	if err != nil {
		opened.Close()
		return nil, err
	}
	return opened, nil
}

func digestOf(r io.Reader) (objectstore.Digest, error) {
	h := sha256.New()
	_, err := io.Copy(h, r)
	return objectstore.Digest(hex.EncodeToString(h.Sum(nil))), err
}

func compare(base, next Manifest) Changes {
	var c Changes
	for _, f := range next {
		was, found := base.Lookup(f.Path)
		if !found {
			c.Added = append(c.Added, f.Path)
		} else if was != f {
			c.Modified = append(c.Modified, f.Path)
		}
	}
	for _, f := range base {
		if _, found := next.Lookup(f.Path); !found {
			c.Removed = append(c.Removed, f.Path)
		}
	}
	return c
}
