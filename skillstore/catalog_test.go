package skillstore_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"agentfactory/internal/embedded/s3server/s3test"
	"agentfactory/internal/objectstore"
	"agentfactory/internal/skill"
	"agentfactory/skillstore"
)

const patience = 2 * time.Minute // far more than anything here takes

// found are the names that a search finds, with its notes.
func found(t *testing.T, s *skillstore.S3, query string) (names []string, notes string) {
	t.Helper()
	f, err := s.Search(t.Context(), query, 0)
	require.NoError(t, err)
	for _, h := range f.Hits {
		names = append(names, h.Name)
	}
	return names, strings.Join(f.Notes, "\n")
}

func names(t *testing.T, s *skillstore.S3, query string) []string {
	t.Helper()
	names, _ := found(t, s, query)
	return names
}

func named(name string) skillstore.Draft {
	d := wordCount()
	d.Name = name
	return d
}

func TestWorkersSeeWhatOthersSaved(t *testing.T) {
	bucket := s3test.Bucket(t)
	one, other := skillstore.New(bucket), skillstore.New(bucket)
	require.Empty(t, names(t, other, "count the words"))
	m := saved(t, one, wordCount())
	sees := func(s *skillstore.S3, want ...string) {
		require.Eventually(t, func() bool { return fmt.Sprint(names(t, s, "count the words")) == fmt.Sprint(want) }, patience, 20*time.Millisecond)
	}
	sees(other, m.Name)
	require.NoError(t, other.Retire(t.Context(), m.Name, skill.Tombstone{By: "me"}))
	require.Empty(t, names(t, other, "count the words"), "its own at once")
	sees(one)
}

// counted is a real bucket that counts requests.
type counted struct {
	objectstore.Store
	lists, gets atomic.Int64
}

func (c *counted) List(ctx context.Context, prefix, after string, limit int) ([]objectstore.Info, error) {
	c.lists.Add(1)
	return c.Store.List(ctx, prefix, after, limit)
}

func (c *counted) Get(ctx context.Context, key string) (objectstore.Object, error) {
	c.gets.Add(1)
	return c.Store.Get(ctx, key)
}

func TestARefreshIsOneListingAndReadsOnlyWhatChanged(t *testing.T) {
	bucket := &counted{Store: s3test.Bucket(t)}
	writer, reader := skillstore.New(bucket.Store), skillstore.New(bucket)
	for i := range 5 {
		saved(t, writer, named(fmt.Sprint("word-count-", i)))
	}
	require.Len(t, names(t, reader, "count words"), 5)
	bucket.lists.Store(0)
	bucket.gets.Store(0)
	saved(t, writer, named("word-count-5"))
	require.Eventually(t, func() bool { return len(names(t, reader, "count words")) == 6 }, patience, 50*time.Millisecond)
	require.EqualValues(t, 1, bucket.gets.Load(), "the shard of the new skill")
	require.Positive(t, bucket.lists.Load())
}

// failing is a real bucket that fails for some writes and reads.
type failing struct {
	objectstore.Store
	fails func(verb, key string) bool
}

func (f *failing) fail(verb, key string) error {
	if f.fails(verb, key) {
		return fmt.Errorf("%s %s: %w", verb, key, objectstore.ErrUnavailable)
	}
	return nil
}

func (f *failing) Create(ctx context.Context, key string, body []byte) (string, error) {
	if err := f.fail("create", key); err != nil {
		return "", err
	}
	return f.Store.Create(ctx, key, body)
}

func (f *failing) Replace(ctx context.Context, key string, body []byte, etag string) (string, error) {
	if err := f.fail("replace", key); err != nil {
		return "", err
	}
	return f.Store.Replace(ctx, key, body, etag)
}

func (f *failing) List(ctx context.Context, prefix, after string, limit int) ([]objectstore.Info, error) {
	if err := f.fail("list", prefix); err != nil {
		return nil, err
	}
	return f.Store.List(ctx, prefix, after, limit)
}

func nothingFails(string, string) bool { return false }

func catalogFails(_, key string) bool { return strings.HasPrefix(key, "catalog/") }

