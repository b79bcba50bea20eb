package skillstore

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"agentfactory/internal/skill"
)

// headCache remembers heads by the ETag they had. A listing, which carries the ETags, tells which of them to read again.
type headCache struct {
	mu     sync.Mutex
	byName map[string]cachedHead
}

type cachedHead struct {
	etag string
	head skill.Head
}

func newHeadCache() *headCache { return &headCache{byName: map[string]cachedHead{}} }

// put keeps the newest of the heads that race here.
func (c *headCache) put(h skill.Head, etag string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if h.Generation >= c.byName[h.Name].head.Generation {
		c.byName[h.Name] = cachedHead{etag, h}
	}
}

func (c *headCache) has(name, etag string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.byName[name].etag == etag
}

// all returns the heads in the order of their names. Heads are never deleted, so none has to be dropped.
func (c *headCache) all() []skill.Head {
	c.mu.Lock()
	defer c.mu.Unlock()
	heads := make([]skill.Head, 0, len(c.byName))
	for _, name := range slices.Sorted(maps.Keys(c.byName)) {
		heads = append(heads, c.byName[name].head)
	}
	return heads
}

// Heads implements Store.
func (s *S3) Heads(ctx context.Context, after string, limit int) ([]skill.Head, error) {
	heads, err := s.currentHeads(ctx)
	if err != nil {
		return nil, fmt.Errorf("list heads: %w", err)
	}
	heads = heads[firstAfter(heads, after):]
	if limit > 0 && len(heads) > limit {
		heads = heads[:limit]
	}
	return heads, nil
}

func firstAfter(heads []skill.Head, after string) int {
	i := slices.IndexFunc(heads, func(h skill.Head) bool { return h.Name > after })
	if i < 0 {
		return len(heads)
	}
	return i
}

// currentHeads lists the library and reads the heads that changed since the last time.
func (s *S3) currentHeads(ctx context.Context) ([]skill.Head, error) {
	listed, err := s.objects.List(ctx, skillsPrefix, "", 0)
	if err != nil {
		return nil, err
	}
	var changed []string
	for _, o := range listed {
		name, file, _ := strings.Cut(strings.TrimPrefix(o.Key, skillsPrefix), "/")
		if file == headFile && !s.heads.has(name, o.ETag) {
			changed = append(changed, name)
		}
	}
	_, err = each(ctx, changed, func(ctx context.Context, name string) (struct{}, error) {
		h, etag, err := s.readHead(ctx, name)
		if err == nil {
			s.heads.put(h, etag)
		}
		return struct{}{}, err
	})
	if err != nil {
		return nil, err
	}
	return s.heads.all(), nil
}
