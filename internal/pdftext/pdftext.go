// Package pdftext extracts the text of PDF documents from untrusted sources. The format invites parsers to fail, so the
// document is read in the sandbox: by pypdf, which is installed like a package of a subagent, kept, and has no network,
// no gateway and limits of its own.
//
// It imports internal/pyruntime and internal/sandbox.
package pdftext

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"agentfactory/internal/pyruntime"
	"agentfactory/internal/sandbox"
)

// Reader reads documents. It is safe for concurrent use.
type Reader struct {
	Python *pyruntime.Runtime
	// Allow is asked before pypdf is downloaded, see pyruntime.Call; nil allows it.
	Allow func(ctx context.Context, name, version string) error
}

//go:embed extract.py
var program []byte

// maxText bounds the text, in characters. Pages after those that fill it are not looked at.
const maxText = 250_000

// limits are generous for a report of some hundred pages, which takes seconds.
var limits = sandbox.Limits{
	Wall: time.Minute, CPU: time.Minute, Memory: 1 << 30, Processes: 16, Output: 64 << 10, FileSize: 64 << 20, Disk: 128 << 20,
}

// Text returns the text of the pages in order, with an empty line between two. It is "" for a document without text, such
// as scanned images. The error says in a line why the document, or any document, cannot be read.
func (r Reader) Text(ctx context.Context, document []byte) (string, error) {
	dir, err := r.workspace(document)
	if err != nil {
		return "", fmt.Errorf("prepare to read a PDF document: %w", err)
	}
	defer os.RemoveAll(dir)
	got, err := r.Python.Run(ctx, pyruntime.Call{
		Workspace: dir, Entry: entry, Query: strconv.Itoa(maxText), Limits: limits, Allow: r.Allow,
	})
	if err != nil {
		return "", fmt.Errorf("read a PDF document: %w", err)
	}
	if got.Failure != nil {
		return "", explain(got.Failure)
	}
	return got.Answer, nil
}

// explain tells a document that cannot be read from a worker that can read none.
func explain(f *pyruntime.Failure) error {
	switch {
	case f.Cause != nil:
		return fmt.Errorf("pypdf, which reads PDF documents, cannot be installed: %w", f.Cause)
	case f.Kind == pyruntime.BadDependency:
		return fmt.Errorf("pypdf, which reads PDF documents, cannot be installed: %s", f.Message)
	}
	return errors.New(f.Message)
}

const entry = "extract.py"

func (r Reader) workspace(document []byte) (string, error) {
	dir, err := os.MkdirTemp(r.Python.WorkDir(), "pdf-")
	if err != nil {
		return "", err
	}
	for name, data := range map[string][]byte{entry: program, "document.pdf": document} {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o644); err != nil {
			return "", errors.Join(err, os.RemoveAll(dir))
		}
	}
	return dir, nil
}

// Installed tells whether documents are read without an index of packages.
func (r Reader) Installed() bool {
	declared, err := pyruntime.Dependencies(program)
	return err == nil && r.Python.Environments().Installed(declared.Dependencies)
}
