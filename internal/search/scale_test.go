package search_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"agentfactory/internal/search"
	"agentfactory/internal/search/searchtest"
)

// recall is the part of the queries that have their skill among the first ten hits.
func recall(x *search.Index, labelled []searchtest.Labelled) float64 {
	found := 0
	for _, l := range labelled {
		for _, m := range x.Search(search.Query{Text: l.Query}, 10) {
			if m.ID == l.ID {
				found++
			}
		}
	}
	return float64(found) / float64(len(labelled))
}

func documents(labelled []searchtest.Labelled) []search.Document {
	all := make([]search.Document, len(labelled))
	for i, l := range labelled {
		all[i] = l.Document
	}
	return all
}

func TestParaphrasedQueriesFindTheirSkillAmong10000(t *testing.T) {
	skills := searchtest.Library(10_000, 1)
	x := search.New()
	x.Put(documents(skills)...)
	r := recall(x, skills[:1000])
	t.Logf("recall@10 of 1,000 paraphrased queries in 10,000 skills, by words alone: %.3f", r)
	require.GreaterOrEqual(t, r, 0.85)
}

func BenchmarkSearchIn10000(b *testing.B) {
	skills := searchtest.Library(10_000, 1)
	x := search.New()
	x.Put(documents(skills)...)
	for i := 0; b.Loop(); i++ {
		x.Search(search.Query{Text: skills[i%len(skills)].Query}, 10)
	}
}

func BenchmarkIndex10000(b *testing.B) {
	all := documents(searchtest.Library(10_000, 1))
	for b.Loop() {
		search.New().Put(all...)
	}
}

// withVectors gives every document a random vector of the size of OpenAI's small embedding model.
func withVectors(all []search.Document, dimensions int) []search.Document {
	r := rand.New(rand.NewPCG(1, 1))
	for i := range all {
		all[i].Vector = randomVector(r, dimensions)
	}
	return all
}

func randomVector(r *rand.Rand, dimensions int) []float32 {
	v := make([]float32, dimensions)
	for i := range v {
		v[i] = float32(r.NormFloat64())
	}
	return v
}

func BenchmarkSearchByWordsAndVectorIn10000(b *testing.B) {
	skills := searchtest.Library(10_000, 1)
	for _, dimensions := range []int{384, 1536} {
		b.Run(fmt.Sprint(dimensions, " dimensions"), func(b *testing.B) {
			x := search.New()
			all := withVectors(documents(skills), dimensions)
			x.Put(all...)
			for i := 0; b.Loop(); i++ {
				x.Search(search.Query{Text: skills[i%len(skills)].Query, Vector: all[i%len(all)].Vector}, 10)
			}
		})
	}
}
