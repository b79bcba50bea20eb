package objectstore_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"agentfactory/internal/embedded/s3server/s3test"
	"agentfactory/internal/objectstore"
)

// freeze writes objects to a bucket, half of them as copies in blobs, and returns them as a frozen set.
func freeze(t testing.TB, b *objectstore.Bucket, bodies map[string]string) *objectstore.Frozen {
	t.Helper()
	blobs := newBlobs(t, b, "", 0)
	var objects []objectstore.FrozenObject
	for key, body := range bodies {
		etag, err := b.Create(t.Context(), key, []byte(body))
		require.NoError(t, err)
		o := objectstore.FrozenObject{Info: objectstore.Info{Key: key, ETag: etag, Size: int64(len(body)), Modified: time.Now().UTC()}, At: key}
		if len(objects)%2 == 1 {
			digest, err := blobs.Put(t.Context(), []byte(body))
			require.NoError(t, err)
			o.At = objectstore.BlobKey(digest)
		}
		objects = append(objects, o)
	}
	f, err := objectstore.NewFrozen(objects)
	require.NoError(t, err)
	return f
}

func overlay(t testing.TB, b objectstore.Store, below *objectstore.Frozen) *objectstore.Overlay {
	t.Helper()
	o, err := objectstore.NewOverlay(b, "views/one/objects", below)
	require.NoError(t, err)
	return o
}

// everything are all objects of a bucket with their ETags.
func everything(t testing.TB, b objectstore.Store, prefix string) map[string]string {
	t.Helper()
	all, err := b.List(t.Context(), prefix, "", 0)
	require.NoError(t, err)
	etags := map[string]string{}
	for _, o := range all {
		etags[o.Key] = o.ETag
	}
	return etags
}

// operation is one call, and what came of it in words that do not tell where the store lies.
type operation func(context.Context, objectstore.Store) string

func randomOperation(r *rand.Rand, keys, etags []string) operation {
	key, etag, body := keys[r.IntN(len(keys))], etags[r.IntN(len(etags))], []byte(fmt.Sprint("body ", r.IntN(4)))
	prefix := []string{"", "a", "a/", "a/b", "a/b/", "b/", "z"}[r.IntN(7)]
	after, limit := append([]string{""}, keys...)[r.IntN(len(keys)+1)], r.IntN(5)
	seen := r.IntN(2) == 0 // replace what is there, not what may have been
	switch r.IntN(8) {
	case 0:
		return func(ctx context.Context, s objectstore.Store) string {
			obj, err := s.Get(ctx, key)
			return fmt.Sprintf("get %s: %s %s %v", key, obj.Body, obj.ETag, kind(err))
		}
	case 1:
		return func(ctx context.Context, s objectstore.Store) string {
			info, err := s.Stat(ctx, key)
			return fmt.Sprintf("stat %s: %s %s %d %v", key, info.Key, info.ETag, info.Size, kind(err))
		}
	case 2:
		return func(ctx context.Context, s objectstore.Store) string {
			etag, err := s.Create(ctx, key, body)
			return fmt.Sprintf("create %s: %s %v", key, etag, kind(err))
		}
	case 3, 4:
		return func(ctx context.Context, s objectstore.Store) string {
			of := etag
			if info, err := s.Stat(ctx, key); err == nil && seen {
				of = info.ETag
			}
			now, err := s.Replace(ctx, key, body, of)
			return fmt.Sprintf("replace %s: %s %v", key, now, kind(err))
		}
	case 5:
		return func(ctx context.Context, s objectstore.Store) string {
			all, err := s.List(ctx, prefix, after, limit)
			var b strings.Builder
			for _, o := range all {
				fmt.Fprintf(&b, "%s %s %d; ", o.Key, o.ETag, o.Size)
			}
			return fmt.Sprintf("list %s after %s, %d: %s %v", prefix, after, limit, b.String(), kind(err))
		}
	case 6:
		return func(ctx context.Context, s objectstore.Store) string {
			names, err := s.Folders(ctx, prefix)
			return fmt.Sprintf("folders %s: %v %v", prefix, names, kind(err))
		}
	}
	return func(ctx context.Context, s objectstore.Store) string {
		r, info, err := s.Open(ctx, key)
		if err != nil {
			return fmt.Sprintf("open %s: %v", key, kind(err))
		}
		defer r.Close()
		body, err := io.ReadAll(r)
		return fmt.Sprintf("open %s: %s %s %v", key, body, info.ETag, err)
	}
}

