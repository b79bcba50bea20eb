package activities

import (
	"context"
	"errors"

	"agentfactory/internal/objectstore"
	"agentfactory/internal/pyruntime"
)

// keepLock stores the packages that a run had; a run without any has no lock.
func (s *Subagents) keepLock(ctx context.Context, text string) (objectstore.Digest, error) {
	if text == "" {
		return "", nil
	}
	return s.Blobs.Put(ctx, []byte(text))
}

// lockText reads a lock that was kept. One that is gone, and what an imported skill has under that name in another format,
// counts as none: its packages are resolved anew.
func (s *Subagents) lockText(ctx context.Context, digest objectstore.Digest) (string, error) {
	if digest == "" {
		return "", nil
	}
	text, err := s.Blobs.Get(ctx, digest)
	if errors.Is(err, objectstore.ErrNotFound) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	if _, err := pyruntime.ParseLock(string(text)); err != nil {
		return "", nil
	}
	return string(text), nil
}
