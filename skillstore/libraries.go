package skillstore

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"

	"agentfactory/internal/objectstore"
)

// The errors of [Libraries], for errors.Is.
var (
	// ErrUnknownLibrary: nobody forked a library of this name.
	ErrUnknownLibrary = errors.New("unknown library")
	// ErrLibraryExists: the library was forked from another snapshot.
	ErrLibraryExists = errors.New("the library exists already")
	// ErrUnknownSnapshot: nobody took a snapshot of this name.
	ErrUnknownSnapshot = errors.New("unknown snapshot")
	// ErrSnapshotExists: another snapshot has this name.
	ErrSnapshotExists = errors.New("the snapshot exists already")
)

// Libraries are the live library of a bucket and those beside it. A library beside it begins as a snapshot, or as nothing,
// and is a library like any other from then on: runs search it, save into it and evolve it, and never touch the live one
// nor each other's. It costs what is written to it: everything else is read where the snapshot left it.
//
// Names: "" is the live library, evaluations/<id>/libraries/<arm> one beside it, which is also its key prefix. It is safe
// for concurrent use, also by several processes.
type Libraries struct {
	objects objectstore.Store
	blobs   *objectstore.Blobs
	options []Option
	live    *S3
	open    *lru.Cache[string, *S3]
	frozen  *lru.Cache[objectstore.Digest, *objectstore.Frozen]
	now     func() time.Time
}

// What is kept of the libraries beside the live one. Each holds its catalog and some manifests in memory; one that is
// forgotten while it is used goes on, and whoever opens it again reads its catalog again.
const (
	maxOpen   = 32
	maxFrozen = 8 // snapshots, which the libraries that began with them share
)

// NewLibraries returns the libraries that lie in objects. The options are those of each of them.
func NewLibraries(objects objectstore.Store, options ...Option) *Libraries {
	live := New(objects, options...)
	return &Libraries{
		objects: objects, blobs: live.blobs, options: options, live: live,
		open: recentlyUsed[string, *S3](maxOpen), frozen: recentlyUsed[objectstore.Digest, *objectstore.Frozen](maxFrozen), now: live.now,
	}
}

func recentlyUsed[K comparable, V any](size int) *lru.Cache[K, V] {
	c, err := lru.New[K, V](size)
	if err != nil {
		panic(fmt.Sprintf("a cache of %d: %v", size, err)) // only a size below 1 can fail
	}
	return c
}

// Live returns the library that runs use and people care for.
func (l *Libraries) Live() *S3 { return l.live }

// Open returns a library by its name. ErrUnknownLibrary, ErrInvalid.
func (l *Libraries) Open(ctx context.Context, name string) (Store, error) {
	s, err := l.library(ctx, name)
	if err != nil {
		return nil, fmt.Errorf("open library %s: %w", shownLibrary(name), err)
	}
	return s, nil
}

// Size returns how many current skills a library has, without the retired ones. It reads what a search reads.
func (l *Libraries) Size(ctx context.Context, name string) (int, error) {
	s, err := l.library(ctx, name)
	if err == nil {
		_, err = s.refresh(ctx)
	}
	if err != nil {
		return 0, fmt.Errorf("size of library %s: %w", shownLibrary(name), err)
	}
	return len(s.catalog.latest()), nil
}

// fork is the record of a library beside the live one; without it there is none.
type fork struct {
	Name     string             `json:"name"`
	Snapshot string             `json:"snapshot,omitempty"` // empty: it began with nothing
	Index    objectstore.Digest `json:"index,omitempty"`    // of what the snapshot froze
	At       time.Time          `json:"at"`
}

func forkKey(name string) string { return name + "/library.json" }

// objectsOf is the key prefix of what was written to a library.
func objectsOf(name string) string { return name + "/objects" }

// Fork makes the library of this name from a snapshot, or from nothing (""). Repeating it does nothing. ErrLibraryExists
// when it was made from another snapshot, ErrUnknownSnapshot, ErrInvalid.
func (l *Libraries) Fork(ctx context.Context, name, snapshot string) error {
	if err := l.fork(ctx, name, snapshot); err != nil {
		return fmt.Errorf("fork library %s: %w", shownLibrary(name), err)
	}
	return nil
}

func (l *Libraries) fork(ctx context.Context, name, snapshot string) error {
	if err := checkForkName(name); err != nil {
		return err
	}
	f := fork{Name: name, Snapshot: snapshot, At: l.now()}
	if snapshot != "" {
		s, err := l.SnapshotInfo(ctx, snapshot)
		if err != nil {
			return err
		}
		f.Index = s.Index
	}
	_, err := l.objects.Create(ctx, forkKey(name), encode(f))
	if errors.Is(err, objectstore.ErrExists) {
		err = l.checkFork(ctx, f)
	}
	if err == nil && snapshot == "" {
		err = l.beginEmpty(ctx, name)
	}
	return err
}

