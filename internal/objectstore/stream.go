package objectstore

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// Open implements Store. A Read that gets no byte for 30 seconds fails.
func (b *Bucket) Open(ctx context.Context, key string) (io.ReadCloser, Info, error) {
	var opened *body
	var info Info
	err := b.do(ctx, "open", key, 0, func(attempt context.Context) error {
		// The attempt's time limit ends with the headers; the body lives on under a context of its own.
		reading, cancel := context.WithCancel(ctx)
		stop := context.AfterFunc(attempt, cancel)
		out, err := b.client.GetObject(reading, &s3.GetObjectInput{Bucket: &b.name, Key: &key})
		if err != nil || !stop() {
			cancel()
			return classify(ctx, err)
		}
		opened = &body{ReadCloser: out.Body, ctx: ctx, cancel: cancel, key: key}
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
	ctx    context.Context // the caller's
	cancel context.CancelFunc
	key    string
}

func (b *body) Read(p []byte) (int, error) {
	stall := time.AfterFunc(attemptTime, b.cancel)
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

// readBody reads at most MaxBody bytes. size is what the server announced, or less.
func readBody(r io.Reader, size int64) ([]byte, error) {
	buf := bytes.NewBuffer(make([]byte, 0, min(max(size, 0), MaxBody)+bytes.MinRead))
	if _, err := buf.ReadFrom(io.LimitReader(r, MaxBody+1)); err != nil {
		return nil, err
	}
	return slices.Clip(buf.Bytes()), nil // so that two callers who append to it do not share memory
}
