package skillstore

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"

	"agentfactory/internal/objectstore"
	"agentfactory/internal/search"
	"agentfactory/internal/skill"
)

// The catalog is what a search reads in place of all heads: their compacted copy in a fixed number of shards, each a
// JSON record that holds the skills whose name's hash begins alike and moves by compare-and-swap. One listing of the
// prefix gives the ETags of all shards, so that a worker learns with one request which of them to read again; there is no root object that
// all writers would meet at.
//
// Heads stay the truth. An entry is only ever made from a head that was read after the shard, and swapped in against that shard, so
// that of two writers the one who read the newer head prevails. What a writer did not live to write is written by whoever repeats its promotion, else
// by the next comparison with the heads ([S3.Reconcile]).
const (
	catalogPrefix = "catalog/v1/" // of this format; another format is another prefix
	shardsPrefix  = catalogPrefix + "shards/"
	shardCount    = 64
)

func shardOf(name string) string {
	sum := sha256.Sum256([]byte(name))
	return fmt.Sprintf("%02x", sum[0]%shardCount)
}

func shardKey(shard string) string { return shardsPrefix + shard + ".json" }

// catalogShard is the record of a shard.
type catalogShard struct {
	Skills map[string]catalogEntry `json:"skills"` // by name; retired ones too
}

// catalogEntry is a skill as the catalog shows it.
type catalogEntry struct {
	Head      skill.Head `json:"head"`                // without its moves
	ETag      string     `json:"etag"`                // of the head that it was made from
	Interface string     `json:"interface,omitempty"` // of the current version, its beginning
	Queries   []string   `json:"queries,omitempty"`   // of some of the cases that were not dropped, their beginnings
	Cases     int        `json:"cases"`               // that there were
	Marks     string     `json:"marks,omitempty"`     // digest of what people said about them
}

// What an entry holds at most of an interface and of a query, in bytes, and of queries. It is for searching, and is read
// by every worker.
const (
	maxCatalogText    = 1 << 10
	maxCatalogQuery   = 300
	maxCatalogQueries = 8
)

func (e catalogEntry) same(other catalogEntry) bool {
	return e.ETag == other.ETag && e.Cases == other.Cases && e.Marks == other.Marks
}

func (e catalogEntry) document() search.Document {
	return search.Document{ID: e.Head.Name, Name: e.Head.Name, Description: e.Head.Description, Details: e.Interface, Queries: e.Queries}
}

// readShard returns a shard with the ETag to swap it against; one that does not exist is empty and has none. An
// ErrCorrupt comes with the ETag.
func (s *S3) readShard(ctx context.Context, shard string) (catalogShard, string, error) {
	obj, err := s.objects.Get(ctx, shardKey(shard))
	if errors.Is(err, objectstore.ErrNotFound) {
		return catalogShard{Skills: map[string]catalogEntry{}}, "", nil
	}
	if err != nil {
		return catalogShard{}, "", err
	}
	c, err := parseShard(shard, obj.Body)
	return c, obj.ETag, err
}

func parseShard(shard string, body []byte) (catalogShard, error) {
	var c catalogShard
	if err := decode(shardKey(shard), body, &c); err != nil {
		return catalogShard{}, err
	}
	if c.Skills == nil {
		return catalogShard{}, fmt.Errorf("%s: %w: it has no skills", shardKey(shard), ErrCorrupt)
	}
	for name, e := range c.Skills {
		if checkName(name) != nil || e.Head.Name != name || e.Head.Generation < 1 || shardOf(name) != shard {
			return catalogShard{}, fmt.Errorf("%s: %w: %.80q does not belong there", shardKey(shard), ErrCorrupt, name)
		}
	}
	return c, nil
}

// revise brings a shard's entries for these names up to their heads. A corrupt shard is an error unless it is to be
// rebuilt; then names are all that belong into it. Skills whose head is corrupt keep the entry they have, and are returned.
func (s *S3) revise(ctx context.Context, shard string, names []string, rebuild bool) (corrupt []string, err error) {
	for {
		current, etag, err := s.readShard(ctx, shard)
		broken := errors.Is(err, ErrCorrupt)
		switch {
		case broken && rebuild:
			current.Skills = map[string]catalogEntry{}
		case err != nil:
			return nil, err
		}
		made, err := each(ctx, names, s.describe)
		if err != nil {
			return nil, err
		}
		changed := current.merge(names, made)
		if changed || broken {
			err = s.swap(ctx, shardKey(shard), etag, current)
		}
		if !errors.Is(err, objectstore.ErrChanged) && !errors.Is(err, objectstore.ErrExists) {
			return corruptOf(names, made), err
		}
	}
}

