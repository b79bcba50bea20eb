package storetest

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"agentfactory/internal/skill"
	"agentfactory/skillstore"
)

func readsBack(t *testing.T, s skillstore.Store) {
	d := draft("word-count", "return {}")
	d.Tools = []string{"web_search", "shell_command", "web_search"}
	d.Files["helpers/text.py"] = []byte("#!/usr/bin/env python3\n")
	d.Metadata = map[string]string{"author": "someone"}
	d.Lineage.ParentSkill, d.Lineage.Supersedes = "counter", []string{"old-counter"}
	added := add(t, s, d)

	read, err := s.Version(t.Context(), "word-count", 1)
	require.NoError(t, err)
	require.Empty(t, cmp.Diff(added, read))
	want := skill.Manifest{
		Name: "word-count", Version: 1, Description: d.Description, EntryFile: "subagent.py",
		Tools: []string{"shell_command", "web_search"}, Metadata: d.Metadata, Lineage: d.Lineage,
	}
	require.Empty(t, cmp.Diff(want, read, cmpopts.IgnoreFields(skill.Manifest{}, "Digest", "Files", "CreatedAt")))
	require.Equal(t, read.ContentDigest(), read.Digest)
	require.WithinDuration(t, time.Now(), read.CreatedAt, time.Minute)
	paths := []string{}
	for _, f := range read.Files {
		paths = append(paths, fmt.Sprint(f.Path, " ", f.Executable))
	}
	require.Equal(t, []string{"SKILL.md false", "helpers/text.py true", "subagent.py false"}, paths)
}

