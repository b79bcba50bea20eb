package skillstore_test

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"agentfactory/internal/embedded/s3server/s3test"
	"agentfactory/internal/objectstore"
	"agentfactory/internal/skill"
	"agentfactory/skillstore"
)

func recordUses(t testing.TB, s *skillstore.S3, from, to int) {
	var g errgroup.Group
	g.SetLimit(16)
	for i := from; i < to; i++ {
		g.Go(func() error {
			_, err := s.RecordUse(t.Context(), skill.Use{
				Name: "word-count", Version: 1, WorkflowID: fmt.Sprint("w", i), RunID: "r", Step: "1", Task: fmt.Sprint(i), Outcome: skill.UseSuccess,
			})
			return err
		})
	}
	require.NoError(t, g.Wait())
}

// spoiling is a real bucket that counts reads and can lose or spoil the summary.
type spoiling struct {
	objectstore.Store
	gets  atomic.Int64
	spoil func(key string, body []byte) []byte
}

func (c *spoiling) Get(ctx context.Context, key string) (objectstore.Object, error) {
	c.gets.Add(1)
	obj, err := c.Store.Get(ctx, key)
	if err == nil && c.spoil != nil {
		obj.Body = c.spoil(key, obj.Body)
	}
	return obj, err
}

func TestReadingThePerformanceStaysCheap(t *testing.T) {
	bucket := s3test.Bucket(t)
	saved(t, skillstore.New(bucket), wordCount())
	for from := 0; from < 200; from += 40 {
		recordUses(t, skillstore.New(bucket), from, from+40)
		_, err := skillstore.New(bucket).Performance(t.Context(), "word-count")
		require.NoError(t, err)
	}
	reads := &spoiling{Store: bucket}
	p, err := skillstore.New(reads).Performance(t.Context(), "word-count")
	require.NoError(t, err)
	require.Equal(t, 200, p.Uses())
	require.EqualValues(t, 1, reads.gets.Load(), "the summary has them all")
}

func TestASummaryOfUsesIsMadeAgainFromTheRecords(t *testing.T) {
	bucket := s3test.Bucket(t)
	saved(t, skillstore.New(bucket), wordCount())
	recordUses(t, skillstore.New(bucket), 0, 40)
	read := func(b objectstore.Store) int {
		p, err := skillstore.New(b).Performance(t.Context(), "word-count")
		require.NoError(t, err)
		return p.Uses()
	}
	require.Equal(t, 40, read(bucket))
	const key = "uses/word-count/summary.json"
	whole, err := bucket.Get(t.Context(), key)
	require.NoError(t, err)
	for name, bad := range map[string]string{
		"cut off":             string(whole.Body[:len(whole.Body)/2]),
		"no JSON":             "<html>",
		"of another format":   strings.Replace(string(whole.Body), `"rules": 2`, `"rules": 1`, 1),
		"of another skill":    strings.ReplaceAll(string(whole.Body), "word-count", "word-counter"),
		"behind by all of it": `{"rules": 2, "performance": {"name": "word-count", "versions": []}, "added": []}`,
	} {
		t.Run(name, func(t *testing.T) {
			stored, err := bucket.Get(t.Context(), key)
			require.NoError(t, err)
			_, err = bucket.Replace(t.Context(), key, []byte(bad), stored.ETag)
			require.NoError(t, err)
			require.Equal(t, 40, read(bucket))
			reads := &spoiling{Store: bucket}
			require.Equal(t, 40, read(reads))
			require.EqualValues(t, 1, reads.gets.Load(), "it is whole again")
		})
	}
}

func TestSpoiltRecordsOfUsesAndGatesAreCorruption(t *testing.T) {
	bucket := s3test.Bucket(t)
	good := skillstore.New(bucket)
	m := saved(t, good, wordCount())
	recordUses(t, good, 0, 1)
	version := skill.GateVersion{Version: 1, Digest: m.Digest}
	_, err := good.AddGateReport(t.Context(), skill.GateReport{ID: "g", Name: m.Name, Candidate: version, Verdict: skill.GatePassed})
	require.NoError(t, err)
	for old, read := range map[string]func(*skillstore.S3) error{
		`"run_id": "r"`: func(s *skillstore.S3) error { _, err := s.Performance(t.Context(), m.Name); return err },
		`"id": "g"`:     func(s *skillstore.S3) error { _, err := s.GateReports(t.Context(), m.Name); return err },
	} {
		require.NoError(t, read(good))
		err := read(skillstore.New(&spoiling{Store: bucket, spoil: func(_ string, body []byte) []byte {
			return []byte(strings.ReplaceAll(string(body), old, `"id": "x"`))
		}}))
		require.ErrorIs(t, err, skillstore.ErrCorrupt)
		require.NotContains(t, err.Error(), "\n")
	}
}

