package skill_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"agentfactory/internal/skill"
)

func TestNormalizeName(t *testing.T) {
	for given, want := range map[string]string{
		"audio-transcriber":         "audio-transcriber",
		"audio_transcriber":         "audio-transcriber",
		"Audio Transcriber":         "audio-transcriber",
		"AudioTranscriber":          "audio-transcriber",
		"  CSV__summary - report  ": "csv-summary-report",
		"PDF2Text":                  "pdf2-text",
		"_private_":                 "private",
		"7zip":                      "7zip",
		strings.Repeat("a", 64):     strings.Repeat("a", 64),
	} {
		got, err := skill.NormalizeName(given)
		require.NoError(t, err)
		require.Equal(t, want, got, "from %q", given)
	}
}

func TestNormalizeNameRefuses(t *testing.T) {
	for _, c := range []struct{ name, given, says string }{
		{"an empty name", "", "it is empty"},
		{"a name of separators alone", " _-_ ", "it is empty"},
		{"another alphabet", "音声-transcriber", "of another alphabet; use a–z, 0–9 and hyphens"},
		{"letters with accents", "café-finder", "'é' is of another alphabet"},
		{"a path", "../../etc/passwd", "it holds '.'"},
		{"a file name", "report.py", "it holds '.'"},
		{"a line break", "two\nlines", `it holds '\n'`},
		{"a NUL byte", "a\x00b", `it holds '\x00'`},
		{"broken UTF-8", "a\xffb", "it holds"},
		{"65 characters", strings.Repeat("a", 65), "it has 65 characters, at most 64 are allowed"},
		{"a megabyte", strings.Repeat("a", 1<<20), "at most 64 are allowed"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := skill.NormalizeName(c.given)
			require.ErrorIs(t, err, skill.ErrInvalidName)
			require.ErrorContains(t, err, c.says)
			require.Less(t, len(err.Error()), 400)
			require.NotContains(t, err.Error(), "\n")
		})
	}
}

func TestCheckNameRefusesWhatIsNotNormalized(t *testing.T) {
	for _, name := range []string{"", "A", "a_b", "-a", "a-", "a--b", "a b", "ä", strings.Repeat("a", 65)} {
		require.ErrorIs(t, skill.CheckName(name), skill.ErrInvalidName, "%q", name)
	}
}

func FuzzNormalizeName(f *testing.F) {
	for _, seed := range []string{"audio_transcriber", "A-B", "--", "PDFReader", "é", "a\x00", strings.Repeat("a_", 40)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, given string) {
		name, err := skill.NormalizeName(given)
		if err != nil {
			require.ErrorIs(t, err, skill.ErrInvalidName)
			return
		}
		require.NoError(t, skill.CheckName(name))
		again, err := skill.NormalizeName(name)
		require.NoError(t, err)
		require.Equal(t, name, again, "normalizing twice changes nothing")
	})
}
