package skillstore_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"agentfactory/internal/embedded/s3server/s3test"
	"agentfactory/internal/objectstore"
	"agentfactory/internal/skill"
	"agentfactory/skillstore"
)

func TestASnapshotIsTakenOnce(t *testing.T) {
	l := skillstore.NewLibraries(s3test.Bucket(t))
	first := snapshot(t, l, "spring", "")
	saved(t, l.Live(), wordCount())
	require.Equal(t, first, snapshot(t, l, "spring", ""), "of the same ID the first one stays")
	_, err := l.Snapshot(t.Context(), skillstore.SnapshotDraft{Name: "spring", ID: "another", By: "you"})
	require.ErrorIs(t, err, skillstore.ErrSnapshotExists)
	require.ErrorContains(t, err, "me took one of this name at "+first.At.Format(time.DateTime))
	snapshot(t, l, "autumn", "")
	all, err := l.Snapshots(t.Context())
	require.NoError(t, err)
	require.Len(t, all, 2)
	require.Equal(t, first, all[1])
	require.Equal(t, 1, all[0].Skills)
	_, err = l.SnapshotInfo(t.Context(), "winter")
	require.ErrorIs(t, err, skillstore.ErrUnknownSnapshot)
}

func TestOf32WhoTakeASnapshotOneDoes(t *testing.T) {
	bucket := s3test.Bucket(t)
	saved(t, skillstore.New(bucket), wordCount())
	var took atomic.Int64
	var wg sync.WaitGroup
	for i := range 32 {
		wg.Go(func() {
			_, err := skillstore.NewLibraries(bucket).Snapshot(t.Context(), skillstore.SnapshotDraft{Name: "spring", ID: fmt.Sprint(i), By: "me"})
			if err == nil {
				took.Add(1)
			} else {
				assert.ErrorIs(t, err, skillstore.ErrSnapshotExists)
			}
		})
	}
	wg.Wait()
	require.EqualValues(t, 1, took.Load())
}

func TestASnapshotNeedsANameAndSomebody(t *testing.T) {
	l := skillstore.NewLibraries(s3test.Bucket(t))
	for want, d := range map[string]skillstore.SnapshotDraft{
		"hyphens":                 {Name: "-x", ID: "1", By: "me"},
		"holds 'S'":               {Name: "Spring", ID: "1", By: "me"},
		"holds '/'":               {Name: "evaluations/e1/bases", ID: "1", By: "me"},
		"id and by":               {Name: "spring", By: "me"},
		"may not be empty":        {Name: "spring", ID: "1"},
		"evaluations/<id>/librar": {Name: "spring", ID: "1", By: "me", Of: "spring"},
	} {
		_, err := l.Snapshot(t.Context(), d)
		require.ErrorIs(t, err, skillstore.ErrInvalid)
		require.ErrorContains(t, err, want)
	}
	_, err := l.Snapshot(t.Context(), skillstore.SnapshotDraft{Name: "spring", ID: "1", By: "me", Of: arm(9)})
	require.ErrorIs(t, err, skillstore.ErrUnknownLibrary)
}

func TestSnapshotsAndForksWhoseReplyWasLostAreRepeatedWithoutHarm(t *testing.T) {
	for _, record := range []string{"snapshots/spring.json", "/library.json"} {
		for _, repeat := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, sent again %t", record, repeat), func(t *testing.T) {
				bucket := &lossy{Store: s3test.Bucket(t), lose: never, repeat: repeat}
				l := skillstore.NewLibraries(bucket)
				saved(t, l.Live(), wordCount())
				bucket.lose = once(record)
				_, err := l.Snapshot(t.Context(), skillstore.SnapshotDraft{Name: "spring", ID: "id-spring", By: "me"})
				if err != nil {
					require.ErrorIs(t, err, objectstore.ErrUnavailable)
				}
				require.Equal(t, 1, snapshot(t, l, "spring", "").Skills)
				if err := l.Fork(t.Context(), arm(1), "spring"); err != nil {
					require.ErrorIs(t, err, objectstore.ErrUnavailable)
				}
				forked(t, l, arm(1), "spring")
			})
		}
	}
}