func TestAPromotionOutlivesACatalogThatCannotBeWritten(t *testing.T) {
	bucket := s3test.Bucket(t)
	require.Empty(t, names(t, skillstore.New(bucket), "words"), "there is a catalog")
	flaky := &failing{Store: bucket, fails: catalogFails}
	s := skillstore.New(flaky)
	saved(t, s, wordCount())
	flaky.fails = nothingFails
	require.Equal(t, []string{"word-count"}, names(t, s, "count words"), "the next search publishes what failed")
	require.Equal(t, []string{"word-count"}, names(t, skillstore.New(bucket), "count words"), "for all")
}

// orphaned saves a skill whose writer ends between head and catalog.
func orphaned(t *testing.T, bucket objectstore.Store) (skillstore.Promotion, skill.Head) {
	t.Helper()
	require.Empty(t, names(t, skillstore.New(bucket), "words"), "there is a catalog")
	dying := skillstore.New(&failing{Store: bucket, fails: catalogFails})
	m, err := dying.AddVersion(t.Context(), wordCount())
	require.NoError(t, err)
	p := skillstore.Promotion{Name: m.Name, Version: m.Version, PromotionID: "p"}
	h, err := dying.Promote(t.Context(), p)
	require.NoError(t, err)
	require.Empty(t, names(t, skillstore.New(bucket), "count words"), "the catalog lacks it")
	return p, h
}

func TestARepeatedPromotionClosesTheGapOfAWriterThatDied(t *testing.T) {
	bucket := s3test.Bucket(t)
	p, before := orphaned(t, bucket)
	again := skillstore.New(bucket)
	h, err := again.Promote(t.Context(), p)
	require.NoError(t, err)
	require.Equal(t, before.Generation, h.Generation, "the head stays")
	require.Equal(t, []string{"word-count"}, names(t, skillstore.New(bucket), "count words"))
}

func TestARepeatedRetirementClosesTheGapToo(t *testing.T) {
	bucket := s3test.Bucket(t)
	saved(t, skillstore.New(bucket), wordCount())
	require.Equal(t, []string{"word-count"}, names(t, skillstore.New(bucket), "count words"))
	by := skill.Tombstone{By: "me"}
	require.NoError(t, skillstore.New(&failing{Store: bucket, fails: catalogFails}).Retire(t.Context(), "word-count", by))
	require.NoError(t, skillstore.New(bucket).Retire(t.Context(), "word-count", by))
	require.Empty(t, names(t, skillstore.New(bucket), "count words"))
}

func TestAComparisonWithTheHeadsClosesGaps(t *testing.T) {
	bucket := s3test.Bucket(t)
	orphaned(t, bucket)
	s := skillstore.New(bucket)
	r, err := s.Reconcile(t.Context())
	require.NoError(t, err)
	require.Equal(t, skillstore.Reconciliation{Skills: 1, Revised: []string{"word-count"}}, r)
	require.Equal(t, []string{"word-count"}, names(t, skillstore.New(bucket), "count words"))
	r, err = s.Reconcile(t.Context())
	require.NoError(t, err)
	require.Equal(t, skillstore.Reconciliation{Skills: 1}, r, "nothing is left to do")
}

// aged is a real bucket whose record of the latest comparison is old.
type aged struct{ objectstore.Store }

func (a aged) List(ctx context.Context, prefix, after string, limit int) ([]objectstore.Info, error) {
	listed, err := a.Store.List(ctx, prefix, after, limit)
	for i := range listed {
		if strings.HasSuffix(listed[i].Key, "audit.json") {
			listed[i].Modified = listed[i].Modified.Add(-time.Hour)
		}
	}
	return listed, err
}

func TestSearchesStartTheComparisonThatIsDue(t *testing.T) {
	bucket := s3test.Bucket(t)
	orphaned(t, bucket)
	s := skillstore.New(aged{bucket})
	require.Eventually(t, func() bool { return len(names(t, s, "count words")) == 1 }, patience, 50*time.Millisecond)
}

func TestALibraryWithoutACatalogGetsOne(t *testing.T) {
	bucket := s3test.Bucket(t)
	old := skillstore.New(&failing{Store: bucket, fails: catalogFails}) // of a version that knew no catalog
	for i := range 3 {
		saved(t, old, named(fmt.Sprint("word-count-", i)))
	}
	require.Len(t, names(t, skillstore.New(bucket), "count words"), 3)
}

