package objectstore

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"regexp"
	"strings"
)

const (
	maxKey     = 900 // bytes; S3 allows 1024, a file system path with the server's directory before it about as much
	maxSegment = 200 // bytes; file systems allow 255, and versitygw adds a suffix
)

// CheckKey tells whether key obeys the grammar that every key of this project obeys: segments of A–Z, a–z, 0–9 and
// ". _ - ~", joined by single slashes; a segment has 1 to 200 bytes and begins with neither "." nor "-"; the key has at most
// 900. S3 allows far more, but servers that map keys to file names alias, hide or refuse the rest. The error is
// ErrInvalidKey.
func CheckKey(key string) error {
	if key == "" {
		return fmt.Errorf("%w: it is empty", ErrInvalidKey)
	}
	if len(key) > maxKey {
		return fmt.Errorf("%w %.40q…: %d bytes, at most %d are allowed", ErrInvalidKey, key, len(key), maxKey)
	}
	for segment := range strings.SplitSeq(key, "/") {
		if err := checkSegment(segment); err != nil {
			return fmt.Errorf("%w %q: %w", ErrInvalidKey, key, err)
		}
	}
	return nil
}

// checkPrefix accepts what some valid key begins with.
func checkPrefix(prefix string) error {
	if whole := strings.TrimSuffix(prefix, "/"); whole != "" || prefix == "/" {
		return CheckKey(whole)
	}
	return nil
}

func checkSegment(s string) error {
	if s == "" {
		return fmt.Errorf("a segment is empty")
	}
	if len(s) > maxSegment {
		return fmt.Errorf("segment %.40q… has %d bytes, at most %d are allowed", s, len(s), maxSegment)
	}
	if s[0] == '.' || s[0] == '-' {
		return fmt.Errorf("segment %q begins with %q", s, s[0])
	}
	for i := range len(s) {
		if !keyByte(s[i]) {
			return fmt.Errorf("segment %q holds the byte %q", s, s[i:i+1])
		}
	}
	return nil
}

func keyByte(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '.' || c == '_' || c == '-' || c == '~'
}

var plainID = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,119}$`)

// WorkflowSegment turns a workflow ID, which people choose freely, into a key segment: the ID itself where the grammar
// allows it (letters, digits, ". _ -", at most 120), else "~" and its SHA-256 in hex. No two IDs share a segment.
func WorkflowSegment(id string) string {
	if plainID.MatchString(id) {
		return id
	}
	sum := sha256.Sum256([]byte(id))
	return "~" + hex.EncodeToString(sum[:])
}

// RunKey is the key of a record of one run: runs/<workflow>/<run>/<parts joined by slashes>.
func RunKey(workflowID, runID string, parts ...string) string {
	return strings.Join(append([]string{"runs", WorkflowSegment(workflowID), WorkflowSegment(runID)}, parts...), "/")
}
