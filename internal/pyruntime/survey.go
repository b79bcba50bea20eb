package pyruntime

import (
	"context"
	"errors"
	"fmt"
	"os"
	"syscall"

	"github.com/gofrs/flock"
)

// Survey is what can be said of the packages on a worker without installing any.
type Survey struct {
	Dir       string
	Installer string // uv or pip, and which
	Count     int    // environments that are ready
	Used      int64  // bytes of those
	Limit     int64  // bytes that they may have
	Free      int64  // bytes left on the disk
}

// Survey looks at the directory and for an installer. It fails with ErrNoInstaller when nothing installs packages, and when the
// directory cannot be read; what was found up to then is in the Survey.
func (e *Environments) Survey(ctx context.Context) (Survey, error) {
	s := Survey{Dir: e.dir, Limit: e.maxBytes}
	there, err := e.ready()
	if err != nil {
		return s, fmt.Errorf("list the environments: %w", err)
	}
	for _, r := range there {
		s.Count, s.Used = s.Count+1, s.Used+r.Bytes
	}
	var disk syscall.Statfs_t
	if err := syscall.Statfs(e.dir, &disk); err != nil {
		return s, fmt.Errorf("look at the disk of the packages: %w", err)
	}
	s.Free = int64(disk.Bavail) * disk.Bsize
	tmp, err := os.MkdirTemp(e.dir, ".resolve-survey-")
	if err != nil {
		return s, fmt.Errorf("write to the directory of packages: %w", err)
	}
	defer os.RemoveAll(tmp)
	with, err := e.installer(ctx, e.bench(tmp, nil))
	if err != nil {
		return s, err
	}
	s.Installer = fmt.Sprint(with)
	return s, nil
}

// Installed tells whether packages are here, so that a subagent that declares them runs without an index.
func (e *Environments) Installed(requirements []string) bool {
	wanted, err := checkRequirements(requirements)
	if err != nil {
		return false
	}
	_, ok := e.cached(wanted)
	return ok
}

// absentee is the package by which an index is tried: none has it, so that neither a cache nor a directory of wheels can
// answer in its place.
const absentee = "agentfactory-no-such-package"

// CheckIndex asks the index for a package that does not exist, in the way in which those of subagents are resolved. It
// fails with an *IndexError when there was no answer.
func (e *Environments) CheckIndex(ctx context.Context) error {
	const name = "check"
	checking, err := e.hold(ctx, "resolve-"+name, (*flock.Flock).TryLockContext)
	if err != nil {
		return err
	}
	defer checking.Close()
	_, err = e.askIndex(ctx, []string{absentee}, name)
	var without *DependencyError
	if errors.As(err, &without) {
		return nil
	}
	return err
}
