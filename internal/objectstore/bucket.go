package objectstore

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// Bucket is a [Store] on one bucket of an S3 server.
//
// Only answers that say "not carried out, try again" (409 while another conditional write is in progress, 503) are
// retried here, five times within a second. Whoever calls owns all other retries. An attempt gives up after 30 seconds
// without an answer, to which an upload adds a second for every 256 KiB, or without the next bytes of a body.
type Bucket struct {
	client   *s3.Client
	name     string
	sse      encryption
	under    string        // the prefix of all its keys, with its slash; "" is the whole bucket
	patience time.Duration // for an answer, and for the next bytes of a body
}

var _ Store = (*Bucket)(nil)

// NewBucket returns the bucket of this name as a Store. It sends no request; EnsureBucket does. The SDK's own retries
// are turned off and its checksums on, whatever client was made with.
func NewBucket(client *s3.Client, name string, settings ...Setting) *Bucket {
	options := client.Options()
	options.ExpressCredentials = nil // New makes its own; it would write to the one that both clients share
	b := &Bucket{client: s3.New(options, configure), name: name, patience: patience}
	for _, set := range settings {
		set(b)
	}
	return b
}

// configure turns the checksums on because a client made from bare options sends none.
func configure(o *s3.Options) {
	o.Retryer = aws.NopRetryer{}
	o.RequestChecksumCalculation = aws.RequestChecksumCalculationWhenSupported
	o.ResponseChecksumValidation = aws.ResponseChecksumValidationWhenSupported
	o.DisableLogOutputChecksumValidationSkipped = true
	if o.Credentials != nil {
		o.Credentials = markedCredentials{o.Credentials}
	}
}

// Get implements Store.
func (b *Bucket) Get(ctx context.Context, key string) (Object, error) {
	r, info, err := b.open(ctx, "read", key)
	if err != nil {
		return Object{}, err
	}
	defer r.Close()
	if info.Size > MaxBody {
		return Object{}, fmt.Errorf("read %s: %w: %d bytes, at most %d", key, ErrTooLarge, info.Size, MaxBody)
	}
	buf := bytes.NewBuffer(make([]byte, 0, info.Size+bytes.MinRead))
	if _, err := buf.ReadFrom(r); err != nil {
		return Object{}, err
	}
	return Object{Body: slices.Clip(buf.Bytes()), ETag: info.ETag}, nil // clipped: callers who append share no memory
}

// Create implements Store.
func (b *Bucket) Create(ctx context.Context, key string, body []byte) (string, error) {
	return b.put(ctx, key, body, absent)
}

// Replace implements Store.
func (b *Bucket) Replace(ctx context.Context, key string, body []byte, etag string) (string, error) {
	if etag == "" {
		return "", fmt.Errorf("replace %s: an ETag is needed, get it from Get or Stat", key)
	}
	return b.put(ctx, key, body, condition(etag))
}

func (b *Bucket) put(ctx context.Context, key string, body []byte, cond condition) (string, error) {
	if len(body) > MaxBody {
		return "", fmt.Errorf("%s %s: %w: %d bytes, at most %d", cond.verb(), key, ErrTooLarge, len(body), MaxBody)
	}
	return b.upload(ctx, key, bytes.NewReader(body), int64(len(body)), cond)
}

// Stat implements Store.
func (b *Bucket) Stat(ctx context.Context, key string) (Info, error) {
	var info Info
	err := b.do(ctx, "stat", key, 0, func(attempt context.Context) error {
		out, err := b.client.HeadObject(attempt, &s3.HeadObjectInput{Bucket: &b.name, Key: b.at(key)})
		if statusOf(err) == http.StatusNotFound {
			return b.missing(ctx, attempt)
		}
		if err != nil {
			return classify(ctx, err)
		}
		info = Info{Key: key, ETag: aws.ToString(out.ETag), Size: aws.ToInt64(out.ContentLength), Modified: aws.ToTime(out.LastModified)}
		return nil
	})
	return info, err
}

// missing tells a missing object from a missing bucket and worse: a 404 to HEAD has no body that would.
func (b *Bucket) missing(ctx, attempt context.Context) error {
	_, err := b.client.ListObjectsV2(attempt, &s3.ListObjectsV2Input{Bucket: &b.name, Prefix: &b.under, MaxKeys: aws.Int32(1)})
	if err != nil {
		return classify(ctx, err)
	}
	return ErrNotFound
}
