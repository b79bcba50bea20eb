package skillstore

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strconv"
	"strings"
	"sync"
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
		c.collectHeads, c.collectUses, c.collectGatesAndMarks, c.collectVersionsAndCases, c.collectAnnouncements, c.collectCatalog,
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

// collectUses takes the records as they are listed, and the summaries that count none but these.
func (c *collector) collectUses(ctx context.Context) error {
	listed, err := c.from.objects.List(ctx, usesPrefix, "", 0)
	if err != nil {
		return err
	}
	recorded := map[string]bool{}
	var summaries []objectstore.Info
	for _, o := range listed {
		if name, isSummary := strings.CutSuffix(strings.TrimPrefix(o.Key, usesPrefix), "/"+summaryFile); isSummary && checkName(name) == nil {
			summaries = append(summaries, o)
			continue
		}
		recorded[o.Key] = true
		c.keep(o)
	}
	return c.copyAll(ctx, summaries, func(o objectstore.Info, body []byte) bool {
		name := strings.TrimSuffix(strings.TrimPrefix(o.Key, usesPrefix), "/"+summaryFile)
		var sum useSummary
		return json.Unmarshal(body, &sum) == nil && !slices.ContainsFunc(sum.Added, func(id string) bool { return !recorded[useRecordKey(name, id)] })
	})
}

func (c *collector) collectGatesAndMarks(ctx context.Context) error {
	var marks []objectstore.Info
	err := c.listSkills(ctx, func(name, file string, o objectstore.Info) {
		version, rest := versionOf(file)
		switch {
		case version > 0:
			c.newest[name] = max(c.newest[name], version)
			if strings.HasPrefix(rest, gateFolder) {
				c.keep(o)
			}
		case strings.HasPrefix(file, casesFolder) && strings.HasSuffix(file, "/"+markFile):
			marks = append(marks, o)
		}
	})
	if err != nil {
		return err
	}
	return c.copyAll(ctx, marks, always)
}

// collectVersionsAndCases takes no version beyond those that were seen before: the listing may have passed a lower number
// before that was created.
func (c *collector) collectVersionsAndCases(ctx context.Context) error {
	return c.listSkills(ctx, func(name, file string, o objectstore.Info) {
		version, rest := versionOf(file)
		switch {
		case rest == manifestFile && version <= c.newest[name]:
			c.versions++
			c.keep(o)
		case strings.HasPrefix(file, casesFolder) && strings.HasSuffix(file, "/"+caseFile):
			c.cases++
			c.keep(o)
		}
	})
}

func (c *collector) listSkills(ctx context.Context, visit func(name, file string, o objectstore.Info)) error {
	listed, err := c.from.objects.List(ctx, skillsPrefix, "", 0)
	for _, o := range listed {
		if name, file, _ := strings.Cut(strings.TrimPrefix(o.Key, skillsPrefix), "/"); checkName(name) == nil {
			visit(name, file, o)
		}
	}
	return err
}

// versionOf reads versions/<0001>/<rest>; anything else is version 0.
func versionOf(file string) (version int, rest string) {
	path, isVersion := strings.CutPrefix(file, versionsFolder)
	number, rest, _ := strings.Cut(path, "/")
	version, err := strconv.Atoi(number)
	if !isVersion || err != nil {
		return 0, ""
	}
	return version, rest
}

// collectAnnouncements replaces each announcement by one that names no use, which makes whoever looks for open failures
// look at the uses of this skill.
func (c *collector) collectAnnouncements(ctx context.Context) error {
	listed, err := c.from.objects.List(ctx, announcementsPrefix, "", 0)
	if err != nil {
		return err
	}
	made, err := each(ctx, listed, func(ctx context.Context, o objectstore.Info) (objectstore.FrozenObject, error) {
		return c.put(ctx, objectstore.Info{Key: o.Key, Modified: o.Modified}, encode(announcement{Name: announced(o)}))
	})
	c.frozen = append(c.frozen, made...)
	return err
}

