package lesson

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"agentfactory/internal/embedded/s3server"
	"agentfactory/internal/embedded/s3server/s3test"
	"agentfactory/internal/metaskill"
	"agentfactory/internal/objectstore"
)

func TestMain(m *testing.M) {
	s3server.MaybeRun()
	os.Exit(m.Run())
}

// inflation is a lesson that fits one kind of task.
var inflation = metaskill.Lesson{Title: "Inflation figures from CSV tables", WhenToUse: "A task asks for a mean or growth of yearly inflation.",
	WhatWorked: "csv.DictReader, then statistics.mean of the column.", WhatFailed: "Splitting lines at commas broke at quoted countries."}

func save(t *testing.T, b *Book, run string, l metaskill.Lesson) string {
	t.Helper()
	key := Key("task", run)
	_, _, err := b.Save(t.Context(), key, Lesson{Lesson: l, Task: "What was the mean inflation of 2019?", WorkflowID: "task", RunID: run})
	require.NoError(t, err)
	return key
}

func TestALessonIsFoundByTheNextTaskOfItsKindAlone(t *testing.T) {
	t.Parallel()
	store := s3test.Bucket(t)
	writer, reader := NewBook(store, nil), NewBook(store, nil)
	found, err := reader.Search(t.Context(), "mean inflation of 2020", 5)
	require.NoError(t, err)
	require.Empty(t, found.Lessons, "an empty library has none")
	key := save(t, writer, "1", inflation)
	found, err = reader.Search(t.Context(), "What was the mean inflation in 2020, by the table inflation.csv?", 5)
	require.NoError(t, err)
	require.Equal(t, []Kept{{Key: key, Lesson: inflation}}, found.Lessons, "another worker finds it at once")
	found, err = reader.Search(t.Context(), "Transcribe the interview with the gardener", 5)
	require.NoError(t, err)
	require.Empty(t, found.Lessons)
}

func TestSavingTwiceKeepsTheFirst(t *testing.T) {
	t.Parallel()
	b := NewBook(s3test.Bucket(t), nil)
	key := save(t, b, "1", inflation)
	other := inflation
	other.Title = "Another"
	saved, _, err := b.Save(t.Context(), key, Lesson{Lesson: other})
	require.NoError(t, err)
	require.Equal(t, inflation.Title, saved.Title)
}

func TestEqualLessonsAreGivenOnceAndNeverTooMany(t *testing.T) {
	t.Parallel()
	b := NewBook(s3test.Bucket(t), nil)
	for i := range 30 {
		l := inflation
		l.Title = fmt.Sprintf("%s %c", l.Title, 'a'+i/3)
		save(t, b, fmt.Sprint(i), l)
	}
	found, err := b.Search(t.Context(), "mean inflation", metaskill.MaxLessons)
	require.NoError(t, err)
	require.Len(t, found.Lessons, metaskill.MaxLessons)
	titles := map[string]bool{}
	for _, l := range found.Lessons {
		titles[l.Title] = true
	}
	require.Len(t, titles, metaskill.MaxLessons)
}

func TestADamagedLessonTakesNoOthersAlong(t *testing.T) {
	t.Parallel()
	store := s3test.Bucket(t)
	_, err := store.Create(t.Context(), Key("bad", "1"), []byte(`{"title":`))
	require.NoError(t, err)
	b := NewBook(store, nil)
	save(t, b, "1", inflation)
	for range 2 {
		found, err := b.Search(t.Context(), "mean inflation", 5)
		require.NoError(t, err)
		require.Len(t, found.Lessons, 1)
		require.Equal(t, []string{"lessons that cannot be read, and are left out: 1"}, found.Notes)
	}
}

func TestWhatIsKeptIsBounded(t *testing.T) {
	t.Parallel()
	l := inflation
	l.WhatWorked = strings.Repeat("ü", 100_000)
	saved, _, err := NewBook(s3test.Bucket(t), nil).Save(t.Context(), Key("w", "r"), Lesson{Lesson: l, Task: strings.Repeat("x", 64<<10)})
	require.NoError(t, err)
	body, err := json.Marshal(saved)
	require.NoError(t, err)
	require.Less(t, len(body), 20_000)
}

