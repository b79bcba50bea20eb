package search

import (
	"bytes"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"unicode"

	"github.com/blevesearch/bleve/v2/analysis"
	"github.com/blevesearch/bleve/v2/analysis/lang/en"
	"github.com/blevesearch/bleve/v2/registry"
)

// analyzer cuts texts into words with bleve's English chain: Unicode word borders, lower case, no stop words, Porter
// stems.
type analyzer struct {
	chain  analysis.Analyzer
	common map[string]bool
	known  sync.Map     // run -> its words, []string
	size   atomic.Int64 // of known
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
	a := &analyzer{chain: chain, common: map[string]bool{}}
	for _, w := range a.of(commonWords) {
		a.common[w] = true
	}
	return a
}

// rareness is the part of its weight that a word has: one that goes with any task has a quarter.
func (a *analyzer) rareness(word string) float64 {
	if a.common[word] {
		return 0.25
	}
	return 1
}

// of returns the words of a text as often as they stand there. Numbers are none: they tell tasks apart, not kinds of tasks.
// Whatever stands between spaces and ASCII punctuation is cut once and remembered, because the chain takes a microsecond
// for each word and libraries use the same words over and over.
func (a *analyzer) of(text string) []string {
	var words []string
	for run := range strings.FieldsFuncSeq(text, separates) {
		known, ok := a.known.Load(run)
		if !ok {
			known = a.cutRun(run)
		}
		words = append(words, known.([]string)...)
	}
	return words
}

// separates tells where words end and where names are put together from words: interview_01.mp3, csv-summary, CO2/energy.
// Apostrophes belong to words.
func separates(r rune) bool {
	return r <= unicode.MaxASCII && r != '\'' && !('a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9')
}

// maxKnown and maxRun bound what is remembered, in runs and in bytes of one.
const (
	maxKnown = 200_000
	maxRun   = 40
)

func (a *analyzer) cutRun(run string) []string {
	var words []string
	for _, token := range a.chain.Analyze([]byte(run)) {
		if bytes.ContainsFunc(token.Term, unicode.IsLetter) {
			words = append(words, string(token.Term))
		}
	}
	if len(run) <= maxRun && a.size.Load() < maxKnown {
		a.known.Store(strings.Clone(run), words)
		a.size.Add(1)
	}
	return words
}

// cutDocument is a document in words.
type cutDocument struct {
	about []string // distinct words of name and description
	tf    map[string]float32
}

// The weights of the fields: what a skill is called and does tells more than how it is called up.
const (
	nameWeight        = 2
	descriptionWeight = 2
	queryWeight       = 1
	detailsWeight     = 0.5
)

// maxField and maxQueries bound what is read of a document, in bytes and texts. What it is about stands in the beginning.
const (
	maxField   = 8 << 10
	maxQueries = 16
)

func (a *analyzer) cut(d Document) cutDocument {
	c := cutDocument{tf: map[string]float32{}}
	add := func(text string, weight float32) []string {
		words := a.of(text[:min(len(text), maxField)])
		for _, w := range words {
			c.tf[w] += weight
		}
		return words
	}
	name := add(d.Name, nameWeight)
	about := append(name[:len(name):len(name)], add(d.Description, descriptionWeight)...)
	add(d.Details, detailsWeight)
	for _, q := range d.Queries[:min(len(d.Queries), maxQueries)] {
		add(q, queryWeight)
	}
	c.about = distinct(about)
	return c
}

// distinct keeps the order, so that equal texts give equal sums.
func distinct(words []string) []string {
	seen := make(map[string]bool, len(words))
	var kept []string
	for _, w := range words {
		if !seen[w] {
			seen[w] = true
			kept = append(kept, w)
		}
	}
	return kept
}
