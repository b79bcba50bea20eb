package skillstore

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"agentfactory/internal/objectstore"
	"agentfactory/internal/search"
	"agentfactory/internal/skill"
)

// refreshEvery is how old what a search knows may be. Within that time searches send no request to S3.
const refreshEvery = 500 * time.Millisecond

// loadedCatalog is the catalog as this process knows it.
type loadedCatalog struct {
	refreshing sync.Mutex // held during a refresh; whoever needs one waits for it
	index      *search.Index

	mu          sync.RWMutex
	refreshed   time.Time // zero: a refresh is due
	moves       int       // of heads by this process
	etags       map[string]string
	shards      map[string]catalogShard
	vectors     map[string]map[string]storedVector // by shard and skill
	model       string                             // of the vectors; "": none
	unpublished map[string]bool                    // skills that could not be shown in the catalog
	notes       []string                           // of the latest comparison with the heads
}

func newLoadedCatalog() *loadedCatalog {
	return &loadedCatalog{
		index: search.New(), etags: map[string]string{}, shards: map[string]catalogShard{},
		vectors: map[string]map[string]storedVector{}, unpublished: map[string]bool{},
	}
}

// published makes the next search refresh, and remembers what it has to publish first.
func (c *loadedCatalog) published(name string, done bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.refreshed = time.Time{}
	c.moves++
	if done {
		delete(c.unpublished, name)
	} else {
		c.unpublished[name] = true
	}
}

// current returns the head of a skill that is not retired.
func (c *loadedCatalog) current(name string) (skill.Head, bool) {
	shard := shardOf(name)
	c.mu.RLock()
	defer c.mu.RUnlock()
	e, ok := c.shards[shard].Skills[name]
	return e.Head, ok && e.Head.Tombstone == nil
}

// refresh brings the index up to the catalog. Once it has been loaded, a catalog that cannot be reached is no error but a note.
func (s *S3) refresh(ctx context.Context) (notes []string, err error) {
	c := s.catalog
	c.refreshing.Lock()
	defer c.refreshing.Unlock()
	begun, moves, fresh := s.now(), c.moved(), c.fresh(s.now(), s.embeddingModel())
	if !fresh {
		err := s.load(ctx)
		switch {
		case err == nil:
			c.mark(begun, moves)
		case c.loaded() && errors.Is(err, objectstore.ErrUnavailable):
			notes = append(notes, fmt.Sprintf("the catalog could not be refreshed, newer skills may be missing: %.200s", err))
		default:
			return nil, fmt.Errorf("read the catalog: %w", err)
		}
	}
	c.mu.RLock()
	defer c.mu.RUnlock()
	return append(notes, c.notes...), nil
}

func (c *loadedCatalog) fresh(now time.Time, model string) bool {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return now.Sub(c.refreshed) < refreshEvery && len(c.unpublished) == 0 && c.model == model
}

func (c *loadedCatalog) moved() int {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.moves
}

func (c *loadedCatalog) loaded() bool {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return len(c.etags) > 0
}

// mark says that everything from before begun is known, unless this process moved a head meanwhile.
func (c *loadedCatalog) mark(begun time.Time, moves int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.moves == moves {
		c.refreshed = begun
	}
}

// load reads what changed since the last time: one listing, then the records whose ETag is new.
func (s *S3) load(ctx context.Context) error {
	s.publishAgain(ctx)
	listed, err := s.listCatalog(ctx)
	if err != nil {
		return err
	}
	broken, err := s.take(ctx, listed)
	if err != nil {
		return err
	}
	last, audited := listed[auditKey]
	if broken || !audited { // without the record there is no catalog yet, or not a whole one
		return s.rebuild(ctx, last)
	}
	if s.auditDue(ctx, last) {
		s.later(ctx, "compare the catalog with the heads", func(ctx context.Context) error {
			_, err := s.Reconcile(ctx)
			return err
		})
	}
	return nil
}

