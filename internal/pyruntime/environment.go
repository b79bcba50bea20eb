package pyruntime

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/gofrs/flock"
)

// Environments provides the packages that subagents declare. Each set of requirements is
// installed once, into a directory named by its digest; what a version range resolved
// to then stays. It is safe for concurrent use, also by several processes.
type Environments struct {
	dir    string // <digest>/, locks/, cache/, .build-<digest>-*/
	python Interpreter
}

// DependencyError says that what a subagent declared cannot be had.
type DependencyError struct {
	Requirements []string
	Reason       string // one line
}

func (e *DependencyError) Error() string {
	return fmt.Sprintf("install %s: %s", strings.Join(e.Requirements, ", "), e.Reason)
}

// NewEnvironments keeps environments below dir, which other users may then read.
func NewEnvironments(dir string, python Interpreter) (*Environments, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("locate the environments: %w", err)
	}
	if err := os.MkdirAll(filepath.Join(dir, "locks"), 0o755); err != nil {
		return nil, fmt.Errorf("make the directory of environments: %w", err)
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		return nil, fmt.Errorf("open the directory of environments: %w", err)
	}
	return &Environments{dir: dir, python: python}, nil
}

// For returns a directory for PYTHONPATH that holds the required packages, and installs
// them first if need be; "" without requirements. Only wheels are installed, so nothing
// of a package is executed here. It fails with a *DependencyError when the requirements
// are wrong, and otherwise with an error that a later try may not meet again.
func (e *Environments) For(ctx context.Context, requirements []string) (string, error) {
	wanted, err := checkRequirements(requirements)
	if err != nil {
		return "", &DependencyError{Requirements: requirements, Reason: err.Error()}
	}
	if len(wanted) == 0 {
		return "", nil
	}
	digest := e.digest(wanted)
	dir := filepath.Join(e.dir, digest)
	if exists(dir) {
		return dir, nil
	}
	lock := flock.New(filepath.Join(e.dir, "locks", digest), flock.SetPermissions(0o600))
	if _, err := lock.TryLockContext(ctx, 50*time.Millisecond); err != nil {
		return "", fmt.Errorf("wait for the installation of %s: %w", strings.Join(wanted, ", "), err)
	}
	defer lock.Close()
	if exists(dir) {
		return dir, nil
	}
	return dir, e.build(ctx, wanted, digest)
}

func (e *Environments) digest(wanted []string) string {
	sum := sha256.Sum256([]byte(e.python.minor() + " " + runtime.GOARCH + "\n" + strings.Join(wanted, "\n")))
	return hex.EncodeToString(sum[:16])
}

func exists(dir string) bool {
	_, err := os.Stat(dir)
	return err == nil
}

// build installs into a directory of its own name and renames it: a process that died
// leaves its directory, and perhaps a pip that still writes into it.
func (e *Environments) build(ctx context.Context, wanted []string, digest string) error {
	stale, err := filepath.Glob(filepath.Join(e.dir, ".build-"+digest+"-*"))
	if err != nil {
		return err
	}
	for _, dir := range stale {
		if err := os.RemoveAll(dir); err != nil {
			return fmt.Errorf("clear an interrupted installation: %w", err)
		}
	}
	tmp, err := os.MkdirTemp(e.dir, ".build-"+digest+"-")
	if err != nil {
		return fmt.Errorf("make a directory for packages: %w", err)
	}
	defer os.RemoveAll(tmp)
	packages := filepath.Join(tmp, "packages")
	if err := e.install(ctx, wanted, tmp, packages); err != nil {
		return err
	}
	if err := openToOthers(packages); err != nil {
		return fmt.Errorf("open the packages to other users: %w", err)
	}
	if err := os.Rename(packages, filepath.Join(e.dir, digest)); err != nil {
		return fmt.Errorf("put the packages in place: %w", err)
	}
	return nil
}

// openToOthers lets any user read the tree; pip's modes follow this process's umask.
func openToOthers(dir string) error {
	return filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.Type()&fs.ModeSymlink != 0 {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		mode := fs.FileMode(0o644)
		if d.IsDir() || info.Mode()&0o100 != 0 {
			mode = 0o755
		}
		return os.Chmod(path, mode)
	})
}
