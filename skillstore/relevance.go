package skillstore

import (
	"bytes"
	"fmt"
	"maps"
	"math"
	"regexp"
	"slices"
	"unicode"

	"github.com/blevesearch/bleve/v2/analysis"
	"github.com/blevesearch/bleve/v2/analysis/lang/en"
	"github.com/blevesearch/bleve/v2/registry"
)

// fit says how well a skill's words and the asked ones go together, from 0 to 1: the overlap coefficient of the two sets,
// each word weighted by its rarity (total is the weight of all asked words). It divides by the lighter set, because tasks and descriptions differ in length by
// far: a short query may name a fraction of what a description says, and a long task may hold all that a short
// description says and much besides. Rankings by term statistics alone (BM25) give no number at which to cut, since
// their scores compare within one query only.
func (x *searchIndex) fit(asked map[string]bool, total float64, words []string) float64 {
	common := among(words, asked)
	if len(common) == 0 || len(common) == 1 && len(asked) > fewWords {
		return 0
	}
	return x.total(common) / min(total, x.total(words))
}

// fewWords is the length of a query up to which one word in common is enough. In a longer one it is a coincidence.
const fewWords = 6

func among(words []string, asked map[string]bool) (both []string) {
	for _, w := range words {
		if asked[w] {
			both = append(both, w)
		}
	}
	return both
}

func (x *searchIndex) total(words []string) (sum float64) {
	for _, w := range words {
		sum += x.weight(w)
	}
	return sum
}

// assumedSkills stands in for the library that a small library will become, so that with three skills a word that all of
// them have still tells something.
const assumedSkills = 50

// weight is the inverse document frequency of a word (as in Okapi BM25), less for words that go with any task.
func (x *searchIndex) weight(word string) float64 {
	n, having := float64(len(x.skills)+assumedSkills), float64(x.count[word])
	idf := math.Log(1 + (n-having+0.5)/(having+0.5))
	if x.words.common[word] {
		return idf / 4
	}
	return idf
}

// analyzer cuts texts into words with bleve's English chain: Unicode word borders, lower case, no stop words, Porter
// stems.
type analyzer struct {
	chain  analysis.Analyzer
	common map[string]bool
}

// commonWords are what tasks of all kinds are written with.
const commonWords = `please help use using want need task question query answer given give take make create write generate produce build
find search look open read get fetch download collect save store print show display output return provide include list
report result final file folder page web website google internet data text information detail document python code script program
summarize summarise summary analyze analyse analysis first new all each several number name`

func newAnalyzer() *analyzer {
	chain, err := registry.NewCache().AnalyzerNamed(en.AnalyzerName)
	if err != nil {
		panic(fmt.Sprintf("analyzer %s: %v", en.AnalyzerName, err)) // it is part of bleve
	}
	a := &analyzer{chain: chain}
	a.common = a.of(commonWords)
	return a
}

// joints are where names are put together from words: interview_01.mp3, csv-summary, CO2/energy.
var joints = regexp.MustCompile(`[._/\\-]+`)

// of returns the distinct words of a text. Numbers are none: they tell tasks apart, not kinds of tasks.
func (a *analyzer) of(text string) map[string]bool {
	words := map[string]bool{}
	for _, token := range a.chain.Analyze(joints.ReplaceAll([]byte(text), []byte(" "))) {
		if bytes.ContainsFunc(token.Term, unicode.IsLetter) {
			words[string(token.Term)] = true
		}
	}
	return words
}

func sorted(words map[string]bool) []string { return slices.Sorted(maps.Keys(words)) }