func readsFiles(t *testing.T, s skillstore.Store) {
	d := draft("word-count", "return {}")
	d.Tools = []string{"web_search"}
	d.Files["data/table.bin"] = []byte{0, 1, 2, 0xff}
	m := add(t, s, d)
	for path, want := range d.Files {
		got, err := s.File(t.Context(), m.Name, m.Version, path)
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
	document, err := s.File(t.Context(), m.Name, m.Version, skill.DocumentFile)
	require.NoError(t, err)
	parsed, err := skill.Parse(document)
	require.NoError(t, err)
	require.Empty(t, parsed.Validate("word-count"))
	require.Equal(t, d.Description, parsed.Description)
	require.Equal(t, map[string]string{skill.MetaEntryFile: "subagent.py", skill.MetaTools: "web_search"}, parsed.Metadata)
	require.Contains(t, parsed.Body, "main(query: str)")
}

func numbersVersions(t *testing.T, s skillstore.Store) {
	first := add(t, s, draft("word-count", "return 1"))
	second := add(t, s, draft("word-count", "return 2"))
	other := add(t, s, draft("word-count-2", "return 1"))
	require.Equal(t, []int{1, 2, 1}, []int{first.Version, second.Version, other.Version})
	versions, err := s.Versions(t.Context(), "word-count")
	require.NoError(t, err)
	require.Empty(t, cmp.Diff([]skill.Manifest{first, second}, versions))
	_, err = s.Head(t.Context(), "word-count")
	require.ErrorIs(t, err, skillstore.ErrUnknownSkill, "adding a version moves no head")
}

func adoptsEqualContent(t *testing.T, s skillstore.Store) {
	d := draft("word-count", "return 1")
	d.Tools = []string{"web_search", "web_reading"}
	first := add(t, s, d)
	add(t, s, draft("word-count", "return 2"))
	d.Lineage = skill.Lineage{Source: skill.SourceImport, WorkflowID: "another"}
	d.Tools = []string{"web_reading", "web_search"}
	require.Empty(t, cmp.Diff(first, add(t, s, d)), "neither lineage nor time nor the order of tools makes a version")

	d.Tools = nil
	require.Equal(t, 3, add(t, s, d).Version, "tools make a version")
	d.Description += " Also for files of a folder."
	require.Equal(t, 4, add(t, s, d).Version, "the description makes a version")
}

func numbersConcurrentVersions(t *testing.T, s skillstore.Store) {
	const writers = 16
	var g errgroup.Group
	numbers := make([]int, writers)
	for i := range writers {
		g.Go(func() error {
			m, err := s.AddVersion(t.Context(), draft("word-count", fmt.Sprint("return ", i)))
			numbers[i] = m.Version
			return err
		})
	}
	require.NoError(t, g.Wait())
	slices.Sort(numbers)
	for i, n := range numbers {
		require.Equal(t, i+1, n, "numbers are distinct and without gaps")
	}
	versions, err := s.Versions(t.Context(), "word-count")
	require.NoError(t, err)
	require.Len(t, versions, writers)
}

func adoptsConcurrently(t *testing.T, s skillstore.Store) {
	var g errgroup.Group
	for i := range 24 {
		g.Go(func() error {
			_, err := s.AddVersion(t.Context(), draft("word-count", fmt.Sprint("return ", i%3)))
			return err
		})
	}
	require.NoError(t, g.Wait())
	versions, err := s.Versions(t.Context(), "word-count")
	require.NoError(t, err)
	require.Len(t, versions, 3)
}

func refusesInvalidDrafts(t *testing.T, s skillstore.Store) {
	long := strings.Repeat("x", 250)
	for _, c := range []struct {
		name, says string
		spoil      func(*skillstore.Draft)
	}{
		{"no name", "name: invalid skill name: it is empty", func(d *skillstore.Draft) { d.Name = "" }},
		{"a name in another alphabet", `it holds '音'; use a–z, 0–9 and hyphens`, func(d *skillstore.Draft) { d.Name = "音声" }},
		{"a name in snake case", `it holds '_'`, func(d *skillstore.Draft) { d.Name = "word_count" }},
		{"no description", "description: it is empty", func(d *skillstore.Draft) { d.Description = " \n" }},
		{"a long description", "it has 1025 characters, at most 1024", func(d *skillstore.Draft) { d.Description = strings.Repeat("d", 1025) }},
		{"angle brackets in the description", "holds < or >", func(d *skillstore.Draft) { d.Description = "reads <file>" }},
		{"no entry file", `entry_file: "" is no .py file`, func(d *skillstore.Draft) { d.EntryFile = "" }},
		{"an entry file that is missing", `entry_file: "main.py" is no .py file`, func(d *skillstore.Draft) { d.EntryFile = "main.py" }},
		{"an entry file that is not Python", `entry_file: "a.txt" is no .py file`, func(d *skillstore.Draft) { d.Files["a.txt"] = nil; d.EntryFile = "a.txt" }},
		{"a tool with an odd name", `tools: "rm -rf" is no name`, func(d *skillstore.Draft) { d.Tools = []string{"rm -rf"} }},
		{"a path that climbs out", `"../x.py" is not a clean relative path`, func(d *skillstore.Draft) { d.Files["../x.py"] = nil }},
		{"an absolute path", `"/etc/x" is not a clean relative path`, func(d *skillstore.Draft) { d.Files["/etc/x"] = nil }},
		{"a path that is not clean", `"a//b" is not a clean relative path`, func(d *skillstore.Draft) { d.Files["a//b"] = nil }},
		{"an empty path", `"" is not a clean relative path`, func(d *skillstore.Draft) { d.Files[""] = nil }},
		{"a backslash in a path", "holds a backslash", func(d *skillstore.Draft) { d.Files[`a\b`] = nil }},
		{"a line break in a path", "control character", func(d *skillstore.Draft) { d.Files["a\nb"] = nil }},
		{"a path segment of 250 bytes", "at most 200 are allowed", func(d *skillstore.Draft) { d.Files[long] = nil }},
		{"a path of 600 bytes", "at most 512 are allowed", func(d *skillstore.Draft) { d.Files[strings.Repeat("a/", 300)+"b"] = nil }},
		{"paths that differ in case", "differ in case alone", func(d *skillstore.Draft) { d.Files["Subagent.py"] = nil }},
		{"a file that is a folder", "is a file and the folder of", func(d *skillstore.Draft) { d.Files["a"], d.Files["a/b"] = nil, nil }},
		{"NUL bytes in code", "file x.py: it contains NUL bytes", func(d *skillstore.Draft) { d.Files["x.py"] = []byte("a\x00") }},
		{"code that is not UTF-8", "file x.py: it is not UTF-8 text", func(d *skillstore.Draft) { d.Files["x.py"] = []byte("\xff") }},
		{"10 MB of code", "file x.py: it has 10485760 bytes, code and documents may have 1048576", func(d *skillstore.Draft) { d.Files["x.py"] = make([]byte, 10<<20) }},
		{"a file of 9 MB", "file x.bin: it has 9437184 bytes, at most 8388608", func(d *skillstore.Draft) { d.Files["x.bin"] = make([]byte, 9<<20) }},
		{"257 files", "there are 258, at most 256", func(d *skillstore.Draft) {
			for i := range 257 {
				d.Files[fmt.Sprint(i)] = nil
			}
		}},
		{"40 MB of files", "together they have", func(d *skillstore.Draft) {
			for i := range 5 {
				d.Files[fmt.Sprint(i)] = bytes.Repeat([]byte{byte(i)}, 8<<20)
			}
		}},
		{"a SKILL.md that is none", "invalid SKILL.md", func(d *skillstore.Draft) { d.Files["SKILL.md"] = []byte("# Title") }},
		{"metadata with control characters", "metadata.a: it holds the control character", func(d *skillstore.Draft) { d.Metadata = map[string]string{"a": "\x01"} }},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := draft("word-count", "return 1")
			c.spoil(&d)
			_, err := s.AddVersion(t.Context(), d)
			require.ErrorIs(t, err, skillstore.ErrInvalid)
			require.ErrorContains(t, err, c.says)
			require.NotContains(t, err.Error(), "\n")
			require.Less(t, len(err.Error()), 600)
		})
	}
	_, err := s.Versions(t.Context(), "word-count")
	require.ErrorIs(t, err, skillstore.ErrUnknownSkill, "nothing was written")
}

