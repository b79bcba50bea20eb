package main

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"unicode/utf8"

	"agentfactory/activities"
	"agentfactory/internal/objectstore"
	runs "agentfactory/internal/run"
	"agentfactory/internal/workspace"
)

// inputFile is a local file on its way into a workspace.
type inputFile struct {
	local string // where it is
	path  string // what it is called in the workspace
	size  int64  // bytes
}

type inputFiles []inputFile

// inputsOf checks files that were named on the command line.
func inputsOf(locals []string) (inputFiles, error) {
	if len(locals) > activities.MaxInputFiles {
		return nil, badInput("--file: %d files; at most %d are taken, so pack them into an archive", len(locals), activities.MaxInputFiles)
	}
	var files inputFiles
	byPath := map[string]string{}
	for _, local := range locals {
		f, err := inputOf(local)
		if err != nil {
			return nil, withCode(exitUsage, fmt.Errorf("--file %s: %w", local, err))
		}
		if other, taken := byPath[f.path]; taken {
			return nil, badInput("--file %s: %s would be called %s as well; rename one", local, other, f.path)
		}
		byPath[f.path] = local
		files = append(files, f)
	}
	return files, nil
}

func inputOf(local string) (inputFile, error) {
	info, err := os.Stat(local)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return inputFile{}, errors.New("there is no such file")
	case err != nil:
		return inputFile{}, reason(err)
	case info.IsDir():
		return inputFile{}, errors.New("is a directory: give its files one by one, or pack it into an archive")
	case !info.Mode().IsRegular():
		return inputFile{}, errors.New("is not a regular file")
	case info.Size() > activities.MaxInputFile:
		return inputFile{}, fmt.Errorf("has %s; an input file may have %s", size(info.Size()), size(activities.MaxInputFile))
	}
	f, err := os.Open(local)
	if err != nil {
		return inputFile{}, reason(err)
	}
	defer f.Close()
	path, err := workspace.CleanPath(nameInWorkspace(local))
	return inputFile{local: local, path: path, size: info.Size()}, err
}

// reason leaves out the path, which the message names already.
func reason(err error) error {
	var at *fs.PathError
	if errors.As(err, &at) {
		return at.Err
	}
	return err
}

// nameInWorkspace keeps a relative path below the current directory; any other file is
// known by its base name.
func nameInWorkspace(local string) string {
	if filepath.IsLocal(local) {
		return filepath.ToSlash(filepath.Clean(local))
	}
	return filepath.Base(local)
}

// hand turns the files into the input of a run: small ones inside the input, the
// others uploaded and named by key.
func (files inputFiles) hand(ctx context.Context, blobs *objectstore.Blobs) ([]runs.InputFile, error) {
	var inputs []runs.InputFile
	room := int64(activities.MaxInlineFiles)
	for _, f := range files {
		in, err := f.inline(room)
		if err == nil && in == nil {
			in, err = f.upload(ctx, blobs)
		}
		if err != nil {
			return nil, f.failed(err)
		}
		room -= int64(len(in.Text) + len(in.Base64))
		inputs = append(inputs, *in)
	}
	return inputs, nil
}

func (f inputFile) failed(err error) error { return fmt.Errorf("hand in %s: %w", f.local, err) }

// inline returns nil when the file does not fit into the room that is left.
func (f inputFile) inline(room int64) (*runs.InputFile, error) {
	if f.size > room {
		return nil, nil
	}
	data, err := os.ReadFile(f.local)
	if err != nil {
		return nil, reason(err)
	}
	in := &runs.InputFile{Path: f.path}
	if utf8.Valid(data) && !strings.ContainsRune(string(data), 0) {
		in.Text = string(data)
	} else {
		in.Base64 = base64.StdEncoding.EncodeToString(data)
	}
	if int64(len(in.Text)+len(in.Base64)) > room {
		return nil, nil
	}
	return in, nil
}

func (f inputFile) upload(ctx context.Context, blobs *objectstore.Blobs) (*runs.InputFile, error) {
	digest, _, err := blobs.PutFile(ctx, f.local)
	if err != nil {
		return nil, err
	}
	return &runs.InputFile{Path: f.path, Key: objectstore.BlobKey(digest)}, nil
}
