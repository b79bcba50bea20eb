package skillstore_test

import (
	"context"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"agentfactory/internal/embedded/s3server/s3test"
	"agentfactory/internal/objectstore"
	"agentfactory/internal/skill"
	"agentfactory/skillstore"
	"agentfactory/skillstore/storetest"
)

func arm(n int) string { return fmt.Sprintf("evaluations/e1/libraries/agentfactory-%d", n) }

func snapshot(t testing.TB, l *skillstore.Libraries, name, of string) skillstore.Snapshot {
	t.Helper()
	s, err := l.Snapshot(t.Context(), skillstore.SnapshotDraft{Name: name, Of: of, ID: "id-" + name, By: "me"})
	require.NoError(t, err)
	return s
}

// forked is a library that begins as a snapshot, or as nothing.
func forked(t testing.TB, l *skillstore.Libraries, name, from string) skillstore.Store {
	t.Helper()
	require.NoError(t, l.Fork(t.Context(), name, from))
	s, err := l.Open(t.Context(), name)
	require.NoError(t, err)
	return s
}

// etags are those of all objects of a bucket below these prefixes.
func etags(t testing.TB, b objectstore.Store, prefixes ...string) map[string]string {
	t.Helper()
	found := map[string]string{}
	for _, prefix := range prefixes {
		listed, err := b.List(t.Context(), prefix, "", 0)
		require.NoError(t, err)
		for _, o := range listed {
			found[o.Key] = o.ETag
		}
	}
	return found
}

var ofALibrary = []string{"skills/", "uses/", "openfailures/", "catalog/"}

// relay is a library that begins as a fork of nothing and goes on as a fork of itself after every few writes, so that nearly
// everything that a test meets was frozen by a snapshot of a fork.
type relay struct {
	libraries *skillstore.Libraries
	t         testing.TB

	mu     sync.RWMutex
	at     objectstore.Store
	name   string
	forks  int
	writes int
}

func newRelay(t testing.TB, bucket objectstore.Store) *relay {
	r := &relay{libraries: skillstore.NewLibraries(bucket), t: t}
	r.fork("")
	return r
}

const (
	writesToAFork = 4
	mostForks     = 12
)

func (r *relay) write(do func(objectstore.Store) (string, error)) (string, error) {
	r.mu.RLock()
	etag, err := do(r.at)
	r.mu.RUnlock()
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.writes++; r.writes%writesToAFork == 0 && r.forks < mostForks {
		r.forks++
		base := fmt.Sprint("after-", r.forks)
		_, err := r.libraries.Snapshot(context.Background(), skillstore.SnapshotDraft{Name: base, Of: r.name, ID: "x", By: "me"})
		assert.NoError(r.t, err)
		r.fork(base)
	}
	return etag, err
}

func (r *relay) fork(snapshot string) {
	ctx := context.Background()
	r.name = arm(r.forks)
	assert.NoError(r.t, r.libraries.Fork(ctx, r.name, snapshot))
	at, err := r.libraries.ObjectsOf(ctx, r.name)
	assert.NoError(r.t, err)
	r.at = at
}

func (r *relay) now() objectstore.Store {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.at
}

func (r *relay) Create(ctx context.Context, key string, body []byte) (string, error) {
	return r.write(func(s objectstore.Store) (string, error) { return s.Create(ctx, key, body) })
}

func (r *relay) Replace(ctx context.Context, key string, body []byte, etag string) (string, error) {
	return r.write(func(s objectstore.Store) (string, error) { return s.Replace(ctx, key, body, etag) })
}

func (r *relay) Get(ctx context.Context, key string) (objectstore.Object, error) {
	return r.now().Get(ctx, key)
}

func (r *relay) Stat(ctx context.Context, key string) (objectstore.Info, error) {
	return r.now().Stat(ctx, key)
}

func (r *relay) List(ctx context.Context, prefix, after string, limit int) ([]objectstore.Info, error) {
	return r.now().List(ctx, prefix, after, limit)
}

func (r *relay) Folders(ctx context.Context, prefix string) ([]string, error) {
	return r.now().Folders(ctx, prefix)
}

// The rest is for blobs of files, which a library does not write.
func (r *relay) CreateFrom(context.Context, string, io.ReadSeeker, int64) (string, error) {
	panic("unused")
}
func (r *relay) ReplaceFrom(context.Context, string, io.ReadSeeker, int64, string) (string, error) {
	panic("unused")
}
func (r *relay) Open(context.Context, string) (io.ReadCloser, objectstore.Info, error) {
	panic("unused")
}

func TestForksOfForksKeepTheContract(t *testing.T) {
	storetest.Run(t, func(t *testing.T) skillstore.Store {
		bucket := s3test.Bucket(t)
		t.Cleanup(func() {
			written, err := bucket.List(context.Background(), "", "", 0)
			require.NoError(t, err)
			for _, o := range written {
				require.Regexp(t, `^(blobs|snapshots|evaluations/e1/libraries)/`, o.Key, "the live library was written to")
			}
		})
		return skillstore.New(newRelay(t, bucket))
	})
}

