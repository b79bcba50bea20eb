package objectstore

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// Stored is one version of an object as the bucket keeps it, or a delete marker, which hides those before it.
type Stored struct {
	Key      string
	ID       string // of the version; "null" in a bucket that does not keep versions
	Modified time.Time
	Size     int64 // bytes; 0 of a marker
	Current  bool  // it is what reading the key finds, or hides
	Marker   bool
}

// Versions visits everything that the bucket keeps below a prefix, versions that were replaced and delete markers
// included, in byte order of the keys; those of one key come in one call, the oldest first. What has no key of ours is
// left out. An error of visit ends it.
func (b *Bucket) Versions(ctx context.Context, prefix string, visit func(ofOneKey []Stored) error) error {
	if err := checkPrefix(prefix); err != nil {
		return fmt.Errorf("list versions: %w", err)
	}
	in := &s3.ListObjectVersionsInput{Bucket: &b.name, Prefix: b.at(prefix), MaxKeys: aws.Int32(pageSize)}
	var pending []Stored // of the key at the end of the page before, which may go on
	for {
		page, err := b.versionsPage(ctx, in)
		if err != nil {
			return err
		}
		more := aws.ToBool(page.IsTruncated) && page.NextKeyMarker != nil
		pending, err = visitKeys(append(pending, b.storedOf(page)...), more, visit)
		if err != nil || !more {
			return err
		}
		in.KeyMarker, in.VersionIdMarker = page.NextKeyMarker, page.NextVersionIdMarker
	}
}

func (b *Bucket) versionsPage(ctx context.Context, in *s3.ListObjectVersionsInput) (*s3.ListObjectVersionsOutput, error) {
	var page *s3.ListObjectVersionsOutput
	err := b.retry(ctx, 0, func(attempt context.Context) error {
		var err error
		page, err = b.client.ListObjectVersions(attempt, in)
		return classify(ctx, err)
	})
	if err != nil {
		return nil, fmt.Errorf("list versions of %s* in bucket %q: %w", *in.Prefix, b.name, err)
	}
	return page, nil
}

// storedOf is a page in the order of its keys.
func (b *Bucket) storedOf(page *s3.ListObjectVersionsOutput) []Stored {
	var all []Stored
	for _, v := range page.Versions {
		all = append(all, b.storedVersion(v))
	}
	for _, m := range page.DeleteMarkers {
		all = append(all, Stored{Key: b.keyOf(m.Key), ID: aws.ToString(m.VersionId), Modified: aws.ToTime(m.LastModified), Current: aws.ToBool(m.IsLatest), Marker: true})
	}
	all = slices.DeleteFunc(all, func(s Stored) bool { return CheckKey(s.Key) != nil })
	slices.SortStableFunc(all, func(x, y Stored) int { return strings.Compare(x.Key, y.Key) })
	return all
}

func (b *Bucket) storedVersion(v types.ObjectVersion) Stored {
	return Stored{Key: b.keyOf(v.Key), ID: aws.ToString(v.VersionId), Modified: aws.ToTime(v.LastModified), Size: aws.ToInt64(v.Size), Current: aws.ToBool(v.IsLatest)}
}

// visitKeys visits the versions key by key and returns those of the last key if more may follow.
func visitKeys(all []Stored, more bool, visit func([]Stored) error) (rest []Stored, err error) {
	for len(all) > 0 {
		n := 1
		for n < len(all) && all[n].Key == all[0].Key {
			n++
		}
		if n == len(all) && more {
			return slices.Clone(all), nil
		}
		one := all[:n:n]
		slices.SortStableFunc(one, oldestFirst)
		if err := visit(one); err != nil {
			return nil, err
		}
		all = all[n:]
	}
	return nil, nil
}

// oldestFirst puts the current one last, whatever the clocks say.
func oldestFirst(x, y Stored) int {
	if x.Current != y.Current {
		if y.Current {
			return -1
		}
		return 1
	}
	return x.Modified.Compare(y.Modified)
}

// Remove takes away exactly this version of an object, for good, and nothing that was written to its key since. It leaves
// no marker: when the version was the current one, the one before it is current again. Removing it twice is harmless.
func (b *Bucket) Remove(ctx context.Context, s Stored) error {
	return b.do(ctx, "remove", s.Key, 0, func(attempt context.Context) error {
		_, err := b.client.DeleteObject(attempt, &s3.DeleteObjectInput{Bucket: &b.name, Key: b.at(s.Key), VersionId: &s.ID})
		switch code := codeOf(err); {
		case code == "NoSuchKey", code == "NoSuchVersion":
			return nil
		case code == "InvalidArgument" && b.removed(attempt, s): // what versitygw says of a version that is not there
			return nil
		}
		return classify(ctx, err)
	})
}

// removed tells whether a version is known not to be there.
func (b *Bucket) removed(ctx context.Context, s Stored) bool {
	_, err := b.client.HeadObject(ctx, &s3.HeadObjectInput{Bucket: &b.name, Key: b.at(s.Key), VersionId: &s.ID})
	status := statusOf(err)
	return status == http.StatusNotFound || status == http.StatusBadRequest
}
