package upkeep

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"agentfactory/internal/objectstore"
)

const (
	day       = 24 * time.Hour
	runFolder = "runs/install-1/run-1/"
)

// later is a Collect in a hundred days.
func later(c Collection) Collection {
	c.now = time.Now().Add(100 * day)
	if c.Held == nil {
		c.Held = nothingHeld
	}
	if c.Retention.Runs == 0 {
		c.Retention.Runs = DefaultRuns
	}
	return c
}

func (b *bucketful) collect(c Collection) Collected {
	b.t.Helper()
	found, err := Collect(b.t.Context(), b.bucket, c)
	require.NoError(b.t, err)
	return found
}

func TestWithoutDeleteNothingIsChanged(t *testing.T) {
	b := filled(t)
	before := b.stored()
	found := b.collect(later(Collection{}))
	require.Equal(t, before, b.stored())
	require.False(t, found.Deleted)
	require.Positive(t, found.Gone[KindBlobs].Bytes)
	require.Equal(t, Counted{All: 1, Old: 1}, found.Runs)
	told := map[string]Amount{}
	deleted := b.collect(later(Collection{Delete: true, Each: func(kind, key string, a Amount) { told[kind] = told[kind].plus(a) }}))
	require.Equal(t, found.Gone, deleted.Gone, "what was announced is what went")
	require.Equal(t, told, deleted.Gone)
}

func TestWhatNothingRefersToGoesAndTheRestStays(t *testing.T) {
	b := filled(t)
	before := b.stored()
	b.collect(later(Collection{Delete: true}))
	after := b.stored()
	require.NotContains(t, after, objectstore.BlobKey(b.orphan))
	require.NotContains(t, after, objectstore.BlobKey(b.workspaceFile), "the run that had it is gone")
	require.Contains(t, after, objectstore.BlobKey(b.input), "a case needs it")
	require.Contains(t, after, b.journal+"/000001.json", "a case is replayed from it")
	for key, etag := range before {
		if !strings.HasPrefix(key, "blobs/") && !strings.HasPrefix(key, runFolder) {
			require.Equal(t, etag, after[key], key)
		}
	}
	var ofTheRun []string
	for key := range after {
		if strings.HasPrefix(key, runFolder) {
			ofTheRun = append(ofTheRun, key)
		}
	}
	require.Equal(t, []string{b.journal + "/000001.json"}, ofTheRun)
	require.Empty(t, b.check(Inspection{}))

	again := b.collect(later(Collection{Delete: true}))
	require.Empty(t, again.Gone, "doing it again finds nothing")
	require.NoError(t, b.bucket.Versions(t.Context(), objectstore.BlobKey(b.orphan), func(left []objectstore.Stored) error {
		return fmt.Errorf("%v is left", left)
	}))
}

