// Package s3test gives tests a real S3 bucket. Importing it is enough: no TestMain is needed, because its init runs the
// S3 server in the processes that were started for it.
package s3test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"agentfactory/internal/embedded/s3server"
	"agentfactory/internal/objectstore"
)

func init() { s3server.MaybeRun() }

var (
	buckets atomic.Int64
	names   sync.Map // of the buckets
)

// Bucket returns an empty, versioned bucket on a server that the tests of one binary share. The server ends, and its
// directory goes, with the test process.
func Bucket(t testing.TB) *objectstore.Bucket {
	t.Helper()
	return NewBucket(t, Server(t))
}

// NewBucket returns an empty, versioned bucket on the given server.
func NewBucket(t testing.TB, server *s3server.Server) *objectstore.Bucket {
	t.Helper()
	name := newName(t, server, "test")
	bucket := objectstore.NewBucket(server.Client(), name)
	names.Store(bucket, name)
	return bucket
}

// newName makes a bucket, whose name begins with its kind.
func newName(t testing.TB, server *s3server.Server, kind string) string {
	t.Helper()
	name := fmt.Sprintf("%s-%d", kind, buckets.Add(1))
	if err := objectstore.EnsureBucket(context.Background(), server.Client(), name); err != nil {
		t.Fatal(err)
	}
	return name
}

// Between returns an empty bucket on the shared server with a fault in front of it, which answers a request itself, returning
// true, or lets it pass.
func Between(t testing.TB, fault func(w http.ResponseWriter, r *http.Request) bool) *objectstore.Bucket {
	t.Helper()
	server := Server(t)
	target, err := url.Parse(server.Endpoint)
	if err != nil {
		t.Fatal(err)
	}
	forward := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(target)
		r.Out.Host = r.In.Host // it is signed
	}}
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !fault(w, r) {
			forward.ServeHTTP(w, r)
		}
	}))
	t.Cleanup(proxy.Close)
	return objectstore.NewBucket(s3server.Client(proxy.URL, "us-east-1", "test", "test-secret"), newName(t, server, "faults"))
}

// Delete deletes an object of a bucket of the shared server as people do by hand: a delete marker hides it.
func Delete(t testing.TB, bucket *objectstore.Bucket, key string) {
	t.Helper()
	name, ok := names.Load(bucket)
	if !ok {
		t.Fatal("the bucket is none of this package's")
	}
	_, err := Server(t).Client().DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: aws.String(name.(string)), Key: &key})
	if err != nil {
		t.Fatal(err)
	}
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
