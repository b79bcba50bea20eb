package objectstore_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"agentfactory/internal/embedded/s3server/s3test"
	"agentfactory/internal/objectstore"
)

// versionsOf are the versions of one key, the oldest first.
func versionsOf(t *testing.T, b *objectstore.Bucket, key string) (all []objectstore.Stored) {
	t.Helper()
	require.NoError(t, b.Versions(t.Context(), key, func(versions []objectstore.Stored) error {
		all = append(all, versions...)
		return nil
	}))
	return all
}

func TestABlobThatIsStoredAgainLongAfterIsWrittenAgain(t *testing.T) {
	for name, size := range map[string]int{"a small one": 10, "one that is looked for first": 100 << 10} {
		t.Run(name, func(t *testing.T) {
			b := s3test.Bucket(t)
			blobs, err := objectstore.NewBlobs(b, "", 0)
			require.NoError(t, err)
			text := strings.Repeat("x", size)
			store := func() string {
				d, err := blobs.Put(t.Context(), []byte(text))
				require.NoError(t, err)
				return objectstore.BlobKey(d)
			}
			key := store()
			blobs.SetNow(func() time.Time { return time.Now().Add(objectstore.RenewedAfter - time.Minute) })
			store()
			require.Len(t, versionsOf(t, b, key), 1, "a young one is left as it is")
			blobs.SetNow(func() time.Time { return time.Now().Add(objectstore.RenewedAfter + time.Minute) })
			store()
			require.Len(t, versionsOf(t, b, key), 2)
			_, _, err = blobs.PutFrom(t.Context(), strings.NewReader(text))
			require.NoError(t, err)
			versions := versionsOf(t, b, key)
			require.Len(t, versions, 3)
			require.True(t, versions[2].Current)
			got, err := blobs.Get(t.Context(), objectstore.DigestOf([]byte(text)))
			require.NoError(t, err)
			require.Equal(t, text, string(got))
		})
	}
}

func TestRemovingAVersionLeavesWhatWasWrittenSince(t *testing.T) {
	b := s3test.Bucket(t)
	etag, err := b.Create(t.Context(), "a/b", []byte("one"))
	require.NoError(t, err)
	judged := versionsOf(t, b, "a/b")
	_, err = b.Replace(t.Context(), "a/b", []byte("two"), etag)
	require.NoError(t, err)
	for range 2 { // removing it again is harmless
		require.NoError(t, b.Remove(t.Context(), judged[0]))
		obj, err := b.Get(t.Context(), "a/b")
		require.NoError(t, err)
		require.Equal(t, "two", string(obj.Body))
	}
	for _, v := range versionsOf(t, b, "a/b") {
		require.NoError(t, b.Remove(t.Context(), v))
	}
	_, err = b.Get(t.Context(), "a/b")
	require.ErrorIs(t, err, objectstore.ErrNotFound)
	require.Empty(t, versionsOf(t, b, "a/b"))
	_, err = b.Create(t.Context(), "a/b", []byte("three"))
	require.NoError(t, err, "the key is free again")
}

// The server counts a delete marker as an object, so that the bytes are not stored.
func TestABlobThatWasDeletedByHandIsNotTakenForStored(t *testing.T) {
	for name, size := range map[string]int{"a small one": 10, "one that is looked for first": 100 << 10} {
		t.Run(name, func(t *testing.T) {
			b := s3test.Bucket(t)
			blobs, err := objectstore.NewBlobs(b, "", 0)
			require.NoError(t, err)
			d, err := blobs.Put(t.Context(), []byte(strings.Repeat("x", size)))
			require.NoError(t, err)
			s3test.Delete(t, b, objectstore.BlobKey(d))
			_, err = blobs.Put(t.Context(), []byte(strings.Repeat("x", size)))
			require.ErrorIs(t, err, objectstore.ErrHidden)
		})
	}
}
