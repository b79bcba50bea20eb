package skillstore

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"agentfactory/internal/skill"
)

// Search implements Store. Each search lists the library, so that it finds what another worker promoted a moment ago.
func (s *S3) Search(ctx context.Context, query string, limit int) ([]Hit, error) {
	heads, err := s.currentHeads(ctx)
	if err != nil {
		return nil, fmt.Errorf("search skills: %w", err)
	}
	return s.index.search(heads, query, limit), nil
}

// searchIndex knows the words of every current skill. It compares a query with all of them in turn: at a thousand skills
// that takes a fraction of a millisecond, far less than listing them.
type searchIndex struct {
	words *analyzer

	mu     sync.Mutex
	skills map[string]indexedSkill // retired ones without words
	count  map[string]int          // skills that have a word
}

type indexedSkill struct {
	head  skill.Head
	words []string // of name and description
	named []string // of the name alone
}

func newSearchIndex() *searchIndex {
	return &searchIndex{words: newAnalyzer(), skills: map[string]indexedSkill{}, count: map[string]int{}}
}

// leastFit is the fit below which a skill is not worth showing. In the tests' table of tasks, skills that were made for a
// task fit it by 0.38 to 1, and no skill fits an unrelated task by more than 0.08.
const leastFit = 0.25

// maxSearched bounds how much of a query is read, in bytes. What a task is about stands in its beginning.
const maxSearched = 64 << 10

func (x *searchIndex) search(heads []skill.Head, query string, limit int) []Hit {
	asked := x.words.of(query[:min(len(query), maxSearched)])
	x.mu.Lock()
	defer x.mu.Unlock()
	x.follow(heads)
	total := x.total(sorted(asked)) // sorted, so that equal searches give equal sums
	var hits []Hit
	named := map[string]float64{} // among skills that fit equally well, those named by the query come first
	for name, s := range x.skills {
		if fit := x.fit(asked, total, s.words); fit >= leastFit {
			hits = append(hits, Hit{Head: s.head, Score: fit})
			named[name] = x.total(among(s.named, asked))
		}
	}
	slices.SortFunc(hits, func(a, b Hit) int {
		return cmp.Or(cmp.Compare(b.Score, a.Score), cmp.Compare(named[b.Name], named[a.Name]), strings.Compare(a.Name, b.Name))
	})
	if limit > 0 && len(hits) > limit {
		hits = hits[:limit]
	}
	return hits
}

// follow brings the index up to the given heads, unless another search has brought it further.
func (x *searchIndex) follow(heads []skill.Head) {
	for _, h := range heads {
		old := x.skills[h.Name]
		if old.head.Generation >= h.Generation {
			continue
		}
		for _, w := range old.words {
			x.count[w]--
		}
		s := indexedSkill{head: h}
		if h.Tombstone == nil {
			s.words, s.named = sorted(x.words.of(h.Name+" "+h.Description)), sorted(x.words.of(h.Name))
		}
		for _, w := range s.words {
			x.count[w]++
		}
		x.skills[h.Name] = s
	}
}
