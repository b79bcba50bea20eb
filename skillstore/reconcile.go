package skillstore

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"agentfactory/internal/objectstore"
)

// auditKey says by its time of change when the catalog was last compared with the heads.
const auditKey = catalogPrefix + "audit.json"

// auditEvery is how long an entry that its writer did not live to write, and nobody repeated, stays missing at most. Comparing takes a listing of
// the whole library, so one worker does it for all.
const auditEvery = 10 * time.Minute

type audit struct {
	At time.Time `json:"at"`
}

// Reconciliation is what a comparison of the catalog with the heads found.
type Reconciliation struct {
	Skills  int      // in the library
	Revised []string // whose entry was missing or old
	Rebuilt []string // shards that could not be read
	Corrupt []string // skills whose head cannot be read; they keep the entry they had, if any
}

// Notes are what a person should know of it.
func (r Reconciliation) Notes() (notes []string) {
	if len(r.Rebuilt) > 0 {
		notes = append(notes, fmt.Sprintf("%d corrupt shards of the catalog were rebuilt from the heads: %s", len(r.Rebuilt), strings.Join(r.Rebuilt, ", ")))
	}
	if len(r.Corrupt) > 0 {
		notes = append(notes, fmt.Sprintf("the heads of %d skills are corrupt: %.200s; restore an earlier version of the object", len(r.Corrupt), strings.Join(r.Corrupt, ", ")))
	}
	return notes
}

// Reconcile compares the catalog with a listing of all heads and cases by ETag and number, and brings it up to them. Searches start
// it in the background, by one worker every ten minutes; nothing is lost when it is ended halfway.
func (s *S3) Reconcile(ctx context.Context) (Reconciliation, error) {
	r, err := s.reconcile(ctx, true)
	if err != nil {
		return r, fmt.Errorf("compare the catalog with the heads: %w", err)
	}
	for _, note := range r.Notes() {
		slog.WarnContext(ctx, note)
	}
	return r, nil
}

// Audit finds what Reconcile would do, and changes nothing. A skill that is written to at this moment may be among it.
func (s *S3) Audit(ctx context.Context) (Reconciliation, error) {
	r, err := s.reconcile(ctx, false)
	if err != nil {
		return r, fmt.Errorf("compare the catalog with the heads: %w", err)
	}
	return r, nil
}

func (s *S3) reconcile(ctx context.Context, revise bool) (Reconciliation, error) {
	listed, err := s.listSkills(ctx)
	if err != nil {
		return Reconciliation{}, err
	}
	names := make([]string, 0, len(listed))
	for name := range listed {
		names = append(names, name)
	}
	r := Reconciliation{Skills: len(listed)}
	_, of := byShard(names)
	for n := range shardCount {
		shard := fmt.Sprintf("%02x", n)
		if err := s.reconcileShard(ctx, shard, of[shard], listed, revise, &r); err != nil {
			return r, err
		}
	}
	if !revise {
		return r, nil
	}
	s.later(ctx, "embed skills", s.embedMissing)
	return r, nil
}

// listedSkill is what a listing tells of a skill.
type listedSkill struct {
	etag  string // of its head
	cases int
	marks string // listedCases.marksDigest
}

// describes tells whether an entry was made from what is listed.
func (l listedSkill) describes(e catalogEntry) bool {
	return e.ETag == l.etag && e.Cases == l.cases && e.Marks == l.marks
}

// listSkills returns the skills that have a head.
func (s *S3) listSkills(ctx context.Context) (map[string]listedSkill, error) {
	objects, err := s.objects.List(ctx, skillsPrefix, "", 0)
	if err != nil {
		return nil, err
	}
	return skillsListed(objects), nil
}

// skillsListed finds the skills that have a head among objects, in any order.
func skillsListed(objects []objectstore.Info) map[string]listedSkill {
	listed := map[string]listedSkill{}
	cases := map[string]*listedCases{}
	for _, o := range objects {
		name, file, _ := strings.Cut(strings.TrimPrefix(o.Key, skillsPrefix), "/")
		switch {
		case file == headFile && checkName(name) == nil:
			listed[name] = listedSkill{etag: o.ETag}
		case strings.HasPrefix(file, casesFolder):
			if cases[name] == nil {
				cases[name] = &listedCases{}
			}
			cases[name].add(strings.TrimPrefix(file, casesFolder), o.ETag)
		}
	}
	for name, l := range listed {
		if c := cases[name]; c != nil {
			l.cases, l.marks = len(c.ids), c.marksDigest()
			listed[name] = l
		}
	}
	return listed
}

func (s *S3) reconcileShard(ctx context.Context, shard string, names []string, listed map[string]listedSkill, revise bool, r *Reconciliation) error {
	current, _, err := s.readShard(ctx, shard)
	broken := errors.Is(err, ErrCorrupt)
	if err != nil && !broken {
		return err
	}
	if broken {
		r.Rebuilt = append(r.Rebuilt, shard)
	}
	var stale []string
	for _, name := range names {
		if e, ok := current.Skills[name]; !ok || !listed[name].describes(e) {
			stale = append(stale, name)
		}
	}
	for name := range current.Skills {
		if _, ok := listed[name]; !ok {
			stale = append(stale, name)
		}
	}
	if !revise {
		r.Revised = append(r.Revised, stale...)
	}
	if !revise || len(stale) == 0 && !broken {
		return nil
	}
	corrupt, err := s.revise(ctx, shard, stale, broken)
	r.Revised, r.Corrupt = append(r.Revised, stale...), append(r.Corrupt, corrupt...)
	return err
}

// auditDue tells from the catalog's listing whether a comparison is due, and takes it on for all workers.
func (s *S3) auditDue(ctx context.Context, last objectstore.Info) bool {
	if s.now().Sub(last.Modified) < auditEvery {
		return false
	}
	return s.swap(ctx, auditKey, last.ETag, audit{At: s.now()}) == nil // else another worker was faster
}
