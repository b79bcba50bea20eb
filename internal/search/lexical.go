package search

import (
	"cmp"
	"math"
	"slices"
	"strings"
)

// The parameters of Okapi BM25 (Robertson and Zaragoza 2009). Lengths are weighted lightly: a skill that has solved many
// tasks has a long document and is none the worse for it.
const (
	k1 = 1.2
	b  = 0.4
)

// found is a document in one ranking.
type found struct {
	slot            int32
	score           float64 // what the ranking goes by, comparable within one query only
	fit             float64 // by words, 0 to 1
	lexical, vector bool    // which rankings it is in
}

// asked is a query in words.
type asked struct {
	terms map[int32]bool // those that any document has
	order []int32        // the same, so that equal searches give equal sums
	total float64        // weight of all its words, unknown ones too
	count int            // of its distinct words
}

func (x *Index) ask(words []string) asked {
	q := asked{terms: map[int32]bool{}, count: len(words)}
	for _, w := range words {
		term, known := x.terms[w]
		if known && len(x.postings[term]) > 0 {
			q.terms[term] = true
			q.order = append(q.order, term)
		}
		q.total += x.weightOf(w)
	}
	return q
}

// lexical ranks the documents that fit by BM25, and stops after depth of them (0: all).
func (x *Index) lexical(words []string, depth int) []found {
	q := x.ask(words)
	candidates := x.bm25(q)
	x.sort(candidates)
	fitting := candidates[:0]
	for _, f := range candidates {
		if f.fit = x.fit(q, x.entries[f.slot]); f.fit >= LeastFit {
			fitting = append(fitting, f)
		}
		if depth > 0 && len(fitting) == depth {
			break
		}
	}
	return fitting
}

// fewWords is the length of a query up to which one word in common is enough. In a longer one it is a coincidence.
const fewWords = 6

// bm25 scores the documents that share enough words with the query.
func (x *Index) bm25(q asked) []found {
	scores, shared := make([]float64, len(x.entries)), make([]uint16, len(x.entries))
	average := x.length / float64(max(1, len(x.slots)))
	for _, term := range q.order {
		idf := x.weight(term)
		for _, p := range x.postings[term] {
			tf, length := float64(p.tf), float64(x.entries[p.slot].length)
			scores[p.slot] += idf * tf * (k1 + 1) / (tf + k1*(1-b+b*length/average))
			shared[p.slot]++
		}
	}
	least := uint16(1)
	if q.count > fewWords {
		least = 2
	}
	var candidates []found
	for slot, n := range shared {
		if n >= least {
			candidates = append(candidates, found{slot: int32(slot), score: scores[slot], lexical: true})
		}
	}
	return candidates
}

func (x *Index) sort(ranking []found) {
	slices.SortFunc(ranking, func(a, b found) int {
		if a.score != b.score {
			return cmp.Compare(b.score, a.score)
		}
		return strings.Compare(x.entries[a.slot].id, x.entries[b.slot].id)
	})
}

// LeastFit is the fit below which a document is not worth showing. In the tests' table of tasks, skills that were made for a
// task fit it by 0.38 to 1, and no skill fits an unrelated task by more than 0.21.
const LeastFit = 0.25

// fit says how well a document and a query go together, from 0 to 1, which BM25 cannot, since its scores compare within
// one query only: the overlap coefficient of the query's words and those of name and description, or the part
// of the query's words that stand anywhere in the document, whichever is greater; rare words count more. The overlap
// coefficient divides by the lighter set, because tasks and descriptions differ in length by far: a short query may name
// a fraction of what a description says, and a long task may hold all that a short description says and much besides.
func (x *Index) fit(q asked, e *entry) float64 {
	var common, about, covered float64
	for _, term := range e.about {
		w := x.weight(term)
		about += w
		if q.terms[term] {
			common += w
		}
	}
	for _, term := range e.all {
		if q.terms[term] {
			covered += x.weight(term)
		}
	}
	if common > 0 { // then neither divisor is 0
		common /= min(q.total, about)
	}
	return max(common, covered/q.total)
}

// assumedDocuments stand in for the library that a small library will become, so that with three documents a word that all of
// them have still tells something.
const assumedDocuments = 50

// weight is the inverse document frequency of a term (as in Okapi BM25), less for words that go with any task.
func (x *Index) weight(term int32) float64 { return x.idf(len(x.postings[term])) * x.rareness[term] }

func (x *Index) weightOf(word string) float64 {
	term, known := x.terms[word]
	if known {
		return x.weight(term)
	}
	return x.idf(0) * x.words.rareness(word)
}

func (x *Index) idf(having int) float64 {
	n, h := float64(len(x.slots)+assumedDocuments), float64(having)
	return math.Log(1 + (n-h+0.5)/(h+0.5))
}