func TestCareWhoseReplyWasLostIsRepeatedWithoutHarm(t *testing.T) {
	for _, repeat := range []bool{false, true} {
		for _, lost := range []string{"head.json", "gate/g.json", "/records/"} {
			t.Run(fmt.Sprintf("%s, sent again %t", lost, repeat), func(t *testing.T) {
				bucket := s3test.Bucket(t)
				m := saved(t, skillstore.New(bucket), wordCount())
				var done atomic.Bool
				s := skillstore.New(&lossy{Store: bucket, repeat: repeat, lose: func(key string) bool {
					return strings.Contains(key, lost) && done.CompareAndSwap(false, true)
				}})
				care := func() error { return careForAll(t, s, m) }
				err := care()
				if !repeat {
					require.ErrorIs(t, err, objectstore.ErrUnavailable)
					err = care()
				}
				require.NoError(t, err)
				require.NoError(t, care(), "and once more")
				h, err := s.Head(t.Context(), m.Name)
				require.NoError(t, err)
				require.EqualValues(t, 4, h.Generation, "promoted, frozen, unfrozen, mature")
				p, err := s.Performance(t.Context(), m.Name)
				require.NoError(t, err)
				require.Equal(t, 1, p.Uses())
				reports, err := s.GateReports(t.Context(), m.Name)
				require.NoError(t, err)
				require.Len(t, reports, 1)
			})
		}
	}
}

func careForAll(t *testing.T, s *skillstore.S3, m skill.Manifest) error {
	if _, err := s.Freeze(t.Context(), m.Name, skillstore.Act{ID: "f", By: "anna"}); err != nil {
		return err
	}
	if _, err := s.Unfreeze(t.Context(), m.Name, skillstore.Act{ID: "u", By: "anna"}); err != nil {
		return err
	}
	report := skill.GateReport{ID: "g", Name: m.Name, Candidate: skill.GateVersion{Version: 1, Digest: m.Digest}, Verdict: skill.GatePassed}
	if _, err := s.AddGateReport(t.Context(), report); err != nil {
		return err
	}
	use := skill.Use{Name: m.Name, Version: 1, WorkflowID: "w", RunID: "r", Step: "1", Task: "t", Outcome: skill.UseSuccess}
	if _, err := s.RecordUse(t.Context(), use); err != nil {
		return err
	}
	_, err := s.ReviewTrust(t.Context(), m.Name, 1)
	return err
}

// late is a real bucket in which something else happens just before the first replacement of a head.
type late struct {
	objectstore.Store
	happen func()
	done   atomic.Bool
}

func (l *late) Replace(ctx context.Context, key string, body []byte, etag string) (string, error) {
	if strings.HasSuffix(key, "head.json") && l.done.CompareAndSwap(false, true) {
		l.happen()
	}
	return l.Store.Replace(ctx, key, body, etag)
}

func TestAFailureBetweenAReviewsLookAndItsMoveCounts(t *testing.T) {
	bucket := s3test.Bucket(t)
	other := skillstore.New(bucket)
	m := saved(t, other, wordCount())
	recordUses(t, other, 0, 3)
	s := skillstore.New(&late{Store: bucket, happen: func() {
		_, err := other.RecordUse(t.Context(), skill.Use{
			Name: m.Name, Version: 1, WorkflowID: "late", RunID: "r", Step: "1", Task: "t", Outcome: skill.UseFailure,
		})
		require.NoError(t, err)
		h, err := other.ReviewTrust(t.Context(), m.Name, 0)
		require.NoError(t, err)
		require.EqualValues(t, 1, h.Generation, "it is provisional still")
	}})
	h, err := s.ReviewTrust(t.Context(), m.Name, 0)
	require.NoError(t, err)
	require.Equal(t, skill.Provisional, h.Trust)
}

// BenchmarkPerformance reads what the uses of one skill add up to, in a new process.
func BenchmarkPerformance(b *testing.B) {
	for _, uses := range []int{100, 1000} {
		b.Run(fmt.Sprint(uses, " uses"), func(b *testing.B) {
			bucket := s3test.Bucket(b)
			require.NoError(b, save(b, skillstore.New(bucket), wordCount()))
			recordUses(b, skillstore.New(bucket), 0, uses)
			read := func() {
				_, err := skillstore.New(bucket).Performance(b.Context(), "word-count")
				require.NoError(b, err)
			}
			read() // and write the summary
			for b.Loop() {
				read()
			}
		})
	}
}

// BenchmarkRecordUse is what every use of a skill costs.
func BenchmarkRecordUse(b *testing.B) {
	s := skillstore.New(s3test.Bucket(b))
	require.NoError(b, save(b, s, wordCount()))
	for i := 0; b.Loop(); i++ {
		recordUses(b, s, i, i+1)
	}
}
