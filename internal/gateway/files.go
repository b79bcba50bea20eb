package gateway

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"syscall"
	"time"

	"agentfactory/internal/objectstore"
)

// File is a file of the workspace that a tool left there, kept as a blob so that a replay of the call leaves it again.
type File struct {
	Path   string             `json:"path"`
	Digest objectstore.Digest `json:"digest"`
}

// filesTime bounds the storing of the files of one call, which goes on when the run is cancelled.
const filesTime = 5 * time.Minute

// keepFiles stores what a tool has written. A file that the subagent has removed or changed meanwhile is its own affair.
func (s *Session) keepFiles(ctx context.Context, paths []string) ([]File, error) {
	if len(paths) == 0 || s.config.Blobs == nil {
		return nil, nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), filesTime)
	defer cancel()
	root, err := os.OpenRoot(s.config.Workspace)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	var kept []File
	for _, name := range paths {
		digest, err := s.keepFile(ctx, root, name)
		if err != nil {
			return nil, fmt.Errorf("%.200s: %w", name, err)
		}
		if digest != "" {
			kept = append(kept, File{Path: name, Digest: digest})
		}
	}
	return kept, nil
}

// keepFile returns "" for what is no file any more. Untrusted code works on the workspace at the same time.
func (s *Session) keepFile(ctx context.Context, root *os.Root, name string) (objectstore.Digest, error) {
	f, err := root.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0) // a pipe would be waited for
	if err != nil {
		return "", nil
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		return "", nil
	}
	digest, _, err := s.config.Blobs.PutFrom(ctx, f)
	if errors.Is(err, objectstore.ErrCorrupt) {
		return "", nil
	}
	return digest, err
}

// restore leaves the files of a recorded call in the workspace, as the call did. The error is objectstore.ErrNotFound when
// the store has lost one, and an *Error when the workspace has no place for one.
func (s *Session) restore(ctx context.Context, files []File) error {
	if len(files) == 0 || s.config.Blobs == nil {
		return nil
	}
	tmp, err := os.MkdirTemp("", "gateway-*") // blobs are written by path, and paths of the workspace may be links
	if err != nil {
		return err
	}
	defer os.RemoveAll(tmp)
	root, err := os.OpenRoot(s.config.Workspace)
	if err != nil {
		return err
	}
	defer root.Close()
	for _, f := range files {
		staged := filepath.Join(tmp, "file")
		if err := s.config.Blobs.Fetch(ctx, f.Digest, staged, 0o600); err != nil {
			return err
		}
		switch err := place(root, f.Path, staged); {
		case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT), errors.Is(err, syscall.EIO):
			return err
		case err != nil: // what the subagent has put there is in the way
			return Errorf(Unavailable, "the file %.200s, which this call left before, cannot be written again: %v", f.Path, err)
		}
	}
	return nil
}

// place copies a file into the workspace, in place of what has that name.
func place(root *os.Root, name, from string) error {
	content, err := os.Open(from)
	if err != nil {
		return err
	}
	defer content.Close()
	if err := root.MkdirAll(path.Dir(name), 0o755); err != nil {
		return err
	}
	if err := root.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	w, err := root.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	_, err = io.Copy(w, content)
	return errors.Join(err, w.Close())
}
