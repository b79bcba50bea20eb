package objectstore

import (
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// maxPrefix bounds, in bytes, what may stand before every key, so that the longest key still fits into S3's 1024.
const maxPrefix = 100

// Under returns the part of the bucket whose keys begin with <prefix>/, as a bucket of its own: its keys are those of any
// other, and nothing that lies elsewhere can be read, written or listed through it. Teams share a bucket so. An empty
// prefix is the whole bucket, the parts of others included. ErrInvalidKey.
func (b *Bucket) Under(prefix string) (*Bucket, error) {
	if prefix == "" {
		return b, nil
	}
	if err := CheckKey(prefix); err != nil {
		return nil, fmt.Errorf("prefix of bucket %s: %w", b.name, err)
	}
	part := *b
	part.under = b.under + prefix + "/"
	if len(part.under) > maxPrefix {
		return nil, fmt.Errorf("prefix of bucket %s: %w %q: %d bytes, at most %d are allowed", b.name, ErrInvalidKey, part.under, len(part.under), maxPrefix)
	}
	return &part, nil
}

// at is where the object with this key lies in S3.
func (b *Bucket) at(key string) *string { return aws.String(b.under + key) }

// keyOf is the key of what S3 calls by this name.
func (b *Bucket) keyOf(name *string) string { return strings.TrimPrefix(aws.ToString(name), b.under) }
