package checking

import (
	"encoding/json"
	"errors"
	"io"
	"strings"
	"unicode/utf8"
)

// isJSON reports whether a text is JSON, or several values one after the other, as in JSON Lines.
func isJSON(text string) bool {
	if !utf8.ValidString(text) {
		return false
	}
	decoder := json.NewDecoder(strings.NewReader(text))
	for n := 0; ; n++ {
		var value json.RawMessage
		if err := decoder.Decode(&value); err != nil {
			return n > 0 && errors.Is(err, io.EOF)
		}
	}
}

// otherJSON changes every leaf of valid JSON and keeps keys, order and layout.
func otherJSON(text string) string {
	other := rewrite(text, leafEnd, otherLeaf)
	if other == text {
		return "null" // it had no leaves, so it was not null
	}
	return other
}

// leafEnd finds strings, numbers and the three words of valid JSON. A key is found with its colon.
func leafEnd(text string, i int) int {
	switch c := text[i]; {
	case c == '"':
		end := stringEnd(text, i)
		if after := strings.TrimLeft(text[end:], " \t\r\n"); strings.HasPrefix(after, ":") {
			return len(text) - len(after) + 1
		}
		return end
	case c == '-':
		return numberEnd(text, i+1)
	case isDigit(c):
		return numberEnd(text, i)
	case c == 't' || c == 'n':
		return i + len("true")
	case c == 'f':
		return i + len("false")
	}
	return i
}

func stringEnd(text string, i int) int {
	for i++; text[i] != '"'; i++ {
		if text[i] == '\\' {
			i++
		}
	}
	return i + 1
}

func otherLeaf(leaf string) string {
	switch {
	case leaf == "true":
		return "false"
	case leaf == "false":
		return "true"
	case leaf == "null":
		return "0"
	case leaf[0] != '"':
		return otherNumber(leaf)
	case strings.HasSuffix(leaf, ":"):
		return leaf
	}
	return otherString(leaf)
}

func otherString(quoted string) string {
	var text string
	if json.Unmarshal([]byte(quoted), &text) != nil {
		return quoted // cannot be: it is part of valid JSON
	}
	other := otherWords(text)
	if other == "" {
		other = nonsense
	}
	encoded, err := json.Marshal(other)
	if err != nil {
		return quoted // cannot be: every string has a JSON form
	}
	return string(encoded)
}
