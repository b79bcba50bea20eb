package skillstore

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"agentfactory/internal/search"
)

// Search implements Store. What other workers promoted is found a tenth of a second later, what this one promoted at once.
func (s *S3) Search(ctx context.Context, query string, limit int) (Found, error) {
	found := Found{Kind: Lexical}
	if strings.TrimSpace(query) == "" {
		return found, nil
	}
	notes, err := s.refresh(ctx)
	if err != nil {
		return Found{}, fmt.Errorf("search skills: %w", err)
	}
	found.Notes = notes
	vector, tokens, note := s.queryVector(ctx, query)
	found.EmbeddingTokens = tokens
	if note != "" {
		found.Notes = append(found.Notes, note)
	}
	if vector != nil {
		found.Kind = LexicalAndVector
	}
	for _, m := range s.catalog.index.Search(search.Query{Text: query, Vector: vector}, limit) {
		if head, ok := s.catalog.current(m.ID); ok { // else it was retired a moment ago
			found.Hits = append(found.Hits, Hit{Head: head, Score: m.Fit, By: kindOf(m)})
		}
	}
	return found, nil
}

func kindOf(m search.Match) SearchKind {
	switch {
	case m.Lexical && m.Vector:
		return LexicalAndVector
	case m.Vector:
		return Vector
	}
	return Lexical
}

// queries embeds what is searched for.
type queries struct {
	mu     sync.Mutex
	known  map[string][]float32 // by model and query
	resume time.Time            // when the model is asked again after a failure
	reason string
}

const (
	embedQueryWithin = 5 * time.Second  // a search waits for a vector
	embedPause       = 30 * time.Second // after a failure, so that a dead endpoint does not delay every search
	maxKnownQueries  = 256
)

// queryVector returns the query's vector and what it took, or none and a note that says why.
func (s *S3) queryVector(ctx context.Context, query string) (vector []float32, tokens int64, note string) {
	model := s.embeddingModel()
	if model == "" {
		return nil, 0, ""
	}
	if documents, vectors := s.catalog.index.Len(); vectors == 0 {
		if documents == 0 {
			return nil, 0, ""
		}
		return nil, 0, fmt.Sprintf("searched by words alone: no skill has an embedding by %s yet", model)
	}
	vector, tokens, err := s.queries.embed(ctx, s.embedder, model, query, s.now())
	if err != nil {
		return nil, tokens, "searched by words alone: " + err.Error()
	}
	return vector, tokens, ""
}

func (q *queries) embed(ctx context.Context, by Embedder, model, query string, now time.Time) ([]float32, int64, error) {
	key := model + "\n" + shortDigest(query)
	q.mu.Lock()
	vector, known := q.known[key]
	resume, reason := q.resume, q.reason
	q.mu.Unlock()
	switch {
	case known:
		return vector, 0, nil
	case now.Before(resume):
		return nil, 0, fmt.Errorf("the embedding model is left alone for %s after: %s", resume.Sub(now).Round(time.Second), reason)
	}
	within, cancel := context.WithTimeout(ctx, embedQueryWithin)
	defer cancel()
	vectors, tokens, err := by.Embed(within, model, []string{query})
	if err == nil && len(vectors) != 1 {
		err = fmt.Errorf("embed a query with %s: %d vectors came back", model, len(vectors))
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if err != nil {
		if ctx.Err() == nil {
			q.resume, q.reason = now.Add(embedPause), err.Error()
		}
		return nil, tokens, err
	}
	if len(q.known) >= maxKnownQueries {
		clear(q.known)
	}
	q.known[key] = vectors[0]
	return vectors[0], tokens, nil
}

// backgroundWithin bounds what is done after a call has returned.
const backgroundWithin = 5 * time.Minute

// later does what the caller need not wait for. When the process ends before it is done, a later comparison does it.
func (s *S3) later(ctx context.Context, what string, do func(context.Context) error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), backgroundWithin)
	go func() {
		defer cancel()
		if err := do(ctx); err != nil {
			slog.WarnContext(ctx, "could not "+what+" in the background; it is tried again", "error", err)
		}
	}()
}
