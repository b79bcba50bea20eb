package objectstore_test

import (
	"context"
	"net/http"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"agentfactory/internal/embedded/s3server/s3test"
	"agentfactory/internal/objectstore"
)

func TestEveryRequestIsTold(t *testing.T) {
	var mu sync.Mutex
	var told []objectstore.Request
	observe := objectstore.WithObserver(func(r objectstore.Request) {
		mu.Lock()
		defer mu.Unlock()
		require.Positive(t, r.Took)
		r.Took = 0
		told = append(told, r)
	})
	server := s3test.Server(t)
	require.NoError(t, objectstore.EnsureBucket(t.Context(), server.Client(), "observed"))
	b, err := objectstore.NewBucket(server.Client(), "observed", observe).Under("team")
	require.NoError(t, err)

	_, err = b.Create(t.Context(), "a/b.json", []byte("one"))
	require.NoError(t, err)
	_, err = b.Create(t.Context(), "a/b.json", []byte("two"))
	require.ErrorIs(t, err, objectstore.ErrExists)
	_, err = b.Get(t.Context(), "a/none.json")
	require.ErrorIs(t, err, objectstore.ErrNotFound)
	_, err = b.List(t.Context(), "a/", "", 0)
	require.NoError(t, err)
	_, err = b.Stat(t.Context(), "../x")
	require.ErrorIs(t, err, objectstore.ErrInvalidKey, "no request was sent")

	require.Equal(t, []objectstore.Request{
		{Operation: "PutObject", Key: "team/a/b.json", Status: http.StatusOK},
		{Operation: "PutObject", Key: "team/a/b.json", Status: http.StatusPreconditionFailed},
		{Operation: "GetObject", Key: "team/a/none.json", Status: http.StatusNotFound},
		{Operation: "ListObjectsV2", Key: "team/a/", Status: http.StatusOK},
	}, told)
}

func TestARequestWithoutAnAnswerIsTold(t *testing.T) {
	var told []objectstore.Request
	b := objectstore.NewBucket(s3test.Server(t).Client(), "observed", objectstore.WithObserver(func(r objectstore.Request) { told = append(told, r) }))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := b.Stat(ctx, "a")
	require.ErrorIs(t, err, context.Canceled)
	require.Len(t, told, 1)
	require.Zero(t, told[0].Status)
}