func TestWhatHasGoneWhenItWasInterruptedIsToldAndTheRestGoesNextTime(t *testing.T) {
	b := filled(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	c := later(Collection{Delete: true, Held: nothingHeld, Each: func(string, string, Amount) { cancel() }})
	found, err := Collect(ctx, b.bucket, c)
	require.ErrorIs(t, err, context.Canceled)
	require.NotZero(t, found.Total().Objects)
	b.collect(later(Collection{Delete: true}))
	require.Zero(t, b.collect(later(Collection{Delete: true})).Total())
	require.Empty(t, b.check(Inspection{}))
}

func TestYoungBlobsAndRunsAreSpared(t *testing.T) {
	b := filled(t)
	c := later(Collection{Delete: true})
	c.now = time.Now().Add(6 * day)
	found := b.collect(c)
	require.Empty(t, found.Gone)
	require.Equal(t, 1, found.Spared.Objects)
	c.now = time.Now().Add(8 * day)
	found = b.collect(c)
	require.Equal(t, map[string]Amount{KindBlobs: {1, 1, int64(len("nobody refers to this"))}}, found.Gone)
	require.True(t, b.has(objectstore.BlobKey(b.workspaceFile)))
}

func TestWhatTemporalHoldsStays(t *testing.T) {
	for name, held := range map[string]func(b *bucketful, asked int) Held{
		"an open run": func(*bucketful, int) Held { return Held{Workflows: map[string]bool{"install-1": true}} },
		"a run that was opened again while the bucket was looked at": func(_ *bucketful, asked int) Held {
			return Held{Workflows: map[string]bool{"install-1": asked > 1}}
		},
		"a run that an input names": func(b *bucketful, _ int) Held { return Held{Texts: [][]byte{[]byte(`"` + b.result.Transcript + `"`)}} },
	} {
		t.Run(name, func(t *testing.T) {
			b, asked := filled(t), 0
			b.collect(later(Collection{Delete: true, Held: func(context.Context) (Held, error) { asked++; return held(b, asked), nil }}))
			chain, err := b.records.Chain(t.Context(), b.result.Transcript)
			require.NoError(t, err)
			require.Len(t, chain, 2)
			require.True(t, b.has(objectstore.BlobKey(b.workspaceFile)))
			require.Empty(t, b.check(Inspection{}))
		})
	}
}

func TestTheFilesOfScheduledTasksStay(t *testing.T) {
	b := filled(t)
	file := b.blob("a file of a task")
	tasks := b.blob(`{"id":"1","files":[{"path":"a","key":"` + objectstore.BlobKey(file) + `"}]}`)
	input := []byte(`{"tasks": "` + objectstore.BlobKey(tasks) + `"}`)
	b.collect(later(Collection{Delete: true, Held: func(context.Context) (Held, error) { return Held{Texts: [][]byte{input}}, nil }}))
	require.True(t, b.has(objectstore.BlobKey(tasks)))
	require.True(t, b.has(objectstore.BlobKey(file)))
}

func TestOldEvaluationsGoWithTheirLibrariesButForWhatIsHeldAgainstThem(t *testing.T) {
	b := filled(t)
	require.NoError(t, b.libraries.Fork(t.Context(), "evaluations/old/libraries/react-1", "first"))
	b.create("evaluations/old/evaluation.json", `{"id":"old"}`)
	b.create("snapshots/evaluations/old/base.json", `{}`)
	b.create("evaluations/new/evaluation.json", `{"id":"new","previous":"old"}`)
	keep := Retention{Runs: DefaultRuns, Evaluations: 30 * day}

	held := func(context.Context) (Held, error) { return Held{Workflows: map[string]bool{"new": true}}, nil }
	found := b.collect(later(Collection{Retention: keep, Held: held}))
	require.Equal(t, Counted{All: 2}, found.Evaluations, "the new one is held against the old one")

	found = b.collect(later(Collection{Retention: keep, Delete: true}))
	require.Equal(t, Counted{All: 2, Old: 2}, found.Evaluations)
	for key := range b.stored() {
		require.NotContains(t, key, "evaluations/")
	}
	require.True(t, b.has("snapshots/first.json"))
}

func TestARetentionThatWouldTakeWhatIsWorkedOnIsRefused(t *testing.T) {
	for _, r := range []Retention{{}, {Runs: 6 * day}, {Runs: DefaultRuns, Evaluations: day}, {Runs: -day}} {
		require.Error(t, r.Check(), r)
		_, err := Collect(t.Context(), nil, Collection{Retention: r})
		require.Error(t, err)
	}
}

// aged is a store whose objects look old to those who may renew them.
type aged struct{ objectstore.Store }

func (a aged) Stat(ctx context.Context, key string) (objectstore.Info, error) {
	info, err := a.Store.Stat(ctx, key)
	info.Modified = info.Modified.Add(-10 * day)
	return info, err
}

// Writers store old bytes again, each the first of a record that refers to them, while what nothing refers to is taken
// away as fast as it goes.
func TestCollectingBesideWritersLosesNothing(t *testing.T) {
	b := filled(t)
	const texts, spared = 120, 10 * time.Second // spared: much longer than a writer takes from its blob to its record, on any machine
	text := func(i int) []byte { return []byte(fmt.Sprintf("bytes %d", i)) }
	for i := range texts {
		b.blob(string(text(i)))
	}
	time.Sleep(spared + time.Second)
	blobs, err := objectstore.NewBlobs(aged{b.bucket}, "", 0)
	require.NoError(t, err)

	ctx, stop := context.WithTimeout(t.Context(), 3*time.Second)
	defer stop()
	var writers sync.WaitGroup
	for w := range 4 {
		writers.Go(func() {
			for n := 0; ctx.Err() == nil; n++ {
				d, err := blobs.Put(context.Background(), text(rand.N(texts)))
				if err == nil {
					_, err = b.bucket.Create(context.Background(), fmt.Sprintf("lessons/w%d.%d.json", w, n), []byte(`{"blob":"`+string(d)+`"}`))
				}
				if err != nil {
					t.Errorf("write: %s", err)
					return
				}
			}
		})
	}
	gone := 0
	for ctx.Err() == nil {
		found := b.collect(Collection{Retention: Retention{Runs: DefaultRuns}, Held: nothingHeld, Delete: true, spared: spared})
		gone += found.Gone[KindBlobs].Objects + found.Gone[KindReplaced].Objects
	}
	writers.Wait()
	require.Positive(t, gone)
	require.NoError(t, walk(t.Context(), b.bucket, "lessons/", func(o objectstore.Info) error {
		obj, err := b.bucket.Get(t.Context(), o.Key)
		if err != nil {
			return err
		}
		_, err = blobs.Get(t.Context(), objectstore.Digest(obj.Body[9:73]))
		return err
	}))
}

func FuzzMentions(f *testing.F) {
	d := strings.Repeat("0123456789abcdef", 4)
	f.Add([]byte(`{"a":"`+d+`","b":"runs/w/r/turns/000001.json"}`), d)
	f.Add([]byte("blobs/sha256/01/"+d+d+" evaluations/x/."), d)
	f.Fuzz(func(t *testing.T, text []byte, _ string) {
		keys := 0
		mentions(text, func(digest) {}, func(string) { keys++ })
		listBlobs(text)
		found := 0
		quoted := append(append([]byte{}, text...), []byte(`"`+d+`" "runs/w/r/x.json"`)...)
		mentions(quoted, func(digest) { found++ }, func(string) { found++ })
		require.GreaterOrEqual(t, found, 2, "a reference is found whatever stands before it")
	})
}
