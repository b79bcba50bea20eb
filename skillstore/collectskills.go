package skillstore

import (
	"context"
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	"agentfactory/internal/objectstore"
)

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

// lessonsPrefix is where what runs learned in words lies beside the skills (internal/lesson); it never changes.
const lessonsPrefix = "lessons/"

func (c *collector) collectLessons(ctx context.Context) error {
	listed, err := c.from.objects.List(ctx, lessonsPrefix, "", 0)
	for _, o := range listed {
		c.keep(o)
	}
	return err
}
