package objectstore

import (
	"context"
	"fmt"
	"mime"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// MaxSigned is how long a signed URL can last, by Signature Version 4.
const MaxSigned = 7 * 24 * time.Hour

// Sign returns a URL by which anybody can fetch an object, under a file name, for a while: as long as the credentials last that
// sign it. Nothing is sent, and whether there is such an object is not looked up.
func (b *Bucket) Sign(ctx context.Context, key, file string, lasts time.Duration) (string, error) {
	if lasts <= 0 || lasts > MaxSigned {
		return "", fmt.Errorf("sign %s: %v is no time from 1s to %v", key, lasts, MaxSigned)
	}
	disposition := mime.FormatMediaType("attachment", map[string]string{"filename": file})
	signed, err := s3.NewPresignClient(b.client).PresignGetObject(ctx, &s3.GetObjectInput{
		Bucket: &b.name, Key: b.at(key), ResponseContentDisposition: &disposition,
	}, s3.WithPresignExpires(lasts))
	if err != nil {
		return "", fmt.Errorf("sign %s: %w", key, err)
	}
	return signed.URL, nil
}