func TestAHeadThatNobodyCanReadDoesNotKeepASnapshotFromBeingTaken(t *testing.T) {
	bucket := s3test.Bucket(t)
	l := skillstore.NewLibraries(bucket)
	saved(t, l.Live(), wordCount())
	_, err := bucket.Create(t.Context(), "skills/broken/head.json", []byte("{"))
	require.NoError(t, err)
	require.NoError(t, l.Live().Retire(t.Context(), "word-count", skill.Tombstone{By: "me", SupersededBy: "never-was"}))
	s := snapshot(t, l, "spring", "")
	require.Equal(t, 0, s.Skills)
	_, err = forked(t, l, arm(1), "spring").Head(t.Context(), "broken")
	require.ErrorIs(t, err, skillstore.ErrCorrupt)
}

func TestTheFirstSearchOfAForkReadsTheCatalogAndNoSkill(t *testing.T) {
	bucket := &counted{Store: s3test.Bucket(t)}
	l := skillstore.NewLibraries(bucket)
	for i := range 20 {
		saved(t, l.Live(), named(fmt.Sprint("count-", i)))
	}
	snapshot(t, l, "spring", "")
	s := forked(t, l, arm(1), "spring").(*skillstore.S3)
	lists, gets := bucket.lists.Load(), bucket.gets.Load()
	require.Len(t, names(t, s, "count the words"), 20)
	require.LessOrEqual(t, bucket.lists.Load()-lists, int64(1))
	require.LessOrEqual(t, bucket.gets.Load()-gets, int64(2*20), "an own one and a frozen one for each shard")
}

// behind is a bucket in which somebody writes to the library after the first listing below a prefix.
type behind struct {
	objectstore.Store
	prefix string
	happen func()
	once   sync.Once
}

func (b *behind) List(ctx context.Context, prefix, after string, limit int) ([]objectstore.Info, error) {
	found, err := b.Store.List(ctx, prefix, after, limit)
	if prefix == b.prefix {
		b.once.Do(b.happen)
	}
	return found, err
}

func TestASkillThatWasReplacedWhileASnapshotIsTakenIsNotLost(t *testing.T) {
	bucket := s3test.Bucket(t)
	live := skillstore.New(bucket)
	saved(t, live, named("old"))
	l := skillstore.NewLibraries(&behind{Store: bucket, prefix: "skills/", happen: func() {
		for i, name := range []string{"new", "newer"} {
			saved(t, live, named(name))
			require.NoError(t, live.Retire(t.Context(), []string{"old", "new"}[i], skill.Tombstone{By: "p", SupersededBy: name}))
		}
	}})
	require.Equal(t, 1, snapshot(t, l, "spring", "").Skills)
	s := forked(t, l, arm(1), "spring").(*skillstore.S3)
	require.Equal(t, []string{"newer"}, names(t, s, "count the words"))
}

func TestACatalogThatIsAheadOfTheHeadsIsMadeAgain(t *testing.T) {
	bucket := s3test.Bucket(t)
	live := skillstore.New(bucket)
	saved(t, live, wordCount())
	l := skillstore.NewLibraries(&behind{Store: bucket, prefix: "skills/", happen: func() { saved(t, live, named("late")) }})
	snapshot(t, l, "spring", "")
	s := forked(t, l, arm(1), "spring").(*skillstore.S3)
	require.Equal(t, []string{"word-count"}, names(t, s, "count the words"), "the head of the other came too late")
}

func TestASnapshotCountsNoUseThatItDoesNotHold(t *testing.T) {
	bucket := s3test.Bucket(t)
	saved(t, skillstore.New(bucket), wordCount())
	more := func(from, to int) {
		recordUses(t, skillstore.New(bucket), from, to)
		_, err := skillstore.New(bucket).Performance(t.Context(), "word-count") // writes the summary
		require.NoError(t, err)
	}
	more(0, 40)
	l := skillstore.NewLibraries(&behind{Store: bucket, prefix: "uses/", happen: func() { more(40, 80) }})
	for n, want := range []int{40, 80} {
		name := fmt.Sprint("s-", n)
		snapshot(t, l, name, "")
		p, err := forked(t, l, arm(n), name).Performance(t.Context(), "word-count")
		require.NoError(t, err)
		require.Equal(t, want, p.Versions[0].Uses)
	}
}

