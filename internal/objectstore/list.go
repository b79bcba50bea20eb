package objectstore

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// List implements Store. What has no key of ours is left out: versitygw lists the hidden files into which it writes.
func (b *Bucket) List(ctx context.Context, prefix, after string, limit int) ([]Info, error) {
	var found []Info
	err := b.pages(ctx, prefix, after, "", limit, func(page *s3.ListObjectsV2Output) int {
		for _, o := range page.Contents {
			if key := b.keyOf(o.Key); CheckKey(key) == nil {
				found = append(found, infoOf(key, o))
			}
		}
		return len(found)
	})
	return found, err
}

func infoOf(key string, o types.Object) Info {
	return Info{Key: key, ETag: aws.ToString(o.ETag), Size: aws.ToInt64(o.Size), Modified: aws.ToTime(o.LastModified)}
}

// Folders implements Store.
func (b *Bucket) Folders(ctx context.Context, prefix string) ([]string, error) {
	if prefix != "" && !strings.HasSuffix(prefix, "/") {
		return nil, fmt.Errorf("list folders: %w: prefix %q does not end with a slash", ErrInvalidKey, prefix)
	}
	var names []string
	err := b.pages(ctx, prefix, "", "/", 0, func(page *s3.ListObjectsV2Output) int {
		for _, p := range page.CommonPrefixes {
			names = append(names, strings.TrimSuffix(strings.TrimPrefix(b.keyOf(p.Prefix), prefix), "/"))
		}
		return 0
	})
	slices.Sort(names) // S3 sorts them with their slash, "a-1/" before "a/"
	return names, err
}

// pageSize is S3's own maximum.
const pageSize = 1000

// pages reads a listing page by page until it ends or the visitor, which returns how many entries it has, has limit.
func (b *Bucket) pages(ctx context.Context, prefix, after, delimiter string, limit int, visit func(*s3.ListObjectsV2Output) int) error {
	if err := checkPrefix(prefix); err != nil {
		return fmt.Errorf("list: %w", err)
	}
	in := &s3.ListObjectsV2Input{Bucket: &b.name, Prefix: b.at(prefix)}
	if after != "" {
		in.StartAfter = b.at(after)
	}
	if delimiter != "" {
		in.Delimiter = &delimiter
	}
	for seen := 0; ; {
		in.MaxKeys = aws.Int32(pageSize)
		if limit > 0 {
			in.MaxKeys = aws.Int32(int32(min(pageSize, limit-seen)))
		}
		page, err := b.page(ctx, in)
		if err != nil {
			return err
		}
		seen = visit(page)
		if !aws.ToBool(page.IsTruncated) || page.NextContinuationToken == nil || limit > 0 && seen >= limit {
			return nil
		}
		in.ContinuationToken = page.NextContinuationToken
	}
}

func (b *Bucket) page(ctx context.Context, in *s3.ListObjectsV2Input) (*s3.ListObjectsV2Output, error) {
	var page *s3.ListObjectsV2Output
	err := b.retry(ctx, 0, func(attempt context.Context) error {
		var err error
		page, err = b.client.ListObjectsV2(attempt, in)
		return classify(ctx, err)
	})
	if err != nil {
		return nil, fmt.Errorf("list %s* in bucket %q: %w", *in.Prefix, b.name, err)
	}
	return page, nil
}
