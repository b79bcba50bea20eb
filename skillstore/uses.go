package skillstore

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"agentfactory/internal/objectstore"
	"agentfactory/internal/skill"
)

// RecordUse implements Uses. ID is set here, and At if it is not given. The record is one object that is created once; a
// use that fell short is announced before (see announcement).
func (s *S3) RecordUse(ctx context.Context, u skill.Use) (skill.Use, error) {
	if err := checkName(u.Name); err != nil {
		return skill.Use{}, err
	}
	if err := u.Check(); err != nil {
		return skill.Use{}, invalid("use of %s: %w", u.Name, err)
	}
	if _, err := s.Version(ctx, u.Name, u.Version); err != nil {
		return skill.Use{}, fmt.Errorf("record use: %w", err)
	}
	u.ID, u.Why, u.Query = u.ContentID(), clipped(u.Why, maxUseWhy), beginning(strings.ToValidUTF8(u.Query, "�"), maxUseQuery)
	if u.At.IsZero() {
		u.At = s.now()
	}
	if u.FellShort() {
		if err := s.announce(ctx, u); err != nil {
			return skill.Use{}, fmt.Errorf("announce a failure of %s: %w", u.Name, err)
		}
	}
	_, err := s.objects.Create(ctx, useRecordKey(u.Name, u.ID), encode(u))
	if errors.Is(err, objectstore.ErrExists) {
		u, err = s.readUse(ctx, u.Name, u.ID)
	}
	if err != nil {
		return skill.Use{}, fmt.Errorf("record use of %s: %w", u.Name, err)
	}
	return u, nil
}

// What is kept of a failure: the reason, in characters, and what was asked, in bytes. A summary holds those of the recent
// uses.
const (
	maxUseWhy   = 300
	maxUseQuery = 4 << 10
)

func (s *S3) readUse(ctx context.Context, name, id string) (skill.Use, error) {
	key := useRecordKey(name, id)
	obj, err := s.objects.GetImmutable(ctx, key)
	if err != nil {
		return skill.Use{}, err
	}
	var u skill.Use
	if err := decode(key, obj.Body, &u); err != nil {
		return skill.Use{}, err
	}
	if u.Name != name || u.ID != id || u.ContentID() != id {
		return skill.Use{}, fmt.Errorf("%s: %w: the use does not match its ID", key, ErrCorrupt)
	}
	return u, nil
}

// useSummary is what records add up to, so that they need not be read again. It knows which ones: a record that was
// created while it was written is missing from it, and is read beside it.
type useSummary struct {
	Rules       int               `json:"rules"` // useRules; one of other rules is made again
	Performance skill.Performance `json:"performance"`
	Added       []string          `json:"added"` // IDs of the uses in Performance, sorted
}

// useRules rises when Performance is added up in another way.
const useRules = 2

// addedLater is how many records may lie beside the summary before they are added to it. Each of them is a request for
// whoever reads the performance, each addition writes the summary anew (20 bytes for every use, 20 KB for each version
// with its recent ones, more if these fell short: then it holds what they were asked).
const addedLater = 32

// Performance implements Uses.
func (s *S3) Performance(ctx context.Context, name string) (skill.Performance, error) {
	if err := checkName(name); err != nil {
		return skill.Performance{}, err
	}
	sum, err := s.addUp(ctx, name)
	return sum.Performance, err
}

// addUp reads the summary first: what is created after that is in the listing.
func (s *S3) addUp(ctx context.Context, name string) (useSummary, error) {
	sum, etag, err := s.readUseSummary(ctx, name)
	if err != nil {
		return useSummary{}, fmt.Errorf("read performance of %s: %w", name, err)
	}
	listed, err := s.objects.List(ctx, useRecordsPrefix(name), "", 0)
	if err != nil {
		return useSummary{}, fmt.Errorf("list uses of %s: %w", name, err)
	}
	missing := sum.missing(listed)
	uses, err := each(ctx, missing, func(ctx context.Context, id string) (skill.Use, error) { return s.readUse(ctx, name, id) })
	if err != nil {
		return useSummary{}, fmt.Errorf("read uses of %s: %w", name, err)
	}
	sum.add(uses)
	if len(missing) >= addedLater {
		s.writeUseSummary(ctx, sum, etag)
	}
	return sum, nil
}

// readUseSummary returns an empty summary where there is none to be used; the records have everything.
func (s *S3) readUseSummary(ctx context.Context, name string) (useSummary, string, error) {
	empty := useSummary{Rules: useRules, Performance: skill.Performance{Name: name, Versions: []skill.VersionPerformance{}}}
	obj, err := s.objects.Get(ctx, useSummaryKey(name))
	if errors.Is(err, objectstore.ErrNotFound) {
		return empty, "", nil
	}
	if err != nil {
		return empty, "", err
	}
	var sum useSummary
	if err := decode(useSummaryKey(name), obj.Body, &sum); err != nil || sum.Rules != useRules || sum.Performance.Name != name {
		return empty, obj.ETag, nil
	}
	return sum, obj.ETag, nil
}

// writeUseSummary replaces the summary that was read. Its errors are of no interest: somebody else has written one, or
// the next reader will.
func (s *S3) writeUseSummary(ctx context.Context, sum useSummary, etag string) {
	key := useSummaryKey(sum.Performance.Name)
	if etag == "" {
		_, _ = s.objects.Create(ctx, key, encode(sum))
	} else {
		_, _ = s.objects.Replace(ctx, key, encode(sum), etag)
	}
}

// missing are the IDs of listed records that the summary lacks.
func (sum useSummary) missing(listed []objectstore.Info) []string {
	var ids []string
	for _, o := range listed {
		id := strings.TrimSuffix(o.Key[strings.LastIndexByte(o.Key, '/')+1:], ".json")
		if _, found := slices.BinarySearch(sum.Added, id); !found {
			ids = append(ids, id)
		}
	}
	return ids
}

func (sum *useSummary) add(uses []skill.Use) {
	for _, u := range uses {
		sum.Performance.Add(u)
		sum.Added = append(sum.Added, u.ID)
	}
	slices.Sort(sum.Added)
}
