package search

import (
	"runtime"
	"sync"

	"golang.org/x/sync/errgroup"
)

// Document is what can be found. The zero value of a field is nothing to be found by.
type Document struct {
	ID          string
	Name        string   // counts most
	Description string   // what it does
	Details     string   // what else is said of it
	Queries     []string // tasks that it has solved
	// Vector is the embedding of the document, of any length but 0, all from one model. Documents without one are found
	// by words alone.
	Vector []float32
}

// Index holds documents. It is safe for concurrent use; the zero value is not ready, see [New].
type Index struct {
	words *analyzer

	mu       sync.RWMutex
	slots    map[string]int32 // by document ID
	entries  []*entry         // by slot; nil: free
	free     []int32
	terms    map[string]int32
	postings [][]posting // by term
	rareness []float64   // by term
	length   float64     // of all entries
	vectors  int         // entries that have one
}

// entry is an indexed document.
type entry struct {
	id     string
	about  []int32 // terms of name and description
	all    []int32 // of all fields
	length float32
	vector []float32 // of length 1
}

// posting says how often a document has a term, each field weighted.
type posting struct {
	slot int32
	tf   float32
}

// New returns an empty index.
func New() *Index {
	return &Index{words: newAnalyzer(), slots: map[string]int32{}, terms: map[string]int32{}}
}

// Put adds documents, or replaces those with the same ID. The texts are cut into words on all cores before the index
// is closed to searches.
func (x *Index) Put(documents ...Document) {
	cut := make([]cutDocument, len(documents))
	var g errgroup.Group
	g.SetLimit(runtime.GOMAXPROCS(0))
	const batch = 64
	for from := 0; from < len(documents); from += batch {
		g.Go(func() error {
			for i := from; i < min(from+batch, len(documents)); i++ {
				cut[i] = x.words.cut(documents[i])
			}
			return nil
		})
	}
	_ = g.Wait() // cutting does not fail
	x.mu.Lock()
	defer x.mu.Unlock()
	for i, d := range documents {
		x.remove(d.ID)
		x.add(d, cut[i])
	}
}

// Remove drops a document, if it is there.
func (x *Index) Remove(id string) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.remove(id)
}

// Len is the number of documents, and of those that have a vector.
func (x *Index) Len() (documents, vectors int) {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return len(x.slots), x.vectors
}

func (x *Index) add(d Document, cut cutDocument) {
	e := &entry{id: d.ID, vector: unit(d.Vector)}
	slot := x.take(e)
	for word, tf := range cut.tf {
		term := x.term(word)
		e.all = append(e.all, term)
		e.length += tf
		x.postings[term] = append(x.postings[term], posting{slot, tf})
	}
	e.about = x.termsOf(cut.about)
	x.slots[d.ID] = slot
	x.length += float64(e.length)
	if e.vector != nil {
		x.vectors++
	}
}

func (x *Index) take(e *entry) int32 {
	if n := len(x.free); n > 0 {
		slot := x.free[n-1]
		x.free, x.entries[slot] = x.free[:n-1], e
		return slot
	}
	x.entries = append(x.entries, e)
	return int32(len(x.entries) - 1)
}

func (x *Index) term(word string) int32 {
	term, ok := x.terms[word]
	if !ok {
		term = int32(len(x.postings))
		x.terms[word] = term
		x.postings, x.rareness = append(x.postings, nil), append(x.rareness, x.words.rareness(word))
	}
	return term
}

func (x *Index) termsOf(words []string) []int32 {
	terms := make([]int32, len(words))
	for i, w := range words {
		terms[i] = x.term(w)
	}
	return terms
}

// remove takes a document out of the lists of its terms, which costs a look through each: replacing is rare.
func (x *Index) remove(id string) {
	slot, ok := x.slots[id]
	if !ok {
		return
	}
	e := x.entries[slot]
	for _, term := range e.all {
		list := x.postings[term]
		for i := range list {
			if list[i].slot == slot {
				list[i] = list[len(list)-1]
				x.postings[term] = list[:len(list)-1]
				break
			}
		}
	}
	delete(x.slots, id)
	x.entries[slot], x.free = nil, append(x.free, slot)
	x.length -= float64(e.length)
	if e.vector != nil {
		x.vectors--
	}
}
