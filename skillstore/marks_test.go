package skillstore_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"agentfactory/internal/embedded/s3server/s3test"
	"agentfactory/internal/objectstore"
	"agentfactory/internal/skill"
	"agentfactory/skillstore"
)

// withCase is a library with one skill and one case; it returns the case's ID.
func withCase(t *testing.T, bucket objectstore.Store) string {
	t.Helper()
	s := skillstore.New(bucket)
	saved(t, s, wordCount())
	c := skill.Case{Query: "Is this techno track danceable?"}
	require.NoError(t, s.AddCase(t.Context(), "word-count", c))
	return c.ContentID()
}

func markOf(t *testing.T, bucket objectstore.Store) *skill.CaseMark {
	t.Helper()
	cases, err := skillstore.New(bucket).Cases(t.Context(), "word-count")
	require.NoError(t, err)
	require.Len(t, cases, 1)
	return cases[0].Mark
}

func TestAMarkWhoseReplyWasLostIsRepeatedWithoutHarm(t *testing.T) {
	for _, repeat := range []bool{false, true} {
		t.Run(fmt.Sprintf("sent again %t", repeat), func(t *testing.T) {
			bucket := s3test.Bucket(t)
			id := withCase(t, bucket)
			for _, m := range []skill.CaseMark{{Keep: true, By: "anna", Why: "k"}, {Dropped: true, By: "anna", Why: "d"}} {
				s := skillstore.New(&lossy{Store: bucket, lose: once("mark.json"), repeat: repeat})
				_, err := s.MarkCase(t.Context(), "word-count", id, m)
				if !repeat {
					require.ErrorIs(t, err, objectstore.ErrUnavailable)
					_, err = s.MarkCase(t.Context(), "word-count", id, m)
				}
				require.NoError(t, err)
				m.At = markOf(t, bucket).At
				require.Equal(t, m, *markOf(t, bucket))
			}
		})
	}
}

func TestACorruptMarkIsReportedAndCanBeReplaced(t *testing.T) {
	bucket := s3test.Bucket(t)
	id := withCase(t, bucket)
	s := skillstore.New(bucket)
	_, err := s.MarkCase(t.Context(), "word-count", id, skill.CaseMark{Dropped: true, By: "anna", Why: "d"})
	require.NoError(t, err)
	key := "skills/word-count/cases/" + id + "/mark.json"
	for _, bad := range []string{"", "{", "null", `{"keep":true,"dropped":true,"by":"x","why":"y"}`} {
		stored, err := bucket.Get(t.Context(), key)
		require.NoError(t, err)
		overwrite(t, bucket, key, stored.ETag, []byte(bad))
		_, err = s.Cases(t.Context(), "word-count")
		require.ErrorIs(t, err, skillstore.ErrCorrupt, bad)
		require.ErrorContains(t, err, key)
		c, err := s.MarkCase(t.Context(), "word-count", id, skill.CaseMark{By: "anna", Why: "it was broken"})
		require.NoError(t, err)
		require.Nil(t, c.Mark)
		require.Nil(t, markOf(t, bucket))
	}
}

func TestTheCatalogLearnsOfAMarkWhoseWriterDied(t *testing.T) {
	bucket := s3test.Bucket(t)
	id := withCase(t, bucket)
	s := skillstore.New(bucket)
	require.Equal(t, []string{"word-count"}, names(t, s, "How danceable is techno?"))
	dead := skillstore.New(&failing{Store: bucket, fails: catalogFails})
	_, err := dead.MarkCase(t.Context(), "word-count", id, skill.CaseMark{Dropped: true, By: "anna", Why: "d"})
	require.NoError(t, err, "the mark stands")
	require.Equal(t, []string{"word-count"}, names(t, s, "How danceable is techno?"))
	r, err := s.Reconcile(t.Context())
	require.NoError(t, err)
	require.Equal(t, []string{"word-count"}, r.Revised)
	require.Empty(t, names(t, skillstore.New(bucket), "How danceable is techno?"))
	r, err = s.Reconcile(t.Context())
	require.NoError(t, err)
	require.Empty(t, r.Revised)
}
