package objectstore_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/stretchr/testify/require"

	"agentfactory/internal/embedded/s3server/s3test"
	"agentfactory/internal/objectstore"
)

func TestCreateIsOnlyDoneOnce(t *testing.T) {
	b := s3test.Bucket(t)
	etag, err := b.Create(t.Context(), "a/b.json", []byte("one"))
	require.NoError(t, err)
	_, err = b.Create(t.Context(), "a/b.json", []byte("two"))
	require.ErrorIs(t, err, objectstore.ErrExists)
	require.ErrorContains(t, err, "a/b.json")

	obj, err := b.Get(t.Context(), "a/b.json")
	require.NoError(t, err)
	require.Equal(t, objectstore.Object{Body: []byte("one"), ETag: etag}, obj)
}

func TestReplaceNeedsTheETagOfWhatIsThere(t *testing.T) {
	b := s3test.Bucket(t)
	_, err := b.Replace(t.Context(), "head.json", []byte("x"), `"0123456789abcdef0123456789abcdef"`)
	require.ErrorIs(t, err, objectstore.ErrChanged, "nothing is there")

	first, err := b.Create(t.Context(), "head.json", []byte("1"))
	require.NoError(t, err)
	second, err := b.Replace(t.Context(), "head.json", []byte("2"), first)
	require.NoError(t, err)
	_, err = b.Replace(t.Context(), "head.json", []byte("3"), first)
	require.ErrorIs(t, err, objectstore.ErrChanged)
	_, err = b.Replace(t.Context(), "head.json", []byte("3"), "")
	require.ErrorContains(t, err, "ETag")

	info, err := b.Stat(t.Context(), "head.json")
	require.NoError(t, err)
	require.Equal(t, second, info.ETag)
	require.EqualValues(t, 1, info.Size)
	require.False(t, info.Modified.IsZero())
}

func TestMissingObjects(t *testing.T) {
	b := s3test.Bucket(t)
	_, err := b.Get(t.Context(), "none.json")
	require.ErrorIs(t, err, objectstore.ErrNotFound)
	_, err = b.Stat(t.Context(), "none.json")
	require.ErrorIs(t, err, objectstore.ErrNotFound)
	_, _, err = b.Open(t.Context(), "none.json")
	require.ErrorIs(t, err, objectstore.ErrNotFound)
}

func TestEveryMethodRefusesInvalidKeys(t *testing.T) {
	b := s3test.Bucket(t)
	calls := map[string]func(key string) error{
		"Get":        func(key string) error { _, err := b.Get(t.Context(), key); return err },
		"Create":     func(key string) error { _, err := b.Create(t.Context(), key, nil); return err },
		"Replace":    func(key string) error { _, err := b.Replace(t.Context(), key, nil, `"x"`); return err },
		"Stat":       func(key string) error { _, err := b.Stat(t.Context(), key); return err },
		"Open":       func(key string) error { _, _, err := b.Open(t.Context(), key); return err },
		"List":       func(key string) error { _, err := b.List(t.Context(), key, "", 0); return err },
		"Folders":    func(key string) error { _, err := b.Folders(t.Context(), key+"/"); return err },
		"CreateFrom": func(key string) error { _, err := b.CreateFrom(t.Context(), key, bytes.NewReader(nil), 0); return err },
	}
	for name, call := range calls {
		t.Run(name, func(t *testing.T) {
			for _, key := range []string{"/", "../x", "a//b", "a/./b", "x\x00"} {
				require.ErrorIs(t, call(key), objectstore.ErrInvalidKey, key)
			}
		})
	}
}

func TestAKeyThatIsAPrefixOfAnotherIsRefused(t *testing.T) {
	b := s3test.Bucket(t)
	_, err := b.Create(t.Context(), "a/b", nil)
	require.NoError(t, err)
	for _, key := range []string{"a", "a/b/c"} {
		_, err := b.Create(t.Context(), key, nil)
		require.ErrorIs(t, err, objectstore.ErrInvalidKey)
		require.ErrorContains(t, err, key)
	}
}

func TestListLeavesOutWhatTheServerHasNotFinishedWriting(t *testing.T) {
	b, client := s3test.Bucket(t), s3test.Server(t).Client()
	var want []string
	for _, name := range []string{"a.json", "b.json", "c.json"} {
		_, err := b.Create(t.Context(), "shards/"+name, nil)
		require.NoError(t, err)
		want = append(want, "shards/"+name)
		hidden := "shards/." + name + ".sgwtmp.1795287078274650773"
		_, err = client.PutObject(t.Context(), &s3.PutObjectInput{Bucket: aws.String(b.Name()), Key: &hidden})
		require.NoError(t, err)
	}
	all, err := b.List(t.Context(), "shards/", "", 0)
	require.NoError(t, err)
	require.Equal(t, want, keysOf(all))
	two, err := b.List(t.Context(), "shards/", "", 2)
	require.NoError(t, err)
	require.Equal(t, want[:2], keysOf(two), "the limit counts what is found")
}

