package main

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestSlug(t *testing.T) {
	for name, c := range map[string]struct{ task, want string }{
		"words are joined":                 {"Plot the totals of sales.csv", "plot-the-totals-of-sales-csv"},
		"only whole words are kept":        {"Summarise the quarterly figures of all departments in Europe", "summarise-the-quarterly-figures-of-all"},
		"one endless word is cut":          {strings.Repeat("x", 100), strings.Repeat("x", maxSlug)},
		"another alphabet has no slug":     {"Посчитай слова", ""},
		"mixed alphabets keep what fits":   {"Übersetze README ins 日本語", "bersetze-readme-ins"},
		"punctuation alone has no slug":    {"?!", ""},
		"line breaks and tabs are spaces":  {"a\n\tb", "a-b"},
		"control characters do not remain": {"a\x1b[31mb", "a-31mb"},
	} {
		t.Run(name, func(t *testing.T) { require.Equal(t, c.want, slug(c.task)) })
	}
}

func TestRunIDsAreUniqueAndValid(t *testing.T) {
	seen := map[string]bool{}
	for _, task := range []string{"Plot it", "Plot it", "日本語", strings.Repeat("word ", 1000)} {
		id := newRunID("install", task)
		require.NoError(t, checkID(id))
		require.False(t, seen[id], id)
		seen[id] = true
	}
}

func FuzzNewRunID(f *testing.F) {
	for _, seed := range []string{"", "Plot sales.csv", "\x00", "ſ", strings.Repeat("ab ", 400)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, task string) {
		if err := checkID(newRunID("install", task)); err != nil {
			t.Fatalf("newRunID(%q): %v", task, err)
		}
	})
}

func TestCheckID(t *testing.T) {
	for name, c := range map[string]struct {
		id string
		ok bool
	}{
		"none is made later":          {"", true},
		"letters, digits and dots":    {"nightly.2026-11-21_a", true},
		"a path is refused":           {"../x", false},
		"a space is refused":          {"a b", false},
		"a leading dash is refused":   {"-x", false},
		"121 characters are too many": {strings.Repeat("x", 121), false},
	} {
		t.Run(name, func(t *testing.T) {
			err := checkID(c.id)
			if c.ok {
				require.NoError(t, err)
				return
			}
			require.Equal(t, exitUsage, codeOf(err))
		})
	}
}