// rebuild compares with the heads at once, because the search would miss skills otherwise.
func (s *S3) rebuild(ctx context.Context, last objectstore.Info) error {
	r, err := s.Reconcile(ctx)
	if err != nil {
		return err
	}
	s.catalog.setNotes(r.Notes())
	// Only now is the catalog whole. When another worker writes this first, it is whole as well.
	err = s.swap(ctx, auditKey, last.ETag, audit{At: s.now()})
	if err != nil && !errors.Is(err, objectstore.ErrExists) && !errors.Is(err, objectstore.ErrChanged) {
		return err
	}
	listed, err := s.listCatalog(ctx)
	if err != nil {
		return err
	}
	_, err = s.take(ctx, listed)
	return err
}

func (c *loadedCatalog) setNotes(notes []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.notes = notes
}

// publishAgain tries what failed before.
func (s *S3) publishAgain(ctx context.Context) {
	s.catalog.mu.RLock()
	names := slices.Sorted(maps.Keys(s.catalog.unpublished))
	s.catalog.mu.RUnlock()
	for _, name := range names {
		s.publish(ctx, name)
	}
}

func (s *S3) listCatalog(ctx context.Context) (map[string]objectstore.Info, error) {
	objects, err := s.objects.List(ctx, catalogPrefix, "", 0)
	listed := make(map[string]objectstore.Info, len(objects))
	for _, o := range objects {
		listed[o.Key] = o
	}
	return listed, err
}

// take reads the records that changed and indexes what is new in them. A shard that is corrupt is reported, and its skills
// stay as they were known.
func (s *S3) take(ctx context.Context, listed map[string]objectstore.Info) (broken bool, err error) {
	changed, err := s.takeVectors(ctx, listed)
	if err != nil {
		return false, err
	}
	shards := s.catalog.outdated(listed, shardsPrefix)
	type shardRead struct {
		etag  string
		shard catalogShard
	}
	read, err := each(ctx, shards, func(ctx context.Context, shard string) (shardRead, error) {
		c, etag, err := s.readShard(ctx, shard)
		if errors.Is(err, ErrCorrupt) {
			slog.WarnContext(ctx, "a shard of the catalog is corrupt", "error", err)
			return shardRead{}, nil
		}
		return shardRead{etag, c}, err
	})
	if err != nil {
		return false, err
	}
	for i, shard := range shards {
		if read[i].etag == "" {
			broken = true
			continue
		}
		changed = append(changed, s.catalog.takeShard(shard, read[i].etag, read[i].shard)...)
	}
	s.catalog.reindex(changed)
	return broken, nil
}

// outdated returns the records below prefix, without their ending, that have another ETag than when they were read.
func (c *loadedCatalog) outdated(listed map[string]objectstore.Info, prefix string) (names []string) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	for key, o := range listed {
		if name, ok := strings.CutPrefix(key, prefix); ok && c.etags[key] != o.ETag {
			names = append(names, strings.TrimSuffix(name, ".json"))
		}
	}
	slices.Sort(names)
	return names
}

// takeShard makes a shard the one that is known, and returns the skills that changed with it.
func (c *loadedCatalog) takeShard(shard, etag string, read catalogShard) (changed []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	old := c.shards[shard].Skills
	for name := range old {
		if _, ok := read.Skills[name]; !ok {
			changed = append(changed, name)
		}
	}
	for name, e := range read.Skills {
		if was, ok := old[name]; !ok || !was.same(e) {
			changed = append(changed, name)
		}
	}
	c.etags[shardKey(shard)], c.shards[shard] = etag, read
	return changed
}

// reindex brings the index up to what is known of these skills. Retired ones are not found.
func (c *loadedCatalog) reindex(names []string) {
	c.mu.RLock()
	var documents []search.Document
	var gone []string
	for _, name := range names {
		shard := shardOf(name)
		e, ok := c.shards[shard].Skills[name]
		if !ok || e.Head.Tombstone != nil {
			gone = append(gone, name)
			continue
		}
		d := e.document()
		if v := c.vectors[shard][name]; v.Text == e.textDigest() {
			d.Vector = v.numbers()
		}
		documents = append(documents, d)
	}
	c.mu.RUnlock()
	for _, name := range gone {
		c.index.Remove(name)
	}
	c.index.Put(documents...)
}