// collectCatalog takes the catalog along, so that the first search of a library that begins here need not read every skill.
// If it matches what was collected it says so; else that search compares it with the heads.
func (c *collector) collectCatalog(ctx context.Context) error {
	listed, err := c.from.objects.List(ctx, catalogPrefix, "", 0)
	if err != nil {
		return err
	}
	listed = slices.DeleteFunc(listed, func(o objectstore.Info) bool { return o.Key == auditKey })
	known := c.listedSkills()
	err = c.copyAll(ctx, listed, func(o objectstore.Info, body []byte) bool {
		if shard, isShard := strings.CutPrefix(o.Key, shardsPrefix); isShard {
			strike(known, strings.TrimSuffix(shard, ".json"), body)
		}
		return true
	})
	if err != nil || len(known) > 0 {
		return err
	}
	whole, err := c.put(ctx, objectstore.Info{Key: auditKey, Modified: c.at}, encode(audit{At: c.at}))
	c.frozen = append(c.frozen, whole)
	return err
}

// strike removes from known the skills that a shard describes as they are. What it has beyond is added: it must not be found.
func strike(known map[string]listedSkill, shard string, body []byte) {
	parsed, err := parseShard(shard, body)
	if err != nil {
		known[shard] = listedSkill{}
	}
	for name, e := range parsed.Skills {
		if l, ok := known[name]; ok && l.describes(e) {
			delete(known, name)
		} else {
			known[name] = l
		}
	}
}

// listedSkills is what a listing of the collected skills tells.
func (c *collector) listedSkills() map[string]listedSkill {
	var objects []objectstore.Info
	for _, o := range c.frozen {
		if strings.HasPrefix(o.Key, skillsPrefix) {
			objects = append(objects, o.Info)
		}
	}
	return skillsListed(objects)
}

// keep takes an object that never changes as it lies.
func (c *collector) keep(o objectstore.Info) {
	c.frozen = append(c.frozen, objectstore.FrozenObject{Info: o, At: c.from.at(o.Key)})
}

// copyAll copies objects that may change, those that accept takes when it sees what they hold. It is called for one at a time,
// so that no more bodies are in memory than are read at once.
func (c *collector) copyAll(ctx context.Context, objects []objectstore.Info, accept func(o objectstore.Info, body []byte) bool) error {
	var mu sync.Mutex
	_, err := each(ctx, objects, func(ctx context.Context, o objectstore.Info) (struct{}, error) {
		copied, body, err := c.copy(ctx, o)
		mu.Lock()
		defer mu.Unlock()
		if err == nil && accept(o, body) {
			c.frozen = append(c.frozen, copied)
		}
		return struct{}{}, err
	})
	return err
}

func always(objectstore.Info, []byte) bool { return true }

// copy stores what an object holds now as a blob.
func (c *collector) copy(ctx context.Context, o objectstore.Info) (objectstore.FrozenObject, []byte, error) {
	obj, err := c.from.objects.Get(ctx, o.Key)
	if err != nil {
		return objectstore.FrozenObject{}, nil, err
	}
	o.ETag = obj.ETag
	copied, err := c.put(ctx, o, obj.Body)
	return copied, obj.Body, err
}

// put stores a body as a blob. Without an ETag it gets one that no server gives to anything else.
func (c *collector) put(ctx context.Context, o objectstore.Info, body []byte) (objectstore.FrozenObject, error) {
	digest, err := c.blobs.Put(ctx, body)
	if err != nil {
		return objectstore.FrozenObject{}, err
	}
	if o.ETag == "" {
		o.ETag = `"frozen-` + string(digest) + `"`
	}
	o.Size = int64(len(body))
	return objectstore.FrozenObject{Info: o, At: objectstore.BlobKey(digest)}, nil
}

// at is the key of the bucket at which an object of this library lies that never changes.
func (s *S3) at(key string) string {
	if beside, ok := s.objects.Store.(*objectstore.Overlay); ok {
		return beside.At(key)
	}
	return key
}
