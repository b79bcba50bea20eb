package export

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"unicode"

	"agentfactory/internal/skill"
)

// description is what hosts put into prompts: at most skill.MaxDescription characters on one line, without the angle
// brackets that stricter hosts refuse. The library keeps to that; skills of other libraries may not.
func description(s Skill) string {
	text := plain(s.Manifest.Description)
	if text == "" {
		text = title(s.Manifest.Name) + "."
	}
	return clipped(text, skill.MaxDescription)
}

// plain is a text for the frontmatter of a document: one line, without angle brackets.
func plain(text string) string {
	return oneLine(strings.NewReplacer("<", "‹", ">", "›").Replace(text))
}

// oneLine drops what does not print and makes white space single blanks.
func oneLine(text string) string {
	text = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case r == '\u200d' || unicode.IsPrint(r) && r != unicode.ReplacementChar:
			return r
		}
		return -1
	}, text)
	return strings.Join(strings.Fields(text), " ")
}

// clipped is a text of at most limit characters.
func clipped(text string, limit int) string {
	if r := []rune(text); len(r) > limit {
		return strings.TrimSpace(string(r[:limit-1])) + "…"
	}
	return text
}

// title is a name for people: word-count becomes "Word count".
func title(name string) string {
	words := strings.ReplaceAll(name, "-", " ")
	return strings.ToUpper(words[:1]) + words[1:]
}

// block is a text that Markdown shows as it is, whatever it holds.
func block(text string) string {
	lines := strings.Split(strings.TrimSpace(printable(text)), "\n")
	for i, line := range lines {
		lines[i] = strings.TrimRight("    "+line, " \t")
	}
	return strings.Join(lines, "\n")
}

// printable is a text without what editors and terminals do not show, and without line ends of other systems.
func printable(text string) string {
	text = strings.ReplaceAll(strings.ToValidUTF8(text, "�"), "\r\n", "\n")
	return strings.Map(func(r rune) rune {
		if r == '\n' || r == '\t' || r == '\u200d' || unicode.IsPrint(r) {
			return r
		}
		return -1
	}, text)
}

// query says what the query of a skill is.
func query(s Skill) string {
	if text := strings.TrimSpace(s.Manifest.Interface); text != "" {
		return text
	}
	return "The whole task in plain words."
}

func sum(data []byte) string {
	digest := sha256.Sum256(data)
	return hex.EncodeToString(digest[:])
}

// pythonString is a literal that every Python reads as this text. It is one line.
func pythonString(text string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range text {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r == '\n':
			b.WriteString(`\n`)
		case unicode.IsPrint(r):
			b.WriteRune(r)
		default:
			fmt.Fprintf(&b, `\U%08x`, r)
		}
	}
	b.WriteByte('"')
	return b.String()
}

func pythonList(texts []string) string {
	quoted := make([]string, 0, len(texts))
	for _, t := range texts {
		quoted = append(quoted, pythonString(t))
	}
	return "[" + strings.Join(quoted, ", ") + "]"
}
