package pyruntime

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/gofrs/flock"
)

// lock finds out which packages are meant: those of a given lock that was made for these requirements, those that they
// were resolved to before, or those that an index offers now.
func (e *Environments) lock(ctx context.Context, wanted []string, given string) (Lock, error) {
	if given != "" {
		l, err := ParseLock(given)
		if err != nil {
			return Lock{}, &DependencyError{Requirements: wanted, Reason: err.Error()}
		}
		if slices.Equal(l.Requires, wanted) {
			return e.here(ctx, l)
		}
	}
	return e.lockHere(ctx, wanted)
}

// here is a lock for this worker: itself, or for a Python of another kind the same versions, whose files are others. Where
// those are not made for this Python the requirements decide alone.
func (e *Environments) here(ctx context.Context, l Lock) (Lock, error) {
	if l.Platform == e.platform() {
		return l, nil
	}
	same, err := e.lockHere(ctx, l.names())
	var wrong *DependencyError
	if errors.As(err, &wrong) {
		return e.lockHere(ctx, l.Requires)
	}
	same.Requires = l.Requires
	return same, err
}

func (e *Environments) lockHere(ctx context.Context, wanted []string) (Lock, error) {
	digest := digestOf(append([]string{e.platform()}, wanted...)...)
	if l, ok := e.resolved(digest, wanted); ok {
		return l, nil
	}
	resolving, err := e.hold(ctx, "resolve-"+digest, (*flock.Flock).TryLockContext)
	if err != nil {
		return Lock{}, err
	}
	defer resolving.Close()
	if l, ok := e.resolved(digest, wanted); ok {
		return l, nil
	}
	return e.resolve(ctx, wanted, digest)
}

// platform names what compiled packages depend on.
func (e *Environments) platform() string { return e.python.ABI }

func (e *Environments) resolvedFile(digest string) string {
	return filepath.Join(e.dir, "resolved", digest)
}

// resolved reads an earlier resolution; one that cannot be read is made again.
func (e *Environments) resolved(digest string, wanted []string) (Lock, bool) {
	text, err := os.ReadFile(e.resolvedFile(digest))
	if err != nil {
		return Lock{}, false
	}
	l, err := ParseLock(string(text))
	return l, err == nil && l.Platform == e.platform() && slices.Equal(l.Requires, wanted)
}

// resolve asks the index. Without one, or without an installer, an installed environment that holds what is wanted will do; that answer is not
// kept, for with an index there may be a better one.
func (e *Environments) resolve(ctx context.Context, wanted []string, digest string) (Lock, error) {
	if e.offline() {
		if l, ok := e.cached(wanted); ok {
			return l, nil
		}
	}
	pins, err := e.askIndex(ctx, wanted, digest)
	var missing *IndexError
	unreached := errors.As(err, &missing)
	if unreached && !missing.Passing {
		e.unreached.Store(time.Now().UnixNano())
	}
	if unreached || errors.Is(err, ErrNoInstaller) {
		if l, ok := e.cached(wanted); ok {
			return l, nil
		}
	}
	if err != nil {
		return Lock{}, err
	}
	l, err := Lock{Platform: e.platform(), Requires: wanted, Pins: pins}.sorted()
	if err != nil {
		return Lock{}, &DependencyError{Requirements: wanted, Reason: err.Error()}
	}
	return l, writeWhole(e.resolvedFile(digest), l.String())
}

// offlineFor is how long an index that could not be reached is not asked, where what is installed will do.
const offlineFor = time.Minute

func (e *Environments) offline() bool {
	return time.Since(time.Unix(0, e.unreached.Load())) < offlineFor
}

func (e *Environments) askIndex(ctx context.Context, wanted []string, digest string) (pins []Pin, err error) {
	tmp, err := os.MkdirTemp(e.dir, ".resolve-"+digest+"-")
	if err != nil {
		return nil, fmt.Errorf("make a directory for resolving packages: %w", err)
	}
	defer os.RemoveAll(tmp)
	err = e.installing(ctx, tmp, wanted, func(ctx context.Context, with installer) error {
		pins, err = with.resolve(ctx, wanted)
		return err
	})
	return pins, err
}

// writeWhole writes a file so that nobody ever reads a part of it.
func writeWhole(path, text string) error {
	tmp := path + ".new" // the caller holds the lock of this path
	if err := os.WriteFile(tmp, []byte(text), 0o644); err != nil {
		return fmt.Errorf("keep what was resolved: %w", err)
	}
	if err := os.Rename(tmp, path); err != nil {
		return fmt.Errorf("keep what was resolved: %w", err)
	}
	return nil
}

// IndexError says that packages are not installed here and that no index could be asked for them.
type IndexError struct {
	Requirements []string
	Tried        string // the address, without a login
	Reason       string // one line
	Passing      bool   // the index is there and in trouble, so that a later try may succeed
}

// ErrIndexUnavailable is what an IndexError is.
var ErrIndexUnavailable = errors.New("the package index is unavailable")

func (e *IndexError) Error() string {
	return fmt.Sprintf("%s: not installed on this worker, and %v: tried %s: %s; set AGENTFACTORY_PACKAGE_INDEX, PIP_INDEX_URL or UV_INDEX_URL to an index that the worker reaches",
		strings.Join(e.Requirements, ", "), ErrIndexUnavailable, e.Tried, e.Reason)
}

// Is makes it an ErrIndexUnavailable.
func (e *IndexError) Is(target error) bool { return target == ErrIndexUnavailable }

// Retryable tells whether a later try may succeed without anybody changing anything.
func (e *IndexError) Retryable() bool { return e.Passing }
