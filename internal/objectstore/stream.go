package objectstore

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// Open implements Store.
func (b *Bucket) Open(ctx context.Context, key string) (io.ReadCloser, Info, error) {
	return b.open(ctx, "open", key)
}

func (b *Bucket) open(ctx context.Context, verb, key string) (io.ReadCloser, Info, error) {
	var opened *body
	var info Info
	err := b.do(ctx, verb, key, 0, func(attempt context.Context) error {
		// The time limit of the attempt ends with the headers; the body lives on under a context of its own.
		reading, cancel := context.WithCancel(ctx)
		stop := context.AfterFunc(attempt, cancel)
		out, err := b.client.GetObject(reading, &s3.GetObjectInput{Bucket: &b.name, Key: b.at(key)})
		stop()
		if err != nil {
			cancel()
			return classify(ctx, err)
		}
		opened = &body{ReadCloser: out.Body, ctx: ctx, cancel: cancel, patience: b.patience, key: key}
		info = Info{Key: key, ETag: aws.ToString(out.ETag), Size: aws.ToInt64(out.ContentLength), Modified: aws.ToTime(out.LastModified)}
		return nil
	})
	if err != nil {
		return nil, Info{}, err
	}
	return opened, info, nil
}

// body classifies the errors of a reply's body and gives up on one that stalls.
type body struct {
	io.ReadCloser
	ctx      context.Context // the caller's
	cancel   context.CancelFunc
	patience time.Duration
	key      string
}

func (b *body) Read(p []byte) (int, error) {
	stall := time.AfterFunc(b.patience, b.cancel)
	n, err := b.ReadCloser.Read(p)
	stall.Stop()
	if err != nil && err != io.EOF {
		err = fmt.Errorf("read %s: %w", b.key, classifyRead(b.ctx, err))
	}
	return n, err
}

func (b *body) Close() error {
	b.cancel()
	return b.ReadCloser.Close()
}