func reportsUnknown(t *testing.T, s skillstore.Store) {
	ctx := t.Context()
	_, err := s.Head(ctx, "nothing")
	require.ErrorIs(t, err, skillstore.ErrUnknownSkill)
	_, err = s.Versions(ctx, "nothing")
	require.ErrorIs(t, err, skillstore.ErrUnknownSkill)
	_, err = s.Version(ctx, "nothing", 1)
	require.ErrorIs(t, err, skillstore.ErrUnknownVersion)
	require.ErrorIs(t, s.Retire(ctx, "nothing", skill.Tombstone{By: "me"}), skillstore.ErrUnknownSkill)
	_, err = s.Promote(ctx, skillstore.Promotion{Name: "nothing", Version: 1, PromotionID: "p"})
	require.ErrorIs(t, err, skillstore.ErrUnknownVersion)
	for _, do := range []func(context.Context, string, skillstore.Act) (skill.Head, error){s.Freeze, s.Unfreeze, s.Guard, s.Unguard, s.Restore} {
		_, err = do(ctx, "nothing", act("x"))
		require.ErrorIs(t, err, skillstore.ErrUnknownSkill)
	}

	m := add(t, s, draft("word-count", "return 1"))
	for _, n := range []int{-1, 0, 2, 10000} {
		_, err = s.Version(ctx, m.Name, n)
		require.ErrorIs(t, err, skillstore.ErrUnknownVersion)
	}
	_, err = s.File(ctx, m.Name, 1, "nothing.py")
	require.ErrorIs(t, err, skillstore.ErrUnknownFile)
	_, err = s.File(ctx, m.Name, 2, "subagent.py")
	require.ErrorIs(t, err, skillstore.ErrUnknownVersion)
}

func refusesNames(t *testing.T, s skillstore.Store) {
	ctx := t.Context()
	for _, name := range []string{"", "Word", "word_count", "../x", "a/b", "слово"} {
		_, err := s.Head(ctx, name)
		require.ErrorIs(t, err, skill.ErrInvalidName)
		_, err = s.Version(ctx, name, 1)
		require.ErrorIs(t, err, skill.ErrInvalidName)
		_, err = s.Versions(ctx, name)
		require.ErrorIs(t, err, skill.ErrInvalidName)
		_, err = s.File(ctx, name, 1, "a.py")
		require.ErrorIs(t, err, skill.ErrInvalidName)
		_, err = s.Cases(ctx, name)
		require.ErrorIs(t, err, skill.ErrInvalidName)
		_, err = s.Promote(ctx, skillstore.Promotion{Name: name, Version: 1, PromotionID: "p"})
		require.ErrorIs(t, err, skill.ErrInvalidName)
		require.ErrorIs(t, s.Retire(ctx, name, skill.Tombstone{By: "me"}), skill.ErrInvalidName)
		require.ErrorIs(t, s.AddCase(ctx, name, skill.Case{Query: "q"}), skill.ErrInvalidName)
		_, err = s.Freeze(ctx, name, act("x"))
		require.ErrorIs(t, err, skill.ErrInvalidName)
		_, err = s.ReviewTrust(ctx, name, 0)
		require.ErrorIs(t, err, skill.ErrInvalidName)
		_, err = s.AddGateReport(ctx, skill.GateReport{Name: name})
		require.ErrorIs(t, err, skill.ErrInvalidName)
		_, err = s.GateReports(ctx, name)
		require.ErrorIs(t, err, skill.ErrInvalidName)
		_, err = s.RecordUse(ctx, skill.Use{Name: name})
		require.ErrorIs(t, err, skill.ErrInvalidName)
		_, err = s.Performance(ctx, name)
		require.ErrorIs(t, err, skill.ErrInvalidName)
		_, err = s.MarkCase(ctx, name, "x", keep)
		require.ErrorIs(t, err, skill.ErrInvalidName)
	}
}
