package objectstore

import (
	"bytes"
	"context"
	"fmt"
	"net/http"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// Bucket is a [Store] on one bucket of an S3 server.
//
// Only answers that say "not carried out, try again" (409 while another conditional write is in progress, 503) are
// retried here, five times within a second. Whoever calls owns all other retries. An attempt ends after 30 seconds, plus
// a second for every 256 KiB of body.
type Bucket struct {
	client *s3.Client
	name   string
}

var _ Store = (*Bucket)(nil)

// NewBucket returns the bucket of this name as a Store. It sends no request; EnsureBucket does. The SDK's own retries
// are turned off and its checksums on, whatever client was made with.
func NewBucket(client *s3.Client, name string) *Bucket {
	return &Bucket{client: s3.New(client.Options(), configure), name: name}
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
	var obj Object
	err := b.do(ctx, "read", key, MaxBody/8, func(attempt context.Context) error {
		out, err := b.client.GetObject(attempt, &s3.GetObjectInput{Bucket: &b.name, Key: &key})
		if err != nil {
			return classify(ctx, err)
		}
		defer out.Body.Close()
		body, err := readBody(out.Body, aws.ToInt64(out.ContentLength))
		if err != nil {
			return classifyRead(ctx, err)
		}
		obj = Object{Body: body, ETag: aws.ToString(out.ETag)}
		return nil
	})
	return obj, err
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
		out, err := b.client.HeadObject(attempt, &s3.HeadObjectInput{Bucket: &b.name, Key: &key})
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

// missing tells a missing object from a missing bucket: a 404 to HEAD has no body that would.
func (b *Bucket) missing(ctx, attempt context.Context) error {
	_, err := b.client.HeadBucket(attempt, &s3.HeadBucketInput{Bucket: &b.name})
	switch {
	case err == nil:
		return ErrNotFound
	case statusOf(err) == http.StatusNotFound:
		return ErrNoBucket
	}
	return classify(ctx, err)
}
