package skill

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Render writes the document as a SKILL.md. Equal documents give equal bytes. Values are written so that every YAML
// version reads them as strings, and so that "---" occurs nowhere inside the frontmatter, where the reference
// validator would take it for the end.
func (d Document) Render() []byte {
	var b strings.Builder
	b.WriteString("---\n")
	fmt.Fprintf(&b, "name: %s\n", scalar(d.Name))
	fmt.Fprintf(&b, "description: %s\n", scalar(d.Description))
	for _, f := range []struct{ key, value string }{
		{"license", d.License}, {"compatibility", d.Compatibility}, {"allowed-tools", d.AllowedTools},
	} {
		if f.value != "" {
			fmt.Fprintf(&b, "%s: %s\n", f.key, scalar(f.value))
		}
	}
	if len(d.Metadata) > 0 {
		b.WriteString("metadata:\n")
	}
	for _, key := range sortedKeys(d.Metadata) {
		fmt.Fprintf(&b, "  %s: %s\n", scalar(key), scalar(d.Metadata[key]))
	}
	b.WriteString("---\n")
	if body := strings.TrimSpace(d.Body); body != "" {
		fmt.Fprintf(&b, "\n%s\n", body)
	}
	return []byte(b.String())
}

// plain matches texts that mean themselves without quotes in YAML 1.1 and 1.2.
var plain = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_]*([ ./,;()'-]{1,2}[A-Za-z0-9_()]+)*[.)]?$`)

// typed are the words that YAML 1.1 reads as booleans or null.
var typed = regexp.MustCompile(`(?i)^(y|n|yes|no|on|off|true|false|null)$`)

func scalar(s string) string {
	if plain.MatchString(s) && !typed.MatchString(s) && !strings.Contains(s, "---") {
		return s
	}
	return quoted(s)
}

// quoted is a double-quoted YAML scalar. The second of two hyphens is escaped, so that there are never three.
func quoted(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	before := rune(0)
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r == '\n':
			b.WriteString(`\n`)
		case r == '-' && before == '-':
			b.WriteString(`\x2d`)
		case printable(r):
			b.WriteRune(r)
		default:
			fmt.Fprintf(&b, `\U%08X`, r)
		}
		before = r
	}
	b.WriteByte('"')
	return b.String()
}

// printable is narrower than YAML's own set: line separators other than \n and byte order marks are left out, because
// parsers disagree about them.
func printable(r rune) bool {
	return r != utf8.RuneError && r != '\uFEFF' && (unicode.IsPrint(r) || r == '\u200d' || r == '\u00a0' || r == '\u3000')
}

func sortedKeys(m map[string]string) []string { return slices.Sorted(maps.Keys(m)) }