func shardsOf(t *testing.T, bucket objectstore.Store) []objectstore.Info {
	t.Helper()
	listed, err := bucket.List(t.Context(), "catalog/v1/shards/", "", 0)
	require.NoError(t, err)
	return listed
}

func overwrite(t *testing.T, bucket objectstore.Store, key, etag string, body []byte) {
	t.Helper()
	_, err := bucket.Replace(t.Context(), key, body, etag)
	require.NoError(t, err)
}

func TestACorruptShardIsRebuiltAndNoted(t *testing.T) {
	for _, body := range []string{"", "{", "null", `{"skills":null}`, `{"skills":{"word-count":{}}}`, `{"skills":{"other":{"head":{"name":"other","generation":1}}}}`, "\xff\x00"} {
		t.Run(fmt.Sprintf("%q", body), func(t *testing.T) {
			bucket := s3test.Bucket(t)
			running := skillstore.New(bucket)
			saved(t, running, wordCount())
			require.Equal(t, []string{"word-count"}, names(t, running, "count words"))
			shard := shardsOf(t, bucket)[0]
			overwrite(t, bucket, shard.Key, shard.ETag, []byte(body))
			fresh := skillstore.New(bucket)
			got, notes := found(t, fresh, "count words")
			require.Equal(t, []string{"word-count"}, got)
			require.Contains(t, notes, "corrupt shards of the catalog were rebuilt")
			require.Equal(t, []string{"word-count"}, names(t, running, "count words"))
			got, notes = found(t, skillstore.New(bucket), "count words")
			require.Equal(t, []string{"word-count"}, got)
			require.Empty(t, notes, "it is whole again")
		})
	}
}

func TestACorruptHeadDoesNotKeepOthersFromBeingFound(t *testing.T) {
	bucket := s3test.Bucket(t)
	s := skillstore.New(bucket)
	saved(t, s, named("word-count"))
	saved(t, s, named("word-counter"))
	info, err := bucket.Stat(t.Context(), "skills/word-counter/head.json")
	require.NoError(t, err)
	overwrite(t, bucket, info.Key, info.ETag, []byte("{"))
	r, err := s.Reconcile(t.Context())
	require.NoError(t, err)
	require.Equal(t, []string{"word-counter"}, r.Corrupt)
	require.Contains(t, strings.Join(r.Notes(), ""), "word-counter")
	require.ElementsMatch(t, []string{"word-count", "word-counter"}, names(t, skillstore.New(bucket), "count words"), "the catalog keeps what it knew")

	for _, shard := range shardsOf(t, bucket) {
		overwrite(t, bucket, shard.Key, shard.ETag, []byte("{"))
	}
	got, notes := found(t, skillstore.New(bucket), "count words")
	require.Equal(t, []string{"word-count"}, got)
	require.Contains(t, notes, "word-counter")
}

func TestASearchGoesOnWhenTheCatalogCannotBeRefreshed(t *testing.T) {
	flaky := &failing{Store: s3test.Bucket(t), fails: nothingFails}
	s := skillstore.New(flaky)
	saved(t, s, wordCount())
	require.Equal(t, []string{"word-count"}, names(t, s, "count words"))
	flaky.fails = func(verb, _ string) bool { return verb == "list" }
	require.Eventually(t, func() bool {
		got, notes := found(t, s, "count words")
		return len(got) == 1 && strings.Contains(notes, "could not be refreshed")
	}, patience, 50*time.Millisecond)
	_, err := skillstore.New(flaky).Search(t.Context(), "count words", 0)
	require.ErrorIs(t, err, objectstore.ErrUnavailable, "a process that has never read it")
}

