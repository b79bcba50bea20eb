package objectstore

import (
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// Setting is how a Bucket differs from one that NewBucket makes by itself.
type Setting func(*Bucket)

// WithEncryption has every write ask the server to encrypt what it stores: by AES256 with a key of the server's, or by
// aws:kms with a key of its key management service, kmsKey, or the account's own for S3 when that is "". An empty
// algorithm leaves it to the bucket. Reads need no setting: the server decrypts for whoever may use the key, and the ETags
// of what aws:kms encrypts are no digests, which nothing here takes them for.
func WithEncryption(algorithm, kmsKey string) Setting {
	return func(b *Bucket) { b.sse = encryption{types.ServerSideEncryption(algorithm), kmsKey} }
}

type encryption struct {
	algorithm types.ServerSideEncryption
	kmsKey    string
}

func (e encryption) apply(in *s3.PutObjectInput) {
	in.ServerSideEncryption = e.algorithm
	if e.algorithm == types.ServerSideEncryptionAwsKms {
		in.BucketKeyEnabled = aws.Bool(true) // else every object costs a call of the key management service
	}
	if e.kmsKey != "" {
		in.SSEKMSKeyId = &e.kmsKey
	}
}
