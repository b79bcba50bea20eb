package main

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestPlainTakesTerminalsOutOfTheHandsOfModels(t *testing.T) {
	for name, c := range map[string]struct{ text, want string }{
		"lines and tabs stay":            {"a\n\tb", "a\n\tb"},
		"colours go":                     {"\x1b[31mred\x1b[0m", "[31mred[0m"},
		"carriage returns go":            {"good\rbad", "goodbad"},
		"C1 control characters go":       {"a\u009b31mb", "a31mb"},
		"bidirectional overrides go":     {"a\u202eb", "ab"},
		"bytes that are no text show so": {"a\xffb", "a�b"},
		"other alphabets stay":           {"Grüße, 世界", "Grüße, 世界"},
	} {
		t.Run(name, func(t *testing.T) { require.Equal(t, c.want, plain(c.text)) })
	}
}

func FuzzOneLine(f *testing.F) {
	f.Add("a\nb\x1b[2J")
	f.Add("\u2028x\u0085")
	f.Fuzz(func(t *testing.T, text string) {
		for _, r := range oneLine(text) {
			if r < ' ' || r == 0x7f {
				t.Fatalf("oneLine(%q) keeps %q", text, r)
			}
		}
	})
}

func TestClip(t *testing.T) {
	require.Equal(t, "Grüße", clip("Grüße", 5))
	require.Equal(t, "Grü…", clip("Grüße", 4))
}

func TestWrapped(t *testing.T) {
	long := strings.Repeat("word ", 30)
	for name, c := range map[string]struct{ text, want string }{
		"short lines stay":           {"  a\n\n- b", "  a\n\n- b"},
		"a long line is broken":      {long, strings.TrimSpace(strings.Repeat("word ", 18)) + "\n" + strings.TrimSpace(strings.Repeat("word ", 12)) + " "},
		"the indentation is kept":    {"  " + strings.Repeat("x", 50) + " " + strings.Repeat("y", 50), "  " + strings.Repeat("x", 50) + "\n  " + strings.Repeat("y", 50)},
		"a long word stays in one":   {strings.Repeat("x", 200), strings.Repeat("x", 200)},
		"characters count, no bytes": {strings.Repeat("ä", 45) + " " + strings.Repeat("ä", 44), strings.Repeat("ä", 45) + " " + strings.Repeat("ä", 44)},
	} {
		t.Run(name, func(t *testing.T) { require.Equal(t, c.want, wrapped(c.text)) })
	}
}

func FuzzWrapped(f *testing.F) {
	f.Add("  a long line of text")
	f.Fuzz(func(t *testing.T, text string) {
		if got, want := strings.Fields(wrapped(text)), strings.Fields(text); !slices.Equal(got, want) {
			t.Fatalf("wrapped(%q) = %q", text, got)
		}
	})
}
