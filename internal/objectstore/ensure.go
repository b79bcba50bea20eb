package objectstore

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// EnsureBucket makes sure that the bucket exists and keeps versions: it creates a missing one and turns versioning on
// where it is off. Doing so twice, or from several processes at once, is harmless. ErrDenied when the credentials may
// not look or not create; ErrNoBucket when the name is not allowed or the bucket lies in another region.
func EnsureBucket(ctx context.Context, client *s3.Client, name string) error {
	b := NewBucket(client, name)
	err := b.ensure(ctx)
	// versitygw answers 500 while another request is creating the bucket.
	for n := 0; n < retries && statusOf(err) == http.StatusInternalServerError; n++ {
		if err := wait(ctx, firstPause); err != nil {
			return err
		}
		err = b.ensure(ctx)
	}
	if err != nil {
		return fmt.Errorf("prepare bucket %q: %w", name, err)
	}
	return nil
}

func (b *Bucket) ensure(ctx context.Context) error {
	err := b.retry(ctx, 0, func(attempt context.Context) error { return b.keepVersions(ctx, attempt) })
	if errors.Is(err, ErrNoBucket) {
		err = b.retry(ctx, 0, func(attempt context.Context) error { return b.create(ctx, attempt) })
	}
	return err
}

// keepVersions turns versioning on; it is also how a missing bucket is noticed.
func (b *Bucket) keepVersions(ctx, attempt context.Context) error {
	is, err := b.client.GetBucketVersioning(attempt, &s3.GetBucketVersioningInput{Bucket: &b.name})
	if err != nil {
		return classify(ctx, err)
	}
	if is.Status == types.BucketVersioningStatusEnabled {
		return nil
	}
	_, err = b.client.PutBucketVersioning(attempt, &s3.PutBucketVersioningInput{
		Bucket:                  &b.name,
		VersioningConfiguration: &types.VersioningConfiguration{Status: types.BucketVersioningStatusEnabled},
	})
	return classify(ctx, err)
}

func (b *Bucket) create(ctx, attempt context.Context) error {
	_, err := b.client.CreateBucket(attempt, b.creation())
	var taken *types.BucketAlreadyExists
	if errors.As(err, &taken) {
		return fmt.Errorf("%w (the name belongs to another account)", ErrDenied)
	}
	var mine *types.BucketAlreadyOwnedByYou
	if err != nil && !errors.As(err, &mine) {
		return classify(ctx, err)
	}
	return b.keepVersions(ctx, attempt)
}

// creation names the region, as S3 wants it everywhere but in us-east-1, where it must not be named.
func (b *Bucket) creation() *s3.CreateBucketInput {
	in := &s3.CreateBucketInput{Bucket: &b.name}
	if region := b.client.Options().Region; region != "" && region != "us-east-1" {
		in.CreateBucketConfiguration = &types.CreateBucketConfiguration{LocationConstraint: types.BucketLocationConstraint(region)}
	}
	return in
}
