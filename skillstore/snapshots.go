package skillstore

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"agentfactory/internal/objectstore"
	"agentfactory/internal/skill"
)

// Snapshot is a library as it was at one time, under a name. It never changes, and other libraries begin with it.
type Snapshot struct {
	Name     string    `json:"name"`
	ID       string    `json:"id"`           // of whoever took it
	Of       string    `json:"of,omitempty"` // the library; empty: the live one
	At       time.Time `json:"at"`
	By       string    `json:"by"`
	Skills   int       `json:"skills"` // current ones, without the retired
	Versions int       `json:"versions"`
	Cases    int       `json:"cases"`
	// Index is the blob that lists what the snapshot froze, as objectstore.ParseFrozen reads it.
	Index objectstore.Digest `json:"index"`
}

// SnapshotDraft is a snapshot before it is taken.
type SnapshotDraft struct {
	// Name is like that of a skill (a–z, 0–9 and single hyphens, at most 64), or evaluations/<id>/base.
	Name string
	Of   string // the library; empty: the live one
	ID   string // unique to whoever takes it, and the same when that is repeated
	By   string // the person or the run that takes it
}

const snapshotsPrefix = "snapshots/"

func snapshotKey(name string) string { return snapshotsPrefix + name + ".json" }

// Snapshot freezes a library under a name. Repeating it with the same ID returns the first one. It writes blobs and the
// record alone, and nothing to the library.
//
// The library may be written to meanwhile. The snapshot is one that it could have been in: it holds no effect without
// its cause, because causes are collected after their effects, and nothing that was written is ever taken away (see
// collect). What is written while it is taken may be in it or not.
//
// It reads every head, mark, use summary and catalog shard, and lists the library four times; other objects are not read. Its
// index must fit into one blob that is read at once, which is some million objects.
//
// ErrSnapshotExists, ErrUnknownLibrary, ErrInvalid.
func (l *Libraries) Snapshot(ctx context.Context, d SnapshotDraft) (Snapshot, error) {
	s, err := l.snapshot(ctx, d)
	if err != nil {
		return Snapshot{}, fmt.Errorf("take snapshot %.80s: %w", d.Name, err)
	}
	return s, nil
}

func (l *Libraries) snapshot(ctx context.Context, d SnapshotDraft) (Snapshot, error) {
	if err := d.check(); err != nil {
		return Snapshot{}, err
	}
	was, err := l.readSnapshot(ctx, d.Name)
	if !errors.Is(err, ErrUnknownSnapshot) {
		return d.repeated(was, err)
	}
	s := Snapshot{Name: d.Name, ID: d.ID, Of: d.Of, At: l.now(), By: d.By}
	if err := l.freeze(ctx, &s); err != nil {
		return Snapshot{}, err
	}
	_, err = l.objects.Create(ctx, snapshotKey(s.Name), encode(s))
	if errors.Is(err, objectstore.ErrExists) {
		return d.repeated(l.readSnapshot(ctx, s.Name))
	}
	return s, err
}

func (d SnapshotDraft) check() error {
	if err := checkSnapshotName(d.Name); err != nil {
		return err
	}
	if d.ID == "" || d.By == "" {
		return invalid("snapshot %s: id and by may not be empty; by names the person or the run", d.Name)
	}
	return checkReason("snapshot "+d.Name, d.By, d.ID)
}

// repeated tells whether a snapshot that is there is the one that was to be taken.
func (d SnapshotDraft) repeated(was Snapshot, err error) (Snapshot, error) {
	if err != nil {
		return Snapshot{}, err
	}
	if was.ID != d.ID || was.Of != d.Of {
		return Snapshot{}, fmt.Errorf("%w: %s took one of this name at %s; give the new one another name", ErrSnapshotExists, was.By, was.At.Format(time.DateTime))
	}
	return was, nil
}

// freeze collects the library and stores the index of what it found.
func (l *Libraries) freeze(ctx context.Context, s *Snapshot) error {
	frozen, err := l.collect(ctx, s)
	if err != nil {
		return err
	}
	encoded, err := frozen.Encode()
	if err != nil {
		return err
	}
	s.Index, err = l.blobs.Put(ctx, encoded)
	return err
}

// collect finds what the library is now, and counts it.
func (l *Libraries) collect(ctx context.Context, s *Snapshot) (*objectstore.Frozen, error) {
	of, err := l.library(ctx, s.Of)
	if err != nil {
		return nil, err
	}
	c := newCollector(of, l.blobs, s.At)
	if err := c.collect(ctx); err != nil {
		return nil, err
	}
	s.Skills, s.Versions, s.Cases = c.skills(), c.versions, c.cases
	return objectstore.NewFrozen(c.frozen)
}

// Freeze collects a library as Snapshot does, without keeping a record of it: what may change was copied to blobs that
// nothing refers to. The snapshot has neither name nor index. ErrUnknownLibrary, ErrInvalid.
func (l *Libraries) Freeze(ctx context.Context, of string) (Snapshot, *objectstore.Frozen, error) {
	s := Snapshot{Of: of, At: l.now()}
	frozen, err := l.collect(ctx, &s)
	if err != nil {
		return Snapshot{}, nil, fmt.Errorf("collect library %s: %w", shownLibrary(of), err)
	}
	return s, frozen, nil
}

// SnapshotInfo returns a snapshot by its name. ErrUnknownSnapshot, ErrInvalid.
func (l *Libraries) SnapshotInfo(ctx context.Context, name string) (Snapshot, error) {
	err := checkSnapshotName(name)
	if err != nil {
		return Snapshot{}, err
	}
	s, err := l.readSnapshot(ctx, name)
	if err != nil {
		return Snapshot{}, fmt.Errorf("read snapshot: %w", err)
	}
	return s, nil
}

// Snapshots returns all snapshots in the order of their names.
func (l *Libraries) Snapshots(ctx context.Context) ([]Snapshot, error) {
	listed, err := l.objects.List(ctx, snapshotsPrefix, "", 0)
	if err != nil {
		return nil, fmt.Errorf("list snapshots: %w", err)
	}
	var names []string
	for _, o := range listed {
		name, isRecord := strings.CutSuffix(strings.TrimPrefix(o.Key, snapshotsPrefix), ".json")
		if isRecord && checkSnapshotName(name) == nil {
			names = append(names, name)
		}
	}
	snapshots, err := each(ctx, names, l.readSnapshot)
	if err != nil {
		return nil, fmt.Errorf("read snapshots: %w", err)
	}
	return snapshots, nil
}

func (l *Libraries) readSnapshot(ctx context.Context, name string) (Snapshot, error) {
	key := snapshotKey(name)
	obj, err := l.objects.Get(ctx, key)
	if err != nil {
		return Snapshot{}, missing(err, ErrUnknownSnapshot, "%s", name)
	}
	var s Snapshot
	if err := decode(key, obj.Body, &s); err != nil {
		return Snapshot{}, err
	}
	if s.Name != name || !s.Index.Valid() {
		return Snapshot{}, fmt.Errorf("%s: %w: it is no record of this snapshot", key, ErrCorrupt)
	}
	return s, nil
}

var baseName = regexp.MustCompile(`^evaluations/` + segment + `/base$`)

func checkSnapshotName(name string) error {
	if baseName.MatchString(name) {
		return nil
	}
	if err := skill.CheckName(name); err != nil {
		return invalid("snapshot: %w", err)
	}
	return nil
}
