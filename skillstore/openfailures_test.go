package skillstore_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"agentfactory/internal/embedded/s3server/s3test"
	"agentfactory/internal/objectstore"
	"agentfactory/internal/search/searchtest"
	"agentfactory/internal/skill"
	"agentfactory/skillstore"
)

const announcedAt = "openfailures/v1/word-count.json"

func failure(n int) skill.Use {
	return skill.Use{
		Name: "word-count", Version: 1, WorkflowID: fmt.Sprint("w", n), RunID: "r", Step: "1", Task: fmt.Sprint(n), Outcome: skill.UseFailure,
		At: time.Date(2026, 11, 21, 12, n, 0, 0, time.UTC),
	}
}

func fixed(n int) skill.Use {
	u := failure(n)
	u.RunID, u.RepairedBy, u.At = "repair", 2, u.At.Add(time.Second)
	return u
}

func record(t testing.TB, s *skillstore.S3, uses ...skill.Use) {
	t.Helper()
	for _, u := range uses {
		_, err := s.RecordUse(t.Context(), u)
		require.NoError(t, err)
	}
}

func openCount(t testing.TB, s *skillstore.S3) int {
	t.Helper()
	open, err := s.OpenFailures(t.Context(), 0)
	require.NoError(t, err)
	return len(open)
}

func TestAFailureWhoseRecordingEndedHalfwayIsNotLost(t *testing.T) {
	for _, lost := range []string{announcedAt, ".json"} {
		for _, repeat := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, sent again %t", lost, repeat), func(t *testing.T) {
				bucket := s3test.Bucket(t)
				saved(t, skillstore.New(bucket), wordCount())
				s := skillstore.New(&lossy{Store: bucket, lose: once(lost), repeat: repeat})
				_, err := s.RecordUse(t.Context(), failure(1))
				if !repeat {
					require.ErrorIs(t, err, objectstore.ErrUnavailable)
					require.Zero(t, openCount(t, skillstore.New(bucket)), "it is announced alone")
					_, err = s.RecordUse(t.Context(), failure(1))
				}
				require.NoError(t, err)
				require.Equal(t, 1, openCount(t, skillstore.New(bucket)))
			})
		}
	}
}

func TestAnAnnouncementIsWithdrawnOnlyWhenItsUsesAreRecorded(t *testing.T) {
	bucket := s3test.Bucket(t)
	s := skillstore.New(bucket)
	saved(t, s, wordCount())
	size := func() int64 {
		info, err := bucket.Stat(t.Context(), announcedAt)
		require.NoError(t, err)
		return info.Size
	}
	record(t, s, failure(1), fixed(1))
	dying := skillstore.New(&failing{Store: bucket, fails: func(verb, key string) bool { return verb == "create" && key[:5] == "uses/" }})
	_, err := dying.RecordUse(t.Context(), failure(2))
	require.ErrorIs(t, err, objectstore.ErrUnavailable)
	require.Zero(t, openCount(t, s))
	require.Positive(t, size(), "a record is on its way")
	record(t, s, failure(2))
	require.Equal(t, 1, openCount(t, s))
	record(t, s, fixed(2))
	require.Zero(t, openCount(t, s))
	require.Zero(t, size(), "it is withdrawn")
	reads := &spoiling{Store: bucket}
	require.Zero(t, openCount(t, skillstore.New(reads)))
	require.Zero(t, reads.gets.Load(), "one listing")
	record(t, s, failure(3))
	require.Equal(t, 1, openCount(t, s))
}

func TestAnAnnouncementStaysSmall(t *testing.T) {
	bucket := s3test.Bucket(t)
	s := skillstore.New(bucket)
	saved(t, s, wordCount())
	for n := range 150 {
		record(t, s, failure(n))
	}
	info, err := bucket.Stat(t.Context(), announcedAt)
	require.NoError(t, err)
	require.Less(t, info.Size, int64(3000))
	require.Equal(t, 1, openCount(t, s))
}

func TestACorruptAnnouncementIsLookedAtAndHealed(t *testing.T) {
	bucket := s3test.Bucket(t)
	s := skillstore.New(bucket)
	saved(t, s, wordCount())
	record(t, s, failure(1))
	for i, bad := range []string{"{", `{"name":"other","uses":[]}`, "null"} {
		stored, err := bucket.Get(t.Context(), announcedAt)
		require.NoError(t, err)
		overwrite(t, bucket, announcedAt, stored.ETag, []byte(bad))
		require.Equal(t, 1, openCount(t, s))
		record(t, s, failure(10+i))
		require.Equal(t, 1, openCount(t, s))
	}
}

func TestOneCorruptSkillDoesNotHideTheFailuresOfOthers(t *testing.T) {
	bucket := s3test.Bucket(t)
	s := skillstore.New(bucket)
	saved(t, s, wordCount())
	saved(t, s, named("word-lister"))
	other := failure(1)
	other.Name = "word-lister"
	record(t, s, failure(1), other)
	stored, err := bucket.Get(t.Context(), "skills/word-lister/head.json")
	require.NoError(t, err)
	overwrite(t, bucket, "skills/word-lister/head.json", stored.ETag, []byte("{"))
	require.Equal(t, 1, openCount(t, s))
}

// BenchmarkOpenFailures looks for open failures among 10,000 skills, of which 100 have one, in a new process.
func BenchmarkOpenFailures(b *testing.B) {
	bucket := s3test.Bucket(b)
	fill(b, bucket, searchtest.Library(10_000, 1))
	s := skillstore.New(bucket)
	heads, err := s.Recent(b.Context(), 100)
	require.NoError(b, err)
	for i, h := range heads {
		u := failure(i % 60)
		u.Name = h.Name
		record(b, s, u)
	}
	for b.Loop() {
		require.Equal(b, 100, openCount(b, skillstore.New(bucket)))
	}
}
