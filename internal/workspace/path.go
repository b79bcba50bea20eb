package workspace

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// ErrInvalidPath: a path cannot name a file of a workspace. The rest of the message says why.
var ErrInvalidPath = errors.New("invalid path")

const (
	maxPath    = 1024 // bytes
	maxSegment = 200  // bytes; file systems allow 255, and temporary names add to it
)

// CleanPath turns a path that a model or a user gave into the one form in which a workspace knows it: relative to the
// workspace, with single slashes and without "." segments. What cannot be that is ErrInvalidPath: nothing at all, an
// absolute path, "..", a folder (a trailing slash), control characters, backslashes, bytes that are not UTF-8, a segment
// of more than 200 bytes, more than 1024 in all, and the names in which runs keep what is not theirs to keep (.tmp,
// .agentfactory, __pycache__).
func CleanPath(p string) (string, error) {
	if err := checkText(p); err != nil {
		return "", err
	}
	var segments []string
	for segment := range strings.SplitSeq(p, "/") {
		if segment == "" || segment == "." {
			continue
		}
		if err := checkSegment(segment); err != nil {
			return "", fmt.Errorf("%w %.100q: %w", ErrInvalidPath, p, err)
		}
		segments = append(segments, segment)
	}
	if len(segments) == 0 || strings.HasSuffix(p, "/") || strings.HasSuffix(p, "/.") {
		return "", fmt.Errorf("%w %.100q: it names a folder, give a file such as \"report.txt\"", ErrInvalidPath, p)
	}
	return strings.Join(segments, "/"), nil
}

func checkText(p string) error {
	switch {
	case p == "":
		return fmt.Errorf("%w: it is empty, give a file such as \"report.txt\"", ErrInvalidPath)
	case len(p) > maxPath:
		return fmt.Errorf("%w %.40q…: %d bytes, at most %d are allowed", ErrInvalidPath, p, len(p), maxPath)
	case !utf8.ValidString(p):
		return fmt.Errorf("%w %.100q: it is not UTF-8 text", ErrInvalidPath, p)
	case strings.ContainsFunc(p, unicode.IsControl):
		return fmt.Errorf("%w %.100q: it holds a control character", ErrInvalidPath, p)
	case strings.Contains(p, `\`):
		return fmt.Errorf("%w %.100q: use / between folders", ErrInvalidPath, p)
	case p[0] == '/':
		return fmt.Errorf("%w %.100q: it is absolute, give it relative to the workspace", ErrInvalidPath, p)
	}
	return nil
}

func checkSegment(s string) error {
	switch {
	case s == "..":
		return errors.New("it leaves the workspace with \"..\"")
	case len(s) > maxSegment:
		return fmt.Errorf("the name %.40q… has %d bytes, at most %d are allowed", s, len(s), maxSegment)
	case reserved(s):
		return fmt.Errorf("the name %q is reserved, choose another", s)
	}
	return nil
}

// reserved names belong to the sandbox or to Python; a snapshot leaves them out.
func reserved(name string) bool {
	return name == ".tmp" || name == ".agentfactory" || name == "__pycache__"
}
