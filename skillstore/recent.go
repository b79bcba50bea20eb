package skillstore

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"agentfactory/internal/skill"
)

// Recent implements Store. What other workers moved is seen a tenth of a second later, what this one moved at once.
func (s *S3) Recent(ctx context.Context, limit int) ([]skill.Head, error) {
	if _, err := s.refresh(ctx); err != nil {
		return nil, fmt.Errorf("list recent skills: %w", err)
	}
	var heads []skill.Head
	for _, m := range s.catalog.latest() {
		if limit > 0 && len(heads) == limit {
			break
		}
		if h, ok := s.catalog.current(m.name); ok { // else it was retired a moment ago
			heads = append(heads, h)
		}
	}
	return heads, nil
}

// movedSkill is what skills are sorted by: heads are too large to be moved about.
type movedSkill struct {
	name string
	at   time.Time
}

// latest returns all skills that are not retired, the latest moved first.
func (c *loadedCatalog) latest() []movedSkill {
	c.mu.RLock()
	var list []movedSkill
	for _, shard := range c.shards {
		for name, e := range shard.Skills {
			if e.Head.Tombstone == nil {
				list = append(list, movedSkill{name, e.Head.UpdatedAt})
			}
		}
	}
	c.mu.RUnlock()
	slices.SortFunc(list, func(a, b movedSkill) int { return cmp.Or(b.at.Compare(a.at), strings.Compare(a.name, b.name)) })
	return list
}
