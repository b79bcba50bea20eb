package skillstore

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"

	"agentfactory/internal/objectstore"
	"agentfactory/internal/skill"
)

// An announcement says that a skill may have open failures, so that whoever looks for them lists one object for each skill
// that ever had one, and reads the uses of few. It is one record per skill; an empty object says that there are none.
//
// A use that fell short is announced first and recorded then. A process that dies between the two leaves an announcement
// without a record: that skill is looked at in vain until the repeated use is recorded, and nothing is lost. Whoever finds
// no open failure withdraws the announcement, by compare-and-swap and only if every announced use has its record, so
// that none is withdrawn whose record is on its way.
type announcement struct {
	Name string   `json:"name"`
	Uses []string `json:"uses"` // IDs of those that fell short and are recorded, or about to be
}

const announcementsPrefix = "openfailures/v1/"

func announcementKey(name string) string { return announcementsPrefix + name + ".json" }

// maxAnnounced is how many uses an announcement names until those that are recorded are left out again.
const maxAnnounced = 64

// announce is repeated harmlessly: a use is named once, and what is announced in vain is withdrawn by the next look.
func (s *S3) announce(ctx context.Context, u skill.Use) error {
	for {
		a, etag, err := s.readAnnouncement(ctx, u.Name)
		if err != nil && !errors.Is(err, ErrCorrupt) {
			return err
		}
		if slices.Contains(a.Uses, u.ID) {
			return nil
		}
		if len(a.Uses) >= maxAnnounced {
			if a.Uses, err = s.unrecorded(ctx, a); err != nil {
				return err
			}
		}
		a.Uses = append(a.Uses, u.ID)
		err = s.swap(ctx, announcementKey(u.Name), etag, a)
		if !errors.Is(err, objectstore.ErrChanged) && !errors.Is(err, objectstore.ErrExists) {
			return err
		}
	}
}

// unrecorded are the announced uses whose record is not there yet.
func (s *S3) unrecorded(ctx context.Context, a announcement) (ids []string, err error) {
	recorded, err := each(ctx, a.Uses, func(ctx context.Context, id string) (bool, error) {
		_, err := s.objects.Stat(ctx, useRecordKey(a.Name, id))
		if errors.Is(err, objectstore.ErrNotFound) {
			return false, nil
		}
		return true, err
	})
	for i, id := range a.Uses {
		if !recorded[i] {
			ids = append(ids, id)
		}
	}
	return ids, err
}

// readAnnouncement returns an empty announcement where there is none or it was withdrawn. One that is corrupt, an
// ErrCorrupt, is as good as one that names no use: it comes with the ETag.
func (s *S3) readAnnouncement(ctx context.Context, name string) (announcement, string, error) {
	key, none := announcementKey(name), announcement{Name: name}
	obj, err := s.objects.Get(ctx, key)
	switch {
	case errors.Is(err, objectstore.ErrNotFound):
		return none, "", nil
	case err != nil:
		return none, "", err
	case len(obj.Body) == 0:
		return none, obj.ETag, nil
	}
	var a announcement
	if err := decode(key, obj.Body, &a); err != nil {
		return none, obj.ETag, err
	}
	if a.Name != name {
		return none, obj.ETag, fmt.Errorf("%s: %w: it announces failures of another skill", key, ErrCorrupt)
	}
	return a, obj.ETag, nil
}

// OpenFailures implements Uses. It is one listing, and for each skill that is announced its head and its uses. A skill whose
// records are corrupt is left out with a warning in the log, so that the others are found.
func (s *S3) OpenFailures(ctx context.Context, limit int) ([]skill.Use, error) {
	listed, err := s.objects.List(ctx, announcementsPrefix, "", 0)
	if err != nil {
		return nil, fmt.Errorf("list open failures: %w", err)
	}
	listed = slices.DeleteFunc(listed, func(o objectstore.Info) bool { return o.Size == 0 || checkName(announced(o)) != nil })
	found, err := each(ctx, listed, func(ctx context.Context, o objectstore.Info) ([]skill.Use, error) {
		open, err := s.oldestOpen(ctx, announced(o), o.ETag)
		if errors.Is(err, ErrCorrupt) {
			slog.WarnContext(ctx, "the open failures of a skill are left out", "skill", announced(o), "error", err)
			return nil, nil
		}
		return open, err
	})
	if err != nil {
		return nil, fmt.Errorf("read open failures: %w", err)
	}
	open := slices.Concat(found...)
	slices.SortFunc(open, skill.Use.Compare)
	if limit > 0 && len(open) > limit {
		open = open[:limit]
	}
	return open, nil
}

// announced is the skill whose failures a listed object announces.
func announced(o objectstore.Info) string {
	return strings.TrimSuffix(strings.TrimPrefix(o.Key, announcementsPrefix), ".json")
}

// oldestOpen returns at most one use, and withdraws what was announced, as the ETag says, before the uses are read.
func (s *S3) oldestOpen(ctx context.Context, name, etag string) ([]skill.Use, error) {
	head, _, err := s.readHead(ctx, name)
	if errors.Is(err, ErrUnknownSkill) || err == nil && (head.Tombstone != nil || head.Frozen != nil) {
		return nil, nil // what is announced stays, for when it is in use again
	}
	if err != nil {
		return nil, err
	}
	sum, err := s.addUp(ctx, name)
	if err != nil {
		return nil, err
	}
	if open := sum.Performance.OpenFailures(); len(open) > 0 {
		return open[:1], nil
	}
	s.withdraw(ctx, name, etag, sum)
	return nil, nil
}

// withdraw empties an announcement that has not changed since it had this ETag. Its errors are of no interest: the next look
// tries again.
func (s *S3) withdraw(ctx context.Context, name, etag string, sum useSummary) {
	a, now, err := s.readAnnouncement(ctx, name)
	if err != nil && !errors.Is(err, ErrCorrupt) || now != etag {
		return
	}
	for _, id := range a.Uses {
		if _, recorded := slices.BinarySearch(sum.Added, id); !recorded {
			return
		}
	}
	_, _ = s.objects.Replace(ctx, announcementKey(name), nil, etag)
}
