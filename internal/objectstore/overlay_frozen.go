package objectstore

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"sort"
	"strings"
	"time"
)

// Frozen is a set of objects as they were at one time, for an [Overlay] to begin with. It does not change, and is shared
// freely.
type Frozen struct {
	objects []FrozenObject // by key
}

// FrozenObject is an object as it was, and where its bytes lie.
type FrozenObject struct {
	Info
	// At is the key of the store at which the bytes lie: the object's own if it never changes, a blob with a copy if it does.
	At string
}

// NewFrozen returns the set of these objects, in any order. ErrInvalidKey, also for a key that comes twice.
func NewFrozen(objects []FrozenObject) (*Frozen, error) {
	f := &Frozen{objects: slices.Clone(objects)}
	slices.SortFunc(f.objects, func(a, b FrozenObject) int { return strings.Compare(a.Key, b.Key) })
	for i, o := range f.objects {
		if err := errors.Join(CheckKey(o.Key), CheckKey(o.At)); err != nil {
			return nil, fmt.Errorf("freeze objects: %w", err)
		}
		if o.ETag == "" || i > 0 && o.Key == f.objects[i-1].Key {
			return nil, fmt.Errorf("freeze objects: %w %q: it comes twice, or has no ETag", ErrInvalidKey, o.Key)
		}
	}
	return f, nil
}

// Len is the number of objects.
func (f *Frozen) Len() int { return len(f.objects) }

// All are the objects in the order of their keys.
func (f *Frozen) All() iter.Seq[FrozenObject] { return slices.Values(f.objects) }

func (f *Frozen) find(key string) (FrozenObject, bool) {
	i, found := slices.BinarySearchFunc(f.objects, key, func(o FrozenObject, key string) int { return strings.Compare(o.Key, key) })
	if !found {
		return FrozenObject{}, false
	}
	return f.objects[i], true
}

// under returns the objects whose key begins with prefix and sorts after `after`.
func (f *Frozen) under(prefix, after string) []FrozenObject {
	first := sort.Search(len(f.objects), func(i int) bool { return f.objects[i].Key >= prefix && f.objects[i].Key > after })
	rest := f.objects[first:]
	return rest[:sort.Search(len(rest), func(i int) bool { return !strings.HasPrefix(rest[i].Key, prefix) })]
}

// folders returns the next path segments below prefix that have keys below them; one may come several times.
func (f *Frozen) folders(prefix string) (names []string) {
	for _, o := range f.under(prefix, "") {
		name, _, isFolder := strings.Cut(strings.TrimPrefix(o.Key, prefix), "/")
		if isFolder && (len(names) == 0 || names[len(names)-1] != name) {
			names = append(names, name)
		}
	}
	return names
}

// lost says that the bytes of a frozen object are not where they should be, which is worse than that there is none.
func (o FrozenObject) lost(err error) error {
	if errors.Is(err, ErrNotFound) {
		return fmt.Errorf("read the frozen %s: %w: nothing lies at %s", o.Key, ErrCorrupt, o.At)
	}
	return err
}

// check compares a copy with its digest.
func (o FrozenObject) check(body []byte) error {
	if isBlob(o.At) && BlobKey(DigestOf(body)) != o.At {
		return corrupt(Digest(o.At[strings.LastIndexByte(o.At, '/')+1:]), DigestOf(body))
	}
	return nil
}

// frozenLine is an object in an encoded set.
type frozenLine struct {
	Key      string    `json:"key"`
	ETag     string    `json:"etag"`
	Size     int64     `json:"size"`
	Modified time.Time `json:"modified"`
	At       string    `json:"at,omitempty"` // empty: at its key
}

// Encode returns the set as JSON lines in the order of the keys, compressed by gzip. Equal sets give equal bytes.
func (f *Frozen) Encode() ([]byte, error) {
	var out bytes.Buffer
	compressed := gzip.NewWriter(&out)
	lines := json.NewEncoder(compressed)
	for _, o := range f.objects {
		line := frozenLine{Key: o.Key, ETag: o.ETag, Size: o.Size, Modified: o.Modified.UTC(), At: o.At}
		if o.At == o.Key {
			line.At = ""
		}
		if err := lines.Encode(line); err != nil {
			return nil, fmt.Errorf("encode frozen objects: %s: %w", o.Key, err)
		}
	}
	if err := compressed.Close(); err != nil {
		return nil, fmt.Errorf("encode frozen objects: %w", err)
	}
	return out.Bytes(), nil
}

// ParseFrozen reads what Encode wrote. ErrCorrupt.
func ParseFrozen(encoded []byte) (*Frozen, error) {
	objects, err := parseFrozen(encoded)
	if err != nil {
		return nil, fmt.Errorf("read frozen objects: %w: %w", ErrCorrupt, err)
	}
	f, err := NewFrozen(objects)
	if err != nil {
		return nil, fmt.Errorf("read frozen objects: %w: %w", ErrCorrupt, err)
	}
	return f, nil
}

func parseFrozen(encoded []byte) ([]FrozenObject, error) {
	compressed, err := gzip.NewReader(bytes.NewReader(encoded))
	if err != nil {
		return nil, err
	}
	var objects []FrozenObject
	for lines := json.NewDecoder(compressed); ; {
		var l frozenLine
		err := lines.Decode(&l)
		if err == io.EOF {
			return objects, nil
		}
		if err != nil {
			return nil, err
		}
		if l.At == "" {
			l.At = l.Key
		}
		objects = append(objects, FrozenObject{Info{Key: l.Key, ETag: l.ETag, Size: l.Size, Modified: l.Modified}, l.At})
	}
}
