package search

import "math"

// leastCompared is the number of vectors from which on one can stand out.
const leastCompared = 20

// nearest ranks the documents that stand out by the cosine of their vector with the query's, at most depth of them (0: all).
// Models differ in the cosine that means "related" (0.4 with some, 0.8 with others), so there is no fixed limit: a document
// stands out when it is nearer than the nearest of as many unrelated ones would be, which for n normal deviates is about
// sqrt(2 ln n) deviations above their mean. Among a few documents that says nothing, and words decide.
func (x *Index) nearest(query []float32, depth int) []found {
	query = unit(query)
	var ranking []found
	var sum, squares float64
	for slot, e := range x.entries {
		if query == nil || e == nil || len(e.vector) != len(query) {
			continue
		}
		cosine := float64(dot(e.vector, query))
		sum, squares = sum+cosine, squares+cosine*cosine
		ranking = append(ranking, found{slot: int32(slot), score: cosine, vector: true})
	}
	n := float64(len(ranking))
	if n < leastCompared {
		return nil
	}
	mean := sum / n
	least := mean + math.Sqrt(2*math.Log(n))*math.Sqrt(max(0, squares/n-mean*mean))
	kept := ranking[:0]
	for _, f := range ranking {
		if f.score > least {
			kept = append(kept, f)
		}
	}
	x.sort(kept)
	if depth > 0 && len(kept) > depth {
		kept = kept[:depth]
	}
	return kept
}

// dot is unrolled: the compiler leaves one addition at a time waiting for the one before it.
func dot(a, b []float32) float32 {
	var s0, s1, s2, s3 float32
	b = b[:len(a)]
	i := 0
	for ; i+4 <= len(a); i += 4 {
		p, q := a[i:i+4:i+4], b[i:i+4:i+4]
		s0 += p[0] * q[0]
		s1 += p[1] * q[1]
		s2 += p[2] * q[2]
		s3 += p[3] * q[3]
	}
	for ; i < len(a); i++ {
		s0 += a[i] * b[i]
	}
	return s0 + s1 + s2 + s3
}

// unit scales a vector to length 1. One that has no direction, or none that can be told, is nil.
func unit(v []float32) []float32 {
	norm := math.Sqrt(float64(dot(v, v)))
	if norm == 0 || math.IsNaN(norm) || math.IsInf(norm, 0) {
		return nil
	}
	scaled := make([]float32, len(v))
	for i, f := range v {
		scaled[i] = float32(float64(f) / norm)
	}
	return scaled
}
