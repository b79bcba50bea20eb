package objectstore_test

import (
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"agentfactory/internal/embedded/s3server/s3test"
	"agentfactory/internal/objectstore"
)

func TestASignedURLFetchesTheObjectWithoutAnyKey(t *testing.T) {
	bucket := s3test.Bucket(t)
	_, err := bucket.Create(t.Context(), "exports/a/0001/x.zip", []byte("the bytes"))
	require.NoError(t, err)
	signed, err := bucket.Sign(t.Context(), "exports/a/0001/x.zip", "x-1.zip", time.Hour)
	require.NoError(t, err)
	require.NotContains(t, signed, "checksum-mode", "a browser sends no such header")
	got, err := http.Get(signed)
	require.NoError(t, err)
	defer got.Body.Close()
	body, err := io.ReadAll(got.Body)
	require.NoError(t, err)
	require.Equal(t, 200, got.StatusCode, string(body))
	require.Equal(t, "the bytes", string(body))
	require.Equal(t, "attachment; filename=x-1.zip", got.Header.Get("Content-Disposition"))

	for _, lasts := range []time.Duration{0, -1, objectstore.MaxSigned + 1} {
		_, err := bucket.Sign(t.Context(), "a", "a", lasts)
		require.ErrorContains(t, err, "is no time from 1s to 168h0m0s")
	}
}
