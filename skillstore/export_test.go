package skillstore_test

import (
	"context"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"

	"agentfactory/internal/embedded/s3server/s3test"
	"agentfactory/internal/skill"
	"agentfactory/internal/skill/skillsref"
	"agentfactory/skillstore"
)

func sortedPaths(files map[string][]byte) []string { return slices.Sorted(maps.Keys(files)) }

func wordCount() skillstore.Draft {
	return skillstore.Draft{
		Name: "word-count", Description: "Counts words: of a text, of a file --- or of several.", EntryFile: "subagent.py",
		Tools: []string{"web_search", "shell_command"}, Lineage: skill.Lineage{Source: skill.SourceRun},
		Files: map[string][]byte{
			"subagent.py": []byte("from llm import call_llm\n" + entry), "lib/text.py": []byte("x = 1\n"), "scripts/run": []byte("#!/bin/sh\n"),
		},
	}
}

func saved(t *testing.T, s skillstore.Store, d skillstore.Draft) skill.Manifest {
	t.Helper()
	m, err := s.AddVersion(t.Context(), d)
	require.NoError(t, err)
	_, err = s.Promote(t.Context(), skillstore.Promotion{Name: m.Name, Version: m.Version, PromotionID: "p1"})
	require.NoError(t, err)
	return m
}

func TestExportedSkillsPassTheReferenceValidator(t *testing.T) {
	s := skillstore.New(s3test.Bucket(t))
	saved(t, s, wordCount())
	imported, _, err := skillstore.Import(directory(original), "page_reporter")
	require.NoError(t, err)
	saved(t, s, imported)
	dir := t.TempDir()
	var exported []string
	for _, name := range []string{"word-count", "page-reporter"} {
		path, err := skillstore.Export(t.Context(), s, name, 0, dir)
		require.NoError(t, err)
		require.Equal(t, filepath.Join(dir, name), path)
		exported = append(exported, path)
	}
	for i, complaints := range skillsref.Validate(t, exported...) {
		require.Empty(t, complaints, exported[i])
	}
}

func TestExportWritesEveryFile(t *testing.T) {
	s := skillstore.New(s3test.Bucket(t))
	d := wordCount()
	m := saved(t, s, d)
	path, err := skillstore.Export(t.Context(), s, "word-count", 1, filepath.Join(t.TempDir(), "a", "b"))
	require.NoError(t, err)
	for p, want := range d.Files {
		got, err := os.ReadFile(filepath.Join(path, p))
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
	info, err := os.Stat(filepath.Join(path, "scripts/run"))
	require.NoError(t, err)
	require.Equal(t, fs.FileMode(0o755), info.Mode())

	text, err := os.ReadFile(filepath.Join(path, skill.DocumentFile))
	require.NoError(t, err)
	document, err := skill.Parse(text)
	require.NoError(t, err)
	require.Empty(t, cmp.Diff(map[string]string{
		skill.MetaEntryFile: "subagent.py", skill.MetaTools: "shell_command web_search", skill.MetaVersion: "1", skill.MetaDigest: m.Digest,
	}, document.Metadata))
	for _, says := range []string{"the tool skill `web_search`", "a language model (module `llm`)", "- `lib/text.py`"} {
		require.Contains(t, document.Body, says)
	}
}

func TestAnExportedSkillComesBackAsTheSameVersion(t *testing.T) {
	s := skillstore.New(s3test.Bucket(t))
	m := saved(t, s, wordCount())
	path, err := skillstore.Export(t.Context(), s, "word-count", 0, t.TempDir())
	require.NoError(t, err)
	d, changes, err := skillstore.Import(os.DirFS(path), filepath.Base(path))
	require.NoError(t, err)
	require.Empty(t, changes)
	again, err := s.AddVersion(t.Context(), d)
	require.NoError(t, err)
	require.Empty(t, cmp.Diff(m, again))
}

func TestExportLeavesNothingHalfWritten(t *testing.T) {
	s := skillstore.New(s3test.Bucket(t))
	saved(t, s, wordCount())
	dir := t.TempDir()
	_, err := skillstore.Export(t.Context(), s, "word-count", 2, dir)
	require.ErrorIs(t, err, skillstore.ErrUnknownVersion)
	_, err = skillstore.Export(t.Context(), s, "nothing", 0, dir)
	require.ErrorIs(t, err, skillstore.ErrUnknownSkill)
	_, err = skillstore.Export(t.Context(), breaksOff{s}, "word-count", 0, dir)
	require.ErrorIs(t, err, skillstore.ErrCorrupt)
	left, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Empty(t, left)

	_, err = skillstore.Export(t.Context(), s, "word-count", 0, dir)
	require.NoError(t, err)
	_, err = skillstore.Export(t.Context(), s, "word-count", 0, dir)
	require.ErrorIs(t, err, fs.ErrExist, "an earlier export is left alone")
}

// breaksOff fails at the last file of a version.
type breaksOff struct{ skillstore.Store }

func (b breaksOff) File(ctx context.Context, name string, version int, path string) ([]byte, error) {
	if path == "subagent.py" {
		return nil, skillstore.ErrCorrupt
	}
	return b.Store.File(ctx, name, version, path)
}
