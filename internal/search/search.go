package search

// Query is what is looked for.
type Query struct {
	Text   string
	Vector []float32 // its embedding, from the model of the documents'; nil: words alone
}

// Match is a document that was found.
type Match struct {
	ID string
	// Fit is how well its words go with the query's, LeastFit to 1. A document that only its vector found has LeastFit.
	Fit     float64
	Lexical bool // found by words
	Vector  bool // found by meaning
}

const (
	// maxSearched bounds how much of a query is read, in bytes. What a task is about stands in its beginning.
	maxSearched = 64 << 10
	// fusedDepth is how far down the rankings are fused. Below that, being in both says little.
	fusedDepth = 100
	// rankConstant damps the first ranks (Cormack, Clarke and Büttcher 2009: reciprocal rank fusion with k = 60).
	rankConstant = 60
)

// Search returns the documents that fit, the best first, at most limit of them (0: all). Documents that do not fit are left
// out, so there may be none.
func (x *Index) Search(q Query, limit int) []Match {
	words := distinct(x.words.of(q.Text[:min(len(q.Text), maxSearched)]))
	depth := 0
	if limit > 0 {
		depth = max(limit, fusedDepth)
	}
	x.mu.RLock()
	defer x.mu.RUnlock()
	ranking := x.fuse(x.lexical(words, depth), x.nearest(q.Vector, depth))
	if limit > 0 && len(ranking) > limit {
		ranking = ranking[:limit]
	}
	matches := make([]Match, len(ranking))
	for i, f := range ranking {
		matches[i] = Match{ID: x.entries[f.slot].id, Fit: min(max(f.fit, LeastFit), 1), Lexical: f.lexical, Vector: f.vector}
	}
	return matches
}

// fuse orders by the sum of the reciprocal ranks, which needs no common scale of the two rankings.
func (x *Index) fuse(rankings ...[]found) []found {
	var fused []found
	position := map[int32]int{}
	for _, ranking := range rankings {
		for rank, f := range ranking {
			at, known := position[f.slot]
			if !known {
				at = len(fused)
				position[f.slot] = at
				fused = append(fused, found{slot: f.slot})
			}
			both := &fused[at]
			both.score += 1 / float64(rankConstant+rank)
			both.fit = max(both.fit, f.fit)
			both.lexical, both.vector = both.lexical || f.lexical, both.vector || f.vector
		}
	}
	x.sort(fused)
	return fused
}