// checkFork tells whether the library that is there began as this one would.
func (l *Libraries) checkFork(ctx context.Context, f fork) error {
	was, err := l.readFork(ctx, f.Name)
	if err == nil && was.Snapshot != f.Snapshot {
		err = fmt.Errorf("%w: it began with %s, not with %s; give the new one another name", ErrLibraryExists, shownSnapshot(was.Snapshot), shownSnapshot(f.Snapshot))
	}
	return err
}

// beginEmpty says that the catalog of a library that began with nothing is whole, so that its first search need not compare
// it with the heads. A process that dies before this leaves a library whose first search does.
func (l *Libraries) beginEmpty(ctx context.Context, name string) error {
	_, err := l.objects.Create(ctx, objectsOf(name)+"/"+auditKey, encode(audit{At: l.now()}))
	if errors.Is(err, objectstore.ErrExists) {
		return nil
	}
	return err
}

func (l *Libraries) readFork(ctx context.Context, name string) (fork, error) {
	obj, err := l.objects.Get(ctx, forkKey(name))
	if err != nil {
		return fork{}, missing(err, ErrUnknownLibrary, "%s; it has not been forked", name)
	}
	var f fork
	if err := decode(forkKey(name), obj.Body, &f); err != nil {
		return fork{}, err
	}
	if f.Name != name || (f.Snapshot == "") != (f.Index == "") {
		return fork{}, fmt.Errorf("%s: %w: it is no record of this library", forkKey(name), ErrCorrupt)
	}
	return f, nil
}

// library returns the one that is open, or opens it. Of two callers who open it at once, both get the same.
func (l *Libraries) library(ctx context.Context, name string) (*S3, error) {
	if name == "" {
		return l.live, nil
	}
	if err := checkForkName(name); err != nil {
		return nil, err
	}
	if s, ok := l.open.Get(name); ok {
		return s, nil
	}
	s, err := l.openFork(ctx, name)
	if err != nil {
		return nil, err
	}
	if first, there, _ := l.open.PeekOrAdd(name, s); there {
		return first, nil
	}
	return s, nil
}

func (l *Libraries) openFork(ctx context.Context, name string) (*S3, error) {
	objects, err := l.overlay(ctx, name)
	if err != nil {
		return nil, err
	}
	return New(objects, l.options...), nil
}

// Objects returns what a library is made of, for what others keep beside its skills. ErrUnknownLibrary, ErrInvalid.
func (l *Libraries) Objects(ctx context.Context, name string) (objectstore.Store, error) {
	if name == "" {
		return l.objects, nil
	}
	if err := checkForkName(name); err != nil {
		return nil, err
	}
	return l.overlay(ctx, name)
}

func (l *Libraries) overlay(ctx context.Context, name string) (*objectstore.Overlay, error) {
	f, err := l.readFork(ctx, name)
	if err != nil {
		return nil, err
	}
	below, err := l.index(ctx, f.Index)
	if err != nil {
		return nil, fmt.Errorf("read what %s froze: %w", shownSnapshot(f.Snapshot), err)
	}
	return objectstore.NewOverlay(l.objects, objectsOf(name), below)
}

// index returns what a snapshot froze; "" is nothing.
func (l *Libraries) index(ctx context.Context, digest objectstore.Digest) (*objectstore.Frozen, error) {
	if digest == "" {
		return nil, nil
	}
	if f, ok := l.frozen.Get(digest); ok {
		return f, nil
	}
	encoded, err := l.blobs.Get(ctx, digest)
	if err != nil {
		return nil, err
	}
	f, err := objectstore.ParseFrozen(encoded)
	if err == nil {
		l.frozen.Add(digest, f)
	}
	return f, err
}

// segment is a part of a name that is a key segment: what objectstore.WorkflowSegment gives.
const segment = `(?:[A-Za-z0-9][A-Za-z0-9._-]{0,119}|~[0-9a-f]{64})`

var forkName = regexp.MustCompile(`^evaluations/` + segment + `/libraries/` + segment + `$`)

func checkForkName(name string) error {
	if !forkName.MatchString(name) {
		return invalid("library name %.200q: it is evaluations/<id>/libraries/<arm>, of letters, digits and \". _ -\"", name)
	}
	return nil
}

func shownLibrary(name string) string {
	if name == "" {
		return "(the live one)"
	}
	return name
}

func shownSnapshot(name string) string {
	if name == "" {
		return "nothing"
	}
	return "the snapshot " + name
}
