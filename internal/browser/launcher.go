package browser

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"github.com/playwright-community/playwright-go"
)

// prepare makes a copy of the driver that is ours, once per version: playwright-go has to patch a place where the driver
// dies of pages with errors without a location, and what others installed is not ours to change.
func prepare(ctx context.Context, i Installation, stateDir string) (string, error) {
	dir := filepath.Join(stateDir, "driver-"+Version)
	if checkDriver(dir) == nil {
		return dir, nil
	}
	if err := os.MkdirAll(stateDir, 0o700); err != nil {
		return "", err
	}
	tmp, err := os.MkdirTemp(stateDir, ".driver-*")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(tmp)
	if err := os.CopyFS(filepath.Join(tmp, "package"), os.DirFS(filepath.Join(i.Driver, "package"))); err != nil {
		return "", err
	}
	if err := writeLauncher(tmp, i.Node); err != nil {
		return "", err
	}
	if err := ctx.Err(); err != nil {
		return "", err
	}
	if err := playwright.Install((&engine{dir: tmp}).runOptions()); err != nil { // with the driver there, it only patches
		return "", err
	}
	if err := os.Remove(filepath.Join(tmp, "node")); err != nil {
		return "", err
	}
	return dir, publish(tmp, dir)
}

const startPrefix = "start-"

// startDir makes the directory of one start, and removes those of starts whose process is gone.
func startDir(stateDir string) (string, error) {
	entries, err := os.ReadDir(stateDir)
	if err != nil {
		return "", err
	}
	for _, e := range entries {
		if orphaned(e) {
			_ = os.RemoveAll(filepath.Join(stateDir, e.Name())) // else the next start does it
		}
	}
	dir, err := os.MkdirTemp(stateDir, fmt.Sprintf("%s%d-*", startPrefix, os.Getpid()))
	if err != nil {
		return "", err
	}
	return dir, os.Mkdir(filepath.Join(dir, "tmp"), 0o700)
}

func orphaned(e fs.DirEntry) bool {
	rest, ok := strings.CutPrefix(e.Name(), startPrefix)
	if !ok {
		return false
	}
	number, _, _ := strings.Cut(rest, "-")
	pid, err := strconv.Atoi(number)
	return err == nil && pid != os.Getpid() && syscall.Kill(pid, 0) == syscall.ESRCH
}

// link makes the directory one that playwright-go can run: package/ and node.
func (e *engine) link(source, node string) error {
	if err := os.Symlink(filepath.Join(source, "package"), filepath.Join(e.dir, "package")); err != nil {
		return err
	}
	return writeLauncher(e.dir, node)
}

// writeLauncher makes the program "node" that playwright-go starts with our whole environment: it begins anew with an
// environment of its own, as the same process, and notes its number.
func writeLauncher(dir, node string) error {
	var words []string
	for _, pair := range append(plainEnv(dir), "TMPDIR="+filepath.Join(dir, "tmp")) {
		words = append(words, quote(pair))
	}
	script := fmt.Sprintf("#!/bin/sh\n[ \"$2\" = run-driver ] && echo $$ >%s\nexec env -i %s %s \"$@\"\n",
		quote(filepath.Join(dir, pidFile)), strings.Join(words, " "), quote(node))
	return os.WriteFile(filepath.Join(dir, "node"), []byte(script), 0o700)
}

// quote makes one word for a POSIX shell.
func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }
