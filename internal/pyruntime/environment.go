package pyruntime

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/gofrs/flock"
)

// Environments provides the packages that subagents declare. A set of requirements is resolved once into a Lock, and what
// a range resolved to then stays; each lock is installed once into a read-only directory named by its digest. The
// least recently used directories are removed when all together grow too large. It is safe for concurrent use, also by
// several processes.
//
//	resolved/<digest of requirements>  the text of a lock
//	<digest of lock>/packages/         what goes on PYTHONPATH
//	<digest of lock>/manifest.json     see manifest; written last, its time is that of the last use
//	locks/<digest>                     shared: in use; exclusive: being made or removed
//	cache/                             downloads
//	.build-*, .resolve-*, .trash-*     in progress, or left by a process that died
type Environments struct {
	dir      string
	python   Interpreter
	uv       string // configured; "" looks on PATH
	index    string // configured; "" leaves it to the environment
	maxBytes int64

	unreached atomic.Int64 // when an index could last not be reached, in Unix nanoseconds
}

// EnvironmentsConfig says where and with what environments are made.
type EnvironmentsConfig struct {
	Dir      string // other users may read it then
	Python   Interpreter
	UV       string // the uv to install with; "" is the one on PATH, and pip where there is none; NoUV is pip
	IndexURL string // the index, in place of what the environment and the files of uv and pip say; it may hold a login. Further indexes that are named there stay.
	MaxBytes int64  // of all environments together; 0: DefaultMaxBytes. One that is in use stays, whatever its size.
}

// NoUV in place of a path leaves the work to pip, whether there is a uv or not.
const NoUV = "none"

// DefaultMaxBytes holds some thirty environments with pandas and matplotlib.
const DefaultMaxBytes = 10 << 30

// Want is what a subagent needs.
type Want struct {
	Requirements []string // PEP 508, as declared
	// Lock is the text of the lock with which the subagent was saved: exactly that is installed. It counts for the
	// requirements that it was made for; others are resolved anew.
	Lock string
	// Allow is asked for every package before anything is downloaded; its error refuses the package. nil allows all.
	Allow func(ctx context.Context, name, version string) error
}

// Environment is in use, and therefore not removed, until Release is called.
type Environment struct {
	Dir  string // for PYTHONPATH; "" when nothing is required
	Lock string // what it holds; "" when nothing is required
	use  *flock.Flock
}

// Release ends the use. It is harmless to call it twice.
func (e *Environment) Release() {
	if e.use != nil {
		_ = e.use.Close() // the kernel frees the lock with the file, whatever close says
	}
}

// path is what goes on PYTHONPATH.
func (e *Environment) path() []string {
	if e.Dir == "" {
		return []string{}
	}
	return []string{e.Dir}
}

// DependencyError says that what a subagent declared cannot be had.
type DependencyError struct {
	Requirements []string
	Reason       string // one line
}

func (e *DependencyError) Error() string {
	return fmt.Sprintf("install %s: %s", strings.Join(e.Requirements, ", "), e.Reason)
}

// DeniedError says that a policy refuses a package; it wraps what Allow returned.
type DeniedError struct {
	Name, Version string
	Err           error
}

func (e *DeniedError) Error() string {
	return fmt.Sprintf("the package %s %s may not be installed: %v", e.Name, e.Version, e.Err)
}

func (e *DeniedError) Unwrap() error { return e.Err }

// NewEnvironments makes the directories.
func NewEnvironments(c EnvironmentsConfig) (*Environments, error) {
	dir, err := filepath.Abs(c.Dir)
	if err != nil {
		return nil, fmt.Errorf("locate the environments: %w", err)
	}
	for _, d := range []string{"locks", "resolved"} {
		if err := os.MkdirAll(filepath.Join(dir, d), 0o755); err != nil {
			return nil, fmt.Errorf("make the directory of environments: %w", err)
		}
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		return nil, fmt.Errorf("open the directory of environments: %w", err)
	}
	return &Environments{dir: dir, python: c.Python, uv: c.UV, index: c.IndexURL, maxBytes: cmp.Or(c.MaxBytes, DefaultMaxBytes)}, nil
}

// For returns an environment that holds what is wanted, and makes it first if need be. Only wheels are installed, so
// nothing of a package is executed here. It fails with a *DependencyError when the requirements are wrong, a
// *DeniedError when a policy refuses one, an *IndexError when they are not here and no index has them to give, and
// otherwise with an error that a later try may not meet again.
func (e *Environments) For(ctx context.Context, w Want) (*Environment, error) {
	wanted, err := checkRequirements(w.Requirements)
	if err != nil {
		return nil, &DependencyError{Requirements: w.Requirements, Reason: err.Error()}
	}
	if len(wanted) == 0 {
		return &Environment{}, nil
	}
	lock, err := e.lock(ctx, wanted, w.Lock)
	if err != nil {
		return nil, err
	}
	if err := permit(ctx, lock, w.Allow); err != nil {
		return nil, err
	}
	return e.provide(ctx, lock)
}

// permit holds every package of a lock against the policy, also those that are installed already: it may have changed.
func permit(ctx context.Context, l Lock, allow func(ctx context.Context, name, version string) error) error {
	if allow == nil {
		return nil
	}
	for _, p := range l.Pins {
		if err := allow(ctx, p.Name, p.Version); err != nil {
			return &DeniedError{Name: p.Name, Version: p.Version, Err: err}
		}
	}
	return nil
}

// provide returns the environment of a lock. Between its making and its use another process may remove it, if it alone is
// larger than all may be; that is not worth a third try.
func (e *Environments) provide(ctx context.Context, l Lock) (*Environment, error) {
	digest := l.digest()
	for range 2 {
		use, err := e.hold(ctx, digest, (*flock.Flock).TryRLockContext)
		if err != nil {
			return nil, err
		}
		if e.touch(digest) {
			return &Environment{Dir: filepath.Join(e.dir, digest, "packages"), Lock: l.String(), use: use}, nil
		}
		use.Close()
		if err := e.build(ctx, l, digest); err != nil {
			return nil, err
		}
	}
	return nil, fmt.Errorf("install %s: it was removed as soon as it was there; allow more than %d MiB for packages", strings.Join(l.Requires, ", "), e.maxBytes>>20)
}

// lockPoll is how often a lock that another process holds is tried; installing takes seconds.
const lockPoll = 50 * time.Millisecond

// hold takes a lock, shared or exclusive. Locks end with the process that has them.
func (e *Environments) hold(ctx context.Context, name string, try func(*flock.Flock, context.Context, time.Duration) (bool, error)) (*flock.Flock, error) {
	lock := e.flock(name)
	if _, err := try(lock, ctx, lockPoll); err != nil {
		return nil, fmt.Errorf("wait for packages that are being installed: %w", cmp.Or(context.Cause(ctx), err))
	}
	return lock, nil
}

func (e *Environments) flock(name string) *flock.Flock {
	return flock.New(filepath.Join(e.dir, "locks", name), flock.SetPermissions(0o600))
}

// touch marks an environment as used now, and tells whether it is there.
func (e *Environments) touch(digest string) bool {
	now := time.Now()
	err := os.Chtimes(e.manifestFile(digest), now, now)
	return err == nil || !errors.Is(err, os.ErrNotExist) // a time that cannot be set only makes it look older
}

func (e *Environments) manifestFile(digest string) string {
	return filepath.Join(e.dir, digest, "manifest.json")
}

// manifest describes an environment that is ready.
type manifest struct {
	Lock  string `json:"lock"`
	Bytes int64  `json:"bytes"`
}

// build installs into a directory of its own name and renames it: a process that died leaves its directory, and perhaps
// an installer that still writes into it.
func (e *Environments) build(ctx context.Context, l Lock, digest string) error {
	making, err := e.hold(ctx, digest, (*flock.Flock).TryLockContext)
	if err != nil {
		return err
	}
	defer making.Close()
	if exists(e.manifestFile(digest)) {
		return nil
	}
	tmp, err := e.workshop(digest)
	if err != nil {
		return err
	}
	defer removeTree(tmp)
	if err := e.install(ctx, l, tmp); err != nil {
		return err
	}
	made := filepath.Join(tmp, "made")
	if err := seal(made, l); err != nil {
		return fmt.Errorf("finish the packages: %w", err)
	}
	if err := os.Rename(made, filepath.Join(e.dir, digest)); err != nil {
		return fmt.Errorf("put the packages in place: %w", err)
	}
	return e.tidy(digest)
}

// workshop makes the directory of an installation, and clears those of interrupted ones. The caller holds the lock.
func (e *Environments) workshop(digest string) (string, error) {
	stale, err := filepath.Glob(filepath.Join(e.dir, ".build-"+digest+"-*"))
	if err != nil {
		return "", err
	}
	for _, dir := range stale {
		if err := removeTree(dir); err != nil {
			return "", fmt.Errorf("clear an interrupted installation: %w", err)
		}
	}
	tmp, err := os.MkdirTemp(e.dir, ".build-"+digest+"-")
	if err != nil {
		return "", fmt.Errorf("make a directory for packages: %w", err)
	}
	return tmp, nil
}

// install puts the packages of a lock into tmp/made/packages. A lock may be empty: markers exclude everything.
func (e *Environments) install(ctx context.Context, l Lock, tmp string) error {
	packages := filepath.Join(tmp, "made", "packages")
	if err := os.MkdirAll(packages, 0o755); err != nil {
		return fmt.Errorf("make a directory for packages: %w", err)
	}
	if len(l.Pins) == 0 {
		return nil
	}
	pins := filepath.Join(tmp, "lock.txt")
	if err := os.WriteFile(pins, []byte(l.pins()), 0o600); err != nil {
		return fmt.Errorf("write the lock: %w", err)
	}
	return e.installing(ctx, tmp, l.names(), func(ctx context.Context, with installer) error { return with.install(ctx, pins, packages) })
}

// seal makes a tree read-only and readable by every user, and writes its manifest.
func seal(made string, l Lock) error {
	packages := filepath.Join(made, "packages")
	if err := setModes(packages, 0o555, 0o444); err != nil {
		return err
	}
	body, err := json.Marshal(manifest{Lock: l.String(), Bytes: size(packages)})
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(made, "manifest.json"), body, 0o644); err != nil {
		return err
	}
	return os.Chmod(made, 0o755)
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// cached looks for an environment that holds what is required, for workers without an index: the one used last.
func (e *Environments) cached(wanted []string) (Lock, bool) {
	there, err := e.ready()
	if err != nil {
		return Lock{}, false
	}
	for _, r := range slices.Backward(there) {
		if l, err := ParseLock(r.Lock); err == nil && l.Platform == e.platform() && l.satisfies(wanted) {
			return l, true
		}
	}
	return Lock{}, false
}
