package objectstore

import (
	"context"
	"net/http"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go/middleware"
)

// Request is one request to the server, and what came of it.
type Request struct {
	Operation string        // as S3 names it: GetObject, PutObject, HeadObject, ListObjectsV2 …
	Key       string        // as it is in S3, the prefix of [Bucket.Under] included; of a listing, what the keys begin with
	Status    int           // of HTTP; 0: there was no answer
	Took      time.Duration // until the answer began: the body of GetObject is read after that
}

// WithObserver has every request told to observe, which is called by many goroutines and must not block. What is tried
// again is a request each time.
func WithObserver(observe func(Request)) Setting {
	step := middleware.InitializeMiddlewareFunc("AgentFactoryObserver", func(ctx context.Context, in middleware.InitializeInput, next middleware.InitializeHandler) (middleware.InitializeOutput, middleware.Metadata, error) {
		began := time.Now()
		out, metadata, err := next.HandleInitialize(ctx, in)
		status := http.StatusOK
		if err != nil {
			status = statusOf(err)
		}
		observe(Request{Operation: awsmiddleware.GetOperationName(ctx), Key: aws.ToString(nameOf(in.Parameters)), Status: status, Took: time.Since(began)})
		return out, metadata, err
	})
	return func(b *Bucket) {
		b.client = s3.New(b.client.Options(), func(o *s3.Options) {
			o.ExpressCredentials = nil // as in NewBucket
			o.APIOptions = append(slices.Clip(o.APIOptions), func(steps *middleware.Stack) error {
				return steps.Initialize.Add(step, middleware.After)
			})
		})
	}
}

// nameOf is the object, or the beginning of many, that a request is about; nil for a bucket.
func nameOf(parameters any) *string {
	switch p := parameters.(type) {
	case *s3.GetObjectInput:
		return p.Key
	case *s3.PutObjectInput:
		return p.Key
	case *s3.HeadObjectInput:
		return p.Key
	case *s3.DeleteObjectInput:
		return p.Key
	case *s3.ListObjectsV2Input:
		return p.Prefix
	case *s3.ListObjectVersionsInput:
		return p.Prefix
	}
	return nil
}