func TestAForkLeavesTheLiveLibraryAsItIs(t *testing.T) {
	bucket := s3test.Bucket(t)
	l := skillstore.NewLibraries(bucket)
	live := l.Live()
	saved(t, live, wordCount())
	require.NoError(t, live.AddCase(t.Context(), "word-count", skill.Case{Query: "how many words has a.txt"}))
	saved(t, live, named("other"))
	require.NotEmpty(t, names(t, live, "count the words"))
	before := etags(t, bucket, ofALibrary...)

	require.Equal(t, 2, snapshot(t, l, "spring", "").Skills)
	require.Equal(t, before, etags(t, bucket, ofALibrary...), "a snapshot writes nothing to the library")
	fork := forked(t, l, arm(1), "spring")
	evolve(t, fork)
	require.Equal(t, before, etags(t, bucket, ofALibrary...))

	size, err := l.Size(t.Context(), arm(1))
	require.NoError(t, err)
	require.Equal(t, 2, size, "one was retired, one is new")
	size, err = l.Size(t.Context(), "")
	require.NoError(t, err)
	require.Equal(t, 2, size)
	require.NotContains(t, names(t, l.Live(), "the new one"), "brand-new")
}

// evolve does to word-count, other and a new skill what runs and people do.
func evolve(t testing.TB, s skillstore.Store) {
	t.Helper()
	ctx := t.Context()
	h, err := s.Head(ctx, "word-count")
	require.NoError(t, err)
	d := wordCount()
	d.Files["subagent.py"] = []byte("def main(query):\n    return {}\n")
	m, err := s.AddVersion(ctx, d)
	require.NoError(t, err)
	require.Equal(t, 2, m.Version)
	h, err = s.Promote(ctx, skillstore.Promotion{Name: m.Name, Version: 2, BaseGeneration: h.Generation, PromotionID: "p2"})
	require.NoError(t, err)
	require.Equal(t, 2, h.Version)
	require.NoError(t, s.AddCase(ctx, "word-count", skill.Case{Query: "and b.txt"}))
	ids, err := s.CaseIDs(ctx, "word-count")
	require.NoError(t, err)
	require.Len(t, ids, 2)
	_, err = s.MarkCase(ctx, "word-count", ids[0], skill.CaseMark{Dropped: true, By: "me", Why: "wrong"})
	require.NoError(t, err)
	_, err = s.RecordUse(ctx, skill.Use{Name: "word-count", Version: 2, WorkflowID: "w", RunID: "r", Step: "1", Task: "t", Outcome: skill.UseSuccess})
	require.NoError(t, err)
	require.NoError(t, s.Retire(ctx, "other", skill.Tombstone{By: "me"}))
	n := named("brand-new")
	n.Description = "The new one, which tells of planets."
	fresh, err := s.AddVersion(ctx, n)
	require.NoError(t, err)
	_, err = s.Promote(ctx, skillstore.Promotion{Name: "brand-new", Version: fresh.Version, PromotionID: "p1"})
	require.NoError(t, err)
	f, err := s.Search(ctx, "the new one of the planets", 1)
	require.NoError(t, err)
	require.Equal(t, "brand-new", f.Hits[0].Name)
}

func TestASnapshotDoesNotFollowTheLibrary(t *testing.T) {
	l := skillstore.NewLibraries(s3test.Bucket(t))
	saved(t, l.Live(), wordCount())
	saved(t, l.Live(), named("other"))
	require.NoError(t, l.Live().AddCase(t.Context(), "word-count", skill.Case{Query: "how many words has a.txt"}))
	was := snapshot(t, l, "spring", "")
	require.Equal(t, []int{2, 2, 1}, []int{was.Skills, was.Versions, was.Cases})
	evolve(t, l.Live())

	fork := forked(t, l, arm(1), "spring")
	h, err := fork.Head(t.Context(), "word-count")
	require.NoError(t, err)
	require.Equal(t, 1, h.Version)
	versions, err := fork.Versions(t.Context(), "word-count")
	require.NoError(t, err)
	require.Len(t, versions, 1)
	cases, err := fork.Cases(t.Context(), "word-count")
	require.NoError(t, err)
	require.Len(t, cases, 1)
	require.Nil(t, cases[0].Mark)
	p, err := fork.Performance(t.Context(), "word-count")
	require.NoError(t, err)
	require.Empty(t, p.Versions)
	f, err := fork.Search(t.Context(), "the new one of the planets", 0)
	require.NoError(t, err)
	for _, hit := range f.Hits {
		require.NotEqual(t, "brand-new", hit.Name)
	}
	evolve(t, fork)
}

