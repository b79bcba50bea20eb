package storetest

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"agentfactory/internal/skill"
	"agentfactory/skillstore"
)

// shortfall is the nth use of a skill's first version, which fell short.
func shortfall(name string, n int) skill.Use {
	u := use(1, n, skill.UseFailure)
	u.Name, u.Query, u.Why = name, fmt.Sprint("question ", n), "KeyError: total"
	return u
}

// openFailures are the skills and questions of the open failures, in their order.
func openFailures(t *testing.T, s skillstore.Store, limit int) string {
	t.Helper()
	open, err := s.OpenFailures(t.Context(), limit)
	require.NoError(t, err)
	var list []string
	for _, u := range open {
		list = append(list, u.Name+" "+strings.TrimPrefix(u.Query, "question "))
	}
	return strings.Join(list, ", ")
}

func listsOpenFailures(t *testing.T, s skillstore.Store) {
	ctx := t.Context()
	require.Empty(t, openFailures(t, s, 0))
	for _, name := range []string{"a", "b", "c", "d"} {
		saved(t, s, draft(name, "return 1"))
	}
	given := use(1, 5, skill.UseNotItsFault)
	given.Name, given.Query, given.Failed = "c", "question 5", "runs/w/r/workspace/000002.json"
	repaired := shortfall("d", 1)
	repaired.RepairedBy = 2
	record(t, s, shortfall("b", 2), shortfall("a", 4), shortfall("a", 3), given, repaired)
	require.Equal(t, "b 2, a 3, c 5", openFailures(t, s, 0), "of each the oldest")
	require.Equal(t, "b 2, a 3", openFailures(t, s, 2))

	_, err := s.Freeze(ctx, "b", act("f"))
	require.NoError(t, err)
	require.NoError(t, s.Retire(ctx, "c", skill.Tombstone{By: "anna"}))
	require.Equal(t, "a 3", openFailures(t, s, 0))
	_, err = s.Unfreeze(ctx, "b", act("u"))
	require.NoError(t, err)
	_, err = s.Restore(ctx, "c", act("r"))
	require.NoError(t, err)

	for _, n := range []int{3, 4} {
		settled := shortfall("a", n)
		settled.RunID, settled.RepairedBy, settled.At = "repair", 2, settled.At.Add(time.Hour)
		record(t, s, settled)
	}
	require.Equal(t, "b 2, c 5", openFailures(t, s, 0))
	record(t, s, shortfall("a", 4), shortfall("a", 3))
	require.Equal(t, "b 2, c 5", openFailures(t, s, 0), "recorded again")
	record(t, s, shortfall("a", 200))
	require.Equal(t, "b 2, c 5, a 200", openFailures(t, s, 0), "it falls short of another task")
}

func keepsWhatWasAsked(t *testing.T, s skillstore.Store) {
	saved(t, s, draft("word-count", "return 1"))
	u := shortfall("word-count", 1)
	u.Query = strings.Repeat("é", 5000)
	record(t, s, u)
	open, err := s.OpenFailures(t.Context(), 0)
	require.NoError(t, err)
	require.Equal(t, strings.Repeat("é", 2048), open[0].Query, "the first 4 KiB")
}

// losesNoFailure lets 32 writers record failures of one skill, and repair them, while all of them look for open ones: what
// the last of them left open is found.
func losesNoFailure(t *testing.T, s skillstore.Store) {
	saved(t, s, draft("word-count", "return 1"))
	together(t, func(w int) error {
		for i := range 2 {
			u := shortfall("word-count", w)
			u.RunID, u.At = fmt.Sprint("r", i), u.At.Add(time.Duration(i)*time.Hour)
			if i%2 == 1 && w != 7 {
				u.RepairedBy = 2
			}
			if _, err := s.RecordUse(t.Context(), u); err != nil {
				return err
			}
			if _, err := s.OpenFailures(t.Context(), 0); err != nil {
				return err
			}
		}
		return nil
	})
	require.Equal(t, "word-count 7", openFailures(t, s, 0))
}
