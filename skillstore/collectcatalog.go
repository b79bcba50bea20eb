package skillstore

import (
	"context"
	"slices"
	"strings"

	"agentfactory/internal/objectstore"
)

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
