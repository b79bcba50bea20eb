package objectstore

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
)

// unchanged reads a source that was digested before and fails, short of its end, when the bytes are not the same: an
// upload that has begun then ends incomplete and is dropped, instead of putting wrong bytes under a digest for ever.
type unchanged struct {
	r      io.ReadSeeker
	size   int64
	digest Digest
	hash   hash.Hash
	read   int64 // bytes since the start; less than zero after a Seek to elsewhere
}

func (u *unchanged) Seek(offset int64, whence int) (int64, error) {
	at, err := u.r.Seek(offset, whence)
	if at != u.read {
		u.hash, u.read = nil, -1
	}
	if at == 0 {
		u.read = 0
	}
	return at, err
}

func (u *unchanged) Read(p []byte) (int, error) {
	if u.read == 0 {
		u.hash = sha256.New()
	}
	n, err := u.r.Read(p)
	if u.hash == nil || err != nil && err != io.EOF {
		return n, err
	}
	u.hash.Write(p[:n])
	u.read += int64(n)
	if u.read > u.size || u.read == u.size && n > 0 && u.sum() != u.digest || err == io.EOF && u.read < u.size {
		return 0, fmt.Errorf("%w: they changed while they were read", ErrCorrupt)
	}
	return n, err
}

func (u *unchanged) sum() Digest { return Digest(hex.EncodeToString(u.hash.Sum(nil))) }
