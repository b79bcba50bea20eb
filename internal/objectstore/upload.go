package objectstore

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// condition is what must hold for a write: that there is no object, or that it has this ETag.
type condition string

const absent condition = ""

func (c condition) verb() string {
	if c == absent {
		return "create"
	}
	return "replace"
}

func (c condition) apply(in *s3.PutObjectInput) {
	if c == absent {
		in.IfNoneMatch = aws.String("*")
	} else {
		in.IfMatch = aws.String(string(c))
	}
}

// failed is the error for a condition that did not hold.
func (c condition) failed() error {
	if c == absent {
		return ErrExists
	}
	return ErrChanged
}

// CreateFrom implements Store. The body goes out in one PUT, so that create-only holds for all of it.
func (b *Bucket) CreateFrom(ctx context.Context, key string, r io.ReadSeeker, size int64) (string, error) {
	if size > MaxUpload {
		return "", fmt.Errorf("create %s: %w: %d bytes, at most %d", key, ErrTooLarge, size, int64(MaxUpload))
	}
	return b.upload(ctx, key, r, size, absent)
}

// ReplaceFrom implements Store.
func (b *Bucket) ReplaceFrom(ctx context.Context, key string, r io.ReadSeeker, size int64, etag string) (string, error) {
	switch {
	case etag == "":
		return "", fmt.Errorf("replace %s: an ETag is needed, get it from Get or Stat", key)
	case size > MaxUpload:
		return "", fmt.Errorf("replace %s: %w: %d bytes, at most %d", key, ErrTooLarge, size, int64(MaxUpload))
	}
	return b.upload(ctx, key, r, size, condition(etag))
}

func (b *Bucket) upload(ctx context.Context, key string, body io.ReadSeeker, size int64, cond condition) (string, error) {
	start, err := body.Seek(0, io.SeekCurrent)
	if err != nil {
		return "", fmt.Errorf("%s %s: read the body: %w", cond.verb(), key, err)
	}
	var etag string
	err = b.do(ctx, cond.verb(), key, size, func(attempt context.Context) error {
		if _, err := body.Seek(start, io.SeekStart); err != nil {
			return fmt.Errorf("read the body: %w", err)
		}
		in := &s3.PutObjectInput{Bucket: &b.name, Key: b.at(key), Body: body, ContentLength: &size, ContentType: aws.String(contentType(key))}
		cond.apply(in)
		b.sse.apply(in)
		out, err := b.client.PutObject(attempt, in)
		if err != nil {
			return b.refused(ctx, attempt, key, size, cond, err)
		}
		etag = aws.ToString(out.ETag)
		return nil
	})
	return etag, err
}

// unreadBytes is the size from which a server that refuses a body may not have read it before it closes the connection:
// the sender then sees a reset instead of the answer.
const unreadBytes = 64 << 10

// refused classifies the error of a write.
func (b *Bucket) refused(ctx, attempt context.Context, key string, size int64, cond condition, err error) error {
	status := statusOf(err)
	if status == http.StatusPreconditionFailed {
		return cond.failed()
	}
	if cond != absent && codeOf(err) == "NoSuchKey" {
		return ErrChanged
	}
	err = classify(ctx, err)
	if status == 0 && size >= unreadBytes && errors.Is(err, ErrUnavailable) && b.violates(attempt, key, cond) {
		return cond.failed()
	}
	return err
}

// violates looks whether the condition fails now.
func (b *Bucket) violates(ctx context.Context, key string, cond condition) bool {
	out, err := b.client.HeadObject(ctx, &s3.HeadObjectInput{Bucket: &b.name, Key: b.at(key)})
	return err == nil && aws.ToString(out.ETag) != string(cond)
}

// contentType lets S3 consoles show records; blobs stay opaque.
func contentType(key string) string {
	if strings.HasSuffix(key, ".json") {
		return "application/json"
	}
	return "application/octet-stream"
}
