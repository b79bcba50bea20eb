package skillstore

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"time"

	"agentfactory/internal/objectstore"
	"agentfactory/internal/skill"
)

// collector gathers what a library is, for a snapshot.
type collector struct {
	from   *S3
	blobs  *objectstore.Blobs // where copies go
	at     time.Time
	frozen []objectstore.FrozenObject
	heads  map[string]collectedHead
	newest map[string]int // the highest version of each skill that is taken
	// What is counted.
	versions, cases int
}

// collectedHead is a head as it was read. One that is corrupt is copied as it is, and known as zero.
type collectedHead struct {
	object objectstore.FrozenObject
	head   skill.Head
}

func newCollector(from *S3, copies *objectstore.Blobs, at time.Time) *collector {
	return &collector{from: from, blobs: copies, at: at, heads: map[string]collectedHead{}, newest: map[string]int{}}
}

// collect reads effects before their causes. Nothing is ever deleted, so whatever a record rests on is still there when
// it is looked for:
//
//	a tombstone rests on the head that took over  read again after the tombstone
//	a head rests on its version, its gate and its uses (its trust does)
//	a use summary rests on the uses that it counts  checked, one by one
//	a use rests on its version
//	a gate report and a mark rest on versions and cases
//	a version rests on all with a lower number
//
// Announcements go the other way: they come before the uses, and are withdrawn after them. They are taken as if none had
// been withdrawn. The catalog rests on everything, and is taken as a cache: what does not match is made again.
func (c *collector) collect(ctx context.Context) error {
	for _, step := range []func(context.Context) error{
		c.collectHeads, c.collectUses, c.collectGatesAndMarks, c.collectVersionsAndCases, c.collectAnnouncements, c.collectLessons, c.collectCatalog,
	} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}

func (c *collector) collectHeads(ctx context.Context) error {
	listed, err := c.from.objects.List(ctx, skillsPrefix, "", 0)
	if err != nil {
		return err
	}
	var heads []objectstore.Info
	for _, o := range listed {
		if name, file, _ := strings.Cut(strings.TrimPrefix(o.Key, skillsPrefix), "/"); file == headFile && checkName(name) == nil {
			heads = append(heads, o)
		}
	}
	for len(heads) > 0 {
		read, err := each(ctx, heads, c.readHead)
		if err != nil {
			return err
		}
		heads = c.successors(read)
	}
	for _, h := range c.heads {
		c.frozen = append(c.frozen, h.object)
	}
	return nil
}

// readHead returns nothing for a head that is not there: a person may say of a retired skill that any name took over.
func (c *collector) readHead(ctx context.Context, o objectstore.Info) (collectedHead, error) {
	object, body, err := c.copy(ctx, o)
	if errors.Is(err, objectstore.ErrNotFound) {
		return collectedHead{}, nil
	}
	h := collectedHead{object: object}
	if err == nil && json.Unmarshal(body, &h.head) != nil {
		h.head = skill.Head{}
	}
	return h, err
}

// successors keeps heads and returns those that took over from them, to be read again: the library may have been written
// to between. A head that has not changed since it was read leads no further.
func (c *collector) successors(read []collectedHead) (again []objectstore.Info) {
	wanted := map[string]bool{}
	for _, h := range read {
		if h.object.Key == "" {
			continue
		}
		name := strings.TrimSuffix(strings.TrimPrefix(h.object.Key, skillsPrefix), "/"+headFile)
		changed := c.heads[name].object.ETag != h.object.ETag
		c.heads[name] = h
		if t := h.head.Tombstone; changed && t != nil && checkName(t.SupersededBy) == nil {
			wanted[t.SupersededBy] = true
		}
	}
	for name := range wanted {
		again = append(again, objectstore.Info{Key: headKey(name), Modified: c.at})
	}
	return again
}

func (c *collector) skills() (n int) {
	for _, h := range c.heads {
		if h.head.Name != "" && h.head.Tombstone == nil {
			n++
		}
	}
	return n
}
