// Package searchtest generates libraries of realistic skills with queries of which the right answer is known, for tests and
// benchmarks of search. It imports internal/search alone.
//
// A skill is a combination of four concepts: what is done, with what, where that comes from, and under which circumstances. Each concept has
// several ways to be said, and every text (name, description, past queries, and the labelled query) draws its own
// way for each concept, independently, the usual ways more often than the rare ones, as people do. So a query is a
// paraphrase: it shares some words with the skill by chance, never a word that was planted, and shares as many with the
// many skills that have two or three of the four concepts. Nothing in a text is unique to a skill.
package searchtest

import (
	"fmt"
	"math/rand/v2"
	"strings"

	"agentfactory/internal/search"
)

// Labelled is a skill as a document, with a task that it was made for.
type Labelled struct {
	search.Document
	Query string
}

// concept is something with several names, the usual one first.
type concept []string

// Library returns n different skills, the same for the same n and seed.
func Library(n int, seed uint64) []Labelled {
	r := rand.New(rand.NewPCG(seed, 1))
	skills := make([]Labelled, 0, n)
	taken := map[[4]int]bool{}
	for len(skills) < n {
		at := [4]int{r.IntN(len(actions)), r.IntN(len(objects)), r.IntN(len(sources)), r.IntN(len(circumstances))}
		if !taken[at] {
			taken[at] = true
			skills = append(skills, generate(r, len(skills), combination{actions[at[0]], objects[at[1]], sources[at[2]], circumstances[at[3]]}))
		}
	}
	return skills
}

type combination struct{ action, object, source, circumstance concept }

func generate(r *rand.Rand, i int, c combination) Labelled {
	name := hyphens(say(r, c.action) + " " + say(r, c.object))
	d := search.Document{
		ID: fmt.Sprintf("%.50s-%d", name, i), Name: name,
		Description: c.in(r, purposes) + " " + c.in(r, occasions), Details: c.in(r, interfaces),
	}
	for range 1 + r.IntN(3) { // tasks it has solved: a saved skill has one at least
		d.Queries = append(d.Queries, c.in(r, tasks))
	}
	return Labelled{Document: d, Query: c.in(r, tasks)}
}

// in fills a template, with a new way to say a concept wherever it stands.
func (c combination) in(r *rand.Rand, templates []string) string {
	template := templates[r.IntN(len(templates))]
	var b strings.Builder
	for _, mark := range template {
		switch mark {
		case '①':
			b.WriteString(say(r, c.action))
		case '②':
			b.WriteString(say(r, c.object))
		case '③':
			b.WriteString(say(r, c.source))
		case '④':
			b.WriteString(say(r, c.circumstance))
		default:
			b.WriteRune(mark)
		}
	}
	return b.String()
}

// say draws a way to say it: the second is half as usual as the first, the third a third.
func say(r *rand.Rand, c concept) string {
	total := 0.0
	for i := range c {
		total += 1 / float64(i+1)
	}
	at := r.Float64() * total
	for i := range c {
		if at -= 1 / float64(i+1); at < 0 {
			return c[i]
		}
	}
	return c[len(c)-1]
}

func hyphens(text string) string {
	return strings.Trim(strings.Join(strings.FieldsFunc(strings.ToLower(text), func(r rune) bool { return r < 'a' || r > 'z' }), "-"), "-")
}