func TestListIsInByteOrderAndPages(t *testing.T) {
	b := s3test.Bucket(t)
	// "-" and "." sort before "/", which servers that walk directories get wrong.
	want := []string{"s/a-b/x", "s/a.json", "s/a/x", "s/a/y", "s/a0/x", "s/aa", "s/b/c/d/e", "s/~z"}
	for i := len(want) - 1; i >= 0; i-- {
		_, err := b.Create(t.Context(), want[i], []byte(want[i]))
		require.NoError(t, err)
	}
	_, err := b.Create(t.Context(), "t/other", nil)
	require.NoError(t, err)

	all, err := b.List(t.Context(), "s/", "", 0)
	require.NoError(t, err)
	require.Equal(t, want, keysOf(all))
	require.EqualValues(t, len(want[0]), all[0].Size)

	for i, after := range want {
		rest, err := b.List(t.Context(), "s/", after, 0)
		require.NoError(t, err)
		require.Equal(t, want[i+1:], keysOf(rest), "after %s", after)
	}
	two, err := b.List(t.Context(), "s/", "s/a.json", 2)
	require.NoError(t, err)
	require.Equal(t, want[2:4], keysOf(two))
	part, err := b.List(t.Context(), "s/a", "", 0)
	require.NoError(t, err)
	require.Equal(t, want[:6], keysOf(part))
	none, err := b.List(t.Context(), "u/", "", 0)
	require.NoError(t, err)
	require.Empty(t, none)
}

func TestListGoesOnPastOnePage(t *testing.T) {
	b := s3test.Bucket(t)
	const n = 1100
	each(n, func(i int) {
		_, err := b.Create(t.Context(), fmt.Sprintf("n/%06d", i), nil)
		require.NoError(t, err)
	})
	all, err := b.List(t.Context(), "n/", "", 0)
	require.NoError(t, err)
	require.Len(t, all, n)
	some, err := b.List(t.Context(), "", "", 1050)
	require.NoError(t, err)
	require.Len(t, some, 1050)
	require.Equal(t, "n/001049", some[1049].Key)
}

func TestFoldersAreTheNextSegments(t *testing.T) {
	b := s3test.Bucket(t)
	for _, key := range []string{"skills/b/head.json", "skills/a-1/head.json", "skills/a/versions/0001/manifest.json", "skills/a/head.json", "skills/readme.json", "runs/x/y"} {
		_, err := b.Create(t.Context(), key, nil)
		require.NoError(t, err)
	}
	for prefix, want := range map[string][]string{
		"skills/": {"a", "a-1", "b"}, "": {"runs", "skills"}, "skills/a/": {"versions"}, "none/": nil,
	} {
		got, err := b.Folders(t.Context(), prefix)
		require.NoError(t, err)
		require.ElementsMatch(t, want, got, prefix)
		require.IsIncreasing(t, append([]string{""}, got...), prefix)
	}
	_, err := b.Folders(t.Context(), "skills")
	require.ErrorIs(t, err, objectstore.ErrInvalidKey)
}

func TestLargeBodiesStreamBothWays(t *testing.T) {
	b := s3test.Bucket(t)
	body := bytes.Repeat([]byte("0123456789abcdef"), 1<<20/16*9)
	r := bytes.NewReader(append([]byte("skipped"), body...))
	_, err := r.Seek(7, io.SeekStart)
	require.NoError(t, err)
	_, err = b.CreateFrom(t.Context(), "large", r, int64(len(body)))
	require.NoError(t, err)
	_, err = b.CreateFrom(t.Context(), "large", bytes.NewReader(body), int64(len(body)))
	require.ErrorIs(t, err, objectstore.ErrExists)

	got, info, err := b.Open(t.Context(), "large")
	require.NoError(t, err)
	defer got.Close()
	require.EqualValues(t, len(body), info.Size)
	read, err := io.ReadAll(got)
	require.NoError(t, err)
	require.True(t, bytes.Equal(body, read))
}

func TestNoUpdateIsLostWhenManyWritersSwapOneKey(t *testing.T) {
	const rounds, writers = 200, 32
	b := s3test.Bucket(t)
	_, err := b.Create(t.Context(), "head.json", []byte("0"))
	require.NoError(t, err)
	var won atomic.Int64
	for range rounds {
		old, err := b.Get(t.Context(), "head.json")
		require.NoError(t, err)
		var winners atomic.Int64
		each(writers, func(i int) {
			_, err := b.Replace(t.Context(), "head.json", fmt.Appendf(old.Body, ",%d", i), old.ETag)
			if err == nil {
				winners.Add(1)
			} else if !errors.Is(err, objectstore.ErrChanged) {
				t.Error(err)
			}
		})
		require.EqualValues(t, 1, winners.Load(), "exactly one writer wins a round")
		won.Add(1)
	}
	end, err := b.Get(t.Context(), "head.json")
	require.NoError(t, err)
	require.EqualValues(t, won.Load(), bytes.Count(end.Body, []byte(",")))
}

// each runs f n times, 32 at once.
func each(n int, f func(int)) {
	var wg sync.WaitGroup
	slots := make(chan struct{}, 32)
	for i := range n {
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			f(i)
		})
	}
	wg.Wait()
}

func keysOf(infos []objectstore.Info) []string {
	keys := []string{}
	for _, i := range infos {
		keys = append(keys, i.Key)
	}
	return keys
}