// TestALongDescriptionIsRefusedOrSearched: drafts may not have one, but a head that another program wrote may.
func TestALongDescriptionIsRefusedOrSearched(t *testing.T) {
	bucket := s3test.Bucket(t)
	s := skillstore.New(bucket)
	d := wordCount()
	d.Description = "Counts words. " + strings.Repeat("x", 5000)
	_, err := s.AddVersion(t.Context(), d)
	require.ErrorIs(t, err, skillstore.ErrInvalid)
	require.ErrorContains(t, err, "description")

	h := headOf(t, s, saved(t, s, wordCount()).Name)
	h.Description, h.Generation = strings.Repeat("Measures the volume of barrels. ", 160), 2
	body, err := json.Marshal(h)
	require.NoError(t, err)
	info, err := bucket.Stat(t.Context(), "skills/word-count/head.json")
	require.NoError(t, err)
	overwrite(t, bucket, info.Key, info.ETag, body)
	r, err := s.Reconcile(t.Context())
	require.NoError(t, err)
	require.Equal(t, []string{"word-count"}, r.Revised)
	other := skillstore.New(bucket)
	require.Equal(t, []string{"word-count"}, names(t, other, "measure the volume of this barrel"))
}

func headOf(t *testing.T, s *skillstore.S3, name string) skill.Head {
	t.Helper()
	h, err := s.Head(t.Context(), name)
	require.NoError(t, err)
	return h
}

func TestAHitShowsTheWholeHeadButItsMoves(t *testing.T) {
	s := skillstore.New(s3test.Bucket(t))
	h := headOf(t, s, saved(t, s, wordCount()).Name)
	f, err := s.Search(t.Context(), "count words", 1)
	require.NoError(t, err)
	require.Len(t, f.Hits, 1)
	h.Moves = nil
	require.Equal(t, h, f.Hits[0].Head)
}

// embedder is a model of meaning for tests: texts on counting are alike, whatever their words.
type embedder struct {
	model string
	fails atomic.Bool
	texts atomic.Int64
}

func (e *embedder) EmbeddingModel() string { return e.model }

func (e *embedder) Embed(_ context.Context, _ string, texts []string) ([][]float32, int64, error) {
	if e.fails.Load() {
		return nil, 1, errors.New("the endpoint is down")
	}
	e.texts.Add(int64(len(texts)))
	vectors := make([][]float32, len(texts))
	for i, text := range texts {
		vectors[i] = []float32{0.1, float32(len(text)%7) / 100, 1}
		if strings.Contains(text, "Counts") || strings.Contains(text, "tally") {
			vectors[i] = []float32{1, 0, 0.1}
		}
	}
	return vectors, int64(7 * len(texts)), nil
}

// fillOthers adds skills that have nothing to do with counting, so that one can stand out.
func fillOthers(t *testing.T, s *skillstore.S3) {
	t.Helper()
	for i := range 20 {
		d := named(fmt.Sprint("other-", i))
		d.Description = "Paints pictures of the sea" + strings.Repeat("!", i)
		saved(t, s, d)
	}
}

