package upkeep

import (
	"encoding/hex"
	"regexp"
	"strings"

	"agentfactory/internal/objectstore"
)

// digest is the binary form of an objectstore.Digest: of millions of blobs the set must fit into memory.
type digest [32]byte

// binary is that form of a digest; false: it is none.
func binary(d objectstore.Digest) (b digest, ok bool) {
	if !d.Valid() {
		return b, false
	}
	n, err := hex.Decode(b[:], []byte(d))
	return b, err == nil && n == len(b)
}

// word is a longest piece of text that could be a key.
var word = regexp.MustCompile(`[A-Za-z0-9._~/-]{16,}`)

// hexes is a longest piece that could hold a digest.
var hexes = regexp.MustCompile(`[0-9a-f]{64,}`)

// collected are the roots below which objects may be taken away one by one, so that mentions of them matter.
var collected = []string{runsRoot, evaluationsRoot}

const (
	runsRoot        = "runs/"
	evaluationsRoot = "evaluations/"
	blobsRoot       = "blobs/"
	catalogRoot     = "catalog/"
	snapshotsRoot   = "snapshots/"
)

// mentions finds every digest and every key below a collected root in a text, whatever it is. A key may be the prefix of
// those that are meant.
func mentions(text []byte, blob func(digest), key func(string)) {
	for _, w := range word.FindAll(text, -1) {
		for _, h := range hexes.FindAll(w, -1) {
			// Of a longer one it is not known where a digest would begin; the ends are as good as any.
			for _, candidate := range [][]byte{h[:64], h[len(h)-64:]} {
				if d, ok := binary(objectstore.Digest(candidate)); ok {
					blob(d)
				}
			}
		}
		for _, root := range collected {
			if at := strings.Index(string(w), root); at >= 0 {
				key(strings.TrimRight(string(w[at:]), "/."))
			}
		}
	}
}

// lists matches references to blobs that hold references themselves: the index of a snapshot, the tasks of an evaluation.
var lists = regexp.MustCompile(`"(?:index|tasks|tasks_key)"\s*:\s*"(?:blobs/sha256/[0-9a-f]{2}/)?([0-9a-f]{64})"`)

// listBlobs are the blobs named in a record that have to be read as well.
func listBlobs(text []byte) (found []objectstore.Digest) {
	for _, m := range lists.FindAllSubmatch(text, -1) {
		found = append(found, objectstore.Digest(m[1]))
	}
	return found
}
