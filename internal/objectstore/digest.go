package objectstore

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"path"
	"strings"
)

// Digest is the SHA-256 of some bytes in lowercase hex, 64 characters.
type Digest string

// DigestOf returns the digest of data.
func DigestOf(data []byte) Digest {
	sum := sha256.Sum256(data)
	return Digest(hex.EncodeToString(sum[:]))
}

// digestOf reads r to its end and returns its digest and how many bytes it had.
func digestOf(r io.Reader) (Digest, int64, error) {
	h := sha256.New()
	n, err := io.Copy(h, r)
	return Digest(hex.EncodeToString(h.Sum(nil))), n, err
}

// DigestFrom reads r to its end and returns its digest. Its errors are those of r.
func DigestFrom(r io.Reader) (Digest, error) {
	d, _, err := digestOf(r)
	return d, err
}

// Valid tells whether d has the form of a digest.
func (d Digest) Valid() bool {
	return len(d) == 2*sha256.Size && strings.Trim(string(d), "0123456789abcdef") == ""
}

func (d Digest) check() error {
	if !d.Valid() {
		return fmt.Errorf("%w: %.70q is no SHA-256 in lowercase hex", ErrInvalidKey, string(d))
	}
	return nil
}

// BlobKey is the key of the blob with this digest: blobs/sha256/<first two characters>/<digest>. What is no digest gets
// a key that CheckKey refuses.
func BlobKey(d Digest) string {
	if !d.Valid() {
		return "blobs/sha256//" + string(d)
	}
	return "blobs/sha256/" + string(d[:2]) + "/" + string(d)
}

// DigestOfKey is the digest that the key of a blob names; false: it is no such key.
func DigestOfKey(key string) (Digest, bool) {
	d := Digest(path.Base(key))
	return d, d.Valid() && key == BlobKey(d)
}
