package activities

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"

	"agentfactory/internal/objectstore"
	"agentfactory/internal/run"
	"agentfactory/internal/workspace"
)

// inputStore takes the files that people hand in.
type inputStore struct {
	blobs   *objectstore.Blobs
	objects objectstore.Store
}

func (r *Runs) inputs() inputStore { return inputStore{r.Blobs, r.Objects} }

func (s inputStore) store(ctx context.Context, files []run.InputFile) (workspace.Manifest, error) {
	if len(files) > MaxInputFiles {
		return nil, invalid("files: %d input files; at most %d are taken, so pack them into an archive", len(files), MaxInputFiles)
	}
	var manifest workspace.Manifest
	for i, f := range files {
		clean, err := workspace.CleanPath(f.Path)
		if err != nil {
			return nil, invalid("files[%d].path: %v", i, err)
		}
		if _, twice := manifest.Lookup(clean); twice {
			return nil, invalid("files[%d].path: %s is given twice", i, clean)
		}
		entry, err := s.storeOne(ctx, f)
		if err != nil {
			return nil, failure(fmt.Sprintf("files[%d] (%s)", i, clean), err)
		}
		entry.Path = clean
		manifest = manifest.With(entry)
	}
	return manifest, nil
}

func (s inputStore) storeOne(ctx context.Context, f run.InputFile) (workspace.File, error) {
	if f.Key != "" {
		if f.Text != "" || f.Base64 != "" {
			return workspace.File{}, invalid("%s: give one of text, base64 and key, not several", f.Path)
		}
		return s.uploaded(ctx, f)
	}
	data := []byte(f.Text)
	if f.Base64 != "" {
		if f.Text != "" {
			return workspace.File{}, invalid("%s: give one of text, base64 and key, not several", f.Path)
		}
		decoded, err := base64.StdEncoding.DecodeString(f.Base64)
		if err != nil {
			return workspace.File{}, invalid("%s: base64: %v", f.Path, err)
		}
		data = decoded
	}
	digest, err := s.blobs.Put(ctx, data)
	if err != nil {
		return workspace.File{}, err
	}
	return workspace.File{Digest: digest, Size: int64(len(data))}, nil
}

// uploaded checks a file that was put on S3 before the run; its key names its digest.
func (s inputStore) uploaded(ctx context.Context, f run.InputFile) (workspace.File, error) {
	digest, ok := objectstore.DigestOfKey(f.Key)
	if !ok {
		return workspace.File{}, invalid("%s: key %q is no blobs/sha256/<2>/<digest> key; upload the file with `starter install --file`", f.Path, f.Key)
	}
	info, err := s.objects.Stat(ctx, f.Key)
	if errors.Is(err, objectstore.ErrNotFound) {
		return workspace.File{}, invalid("%s: nothing is stored under key %s; upload it first", f.Path, f.Key)
	}
	if err != nil {
		return workspace.File{}, err
	}
	if info.Size > MaxInputFile {
		return workspace.File{}, invalid("%s: %d bytes; an input file may have %d", f.Path, info.Size, int64(MaxInputFile))
	}
	return workspace.File{Digest: digest, Size: info.Size}, nil
}
