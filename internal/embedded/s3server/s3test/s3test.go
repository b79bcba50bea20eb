// Package s3test gives tests a real S3 bucket. Importing it is enough: no TestMain is needed, because its init runs the
// S3 server in the processes that were started for it.
package s3test

import (
	"context"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"testing"

	"agentfactory/internal/embedded/s3server"
	"agentfactory/internal/objectstore"
)

func init() { s3server.MaybeRun() }

var buckets atomic.Int64

// Bucket returns an empty, versioned bucket on a server that the tests of one binary share. The server ends, and its
// directory goes, with the test process.
func Bucket(t testing.TB) *objectstore.Bucket {
	t.Helper()
	return NewBucket(t, Server(t))
}

// NewBucket returns an empty, versioned bucket on the given server.
func NewBucket(t testing.TB, server *s3server.Server) *objectstore.Bucket {
	t.Helper()
	name := fmt.Sprintf("test-%d", buckets.Add(1))
	if err := objectstore.EnsureBucket(context.Background(), server.Client(), name); err != nil {
		t.Fatal(err)
	}
	return objectstore.NewBucket(server.Client(), name)
}

// Server returns the server that the tests of one binary share.
func Server(t testing.TB) *s3server.Server {
	t.Helper()
	server, err := shared()
	if err != nil {
		t.Fatal(err)
	}
	return server
}

var shared = sync.OnceValues(func() (*s3server.Server, error) {
	dir, err := os.MkdirTemp("", "agentfactory-s3test-")
	if err != nil {
		return nil, err
	}
	return s3server.Start(context.Background(), s3server.Options{
		Dir: dir, AccessKey: "test", SecretKey: "test-secret", Ephemeral: true,
	})
})
