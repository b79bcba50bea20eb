package lesson

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"agentfactory/internal/metaskill"
	"agentfactory/internal/objectstore"
	"agentfactory/internal/record"
	"agentfactory/internal/search"
)

// Embedder turns texts into vectors that are near each other when the texts mean the
// same. It is safe for concurrent use.
type Embedder interface {
	// EmbeddingModel is the model that is configured now; "" is none.
	EmbeddingModel() string
	// Embed returns a vector for each text, all of the same length, and the tokens that it took.
	Embed(ctx context.Context, model string, texts []string) (vectors [][]float32, tokens int64, err error)
}

// Book holds the lessons of one library. It is safe for concurrent use.
type Book struct {
	store    objectstore.Store
	embedder Embedder // nil: lessons are found by words alone

	mu      sync.Mutex
	pages   map[string]metaskill.Lesson // by key
	damaged map[string]error            // records that cannot be read, by key
	index   *search.Index
	model   string // of the vectors in the index
}

// NewBook opens the lessons in store.
func NewBook(store objectstore.Store, embedder Embedder) *Book {
	b := &Book{store: store, embedder: embedder}
	b.forget("")
	return b
}

func (b *Book) forget(model string) {
	b.pages, b.damaged, b.index, b.model = map[string]metaskill.Lesson{}, map[string]error{}, search.New(), model
}

// Save writes the lesson of a run, once: what an earlier attempt has written stays and is
// returned. tokens is what embedding it took; where that fails, the lesson is kept
// without a vector.
func (b *Book) Save(ctx context.Context, key string, l Lesson) (saved Lesson, tokens int64, err error) {
	if found, err := read(ctx, b.store, key); !errors.Is(err, objectstore.ErrNotFound) {
		return found, 0, err
	}
	l = l.bounded()
	tokens = b.embed(ctx, &l)
	body, err := record.One.Encode(l)
	if err != nil {
		return Lesson{}, tokens, fmt.Errorf("encode lesson: %w", err)
	}
	_, err = b.store.Create(ctx, key, body)
	if errors.Is(err, objectstore.ErrExists) {
		l, err = read(ctx, b.store, key)
		return l, tokens, err
	}
	if err != nil {
		return Lesson{}, tokens, fmt.Errorf("write lesson: %w", err)
	}
	return l, tokens, nil
}

// embedWithin bounds how long anything waits for a vector, which is of use but not needed.
const embedWithin = 5 * time.Second

func (b *Book) embed(ctx context.Context, l *Lesson) (tokens int64) {
	model := b.embeddingModel()
	if model == "" {
		return 0
	}
	vector, tokens, err := b.vector(ctx, model, l.text())
	if err == nil {
		l.EmbeddingModel, l.Vector = model, bytesOf(vector)
	}
	return tokens
}

func (b *Book) embeddingModel() string {
	if b.embedder == nil {
		return ""
	}
	return b.embedder.EmbeddingModel()
}

func (b *Book) vector(ctx context.Context, model, text string) ([]float32, int64, error) {
	ctx, cancel := context.WithTimeout(ctx, embedWithin)
	defer cancel()
	vectors, tokens, err := b.embedder.Embed(ctx, model, []string{text})
	if err == nil && len(vectors) != 1 {
		err = fmt.Errorf("embed with %s: %d vectors came back for one text", model, len(vectors))
	}
	if err != nil {
		return nil, tokens, err
	}
	return vectors[0], tokens, nil
}

// Kept is a lesson with its key.
type Kept struct {
	Key string
	metaskill.Lesson
}

// Found is what a search found, the best first.
type Found struct {
	Lessons         []Kept
	EmbeddingTokens int64
	Notes           []string // for people: what was left out, and why
}

// Search returns at most limit lessons that fit a task; equal ones count once. Whatever
// was saved before is found: each search looks for lessons that it has not read yet,
// which is one listing of at most a thousand keys a page.
func (b *Book) Search(ctx context.Context, task string, limit int) (Found, error) {
	model := b.embeddingModel()
	if err := b.refresh(ctx, model); err != nil {
		return Found{}, fmt.Errorf("search lessons: %w", err)
	}
	b.mu.Lock()
	index, damaged := b.index, len(b.damaged)
	b.mu.Unlock()
	var found Found
	if damaged > 0 {
		found.Notes = append(found.Notes, fmt.Sprintf("lessons that cannot be read, and are left out: %d", damaged))
	}
	query := search.Query{Text: task}
	if _, vectors := index.Len(); vectors > 0 {
		var err error
		if query.Vector, found.EmbeddingTokens, err = b.vector(ctx, model, task); err != nil {
			found.Notes = append(found.Notes, "lessons were searched by words alone: "+strings.Join(strings.Fields(err.Error()), " "))
		}
	}
	found.Lessons = b.distinct(index.Search(query, crowd*limit), limit)
	return found, nil
}

// crowd is how many times the wanted number is looked at, as some may be equal.
const crowd = 4

func (b *Book) distinct(matches []search.Match, limit int) []Kept {
	b.mu.Lock()
	defer b.mu.Unlock()
	var kept []Kept
	seen := map[metaskill.Lesson]bool{}
	for _, m := range matches {
		l, ok := b.pages[m.ID]
		if !ok || seen[l] {
			continue
		}
		seen[l] = true
		if kept = append(kept, Kept{Key: m.ID, Lesson: l}); len(kept) == limit {
			break
		}
	}
	return kept
}

// atOnce bounds the lessons that are read at the same time.
const atOnce = 16

// refresh reads the lessons that have come since the last time; all of them anew when
// the embedding model has changed, since vectors of two models cannot be compared.
func (b *Book) refresh(ctx context.Context, model string) error {
	listed, err := b.store.List(ctx, prefix, "", 0)
	if err != nil {
		return err
	}
	fresh := b.unread(listed, model)
	lessons, wrong := make([]Lesson, len(fresh)), make([]error, len(fresh))
	g, within := errgroup.WithContext(ctx)
	g.SetLimit(atOnce)
	for i, key := range fresh {
		g.Go(func() error {
			lessons[i], wrong[i] = read(within, b.store, key)
			if errors.Is(wrong[i], objectstore.ErrCorrupt) {
				return nil // one that is damaged takes no others along
			}
			return wrong[i]
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	b.take(fresh, lessons, wrong, model)
	return nil
}

func (b *Book) unread(listed []objectstore.Info, model string) []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.model != model {
		b.forget(model)
	}
	var fresh []string
	for _, info := range listed {
		_, known := b.pages[info.Key]
		if _, bad := b.damaged[info.Key]; !known && !bad && strings.HasSuffix(info.Key, ".json") {
			fresh = append(fresh, info.Key)
		}
	}
	return fresh
}

func (b *Book) take(keys []string, lessons []Lesson, wrong []error, model string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.model != model {
		return // another search has begun anew meanwhile, and reads them itself
	}
	var documents []search.Document
	for i, key := range keys {
		if wrong[i] != nil {
			b.damaged[key] = wrong[i]
			continue
		}
		b.pages[key] = lessons[i].Lesson
		documents = append(documents, lessons[i].document(key, model))
	}
	b.index.Put(documents...)
}

// Count is how many lessons a library's objects hold.
func Count(ctx context.Context, objects objectstore.Store) (int, error) {
	listed, err := objects.List(ctx, prefix, "", 0)
	return len(listed), err
}
