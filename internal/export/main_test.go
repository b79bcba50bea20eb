package export_test

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"agentfactory/internal/export"
	"agentfactory/internal/pyruntime"
	"agentfactory/internal/skill"
)

// wordCount is a skill of two modules, a data file and no needs, as the library would return it.
func wordCount(t testing.TB) export.Skill {
	return stored(t, "word-count", "Counts the words of a text or of a text file. Use it when the number of words matters.", map[string]string{
		"subagent.py": `"""Counts words: give it a text, or the name of a text file of the working directory."""
import json
import os

import words

LANGUAGES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "data", "languages.json")


def main(query: str) -> dict:
    print("counting")  # what a skill prints is not its answer
    if os.path.isfile(query):
        with open(query) as f:
            query = f.read()
    if query == "fail":
        raise ValueError("told to fail: \\ ''' \"\"\"")
    with open(LANGUAGES) as f:
        known = json.load(f)
    return {"answer": "%d words" % words.count(query), "summary": "counted in %s" % known[0]}
`,
		"words.py":            "def count(text):\n    return len(text.split())\n",
		"data/languages.json": `["english"]`,
		"data/blob.bin":       "\x00\xff\xfe",
	})
}

// stored makes a skill with its manifest.
func stored(t testing.TB, name, description string, files map[string]string) export.Skill {
	t.Helper()
	s := export.Skill{
		Code: map[string][]byte{},
		Document: skill.Document{
			Name: name, Description: description, Metadata: map[string]string{skill.MetaEntryFile: "subagent.py"}, Body: "# Notes\n\nAs saved.",
		},
	}
	for p, text := range files {
		s.Code[p] = []byte(text)
	}
	s.Declared, _ = pyruntime.Dependencies(s.Code["subagent.py"])
	s.Manifest = skill.Manifest{
		Name: name, Version: 3, Description: description, EntryFile: "subagent.py", Tools: []string{}, Interface: "A text, or the name of a text file.",
		Lineage:   skill.Lineage{Source: skill.SourceRun, WorkflowID: "install-1", RunID: "0199", Model: "scripted-model", ParentVersion: 2, Supersedes: []string{"old-count"}},
		CreatedAt: time.Date(2026, 11, 20, 8, 30, 0, 0, time.UTC),
	}
	return finished(s)
}

// finished lists a skill's files and gives it the digest that the library would.
func finished(s export.Skill) export.Skill {
	all := maps.Clone(s.Code)
	all[skill.DocumentFile] = s.Document.Render()
	if s.Lock != nil {
		all[skill.LockFile] = s.Lock
	}
	s.Manifest.Files = nil
	for _, p := range slices.Sorted(maps.Keys(all)) {
		s.Manifest.Files = append(s.Manifest.Files, skill.File{Path: p, Digest: digest(all[p]), Size: int64(len(all[p]))})
	}
	s.Manifest.Digest = s.Manifest.ContentDigest()
	return s
}

// withCases adds past cases, of which the nth asks for n words.
func withCases(s export.Skill, n int) export.Skill {
	for i := range n {
		s.Cases = append(s.Cases, export.Case{
			Case:   skill.Case{ID: fmt.Sprintf("%016x", i), Query: strings.TrimSpace(strings.Repeat("word ", i+1))},
			Answer: fmt.Sprintf("%d words", i+1),
			Files:  map[string][]byte{},
		})
	}
	return s
}

func made(t testing.TB, format string, o export.Options, skills ...export.Skill) export.Artifact {
	t.Helper()
	f, err := export.FormatByName(format)
	require.NoError(t, err)
	a, err := f.Make(skills, o)
	require.NoError(t, err)
	return a
}

// unpacked writes the files of an artifact to a directory of its own.
func unpacked(t testing.TB, a export.Artifact) string {
	t.Helper()
	dir := t.TempDir()
	for p, f := range a.Tree {
		mode := os.FileMode(0o644)
		if f.Executable {
			mode = 0o755
		}
		at := filepath.Join(dir, filepath.FromSlash(p))
		require.NoError(t, os.MkdirAll(filepath.Dir(at), 0o755))
		require.NoError(t, os.WriteFile(at, f.Data, mode))
	}
	return dir
}

// kept writes the one file of an artifact.
func kept(t testing.TB, a export.Artifact) string {
	t.Helper()
	at := filepath.Join(t.TempDir(), a.File)
	require.NoError(t, os.WriteFile(at, a.Data, 0o644))
	return at
}

func digest(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}
