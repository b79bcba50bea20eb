package skillstore_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"agentfactory/internal/embedded/s3server/s3test"
	"agentfactory/skillstore"
)

// BenchmarkSearchOnS3 is a search as a run does it: list the library, read what moved, compare.
func BenchmarkSearchOnS3(b *testing.B) {
	for _, skills := range []int{10, 100, 1000} {
		b.Run(fmt.Sprint(skills, " skills"), func(b *testing.B) {
			bucket := s3test.Bucket(b)
			fill(b, skillstore.New(bucket), skills)
			b.Run("warm", func(b *testing.B) {
				s := skillstore.New(bucket)
				search(b, s)
				for b.Loop() {
					search(b, s)
				}
			})
			b.Run("first of a process", func(b *testing.B) {
				for b.Loop() {
					search(b, skillstore.New(bucket))
				}
			})
		})
	}
}

func search(b *testing.B, s *skillstore.S3) {
	_, err := s.Search(b.Context(), "count the words of a text", 5)
	require.NoError(b, err)
}

func fill(b *testing.B, s *skillstore.S3, skills int) {
	var g errgroup.Group
	g.SetLimit(8)
	for i := range skills {
		g.Go(func() error {
			d := wordCount()
			d.Name = fmt.Sprint("skill-", i)
			return save(b, s, d)
		})
	}
	require.NoError(b, g.Wait())
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
