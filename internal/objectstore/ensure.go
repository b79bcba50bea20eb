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
	for _, step := range []struct {
		verb string
		do   func(ctx, attempt context.Context) error
	}{
		{"find or create", b.findOrCreate},
		{"turn on versioning of", b.keepVersions},
	} {
		err := b.retry(ctx, 0, func(attempt context.Context) error { return step.do(ctx, attempt) })
		if err != nil {
			return fmt.Errorf("%s bucket %q: %w", step.verb, name, err)
		}
	}
	return nil
}

func (b *Bucket) findOrCreate(ctx, attempt context.Context) error {
	_, err := b.client.HeadBucket(attempt, &s3.HeadBucketInput{Bucket: &b.name})
	if statusOf(err) != http.StatusNotFound {
		return classify(ctx, err)
	}
	_, err = b.client.CreateBucket(attempt, b.creation())
	var mine *types.BucketAlreadyOwnedByYou
	if errors.As(err, &mine) {
		return nil
	}
	var taken *types.BucketAlreadyExists
	if errors.As(err, &taken) {
		return fmt.Errorf("%w (the name belongs to another account)", ErrDenied)
	}
	return classify(ctx, err)
}

// creation names the region, as S3 wants it everywhere but in us-east-1, where it must not be named.
func (b *Bucket) creation() *s3.CreateBucketInput {
	in := &s3.CreateBucketInput{Bucket: &b.name}
	if region := b.client.Options().Region; region != "" && region != "us-east-1" {
		in.CreateBucketConfiguration = &types.CreateBucketConfiguration{LocationConstraint: types.BucketLocationConstraint(region)}
	}
	return in
}

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
