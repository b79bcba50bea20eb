package storetest

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/stretchr/testify/require"

	"agentfactory/internal/skill"
	"agentfactory/skillstore"
)

func storesCases(t *testing.T, s skillstore.Store) {
	ctx := t.Context()
	none, err := s.Cases(ctx, "word-count")
	require.NoError(t, err)
	require.Empty(t, none)
	full := skill.Case{
		Query: "How many words has a.txt?", Inputs: []skill.File{{Path: "a.txt", Digest: strings.Repeat("0", 64), Size: 3}},
		Journal: "runs/w/r/journal/000003", Check: &skill.Check{Kind: skill.CheckScript, Source: "def check(query, answer): assert answer == '3'"}, Lineage: skill.Lineage{RunID: "r"},
	}
	plain := skill.Case{Query: full.Query}
	for _, c := range []skill.Case{full, plain, full} {
		require.NoError(t, s.AddCase(ctx, "word-count", c))
	}
	again := full
	again.Lineage, again.Journal = skill.Lineage{RunID: "other"}, "runs/w/other/journal/000001"
	require.NoError(t, s.AddCase(ctx, "word-count", again), "the same question of another run")

	cases, err := s.Cases(ctx, "word-count")
	require.NoError(t, err)
	require.Len(t, cases, 2)
	require.Less(t, cases[0].ID, cases[1].ID)
	for _, c := range cases {
		want := plain
		if c.Check != nil {
			want = full
		}
		require.Empty(t, cmp.Diff(want, c, cmpopts.IgnoreFields(skill.Case{}, "ID", "CreatedAt")))
		require.Equal(t, c.ContentID(), c.ID)
	}
	for _, bad := range []string{"\xff", strings.Repeat("q", 2<<20)} {
		require.ErrorIs(t, s.AddCase(ctx, "word-count", skill.Case{Query: bad}), skillstore.ErrInvalid)
	}
	require.NoError(t, s.AddCase(ctx, "word-count", skill.Case{}), "a skill without parameters is asked nothing")
}

func listsHeads(t *testing.T, s skillstore.Store) {
	ctx := t.Context()
	heads, err := s.Heads(ctx, "", 0)
	require.NoError(t, err)
	require.Empty(t, heads)
	add(t, s, draft("never-promoted", "return 1"))
	for _, name := range []string{"b", "a", "b-1", "c"} {
		saved(t, s, draft(name, "return 1"))
	}
	require.NoError(t, s.Retire(ctx, "b", skill.Tombstone{By: "me"}))
	for _, c := range []struct {
		after string
		limit int
		want  string
	}{{"", 0, "a b b-1 c"}, {"", 2, "a b"}, {"a", 2, "b b-1"}, {"b", 0, "b-1 c"}, {"aa", 1, "b"}, {"c", 0, ""}} {
		heads, err := s.Heads(ctx, c.after, c.limit)
		require.NoError(t, err)
		var names []string
		for _, h := range heads {
			names = append(names, h.Name)
			require.Equal(t, h.Name == "b", h.Tombstone != nil)
		}
		require.Equal(t, c.want, strings.Join(names, " "))
	}
}

func listsRecent(t *testing.T, s skillstore.Store) {
	recent := func(limit int) string {
		heads, err := s.Recent(t.Context(), limit)
		require.NoError(t, err)
		var names []string
		for _, h := range heads {
			require.Empty(t, h.Moves)
			require.NotEmpty(t, h.Description)
			names = append(names, h.Name)
		}
		return strings.Join(names, " ")
	}
	require.Empty(t, recent(0))
	for _, name := range []string{"b", "a", "c"} {
		saved(t, s, draft(name, "return 1"))
	}
	require.Equal(t, "c a b", recent(0))
	promote(t, s, add(t, s, draft("b", "return 2")), 1, "p2")
	require.Equal(t, "b c", recent(2))
	require.NoError(t, s.Retire(t.Context(), "c", skill.Tombstone{By: "me"}))
	require.Equal(t, "b a", recent(0), "retired ones are left out")
}