// kind is the sentinel behind an error.
func kind(err error) error {
	for _, k := range []error{objectstore.ErrNotFound, objectstore.ErrExists, objectstore.ErrChanged, objectstore.ErrInvalidKey} {
		if errors.Is(err, k) {
			return k
		}
	}
	return err
}

func TestAnOverlayAnswersAsAStoreThatBeganWithTheFrozenObjects(t *testing.T) {
	keys := []string{"a-b/x", "a/b/x.json", "a/b/y.json", "a/c/x.json", "a0/x", "b/one", "b/two/x", "z"}
	for seed := range uint64(8) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			r := rand.New(rand.NewPCG(seed, 0))
			began := map[string]string{}
			for _, key := range keys {
				if r.IntN(2) == 0 {
					began[key] = fmt.Sprint("body ", r.IntN(4))
				}
			}
			plain, base := s3test.Bucket(t), s3test.Bucket(t)
			for key, body := range began {
				_, err := plain.Create(t.Context(), key, []byte(body))
				require.NoError(t, err)
			}
			below := freeze(t, base, began)
			view, before := overlay(t, base, below), everything(t, base, "")
			var etags []string
			for _, etag := range everything(t, plain, "") {
				etags = append(etags, etag)
			}
			etags = append(etags, `"0123456789abcdef0123456789abcdef"`)
			for n := range 300 {
				do := randomOperation(r, keys, etags)
				require.Equal(t, do(t.Context(), plain), do(t.Context(), view), "operation %d", n)
			}
			after := everything(t, base, "")
			for key, etag := range before {
				require.Equal(t, etag, after[key], "%s has changed below the overlay", key)
			}
			for key := range after {
				_, was := before[key]
				require.True(t, was || strings.HasPrefix(key, "views/one/objects/"), "%s was written outside", key)
			}
		})
	}
}

