package objectstore_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"agentfactory/internal/embedded/s3server"
	"agentfactory/internal/objectstore"
)

// recorder is an S3 server that takes every write and keeps its headers by the key.
type recorder struct {
	mu     sync.Mutex
	writes map[string]http.Header
}

func (r *recorder) ServeHTTP(w http.ResponseWriter, q *http.Request) {
	if q.Method == http.MethodPut {
		r.mu.Lock()
		r.writes[strings.TrimPrefix(q.URL.Path, "/main/")] = q.Header.Clone()
		r.mu.Unlock()
		w.Header().Set("ETag", `"e"`)
		return
	}
	w.Header().Set("ETag", `"e"`)
	w.WriteHeader(http.StatusNotFound)
}

func TestEveryWriteAsksForTheConfiguredEncryption(t *testing.T) {
	const algorithm, key, bucketKey = "X-Amz-Server-Side-Encryption", "X-Amz-Server-Side-Encryption-Aws-Kms-Key-Id", "X-Amz-Server-Side-Encryption-Bucket-Key-Enabled"
	for name, c := range map[string]struct {
		settings []objectstore.Setting
		want     [3]string // of the headers above
	}{
		"none":                  {nil, [3]string{}},
		"left to the bucket":    {[]objectstore.Setting{objectstore.WithEncryption("", "")}, [3]string{}},
		"by the server":         {[]objectstore.Setting{objectstore.WithEncryption("AES256", "")}, [3]string{"AES256", "", ""}},
		"by the account's key":  {[]objectstore.Setting{objectstore.WithEncryption("aws:kms", "")}, [3]string{"aws:kms", "", "true"}},
		"by a key of one's own": {[]objectstore.Setting{objectstore.WithEncryption("aws:kms", "alias/af")}, [3]string{"aws:kms", "alias/af", "true"}},
	} {
		t.Run(name, func(t *testing.T) {
			r := &recorder{writes: map[string]http.Header{}}
			server := httptest.NewServer(r)
			t.Cleanup(server.Close)
			b := objectstore.NewBucket(s3server.Client(server.URL, "us-east-1", "test", "test-secret"), "main", c.settings...)
			blobs, err := objectstore.NewBlobs(b, "", 0)
			require.NoError(t, err)

			_, err = b.Create(t.Context(), "created", []byte("x"))
			require.NoError(t, err)
			_, err = b.Replace(t.Context(), "replaced", []byte("x"), `"d"`)
			require.NoError(t, err)
			_, err = b.CreateFrom(t.Context(), "streamed", strings.NewReader("x"), 1)
			require.NoError(t, err)
			_, err = blobs.Put(t.Context(), []byte("blob"))
			require.NoError(t, err)

			require.Len(t, r.writes, 4)
			for at, h := range r.writes {
				require.Equal(t, c.want, [3]string{h.Get(algorithm), h.Get(key), h.Get(bucketKey)}, at)
				require.True(t, h.Get("If-Match") != "" || h.Get("If-None-Match") != "", "the condition stays: %s", at)
			}
		})
	}
}

func TestAServerThatCannotEncryptRefusesTheWrite(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusNotImplemented)
		fmt.Fprint(w, `<?xml version="1.0"?><Error><Code>NotImplemented</Code><Message>Server-side encryption is not configured</Message></Error>`)
	}))
	defer server.Close()
	b := objectstore.NewBucket(s3server.Client(server.URL, "us-east-1", "test", "test-secret"), "main", objectstore.WithEncryption("aws:kms", ""))
	_, err := b.Create(t.Context(), "x", []byte("x"))
	require.ErrorContains(t, err, "NotImplemented")
}