func TestALibraryGoesOnWithWhatAnotherLeft(t *testing.T) {
	l := skillstore.NewLibraries(s3test.Bucket(t))
	saved(t, l.Live(), wordCount())
	saved(t, l.Live(), named("other"))
	require.NoError(t, l.Live().AddCase(t.Context(), "word-count", skill.Case{Query: "how many words has a.txt"}))
	snapshot(t, l, "spring", "")
	evolve(t, forked(t, l, arm(1), "spring"))
	left := snapshot(t, l, "evaluations/e1/base", arm(1))
	require.Equal(t, []int{2, 4, 2}, []int{left.Skills, left.Versions, left.Cases})

	// Another process, which knows nothing of what this one has open.
	next := forked(t, l, "evaluations/e2/libraries/agentfactory-1", "evaluations/e1/base")
	h, err := next.Head(t.Context(), "word-count")
	require.NoError(t, err)
	require.Equal(t, 2, h.Version)
	f, err := next.Search(t.Context(), "the new one of the planets", 1)
	require.NoError(t, err)
	require.Equal(t, "brand-new", f.Hits[0].Name)
	_, err = next.File(t.Context(), "brand-new", 1, "subagent.py")
	require.NoError(t, err)
}

func TestForksOfOneSnapshotShareNothing(t *testing.T) {
	l := skillstore.NewLibraries(s3test.Bucket(t))
	saved(t, l.Live(), wordCount())
	saved(t, l.Live(), named("other"))
	require.NoError(t, l.Live().AddCase(t.Context(), "word-count", skill.Case{Query: "how many words has a.txt"}))
	snapshot(t, l, "spring", "")
	var wg sync.WaitGroup
	for n := range 4 {
		s := forked(t, l, arm(n), "spring")
		wg.Go(func() { evolve(t, s) })
	}
	wg.Wait()
	for n := range 4 {
		s, err := l.Open(t.Context(), arm(n))
		require.NoError(t, err)
		h, err := s.Head(t.Context(), "word-count")
		require.NoError(t, err)
		require.EqualValues(t, 2, h.Generation)
	}
}

func TestForkingTwiceIsForkingOnce(t *testing.T) {
	l := skillstore.NewLibraries(s3test.Bucket(t))
	saved(t, l.Live(), wordCount())
	snapshot(t, l, "spring", "")
	s := forked(t, l, arm(1), "spring")
	require.NoError(t, s.Retire(t.Context(), "word-count", skill.Tombstone{By: "me"}))
	again := forked(t, l, arm(1), "spring")
	h, err := again.Head(t.Context(), "word-count")
	require.NoError(t, err)
	require.NotNil(t, h.Tombstone, "what was written stays")
	err = l.Fork(t.Context(), arm(1), "")
	require.ErrorIs(t, err, skillstore.ErrLibraryExists)
	require.ErrorContains(t, err, "it began with the snapshot spring, not with nothing")
	require.ErrorIs(t, l.Fork(t.Context(), arm(2), "autumn"), skillstore.ErrUnknownSnapshot)
	_, err = l.Open(t.Context(), arm(2))
	require.ErrorIs(t, err, skillstore.ErrUnknownLibrary)
}

func TestLibrariesHaveNamesOfTheirOwn(t *testing.T) {
	l := skillstore.NewLibraries(s3test.Bucket(t))
	same, err := l.Open(t.Context(), "")
	require.NoError(t, err)
	require.Same(t, l.Live(), same)
	for _, name := range []string{"x", "skills", "evaluations/e/libraries", "evaluations/e/libraries/", "evaluations/../libraries/a", "evaluations/e/libraries/a/b", "/evaluations/e/libraries/a", "evaluations/e/libraries/-a", "evaluations/e/libraries/" + strings.Repeat("a", 121)} {
		_, err := l.Open(t.Context(), name)
		require.ErrorIs(t, err, skillstore.ErrInvalid, name)
		require.ErrorIs(t, l.Fork(t.Context(), name, ""), skillstore.ErrInvalid, name)
	}
	forked(t, l, "evaluations/"+objectstore.WorkflowSegment("nightly: 1/2")+"/libraries/react-1-30", "")
}

func TestALibraryThatIsForgottenIsOpenedAgain(t *testing.T) {
	l := skillstore.NewLibraries(s3test.Bucket(t))
	first := forked(t, l, arm(0), "")
	m, err := first.AddVersion(t.Context(), wordCount())
	require.NoError(t, err)
	for n := range 40 {
		forked(t, l, arm(n+1), "")
	}
	again, err := l.Open(t.Context(), arm(0))
	require.NoError(t, err)
	require.NotSame(t, first, again)
	_, err = first.Promote(t.Context(), skillstore.Promotion{Name: m.Name, Version: 1, PromotionID: "p"})
	require.NoError(t, err, "whoever has it goes on")
	h, err := again.Head(t.Context(), m.Name)
	require.NoError(t, err)
	require.Equal(t, 1, h.Version)
}