func TestOneOf32WritersReplacesAFrozenObject(t *testing.T) {
	b := s3test.Bucket(t)
	below := freeze(t, b, map[string]string{"head.json": "0"})
	for round := range 5 {
		now, err := overlay(t, b, below).Get(t.Context(), "head.json")
		require.NoError(t, err)
		var won atomic.Int64
		var wg sync.WaitGroup
		for i := range 32 {
			wg.Go(func() {
				// An overlay for each, as if every writer were a process.
				_, err := overlay(t, b, below).Replace(t.Context(), "head.json", fmt.Appendf(nil, "%d by %d", round, i), now.ETag)
				if err == nil {
					won.Add(1)
				} else if !errors.Is(err, objectstore.ErrChanged) {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		require.EqualValues(t, 1, won.Load())
	}
	obj, err := b.Get(t.Context(), "head.json")
	require.NoError(t, err)
	require.Equal(t, "0", string(obj.Body), "the store below is as it was")
}

func TestAReplacementThatReturnsToTheFrozenBytesIsNoOtherObject(t *testing.T) {
	b := s3test.Bucket(t)
	o := overlay(t, b, freeze(t, b, map[string]string{"head.json": "same"}))
	first, err := o.Get(t.Context(), "head.json")
	require.NoError(t, err)
	etag, err := o.Replace(t.Context(), "head.json", []byte("other"), first.ETag)
	require.NoError(t, err)
	back, err := o.Replace(t.Context(), "head.json", []byte("same"), etag)
	require.NoError(t, err)
	require.Equal(t, first.ETag, back, "an ETag is that of the bytes")
	_, err = o.Replace(t.Context(), "head.json", []byte("third"), first.ETag)
	require.NoError(t, err, "as on the bucket itself")
	_, err = o.Replace(t.Context(), "head.json", []byte("fourth"), first.ETag)
	require.ErrorIs(t, err, objectstore.ErrChanged)
}

func TestBlobsAreSharedBothWays(t *testing.T) {
	b := s3test.Bucket(t)
	o := overlay(t, b, nil)
	below, above := newBlobs(t, b, "", 0), newBlobs(t, o, "", 0)
	one, err := below.Put(t.Context(), []byte("one"))
	require.NoError(t, err)
	other, err := above.Put(t.Context(), []byte("other"))
	require.NoError(t, err)
	large, _, err := above.PutFrom(t.Context(), bytes.NewReader(make([]byte, 100<<10)))
	require.NoError(t, err)
	for _, digest := range []objectstore.Digest{one, other, large} {
		want, err := below.Get(t.Context(), digest)
		require.NoError(t, err)
		got, err := above.Get(t.Context(), digest)
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
	require.Equal(t, everything(t, b, "blobs/"), everything(t, o, "blobs/"))
	require.Empty(t, everything(t, b, "views/"))
}

func TestAnOverlayKnowsWhereItsObjectsLie(t *testing.T) {
	b := s3test.Bucket(t)
	o := overlay(t, b, freeze(t, b, map[string]string{"x.json": "frozen"}))
	_, err := o.CreateFrom(t.Context(), "y.json", strings.NewReader("own"), 3)
	require.NoError(t, err)
	for key, want := range map[string]string{"x.json": "frozen", "y.json": "own"} {
		obj, err := b.Get(t.Context(), o.At(key))
		require.NoError(t, err)
		require.Equal(t, want, string(obj.Body))
	}
	_, err = o.CreateFrom(t.Context(), "x.json", strings.NewReader("own"), 3)
	require.ErrorIs(t, err, objectstore.ErrExists)
}

func TestAFrozenObjectWhoseBytesAreGoneOrOthersIsCorrupt(t *testing.T) {
	b := s3test.Bucket(t)
	_, err := b.Create(t.Context(), objectstore.BlobKey(objectstore.DigestOf([]byte("right"))), []byte("wrong"))
	require.NoError(t, err)
	f, err := objectstore.NewFrozen([]objectstore.FrozenObject{
		{Info: objectstore.Info{Key: "gone", ETag: `"1"`}, At: "nowhere"},
		{Info: objectstore.Info{Key: "wrong", ETag: `"2"`}, At: objectstore.BlobKey(objectstore.DigestOf([]byte("right")))},
	})
	require.NoError(t, err)
	o := overlay(t, b, f)
	for _, key := range []string{"gone", "wrong"} {
		_, err := o.Get(t.Context(), key)
		require.ErrorIs(t, err, objectstore.ErrCorrupt)
		require.NotErrorIs(t, err, objectstore.ErrNotFound)
	}
	_, _, err = o.Open(t.Context(), "gone")
	require.ErrorIs(t, err, objectstore.ErrCorrupt)
}

func TestAFrozenSetIsReadBackAsItWasWritten(t *testing.T) {
	b := s3test.Bucket(t)
	f := freeze(t, b, map[string]string{"a/b": "1", "a/c": "2", "b": ""})
	encoded, err := f.Encode()
	require.NoError(t, err)
	again, err := objectstore.ParseFrozen(encoded)
	require.NoError(t, err)
	require.Equal(t, f, again)
	same, err := again.Encode()
	require.NoError(t, err)
	require.Equal(t, encoded, same)
	_, err = objectstore.ParseFrozen(encoded[:len(encoded)-9])
	require.ErrorIs(t, err, objectstore.ErrCorrupt)
}

func TestAFrozenSetHoldsEveryKeyOnce(t *testing.T) {
	o := objectstore.FrozenObject{Info: objectstore.Info{Key: "a", ETag: `"1"`}, At: "a"}
	_, err := objectstore.NewFrozen([]objectstore.FrozenObject{o, o})
	require.ErrorIs(t, err, objectstore.ErrInvalidKey)
	o.At = "../a"
	_, err = objectstore.NewFrozen([]objectstore.FrozenObject{o})
	require.ErrorIs(t, err, objectstore.ErrInvalidKey)
	_, err = objectstore.NewOverlay(s3test.Bucket(t), "a//b", nil)
	require.ErrorIs(t, err, objectstore.ErrInvalidKey)
}

func FuzzParseFrozen(f *testing.F) {
	set, err := objectstore.NewFrozen([]objectstore.FrozenObject{{Info: objectstore.Info{Key: "a", ETag: `"1"`, Size: 2}, At: "b"}})
	require.NoError(f, err)
	good, err := set.Encode()
	require.NoError(f, err)
	f.Add(good)
	f.Add(good[:12])
	f.Add([]byte("no gzip"))
	f.Fuzz(func(t *testing.T, encoded []byte) {
		set, err := objectstore.ParseFrozen(encoded)
		if err != nil {
			require.ErrorIs(t, err, objectstore.ErrCorrupt)
			return
		}
		again, err := set.Encode()
		require.NoError(t, err)
		same, err := objectstore.ParseFrozen(again)
		require.NoError(t, err)
		require.Equal(t, set.Len(), same.Len())
	})
}
