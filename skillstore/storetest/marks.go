package storetest

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"

	"agentfactory/internal/skill"
	"agentfactory/skillstore"
)

var (
	keep = skill.CaseMark{Keep: true, By: "anna", Why: "customers ask this"}
	drop = skill.CaseMark{Dropped: true, By: "ben", Why: "its answer was wrong"}
	none = skill.CaseMark{By: "cleo", Why: "looked again"}
)

// asked stores a case with this query and returns its ID.
func asked(t *testing.T, s skillstore.Store, query string) string {
	t.Helper()
	c := skill.Case{Query: query}
	require.NoError(t, s.AddCase(t.Context(), "word-count", c))
	return c.ContentID()
}

func markOf(t *testing.T, s skillstore.Store, id string) *skill.CaseMark {
	t.Helper()
	cases, err := s.Cases(t.Context(), "word-count")
	require.NoError(t, err)
	for _, c := range cases {
		if c.ID == id {
			return c.Mark
		}
	}
	require.Fail(t, "the case is gone")
	return nil
}

func marksCases(t *testing.T, s skillstore.Store) {
	head := saved(t, s, draft("word-count", "return 1"))
	id, other := asked(t, s, "How many?"), asked(t, s, "How long?")
	require.Nil(t, markOf(t, s, id))
	for _, m := range []skill.CaseMark{none, keep, keep, drop, none, keep} {
		c, err := s.MarkCase(t.Context(), "word-count", id, m)
		require.NoError(t, err)
		require.Equal(t, "How many?", c.Query)
		require.Empty(t, cmp.Diff(c.Mark, markOf(t, s, id)))
		if m == none {
			require.Nil(t, c.Mark)
			continue
		}
		require.WithinDuration(t, time.Now(), c.Mark.At, time.Minute)
		m.At = c.Mark.At
		require.Equal(t, m, *c.Mark)
	}
	require.Nil(t, markOf(t, s, other))
	again := keep
	again.Why = "once more"
	c, err := s.MarkCase(t.Context(), "word-count", id, again)
	require.NoError(t, err)
	require.Equal(t, keep.Why, c.Mark.Why, "it is so already")
	require.Equal(t, head, headOf(t, s, "word-count"), "no head moves")

	require.NoError(t, s.AddCase(t.Context(), "word-count", skill.Case{Query: "How many?", Mark: &drop}))
	require.True(t, markOf(t, s, id).Keep, "a repeated case keeps its mark")
	require.NoError(t, s.AddCase(t.Context(), "word-count", skill.Case{Query: "new", Mark: &drop}))
	require.Nil(t, markOf(t, s, skill.Case{Query: "new"}.ContentID()), "only people mark cases")
}

func refusesMarks(t *testing.T, s skillstore.Store) {
	id := asked(t, s, "How many?")
	for name, m := range map[string]skill.CaseMark{
		"both":              {Keep: true, Dropped: true, By: "anna", Why: "w"},
		"nobody":            {Keep: true, Why: "w"},
		"no reason":         {Keep: true, By: "anna"},
		"a reason of 3 KB":  {Keep: true, By: "anna", Why: strings.Repeat("a", 3000)},
		"a reason in bytes": {Keep: true, By: "anna", Why: "\xff"},
	} {
		_, err := s.MarkCase(t.Context(), "word-count", id, m)
		require.ErrorIs(t, err, skillstore.ErrInvalid, name)
		require.NotContains(t, err.Error(), "\n")
	}
	for _, unknown := range []string{"", "x", "../" + id, strings.Repeat("0", 16), strings.ToUpper(id)} {
		_, err := s.MarkCase(t.Context(), "word-count", unknown, keep)
		require.ErrorIs(t, err, skillstore.ErrUnknownCase, unknown)
	}
	_, err := s.MarkCase(t.Context(), "nothing", id, keep)
	require.ErrorIs(t, err, skillstore.ErrUnknownCase)
	require.Nil(t, markOf(t, s, id))
}

func searchesNoDroppedCase(t *testing.T, s skillstore.Store) {
	saved(t, s, draft("word-count", "return 1"))
	id := asked(t, s, "Is this techno track danceable?")
	for _, c := range []struct {
		mark skill.CaseMark
		want []string
	}{{keep, []string{"word-count"}}, {drop, nil}, {none, []string{"word-count"}}} {
		_, err := s.MarkCase(t.Context(), "word-count", id, c.mark)
		require.NoError(t, err)
		require.Equal(t, c.want, foundBy(t, s, "How danceable is techno?"))
	}
}

// marksAtOnce lets 32 people keep, drop and unmark a case: what remains is what one of them said.
func marksAtOnce(t *testing.T, s skillstore.Store) {
	id := asked(t, s, "How many?")
	together(t, func(w int) error {
		m := []skill.CaseMark{keep, drop, none}[w%3]
		m.By = fmt.Sprint("person ", w)
		c, err := s.MarkCase(t.Context(), "word-count", id, m)
		if err == nil && (c.Mark == nil) != (m.Keep == m.Dropped) {
			return fmt.Errorf("person %d sees %v", w, c.Mark)
		}
		return err
	})
	if m := markOf(t, s, id); m != nil {
		require.NotEqual(t, m.Keep, m.Dropped)
		require.Equal(t, keep.Why == m.Why, m.Keep)
	}
}
