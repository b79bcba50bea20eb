package checking

import (
	"bytes"
	"strings"
	"unicode/utf8"
)

// Subject is what a check is written about: a query that arose in a task, the files it came with, and an output that is
// believed right.
type Subject struct {
	Task, Query, Answer string
	Inputs, Outputs     []Excerpt
}

// Excerpt is a file as a model sees it.
type Excerpt struct {
	Path string
	Size int64  // of the whole file, in bytes
	Head string // the beginning of its text; "" for an empty file and for binary content
}

// How much of a file's text an Excerpt holds, in characters.
const (
	maxHead = 1500   // column names, keys and some records
	maxLong = 16_000 // a report
)

// NewExcerpt makes the excerpt of a file of size bytes from its content, of which the first 6,000 bytes are enough.
func NewExcerpt(path string, size int64, content []byte) Excerpt {
	return excerpt(path, size, content, maxHead)
}

// NewLongExcerpt is NewExcerpt for what is to be read as a whole where that is possible; the first 64,000 bytes are enough.
func NewLongExcerpt(path string, size int64, content []byte) Excerpt {
	return excerpt(path, size, content, maxLong)
}

func excerpt(path string, size int64, content []byte, most int) Excerpt {
	if int64(len(content)) < size {
		content = wholeRunes(content)
	}
	e := Excerpt{Path: path, Size: size}
	if isText(content) {
		e.Head = firstCharacters(string(content), most)
	}
	return e
}

// wholeRunes drops the character that the end of content cuts through, if it does.
func wholeRunes(content []byte) []byte {
	for i := len(content) - 1; i >= max(0, len(content)-utf8.UTFMax); i-- {
		if utf8.RuneStart(content[i]) {
			if !utf8.FullRune(content[i:]) {
				return content[:i]
			}
			break
		}
	}
	return content
}

// isText tells text from binary content, as Git does by NUL bytes, and by UTF-8, which is all that a model reads.
func isText(content []byte) bool {
	return bytes.IndexByte(content, 0) < 0 && utf8.Valid(content)
}

// firstCharacters returns the first n characters of valid UTF-8, in memory of their own.
func firstCharacters(text string, n int) string {
	for i := range text {
		if n == 0 {
			return strings.Clone(text[:i])
		}
		n--
	}
	return text
}
