package export

import (
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"unicode"

	"agentfactory/internal/skill"
)

// check refuses what would make an artifact that is broken, or that writes where it should not. The library lets none of it
// in; an export is made for others, so it is looked at again.
func check(s Skill) error {
	m := s.Manifest
	if err := skill.CheckName(m.Name); err != nil {
		return fmt.Errorf("%w: %w", ErrRefused, err)
	}
	if m.Version < 1 || m.Digest == "" {
		return unfit(s, "version %d with digest %.12q is no stored version", m.Version, m.Digest)
	}
	if _, ok := s.Code[m.EntryFile]; !ok {
		return unfit(s, "its entry file %.200q is not among its files", m.EntryFile)
	}
	for _, p := range slices.Sorted(maps.Keys(s.Code)) {
		if !cleanPath(p) {
			return unfit(s, "the path %.200q is not a clean relative path", p)
		}
	}
	for _, text := range append(slices.Clone(s.Declared.Dependencies), s.Declared.RequiresPython) {
		if strings.ContainsFunc(text, unicode.IsControl) {
			return unfit(s, "%s: the requirement %.100q holds a control character", m.EntryFile, text)
		}
	}
	return nil
}

func unfit(s Skill, format string, args ...any) error {
	return fmt.Errorf("%w: %s: %s", ErrRefused, s.Manifest.Name, fmt.Sprintf(format, args...))
}

// cleanPath tells a path that stays below its directory on every system, and that fits on a line.
func cleanPath(p string) bool {
	return fs.ValidPath(p) && p != "." && !strings.ContainsFunc(p, func(r rune) bool {
		return r == '\\' || r == ':' || r == unicode.ReplacementChar || !unicode.IsPrint(r)
	})
}