// described is an entry made from a head, or why there is none.
type described struct {
	entry         catalogEntry
	gone, corrupt bool
}

// merge takes over what was made and reports whether that changed anything.
func (c catalogShard) merge(names []string, made []described) (changed bool) {
	for i, name := range names {
		old, had := c.Skills[name]
		switch d := made[i]; {
		case d.corrupt:
		case d.gone:
			delete(c.Skills, name)
			changed = changed || had
		case !had || !old.same(d.entry):
			c.Skills[name] = d.entry
			changed = true
		}
	}
	return changed
}

func corruptOf(names []string, made []described) (corrupt []string) {
	for i, d := range made {
		if d.corrupt {
			corrupt = append(corrupt, names[i])
		}
	}
	return corrupt
}

// swap creates a record, or replaces the one with this ETag.
func (s *S3) swap(ctx context.Context, key, etag string, record any) error {
	var err error
	if etag == "" {
		_, err = s.create(ctx, key, record)
	} else {
		_, err = s.objects.Replace(ctx, key, encode(record), etag)
	}
	return err
}

// create writes a record that is not there yet, and returns its ETag. Who reads after an ErrExists finds something: without
// that it would be tried again for ever.
func (s *S3) create(ctx context.Context, key string, record any) (string, error) {
	etag, err := s.objects.Create(ctx, key, encode(record))
	if !errors.Is(err, objectstore.ErrExists) {
		return etag, err
	}
	if _, missing := s.objects.Stat(ctx, key); errors.Is(missing, objectstore.ErrNotFound) {
		return "", fmt.Errorf("create %s: %w", key, objectstore.ErrHidden)
	}
	return "", err
}

// describe makes the entry of a skill from its head, its version and its cases. Only the head must be readable: a skill
// can be found without the rest.
func (s *S3) describe(ctx context.Context, name string) (described, error) {
	head, etag, err := s.readHead(ctx, name)
	switch {
	case errors.Is(err, ErrUnknownSkill):
		return described{gone: true}, nil
	case errors.Is(err, ErrCorrupt):
		slog.WarnContext(ctx, "a skill is left out of the catalog", "skill", name, "error", err)
		return described{corrupt: true}, nil
	case err != nil:
		return described{}, err
	}
	head.Moves = nil
	e := catalogEntry{Head: head, ETag: etag}
	version, err := s.readVersion(ctx, name, head.Version)
	if err != nil && !lost(err) {
		return described{}, err
	}
	e.Interface = beginning(version.Interface, maxCatalogText)
	cases, err := s.listCases(ctx, name)
	if err != nil {
		return described{}, err
	}
	e.Cases, e.Marks = len(cases.ids), cases.marksDigest()
	e.Queries, err = s.pastQueries(ctx, name, cases)
	return described{entry: e}, err
}

// lost says that a record cannot be had however often it is asked for.
func lost(err error) bool {
	return errors.Is(err, ErrCorrupt) || errors.Is(err, objectstore.ErrNotFound)
}

// pastQueries are those of the first cases that can be read and were not dropped.
func (s *S3) pastQueries(ctx context.Context, name string, listed listedCases) (queries []string, err error) {
	for _, id := range listed.ids {
		if len(queries) == maxCatalogQueries {
			break
		}
		c, err := s.readMarked(ctx, name, id, listed)
		switch {
		case lost(err), c.Mark != nil && c.Mark.Dropped:
		case err != nil:
			return nil, err
		default:
			queries = append(queries, beginning(c.Query, maxCatalogQuery))
		}
	}
	return queries, nil
}

func beginning(text string, most int) string {
	if len(text) <= most {
		return text
	}
	return strings.ToValidUTF8(text[:most], "")
}

// publish shows a skill in the catalog as its head is now. It does not fail: what is published is done already, and
// a name that cannot be published now is tried again by the next search of this process, later by a comparison.
func (s *S3) publish(ctx context.Context, name string) {
	_, err := s.revise(ctx, shardOf(name), []string{name}, false)
	s.catalog.published(name, err == nil)
	if err != nil {
		slog.WarnContext(ctx, "the catalog lags behind a skill", "skill", name, "error", err)
		return
	}
	if s.embeddingModel() != "" {
		s.later(ctx, "embed "+name, func(ctx context.Context) error { return s.embedShard(ctx, shardOf(name)) })
	}
}

// byShard groups names, in the order of the shards.
func byShard(names []string) (shards []string, of map[string][]string) {
	of = map[string][]string{}
	for _, name := range names {
		of[shardOf(name)] = append(of[shardOf(name)], name)
	}
	return slices.Sorted(maps.Keys(of)), of
}
