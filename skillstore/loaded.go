package skillstore

import (
	"slices"
	"strings"
	"sync"
	"time"

	"agentfactory/internal/objectstore"
	"agentfactory/internal/search"
	"agentfactory/internal/skill"
)

// loadedCatalog is the catalog as this process knows it.
type loadedCatalog struct {
	refreshing chan struct{} // filled during a refresh; whoever needs one waits for it
	index      *search.Index

	mu          sync.RWMutex
	refreshed   time.Time // zero: a refresh is due
	moves       int       // of heads by this process
	etags       map[string]string
	shards      map[string]catalogShard
	vectors     map[string]map[string]storedVector // by shard and skill
	model       string                             // of the vectors; "": none
	unpublished map[string]bool                    // skills that could not be shown in the catalog
}

func newLoadedCatalog() *loadedCatalog {
	return &loadedCatalog{
		refreshing: make(chan struct{}, 1), index: search.New(), etags: map[string]string{}, shards: map[string]catalogShard{},
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
