package checking

import (
	"bytes"
	"path"
	"strings"
)

// Output is what a skill gave for a query: the answer and the files that it left, by path.
type Output struct {
	Answer string
	Files  map[string][]byte
}

// Empty returns an output in which nothing is left of o but the names of its files.
func Empty(o Output) Output {
	empty := Output{}
	if o.Files != nil {
		empty.Files = make(map[string][]byte, len(o.Files))
	}
	for name := range o.Files {
		empty.Files[name] = []byte{}
	}
	return empty
}

// Perturb returns an output that is wrong in ways that a check has to see, in its answer and in every file, and shares
// no memory with o. Each number is off by a third or more and each word is another; what is JSON stays JSON with the same
// keys, and a table keeps its header, so that a check of the form alone passes. Of binary files the middle half is left.
// The same output is perturbed in the same way each time. ok is false if there was nothing to change: an empty answer and no
// file with content.
func Perturb(o Output) (wrong Output, ok bool) {
	wrong = Output{Answer: otherText(o.Answer)}
	ok = o.Answer != ""
	if o.Files != nil {
		wrong.Files = make(map[string][]byte, len(o.Files))
	}
	for name, content := range o.Files {
		wrong.Files[name] = otherContent(name, content)
		ok = ok || len(content) > 0
	}
	return wrong, ok
}

func otherContent(name string, content []byte) []byte {
	if !isText(content) {
		// Its first half would still begin like a picture, its second half still end like a ZIP archive.
		return bytes.Clone(content[len(content)/4 : len(content)/4+len(content)/2])
	}
	switch strings.ToLower(path.Ext(name)) {
	case ".csv", ".tsv":
		return []byte(otherTable(string(content)))
	}
	return []byte(otherText(string(content)))
}

// otherTable keeps the first line, unless there is no other.
func otherTable(text string) string {
	header, rows, _ := strings.Cut(text, "\n")
	if rows == "" {
		return otherText(text)
	}
	return header + "\n" + otherWords(rows)
}

// otherText changes any text but "".
func otherText(text string) string {
	if isJSON(text) {
		return otherJSON(text)
	}
	return otherWords(text)
}
