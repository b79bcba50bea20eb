package skill

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
)

// MaxName is the length limit of a skill name, in characters.
const MaxName = 64

// ErrInvalidName: a text is not, and cannot be made, a skill name.
var ErrInvalidName = errors.New("invalid skill name")

// NormalizeName makes a skill name from what a model or a person wrote: audio_transcriber, AudioTranscriber and
// "Audio transcriber" become audio-transcriber. Only case, spaces, underscores and hyphens are changed, so that two
// names that differ in anything else stay different; any other character is ErrInvalidName.
func NormalizeName(s string) (string, error) {
	var b strings.Builder
	before := rune('-')
	for _, r := range strings.TrimSpace(s) {
		switch {
		case r == '-' || r == '_' || r == ' ':
			r = '-'
		case r > unicode.MaxASCII && unicode.IsLetter(r):
			return "", fmt.Errorf("%w %s: %q is of another alphabet; use a–z, 0–9 and hyphens", ErrInvalidName, shown(s), r)
		case !isNameByte(unicode.ToLower(r)):
			return "", fmt.Errorf("%w %s: it holds %q; use a–z, 0–9 and hyphens", ErrInvalidName, shown(s), r)
		case unicode.IsUpper(r) && before != '-' && !unicode.IsUpper(before):
			b.WriteByte('-')
		}
		if r != '-' || before != '-' {
			b.WriteRune(unicode.ToLower(r))
		}
		before = r
	}
	name := strings.TrimRight(b.String(), "-")
	if err := CheckName(name); err != nil {
		return "", err
	}
	return name, nil
}

// CheckName tells whether name is a skill name as it stands: 1 to MaxName of a–z, 0–9 and single hyphens, none at
// either end. The standard also allows letters of other alphabets; they are refused here because names are parts of
// S3 keys, file names and Python packages. The error is ErrInvalidName.
func CheckName(name string) error {
	switch {
	case name == "":
		return fmt.Errorf("%w: it is empty; use a–z, 0–9 and hyphens", ErrInvalidName)
	case len(name) > MaxName:
		return fmt.Errorf("%w %s: it has %d characters, at most %d are allowed", ErrInvalidName, shown(name), len(name), MaxName)
	case name[0] == '-' || name[len(name)-1] == '-' || strings.Contains(name, "--"):
		return fmt.Errorf("%w %s: hyphens stand one at a time between letters or digits", ErrInvalidName, shown(name))
	}
	for _, r := range name {
		if !isNameByte(r) && r != '-' {
			return fmt.Errorf("%w %s: it holds %q; use a–z, 0–9 and hyphens", ErrInvalidName, shown(name), r)
		}
	}
	return nil
}

func isNameByte(r rune) bool { return 'a' <= r && r <= 'z' || '0' <= r && r <= '9' }

// shown quotes a text for an error message, cut so that the message stays one readable line.
func shown(s string) string {
	const most = 80
	if runes := []rune(s); len(runes) > most {
		s = string(runes[:most]) + "…"
	}
	return fmt.Sprintf("%q", s)
}
