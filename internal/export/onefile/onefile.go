// Package onefile writes files into the source of one Python script, readable by people, and reads them back from it
// without running it. The script gets an assignment to FILES: a dict of text by path, or of bytes for what is no text.
//
// It imports nothing of this project.
package onefile

import (
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// ErrNoFiles: a script has no files in it, or what it has was not written by Write.
var ErrNoFiles = errors.New("no embedded files")

const (
	opening    = "FILES = {\n"
	closing    = "}  # end of FILES\n"
	textBegin  = ": '''\\\n" // the text begins on the next line
	textEnd    = "''',\n"
	bytesBegin = `: base64.b64decode("`
	bytesEnd   = "\"),\n"
)

// Write is the assignment, which needs the module base64 for what is no text. Equal files give equal bytes.
func Write(files map[string][]byte) []byte {
	var b strings.Builder
	b.WriteString(opening)
	for _, path := range slices.Sorted(maps.Keys(files)) {
		b.WriteString(`"` + escaped(path, '"') + `"`)
		if data := files[path]; isText(data) {
			b.WriteString(textBegin + withoutMetadata(escaped(string(data), '\'')) + textEnd)
		} else {
			b.WriteString(bytesBegin + base64.StdEncoding.EncodeToString(data) + bytesEnd)
		}
	}
	b.WriteString(closing)
	return []byte(b.String())
}

func isText(data []byte) bool { return utf8.Valid(data) }

// withoutMetadata keeps readers of inline metadata (PEP 723) from taking that of an embedded file for the script's.
func withoutMetadata(text string) string {
	return strings.ReplaceAll("\n"+text, "\n# ///", "\n"+`\U00000023 ///`)[1:]
}

// escaped is a text as it stands between quotes. What does not show is escaped, and line ends other than \n, which Python
// would change; so are quotes that could be taken for the end.
func escaped(text string, quote rune) string {
	var b strings.Builder
	last := utf8.RuneCountInString(text) - 1
	before, n := rune(0), 0
	for _, r := range text {
		switch {
		case r == '\\', r == quote && (before == quote || quote == '"' || n == last):
			b.WriteByte('\\')
			b.WriteRune(r)
		case r == '\n' || r == '\t' || unicode.IsPrint(r):
			b.WriteRune(r)
		default:
			fmt.Fprintf(&b, `\U%08x`, r)
		}
		before, n = r, n+1
	}
	return b.String()
}
