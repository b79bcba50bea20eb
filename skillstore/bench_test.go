package skillstore_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"agentfactory/internal/embedded/s3server/s3test"
	"agentfactory/internal/objectstore"
	"agentfactory/internal/search/searchtest"
	"agentfactory/skillstore"
	"agentfactory/skillstore/storetest"
)

// BenchmarkSearchOnS3 is a search as a run does it, most of them within the time in which nothing is read again; a load is
// the first search of a process, a refresh what another worker reads after one promotion.
func BenchmarkSearchOnS3(b *testing.B) {
	for _, n := range []int{10, 1000, 10_000} {
		b.Run(fmt.Sprint(n, " skills"), func(b *testing.B) {
			bucket := s3test.Bucket(b)
			skills := searchtest.Library(n, 1)
			fill(b, bucket, skills)
			b.Run("search", func(b *testing.B) { benchmarkSearch(b, skillstore.New(bucket), skills) })
			b.Run("search that refreshes", func(b *testing.B) {
				s := skillstore.New(bucket)
				search(b, s, skills[0].Query)
				for i := 0; b.Loop(); i++ {
					b.StopTimer()
					time.Sleep(150 * time.Millisecond)
					b.StartTimer()
					search(b, s, skills[i%n].Query)
				}
			})
			b.Run("recent", func(b *testing.B) {
				s := skillstore.New(bucket)
				search(b, s, "anything")
				for b.Loop() {
					_, err := s.Recent(b.Context(), 10)
					require.NoError(b, err)
				}
			})
			b.Run("all heads in a new process", func(b *testing.B) {
				for b.Loop() {
					_, err := skillstore.New(bucket).Heads(b.Context(), "", 0)
					require.NoError(b, err)
				}
			})
			b.Run("load", func(b *testing.B) {
				for b.Loop() {
					search(b, skillstore.New(bucket), skills[0].Query)
				}
			})
			b.Run("promotion until another worker finds it", func(b *testing.B) { benchmarkRefresh(b, bucket, skills) })
		})
	}
}

// benchmarkSearch reports the median, and the slowest, which holds a refresh.
func benchmarkSearch(b *testing.B, s *skillstore.S3, skills []searchtest.Labelled) {
	search(b, s, skills[0].Query)
	var took []time.Duration
	for i := 0; b.Loop(); i++ {
		begun := time.Now()
		search(b, s, skills[i%len(skills)].Query)
		took = append(took, time.Since(begun))
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "p50-ms")
	b.ReportMetric(float64(took[len(took)-1].Microseconds())/1000, "max-ms")
}

func benchmarkRefresh(b *testing.B, bucket objectstore.Store, skills []searchtest.Labelled) {
	writer, reader := skillstore.New(bucket), skillstore.New(bucket)
	search(b, reader, "anything")
	for i := 0; b.Loop(); i++ {
		b.StopTimer()
		d := wordCount()
		d.Name = fmt.Sprintf("brand-new-%d-%d", b.N, i)
		d.Description = fmt.Sprintf("Answers questions about the planet %s.", d.Name)
		m, err := writer.AddVersion(b.Context(), d)
		require.NoError(b, err)
		b.StartTimer()
		_, err = writer.Promote(b.Context(), skillstore.Promotion{Name: m.Name, Version: 1, PromotionID: "p"})
		require.NoError(b, err)
		for {
			f, err := reader.Search(b.Context(), "planet "+d.Name, 0)
			require.NoError(b, err)
			if slices.ContainsFunc(f.Hits, func(h skillstore.Hit) bool { return h.Name == d.Name }) {
				break
			}
			time.Sleep(time.Millisecond)
		}
	}
}

func search(b *testing.B, s *skillstore.S3, query string) {
	_, err := s.Search(b.Context(), query, 10)
	require.NoError(b, err)
}

func fill(b *testing.B, bucket objectstore.Store, skills []searchtest.Labelled) {
	require.NoError(b, storetest.Fill(b.Context(), bucket, skills))
	begun := time.Now()
	search(b, skillstore.New(bucket), "anything")
	b.Logf("a catalog of %d skills was made in %v", len(skills), time.Since(begun).Round(time.Millisecond))
}

func save(b *testing.B, s *skillstore.S3, d skillstore.Draft) error {
	m, err := s.AddVersion(b.Context(), d)
	if err != nil {
		return err
	}
	_, err = s.Promote(b.Context(), skillstore.Promotion{Name: m.Name, Version: m.Version, PromotionID: "p"})
	return err
}

// BenchmarkSaveSkill is AddVersion and Promote of a new skill of four files.
func BenchmarkSaveSkill(b *testing.B) {
	s := skillstore.New(s3test.Bucket(b))
	for i := 0; b.Loop(); i++ {
		d := wordCount()
		d.Name = fmt.Sprint("skill-", i)
		require.NoError(b, save(b, s, d))
	}
}

// BenchmarkAddVersion adds to a skill that has 50 versions.
func BenchmarkAddVersion(b *testing.B) {
	s := skillstore.New(s3test.Bucket(b))
	n := 0
	add := func() {
		d := wordCount()
		n++
		d.Files["subagent.py"] = fmt.Appendf(nil, "%s# %d\n", entry, n)
		_, err := s.AddVersion(b.Context(), d)
		require.NoError(b, err)
	}
	for range 50 {
		add()
	}
	for b.Loop() {
		add()
	}
}
