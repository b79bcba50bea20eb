package search

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
)

// circle are n documents whose vectors lie close together, and one that points elsewhere.
func circle(n int) []Document {
	all := []Document{{ID: "apart", Name: "zebra", Vector: []float32{0, 1}}}
	for i := range n {
		all = append(all, Document{ID: fmt.Sprint("d", i), Name: "giraffe", Vector: []float32{5, float32(i) / float32(n)}})
	}
	return all
}

func ids(matches []Match) (ids []string) {
	for _, m := range matches {
		ids = append(ids, m.ID)
	}
	return ids
}

func TestAVectorThatStandsOutIsFoundWithoutAWordInCommon(t *testing.T) {
	x := indexed(circle(50))
	require.Equal(t, []Match{{ID: "apart", Fit: LeastFit, Vector: true}}, x.Search(Query{Text: "okapi", Vector: []float32{0, 7}}, 5))
	require.Empty(t, x.Search(Query{Text: "okapi"}, 5))
}

func TestNothingStandsOutWhereAllAreAlikeOrFew(t *testing.T) {
	require.Empty(t, indexed(circle(10)).Search(Query{Text: "okapi", Vector: []float32{0, 1}}, 5), "of eleven, none can")
	same := make([]Document, 100)
	for i := range same {
		same[i] = Document{ID: fmt.Sprint(i), Vector: []float32{1, 1}}
	}
	require.Empty(t, indexed(same).Search(Query{Text: "okapi", Vector: []float32{1, 1}}, 5))
}

func TestWhatBothRankingsFindComesFirst(t *testing.T) {
	x := indexed(circle(50), []Document{{ID: "words", Name: "zebra-crossing"}, {ID: "both", Name: "zebra-crossing-painter", Vector: []float32{0, 1}}})
	matches := x.Search(Query{Text: "zebra crossing", Vector: []float32{0, 1}}, 3)
	require.ElementsMatch(t, []string{"both", "apart", "words"}, ids(matches))
	require.True(t, matches[0].Lexical && matches[0].Vector)
}

func TestVectorsThatCannotBeComparedAreLeftOut(t *testing.T) {
	x := indexed(circle(50))
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	for _, v := range [][]float32{nil, {}, {0, 0}, {nan, 1}, {inf, 1}, {1, 2, 3}} {
		require.Empty(t, x.Search(Query{Text: "okapi", Vector: v}, 5), "%v", v)
		x.Put(Document{ID: "odd", Name: "odd", Vector: v})
		require.Equal(t, []string{"apart"}, ids(x.Search(Query{Text: "okapi", Vector: []float32{0, 1}}, 5)), "%v", v)
		require.Equal(t, []string{"odd"}, ids(x.Search(Query{Text: "odd"}, 5)), "by words it is found all the same")
	}
}

func TestDocumentsAreReplacedAndRemoved(t *testing.T) {
	x := New()
	for range 3 {
		x.Put(Document{ID: "a", Name: "zebra", Vector: []float32{1}}, Document{ID: "b", Name: "zebra okapi"})
	}
	documents, vectors := x.Len()
	require.Equal(t, []int{2, 1}, []int{documents, vectors})
	require.Len(t, x.Search(Query{Text: "zebra"}, 0), 2)
	x.Put(Document{ID: "a", Name: "giraffe"})
	require.Equal(t, []string{"b"}, ids(x.Search(Query{Text: "zebra"}, 0)))
	require.Equal(t, []string{"a"}, ids(x.Search(Query{Text: "giraffe"}, 0)))
	for _, id := range []string{"a", "b", "b", "unknown"} {
		x.Remove(id)
	}
	documents, vectors = x.Len()
	require.Zero(t, documents+vectors)
	require.Zero(t, x.length)
	require.Empty(t, x.Search(Query{Text: "zebra okapi giraffe"}, 0))
	for term, list := range x.postings {
		require.Empty(t, list, term)
	}
}

func TestLongTextsAreReadFromTheirBeginning(t *testing.T) {
	x := indexed([]Document{{ID: "long", Description: "zebra " + strings.Repeat("okapi ", 5000) + "giraffe", Queries: slices.Repeat([]string{"lion"}, 1000)}})
	require.Len(t, x.Search(Query{Text: "zebra"}, 0), 1)
	require.Len(t, x.Search(Query{Text: "lion"}, 0), 1)
	require.Empty(t, x.Search(Query{Text: "giraffe"}, 0))
}

func TestSearchesAndChangesGoOnSideBySide(t *testing.T) {
	x := indexed(circle(50))
	done := make(chan struct{})
	go func() {
		defer close(done)
		for i := range 200 {
			x.Put(Document{ID: fmt.Sprint("d", i%50), Name: "okapi", Vector: []float32{1, float32(i)}})
			x.Remove(fmt.Sprint("d", i%7))
		}
	}()
	for range 200 {
		x.Search(Query{Text: "okapi giraffe", Vector: []float32{0, 1}}, 5)
	}
	<-done
}

// FuzzWords: a text is cut the same in pieces that are remembered as by the chain as a whole.
func FuzzWords(f *testing.F) {
	for _, text := range []string{"interview_01.mp3", "don't, O'Neill's 'quoted'", "CO2/energy 日本語 Straße", "a''b 1'000 x'1", "\xff\x00é\u00a0b"} {
		f.Add(text)
	}
	a := newAnalyzer()
	f.Fuzz(func(t *testing.T, text string) {
		if !utf8.ValidString(text) {
			a.of(text) // only without a panic
			return
		}
		spaced := strings.Map(func(r rune) rune {
			if separates(r) {
				return ' '
			}
			return r
		}, text)
		var whole []string
		for _, token := range a.chain.Analyze([]byte(spaced)) {
			if strings.ContainsFunc(string(token.Term), func(r rune) bool { return strings.ContainsRune("abcdefghijklmnopqrstuvwxyz", r) }) {
				whole = append(whole, string(token.Term))
			}
		}
		cut := slices.DeleteFunc(a.of(text), func(w string) bool { return !strings.ContainsAny(w, "abcdefghijklmnopqrstuvwxyz") })
		require.Equal(t, strings.Join(whole, " "), strings.Join(cut, " "))
	})
}
