package objectstore

import (
	"context"
	"errors"
	"io"
	"time"
)

// The errors of a [Store] and of [Blobs], for errors.Is. Each message ends with what to do next where there is
// something to be done.
var (
	// ErrNotFound: there is no object with this key.
	ErrNotFound = errors.New("no such object")
	// ErrExists: a create-only write found an object with this key. After an attempt with an unknown outcome it may be
	// one's own: read it and compare.
	ErrExists = errors.New("the object exists already")
	// ErrHidden: reading finds no object with this key, and yet none can be created. Somebody deleted it by hand, and the
	// server takes the delete marker for an object: versitygw does, Amazon's S3 does not.
	ErrHidden = errors.New("it was deleted by hand, and this server creates nothing in its place: delete its delete marker (`aws s3api delete-object` with --version-id), which brings it back")
	// ErrChanged: a compare-and-swap found another ETag, or no object. After an attempt with an unknown outcome the
	// change may be one's own: bodies that are replaced carry an ID of their write.
	ErrChanged = errors.New("the object has changed")
	// ErrInvalidKey: the key breaks the grammar of [CheckKey]; no request was sent.
	ErrInvalidKey = errors.New("invalid key")
	// ErrDenied: the server answered 403, or refused the credentials in another way.
	ErrDenied = errors.New("access denied: check the S3 access key, its secret and its permissions on the bucket")
	// ErrNoBucket: the bucket does not exist, or not in this region or under this endpoint.
	ErrNoBucket = errors.New("no such bucket: check its name, the region and the endpoint")
	// ErrUnavailable: no usable answer (network, timeout, 429, 5xx). The outcome of a write is unknown. Worth retrying.
	ErrUnavailable = errors.New("S3 is not available")
	// ErrCorrupt: what was read is not what was written.
	ErrCorrupt = errors.New("the stored bytes are corrupt")
	// ErrTooLarge: the body is larger than the call allows ([MaxBody], [MaxUpload]).
	ErrTooLarge = errors.New("the object is too large")
)

// MaxBody bounds, in bytes, what Get reads into memory and what Create and Replace write. Larger objects go through
// CreateFrom and Open.
const MaxBody = 64 << 20

// MaxUpload bounds, in bytes, what CreateFrom writes: S3's limit for a single PUT.
const MaxUpload = 5 << 30

// Info describes a stored object.
type Info struct {
	Key      string
	ETag     string // as the server sent it, with its quotes
	Size     int64  // bytes
	Modified time.Time
}

// Object is a body with the ETag that Replace wants.
type Object struct {
	Body []byte
	ETag string
}

// Store is a flat, ordered map from key to bytes with conditional writes. It is safe for concurrent use. All errors but
// those of the context are classified by the sentinel errors of this package.
type Store interface {
	// Get reads a whole object of at most MaxBody bytes. ErrNotFound.
	Get(ctx context.Context, key string) (Object, error)
	// Create writes a new object and returns its ETag. ErrExists.
	Create(ctx context.Context, key string, body []byte) (etag string, err error)
	// Replace overwrites the object that has this ETag and returns the new one. ErrChanged.
	Replace(ctx context.Context, key string, body []byte, etag string) (string, error)
	// Stat describes an object without reading it. ErrNotFound.
	Stat(ctx context.Context, key string) (Info, error)
	// List returns the objects whose key begins with prefix and sorts after `after` (empty: from the start), in byte
	// order of their keys, at most limit of them (0: all).
	List(ctx context.Context, prefix, after string, limit int) ([]Info, error)
	// Folders returns the distinct next path segments below prefix that have keys below them, sorted. A prefix that is
	// not empty ends with "/".
	Folders(ctx context.Context, prefix string) ([]string, error)
	// CreateFrom is Create for bodies of any size up to MaxUpload; it reads size bytes from r's current position, and
	// may read them several times. ErrExists.
	CreateFrom(ctx context.Context, key string, r io.ReadSeeker, size int64) (string, error)
	// ReplaceFrom is Replace for bodies of any size up to MaxUpload, which it reads as CreateFrom does. ErrChanged.
	ReplaceFrom(ctx context.Context, key string, r io.ReadSeeker, size int64, etag string) (string, error)
	// Open is Get for bodies of any size. Reads fail with ErrUnavailable when the body is cut short or stalls. The
	// caller closes the reader. ErrNotFound.
	Open(ctx context.Context, key string) (io.ReadCloser, Info, error)
}
