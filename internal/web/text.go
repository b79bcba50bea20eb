package web

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// notes collects what the reader of a reply should know about it.
type notes []string

func (n *notes) add(format string, args ...any) { *n = append(*n, fmt.Sprintf(format, args...)) }

func (n notes) String() string { return strings.Join(n, "; ") }

// cut shortens a text to this many characters and bytes.
func cut(text string, characters, size int) (short string, was bool) {
	end, n := 0, 0
	for i, r := range text {
		next := i + utf8.RuneLen(r)
		if n == characters || next > size {
			break
		}
		n, end = n+1, next
	}
	return text[:end], end < len(text)
}

// line makes one line of at most 200 characters of what someone else has written.
func line(text string) string {
	short, _ := cut(strings.Join(strings.Fields(strings.ToValidUTF8(text, "�")), " "), 200, 800)
	return short
}