func searches(t *testing.T, s skillstore.Store) {
	for name, description := range map[string]string{
		"audio-transcriber": "Transcribes audio files to text.",
		"csv-summary":       "Summarises CSV files: rows, columns, missing values.",
		"pdf-tables":        "Extracts tables from PDF documents as CSV.",
	} {
		d := draft(name, "return 1")
		d.Description = description
		saved(t, s, d)
	}
	for _, c := range []struct {
		query string
		limit int
		want  string
	}{
		{"Transcribe the interview in talk.mp3, please", 0, "audio-transcriber"},
		{"get all tables out of report.pdf", 0, "pdf-tables"},
		{"csv", 0, "csv-summary pdf-tables"},
		{"csv", 1, "csv-summary"},
		{"Prove that the square root of two is irrational.", 0, ""},
		{"Write a text about spring", 0, ""},
		{"", 0, ""},
		{"\xff\x00", 0, ""},
		{strings.Repeat("csv columns rows ", 100_000), 0, "csv-summary"},
	} {
		found, err := s.Search(t.Context(), c.query, c.limit)
		require.NoError(t, err)
		require.Equal(t, skillstore.Lexical, found.Kind, "no embeddings are configured")
		require.Empty(t, found.Notes)
		var names []string
		for _, h := range found.Hits {
			names = append(names, h.Name)
			require.True(t, h.Score > 0 && h.Score <= 1)
			require.Equal(t, skillstore.Lexical, h.By)
			require.NotEmpty(t, h.Description)
			require.Equal(t, 1, h.Version)
		}
		require.Equal(t, c.want, strings.Join(names, " "), "%.60s", c.query)
	}
}

// foundBy are the names of the skills that a query finds.
func foundBy(t *testing.T, s skillstore.Store, query string) (names []string) {
	t.Helper()
	found, err := s.Search(t.Context(), query, 0)
	require.NoError(t, err)
	for _, h := range found.Hits {
		names = append(names, h.Name)
	}
	return names
}

func searchesNothing(t *testing.T, s skillstore.Store) {
	require.Empty(t, foundBy(t, s, "count words"), "an empty library")
	require.Empty(t, foundBy(t, s, ""))
	saved(t, s, draft("word-count", "return 1"))
	require.Equal(t, []string{"word-count"}, foundBy(t, s, "count words"))
	for _, empty := range []string{"", " \n"} {
		require.Empty(t, foundBy(t, s, empty))
	}
	add(t, s, draft("word-lister", "return 1"))
	require.Equal(t, []string{"word-count"}, foundBy(t, s, "count words"), "what was never promoted is not found")
}

// searchesAllFields finds a skill by what stands in one place alone.
func searchesAllFields(t *testing.T, s skillstore.Store) {
	d := draft("beat-finder", "return 1")
	d.Description, d.Interface = "Determines the tempo.", "The query holds the path of an mp3 recording."
	saved(t, s, d)
	for _, query := range []string{"beat finder", "the tempo", "mp3 recording"} {
		require.Equal(t, []string{"beat-finder"}, foundBy(t, s, query), query)
	}
	require.Empty(t, foundBy(t, s, "How danceable is techno?"))
	require.NoError(t, s.AddCase(t.Context(), "beat-finder", skill.Case{Query: "Is this techno track danceable?"}))
	require.Equal(t, []string{"beat-finder"}, foundBy(t, s, "How danceable is techno?"), "by a task that it solved")
}

func searchFollows(t *testing.T, s skillstore.Store) {
	found := func(query string) []string { return foundBy(t, s, query) }
	d := draft("helper", "return 1")
	d.Description = "Transcribes audio."
	saved(t, s, d)
	require.Equal(t, []string{"helper"}, found("transcribe audio"))

	d.Description = "Draws maps."
	m := add(t, s, d)
	require.Equal(t, []string{"helper"}, found("transcribe audio"), "until the version is promoted")
	promote(t, s, m, 1, "p2")
	require.Empty(t, found("transcribe audio"))
	require.Equal(t, []string{"helper"}, found("draw a map"))

	require.NoError(t, s.Retire(t.Context(), "helper", skill.Tombstone{By: "me"}))
	require.Empty(t, found("draw a map"))
	promote(t, s, m, 3, "p4")
	require.Equal(t, []string{"helper"}, found("draw a map"))
}
