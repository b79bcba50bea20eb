package embedded

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// keepBinary gives the stack a file of its own binary and returns its path. The stack
// starts children from it for days, while `go run` deletes and `go build` replaces the
// file that it was called from.
func keepBinary(executable string, l layout) (string, error) {
	build := buildOf(executable)
	digest := sha256.Sum256([]byte(build))
	kept := filepath.Join(l.binaries(), "agentfactory-"+hex.EncodeToString(digest[:6]))
	if buildOf(kept) == build {
		return kept, nil
	}
	if err := os.MkdirAll(l.binaries(), 0o711); err != nil {
		return "", fmt.Errorf("keep the binary: %w", err)
	}
	if err := linkOrCopy(executable, kept); err != nil {
		return "", fmt.Errorf("keep the binary: %w", err)
	}
	return kept, nil
}

// linkOrCopy puts the whole file in place at once: several commands may do so together.
func linkOrCopy(from, to string) error {
	scratch, err := os.MkdirTemp(filepath.Dir(to), ".new-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(scratch)
	unfinished := filepath.Join(scratch, "binary")
	real, err := filepath.EvalSymlinks(from)
	if err != nil || os.Link(real, unfinished) != nil {
		if err := copyFile(from, unfinished); err != nil {
			return err
		}
	}
	return os.Rename(unfinished, to)
}

func copyFile(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o755)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return cmp.Or(err, out.Close())
}

// removeOtherBinaries frees the space of builds that are gone. Whoever calls it holds
// the lock and runs from the binary that stays.
func removeOtherBinaries(l layout) {
	own, err := os.Executable()
	entries, _ := os.ReadDir(l.binaries())
	for _, e := range entries {
		if path := filepath.Join(l.binaries(), e.Name()); err == nil && filepath.Dir(own) == l.binaries() && path != own {
			_ = os.RemoveAll(path) // tried again at the next start
		}
	}
}