func TestVectorsFindWhatWordsDoNot(t *testing.T) {
	bucket := s3test.Bucket(t)
	model := &embedder{model: "m"}
	s := skillstore.New(bucket, skillstore.WithEmbedder(model))
	saved(t, s, wordCount())
	fillOthers(t, s)
	require.Eventually(t, func() bool {
		f, err := s.Search(t.Context(), "tally", 3)
		return err == nil && f.Kind == skillstore.LexicalAndVector && len(f.Hits) == 1 && f.Hits[0].Name == "word-count" && f.Hits[0].By == skillstore.Vector
	}, patience, 50*time.Millisecond)
	require.Empty(t, names(t, skillstore.New(bucket), "tally"), "by words alone it is not found")

	t.Run("vectors are computed once", func(t *testing.T) {
		require.Eventually(t, func() bool { return model.texts.Load() == 22 }, patience, 10*time.Millisecond, "21 skills and a query")
		other := &embedder{model: "m"}
		fresh := skillstore.New(bucket, skillstore.WithEmbedder(other))
		require.Equal(t, []string{"word-count"}, names(t, fresh, "tally"))
		require.Equal(t, []string{"word-count"}, names(t, fresh, "tally"))
		require.EqualValues(t, 1, other.texts.Load(), "the query, once")
	})
	t.Run("a search says what embedding its query took", func(t *testing.T) {
		fresh := skillstore.New(bucket, skillstore.WithEmbedder(&embedder{model: "m"}))
		for _, want := range []int64{7, 0} {
			f, err := fresh.Search(t.Context(), "tally", 3)
			require.NoError(t, err)
			require.Equal(t, want, f.EmbeddingTokens)
		}
		f, err := skillstore.New(bucket).Search(t.Context(), "tally", 3)
		require.NoError(t, err)
		require.Zero(t, f.EmbeddingTokens)
	})
	t.Run("a failing endpoint leaves the words", func(t *testing.T) {
		broken := &embedder{model: "m"}
		broken.fails.Store(true)
		fresh := skillstore.New(bucket, skillstore.WithEmbedder(broken))
		for _, tokens := range []int64{1, 0} { // it is left alone then
			f, err := fresh.Search(t.Context(), "count words", 3)
			require.NoError(t, err)
			require.Equal(t, tokens, f.EmbeddingTokens)
			require.Equal(t, skillstore.Lexical, f.Kind)
			require.Len(t, f.Hits, 1)
			require.Contains(t, strings.Join(f.Notes, ""), "the endpoint is down")
		}
	})
	t.Run("another model has vectors of its own", func(t *testing.T) {
		fresh := skillstore.New(bucket, skillstore.WithEmbedder(&embedder{model: "n"}))
		f, err := fresh.Search(t.Context(), "count words", 3)
		require.NoError(t, err)
		require.Len(t, f.Hits, 1)
		require.Eventually(t, func() bool { return len(names(t, fresh, "tally")) == 1 }, patience, 50*time.Millisecond)
	})
	t.Run("corrupt vectors are computed again", func(t *testing.T) {
		listed, err := bucket.List(t.Context(), "catalog/v1/vectors/", "", 0)
		require.NoError(t, err)
		for _, o := range listed {
			overwrite(t, bucket, o.Key, o.ETag, bytes.Repeat([]byte("x"), 10))
		}
		fresh := skillstore.New(bucket, skillstore.WithEmbedder(&embedder{model: "m"}))
		f, err := fresh.Search(t.Context(), "count words", 3)
		require.NoError(t, err)
		require.Len(t, f.Hits, 1)
		_, err = fresh.Reconcile(t.Context())
		require.NoError(t, err)
		require.Eventually(t, func() bool { return len(names(t, fresh, "tally")) == 1 }, patience, 50*time.Millisecond)
	})
}

func TestAPromotionDoesNotWaitForEmbeddings(t *testing.T) {
	bucket := s3test.Bucket(t)
	model := &embedder{model: "m"}
	model.fails.Store(true)
	s := skillstore.New(bucket, skillstore.WithEmbedder(model))
	saved(t, s, wordCount())
	f, err := s.Search(t.Context(), "count words", 3)
	require.NoError(t, err)
	require.Len(t, f.Hits, 1)
	require.Contains(t, strings.Join(f.Notes, ""), "no skill has an embedding")
}

// The server counts a delete marker as an object: without saying so, whoever writes to the shard would try for ever.
func TestACatalogOrAHeadThatWasDeletedByHandIsAnError(t *testing.T) {
	bucket := s3test.Bucket(t)
	s := skillstore.New(bucket)
	m, err := s.AddVersion(t.Context(), wordCount())
	require.NoError(t, err)
	_, err = s.Promote(t.Context(), skillstore.Promotion{Name: m.Name, Version: m.Version, PromotionID: "first"})
	require.NoError(t, err)
	listed, err := bucket.List(t.Context(), "catalog/v1/shards/", "", 0)
	require.NoError(t, err)
	require.Len(t, listed, 1)
	s3test.Delete(t, bucket, listed[0].Key)
	_, err = s.Reconcile(t.Context())
	require.ErrorIs(t, err, objectstore.ErrHidden)
	require.ErrorContains(t, err, listed[0].Key)

	s3test.Delete(t, bucket, "skills/word-count/head.json")
	_, err = skillstore.New(bucket).Promote(t.Context(), skillstore.Promotion{Name: m.Name, Version: m.Version, PromotionID: "second"})
	require.ErrorIs(t, err, objectstore.ErrHidden)
}