func TestKeysAreValidWhateverTheWorkflowIsCalled(t *testing.T) {
	for _, id := range []string{"evaluation-1/agent factory", strings.Repeat("a", 120), "../..", ""} {
		require.NoError(t, objectstore.CheckKey(Key(id, "0199aa6e-7a53-7c2b-b7a1-0d3f8e1c2b3a")))
	}
}

// embedder knows one direction for each word that it was given.
type embedder struct {
	model string
	words []string
	err   error
	calls int
}

func (e *embedder) EmbeddingModel() string { return e.model }

func (e *embedder) Embed(_ context.Context, _ string, texts []string) (vectors [][]float32, tokens int64, err error) {
	e.calls++
	for _, text := range texts {
		v := make([]float32, len(e.words))
		for i, w := range e.words {
			v[i] = 0.01
			if strings.Contains(text, w) {
				v[i] = 1
			}
		}
		vectors = append(vectors, v)
	}
	return vectors, 7, e.err
}

func TestLessonsAreFoundByMeaning(t *testing.T) {
	t.Parallel()
	store := s3test.Bucket(t)
	e := &embedder{model: "m"}
	for i := range 25 {
		e.words = append(e.words, fmt.Sprintf("topic%d.", i))
	}
	b := NewBook(store, e)
	for i := range 25 {
		l := metaskill.Lesson{Title: fmt.Sprintf("%c", 'a'+i), WhenToUse: fmt.Sprintf("x topic%d.", i), WhatWorked: "y"}
		_, tokens, err := b.Save(t.Context(), Key("w", fmt.Sprint(i)), Lesson{Lesson: l})
		require.NoError(t, err)
		require.Equal(t, int64(7), tokens)
	}
	found, err := b.Search(t.Context(), "zebra topic7.", 5)
	require.NoError(t, err)
	require.NotEmpty(t, found.Lessons)
	require.Equal(t, "h", found.Lessons[0].Title)
	require.Equal(t, int64(7), found.EmbeddingTokens)

	e.err = errors.New("down")
	found, err = b.Search(t.Context(), "zebra topic7.", 5)
	require.NoError(t, err)
	require.Contains(t, found.Notes[0], "by words alone")
	saved, _, err := b.Save(t.Context(), Key("w", "late"), Lesson{Lesson: inflation})
	require.NoError(t, err, "a lesson is kept without its vector")
	require.Empty(t, saved.Vector)

	e.err, e.model, e.calls = nil, "another", 0
	_, err = b.Search(t.Context(), "zebra topic7.", 5)
	require.NoError(t, err)
	require.Zero(t, e.calls, "vectors of another model are of no use, so none is made of the query")
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte(`{"title":"a","when_to_use":"b","what_worked":"c","vector":"AAAAAA=="}`))
	f.Add([]byte(`{"title":1}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		l, err := decode("lessons/x.json", body)
		if err != nil {
			require.ErrorIs(t, err, objectstore.ErrCorrupt)
			return
		}
		l.document("k", l.EmbeddingModel)
	})
}

// What a task pays for a memory of a thousand lessons: one listing, and a search in memory.
func BenchmarkSearchOf1000Lessons(b *testing.B) {
	store := s3test.Bucket(b)
	book := NewBook(store, nil)
	for i := range 1000 {
		l := inflation
		l.Title = fmt.Sprintf("%s %d", l.Title, i)
		_, _, err := book.Save(b.Context(), Key("w", fmt.Sprint(i)), Lesson{Lesson: l})
		require.NoError(b, err)
	}
	_, err := book.Search(b.Context(), "mean inflation", metaskill.MaxLessons) // reads them once
	require.NoError(b, err)
	for b.Loop() {
		found, err := book.Search(b.Context(), "What was the mean inflation of 2019?", metaskill.MaxLessons)
		require.NoError(b, err)
		require.Len(b, found.Lessons, metaskill.MaxLessons)
	}
}