func TestAFailureThatWasRepairedWhileASnapshotIsTakenIsOpenInIt(t *testing.T) {
	bucket := s3test.Bucket(t)
	live := skillstore.New(bucket)
	saved(t, live, wordCount())
	record := func(run string, o skill.UseOutcome) {
		_, err := live.RecordUse(t.Context(), skill.Use{Name: "word-count", Version: 1, WorkflowID: run, RunID: "r", Step: "1", Task: "t", Outcome: o})
		require.NoError(t, err)
	}
	record("one", skill.UseFailure)
	l := skillstore.NewLibraries(&behind{Store: bucket, prefix: "uses/", happen: func() {
		record("two", skill.UseSuccess)
		open, err := live.OpenFailures(t.Context(), 0)
		require.NoError(t, err)
		require.Empty(t, open, "which withdraws what was announced")
	}})
	snapshot(t, l, "spring", "")
	open, err := forked(t, l, arm(1), "spring").OpenFailures(t.Context(), 0)
	require.NoError(t, err)
	require.Len(t, open, 1)
}

// TestASnapshotIsOneThatTheLibraryCouldHaveBeenIn takes snapshots while the library is written to in every way.
func TestASnapshotIsOneThatTheLibraryCouldHaveBeenIn(t *testing.T) {
	bucket := s3test.Bucket(t)
	ctx, stop := context.WithCancel(t.Context())
	var writers sync.WaitGroup
	for w := range 4 {
		writers.Go(func() {
			live := skillstore.New(bucket)
			for n := 0; ctx.Err() == nil; n++ {
				if !assert.NoError(t, write(live, w, n)) {
					return
				}
			}
		})
	}
	l := skillstore.NewLibraries(bucket)
	var taken []skillstore.Snapshot
	for n := 0; n < 10 || taken[n-1].Versions < 20; n++ {
		taken = append(taken, snapshot(t, l, fmt.Sprint("s-", n), ""))
	}
	stop()
	writers.Wait()
	var uses int
	for n, s := range taken {
		uses = requireWhole(t, s, forked(t, l, arm(n), s.Name))
	}
	require.Greater(t, uses, 10)
	requireWhole(t, snapshot(t, l, "last", ""), l.Live())
}

// write is what a run does: it repairs a skill, keeps its case and its use, and replaces it by another now and then. It ends
// what it has begun.
func write(s *skillstore.S3, writer, n int) error {
	ctx, name := context.Background(), fmt.Sprintf("skill-%d-%d", writer, n/4)
	d := named(name)
	d.Files["subagent.py"] = fmt.Appendf(nil, "%s# %d\n", entry, n)
	m, err := s.AddVersion(ctx, d)
	if err != nil {
		return err
	}
	c := skill.Case{Query: fmt.Sprint(n)}
	report := skill.GateReport{
		ID: fmt.Sprint(n), Name: name, Candidate: skill.GateVersion{Version: m.Version, Digest: m.Digest}, Verdict: skill.GatePassed, Cases: 1,
	}
	for _, do := range []func() error{
		func() error { return s.AddCase(ctx, name, c) },
		func() error { _, err := s.AddGateReport(ctx, report); return err },
		func() error {
			_, err := s.MarkCase(ctx, name, c.ContentID(), skill.CaseMark{Keep: true, By: "me", Why: "good"})
			return err
		},
		func() error { return promoteNext(s, m, fmt.Sprint(n)) },
		func() error { return use(s, m, n) },
		func() error { _, err := s.ReviewTrust(ctx, name, 0); return err },
		func() error {
			if n%4 != 3 || n == 3 {
				return nil
			}
			return s.Retire(ctx, fmt.Sprintf("skill-%d-%d", writer, n/4-1), skill.Tombstone{By: "p", SupersededBy: name})
		},
	} {
		if err := do(); err != nil {
			return err
		}
	}
	return nil
}

