package skillstore

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"time"

	"agentfactory/internal/objectstore"
)

// refreshEvery is how old what a search knows may be. Within that time searches send no request to S3. A run searches once or
// twice, so that nearly every search refreshes; a person who imports a skill and starts a run has it offered.
const refreshEvery = 100 * time.Millisecond

// refresh brings the index up to the catalog. Once it has been loaded, a catalog that cannot be reached is no error but a note.
func (s *S3) refresh(ctx context.Context) (notes []string, err error) {
	c := s.catalog
	select {
	case c.refreshing <- struct{}{}:
		defer func() { <-c.refreshing }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	begun, moves := s.now(), c.moved()
	if c.fresh(begun, s.embeddingModel()) {
		return nil, nil
	}
	notes, err = s.load(ctx)
	switch {
	case err == nil:
		c.mark(begun, moves)
		return notes, nil
	case c.loaded() && errors.Is(err, objectstore.ErrUnavailable):
		return []string{fmt.Sprintf("the catalog could not be refreshed, newer skills may be missing: %.200s", err)}, nil
	}
	return nil, fmt.Errorf("read the catalog: %w", err)
}

// load reads what changed since the last time: one listing, then the records whose ETag is new.
func (s *S3) load(ctx context.Context) (notes []string, err error) {
	s.publishAgain(ctx)
	listed, err := s.listCatalog(ctx)
	if err != nil {
		return nil, err
	}
	broken, err := s.take(ctx, listed)
	if err != nil {
		return nil, err
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
	return nil, nil
}

// rebuild compares with the heads at once, because the search would miss skills otherwise.
func (s *S3) rebuild(ctx context.Context, last objectstore.Info) (notes []string, err error) {
	r, err := s.Reconcile(ctx)
	if err != nil {
		return nil, err
	}
	// Only now is the catalog whole. When another worker writes this first, it is whole as well.
	err = s.swap(ctx, auditKey, last.ETag, audit{At: s.now()})
	if err != nil && !errors.Is(err, objectstore.ErrExists) && !errors.Is(err, objectstore.ErrChanged) && !errors.Is(err, objectstore.ErrHidden) {
		return nil, err
	}
	listed, err := s.listCatalog(ctx)
	if err != nil {
		return nil, err
	}
	_, err = s.take(ctx, listed)
	return r.Notes(), err
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
	if err := s.takeVectors(ctx, listed); err != nil {
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
	var changed []string
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
