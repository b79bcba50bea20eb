package skillstore_test

import (
	"context"
	"encoding/json"
	"fmt"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"agentfactory/internal/embedded/s3server/s3test"
	"agentfactory/internal/objectstore"
	"agentfactory/internal/search/searchtest"
	"agentfactory/internal/skill"
	"agentfactory/skillstore"
	"agentfactory/skillstore/storetest"
)

// BenchmarkLibraries is what an evaluation pays for libraries of its own, with 1,000 skills of three versions and five cases each.
func BenchmarkLibraries(b *testing.B) {
	bucket := s3test.Bucket(b)
	fill(b, bucket, deepen(b, bucket, searchtest.Library(1000, 1)))
	l := skillstore.NewLibraries(bucket)
	n := 0
	next := func() string { n++; return fmt.Sprint("s-", n) }
	var taken skillstore.Snapshot
	b.Run("snapshot", func(b *testing.B) {
		for b.Loop() {
			taken = snapshot(b, l, next(), "")
		}
		require.Equal(b, []int{1000, 3000, 5000}, []int{taken.Skills, taken.Versions, taken.Cases})
		index, err := objectstore.NewBlobs(bucket, "", 0)
		require.NoError(b, err)
		encoded, err := index.Get(b.Context(), taken.Index)
		require.NoError(b, err)
		b.ReportMetric(float64(len(encoded))/1024, "index-KiB")
	})
	b.Run("fork", func(b *testing.B) {
		for b.Loop() {
			n++
			require.NoError(b, l.Fork(b.Context(), arm(n), taken.Name))
		}
	})
	b.Run("fork of nothing until its first search", func(b *testing.B) { benchmarkFirstSearch(b, bucket, "", &n) })
	b.Run("fork until its first search", func(b *testing.B) { benchmarkFirstSearch(b, bucket, taken.Name, &n) })
	b.Run("read of a head", func(b *testing.B) {
		s := forked(b, l, arm(0), taken.Name)
		heads, err := s.Recent(b.Context(), 1)
		require.NoError(b, err)
		for b.Loop() {
			_, err := s.Head(b.Context(), heads[0].Name)
			require.NoError(b, err)
		}
	})
	b.Run("memory of open libraries", func(b *testing.B) { benchmarkMemory(b, bucket, taken.Name, &n) })
}

// benchmarkFirstSearch opens each library in a new process, as far as memory goes.
func benchmarkFirstSearch(b *testing.B, bucket objectstore.Store, from string, n *int) {
	for b.Loop() {
		*n++
		s := forked(b, skillstore.NewLibraries(bucket), arm(*n), from)
		_, err := s.Search(b.Context(), "anything", 10)
		require.NoError(b, err)
	}
}

// benchmarkMemory opens ten libraries and searches them.
func benchmarkMemory(b *testing.B, bucket objectstore.Store, from string, n *int) {
	const libraries = 10
	var before, after runtime.MemStats
	for b.Loop() {
		runtime.GC()
		runtime.ReadMemStats(&before)
		l := skillstore.NewLibraries(bucket)
		for range libraries {
			*n++
			_, err := forked(b, l, arm(*n), from).Search(b.Context(), "anything", 10)
			require.NoError(b, err)
		}
		runtime.GC()
		runtime.ReadMemStats(&after)
		runtime.KeepAlive(l)
	}
	b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/libraries/(1<<20), "MiB/library")
}

// deepen gives every skill five queries, and stores two versions beside the one that storetest.Fill will store.
func deepen(b *testing.B, bucket objectstore.Store, skills []searchtest.Labelled) []searchtest.Labelled {
	g, ctx := errgroup.WithContext(b.Context())
	g.SetLimit(8)
	for i := range skills {
		skills[i].Queries = nil
		for n := range 5 {
			skills[i].Queries = append(skills[i].Queries, fmt.Sprintf("%s (part %d)", skills[i].Query, n+1))
		}
		g.Go(func() error { return addVersions(ctx, bucket, storetest.NameOf(i, skills[i]), skills[i]) })
	}
	require.NoError(b, g.Wait())
	return skills
}

func addVersions(ctx context.Context, bucket objectstore.Store, name string, l searchtest.Labelled) error {
	for version := 2; version <= 3; version++ {
		m := skill.Manifest{Name: name, Version: version, Description: fmt.Sprint(l.Description, version), EntryFile: "subagent.py", Interface: l.Details}
		m.Digest = m.ContentDigest()
		body, err := json.Marshal(m)
		if err != nil {
			return err
		}
		if _, err := bucket.Create(ctx, fmt.Sprintf("skills/%s/versions/%04d/manifest.json", name, version), body); err != nil {
			return err
		}
	}
	return nil
}