func promoteNext(s *skillstore.S3, m skill.Manifest, id string) error {
	h, err := s.Head(context.Background(), m.Name)
	if err != nil && !errors.Is(err, skillstore.ErrUnknownSkill) {
		return err
	}
	_, err = s.Promote(context.Background(), skillstore.Promotion{Name: m.Name, Version: m.Version, BaseGeneration: h.Generation, PromotionID: id})
	return err
}

// use lets every other version fall short once, and the others become mature.
func use(s *skillstore.S3, m skill.Manifest, n int) error {
	for i := range skill.IndependentSuccesses {
		u := skill.Use{
			Name: m.Name, Version: m.Version, WorkflowID: fmt.Sprint("w", n, "-", i), RunID: "r", Step: "1", Task: fmt.Sprint("t", n, "-", i), Outcome: skill.UseSuccess,
		}
		if i == 0 && n%2 == 0 {
			u.Outcome = skill.UseFailure
		}
		if _, err := s.RecordUse(context.Background(), u); err != nil {
			return err
		}
	}
	return nil
}

// requireWhole checks that nothing in a library is without what it rests on, and counts the uses.
func requireWhole(t *testing.T, of skillstore.Snapshot, s skillstore.Store) (uses int) {
	t.Helper()
	ctx := t.Context()
	all, err := s.Heads(ctx, "", 0)
	require.NoError(t, err)
	open, err := s.OpenFailures(ctx, 0)
	require.NoError(t, err)
	current := map[string]skill.Head{}
	for _, h := range all {
		if h.Tombstone == nil {
			current[h.Name] = h
		} else {
			_, err := s.Head(ctx, h.Tombstone.SupersededBy)
			require.NoError(t, err, "what took over from %s", h.Name)
		}
		uses += requireWholeSkill(t, s, h, open)
	}
	require.Len(t, current, of.Skills)
	f, err := s.Search(ctx, "count the words", 0)
	require.NoError(t, err)
	require.Len(t, f.Hits, len(current))
	for _, hit := range f.Hits {
		require.Equal(t, current[hit.Name].Version, hit.Version, "what the search shows of %s", hit.Name)
	}
	return uses
}

func requireWholeSkill(t *testing.T, s skillstore.Store, h skill.Head, open []skill.Use) (uses int) {
	ctx := t.Context()
	versions, err := s.Versions(ctx, h.Name)
	require.NoError(t, err)
	for i, m := range versions {
		require.Equal(t, i+1, m.Version, "%s misses a version", h.Name)
		_, err := s.File(ctx, h.Name, m.Version, m.EntryFile)
		require.NoError(t, err)
	}
	require.LessOrEqual(t, h.Version, len(versions), "the version that is current of %s", h.Name)
	reports, err := s.GateReports(ctx, h.Name)
	require.NoError(t, err)
	gated := func(r skill.GateReport) bool { return r.Candidate.Version == h.Version }
	require.True(t, slices.ContainsFunc(reports, gated), "the gate of %s", h.Name)
	for _, r := range reports {
		require.LessOrEqual(t, r.Candidate.Version, len(versions))
	}
	cases, err := s.Cases(ctx, h.Name)
	require.NoError(t, err)
	require.GreaterOrEqual(t, len(cases), len(reports), "every gate of %s had its case", h.Name)
	p, err := s.Performance(ctx, h.Name)
	require.NoError(t, err)
	for _, v := range p.Versions {
		require.LessOrEqual(t, v.Version, len(versions))
		uses += v.Uses
		if v.Version == h.Version && h.Trust == skill.Mature {
			require.GreaterOrEqual(t, v.Successes, skill.IndependentSuccesses, "the uses that made %s mature", h.Name)
		}
	}
	if len(p.OpenFailures()) > 0 && h.Tombstone == nil {
		require.True(t, slices.ContainsFunc(open, func(u skill.Use) bool { return u.Name == h.Name }), "the open failure of %s", h.Name)
	}
	return uses
}
