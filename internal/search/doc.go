// Package search finds documents for a task in plain words: an index in memory that ranks by words (BM25) and, where
// vectors are given, by meaning (cosine similarity), and fuses the two rankings.
//
// Both are exact and plain: at ten thousand documents a search by words takes about a millisecond and a comparison with
// all vectors a few, so that no approximation, no index on disk and no compaction is needed. docs/search.md has the numbers, and what
// was measured of the libraries that do more.
//
// The package knows nothing of skills, of storage or of models; it imports no other package of this module.
package search
