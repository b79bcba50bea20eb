package objectstore

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// Overlay is a copy-on-write view of a store: what is written goes to keys of its own, what is read is found there first
// and among frozen objects of the store then. Neither the frozen objects nor anything else of the store is ever written,
// except for blobs: named by their content, they are shared both ways.
//
// To its users it is a [Store] that began with the frozen objects: an object that was replaced once is its own from then
// on, and conditional writes hold exactly, however many processes write through the same prefix. Reading a frozen object
// costs a second request, because another process may have replaced it.
type Overlay struct {
	base  Store
	own   string // the prefix of its own objects, with its slash
	below *Frozen
}

var _ Store = (*Overlay)(nil)

// NewOverlay returns the view of base whose own objects lie at <prefix>/<key>. A nil below is an empty one.
// ErrInvalidKey.
func NewOverlay(base Store, prefix string, below *Frozen) (*Overlay, error) {
	if err := CheckKey(prefix); err != nil {
		return nil, fmt.Errorf("open an overlay: %w", err)
	}
	if below == nil {
		below = &Frozen{}
	}
	return &Overlay{base: base, own: prefix + "/", below: below}, nil
}

// At is the key of the store below at which an object lies that never changes: its frozen place, or its own. Of objects
// that are replaced it says nothing.
func (o *Overlay) At(key string) string {
	if f, ok := o.below.find(key); ok {
		return f.At
	}
	return o.place(key)
}

// place is where an object that is not frozen lies.
func (o *Overlay) place(key string) string {
	if isBlob(key) {
		return key
	}
	return o.own + key
}

const blobsPrefix = "blobs/"

func isBlob(key string) bool { return strings.HasPrefix(key, blobsPrefix) }

// Get implements Store.
func (o *Overlay) Get(ctx context.Context, key string) (Object, error) {
	obj, err := o.base.Get(ctx, o.place(key))
	f, frozen := o.frozen(key, err)
	if !frozen {
		return obj, err
	}
	obj, err = o.base.Get(ctx, f.At)
	if err != nil {
		return Object{}, f.lost(err)
	}
	obj.ETag = f.ETag
	return obj, f.check(obj.Body)
}

// frozen returns the object to read when there is none of its own. A write that comes between the two reads is one that
// this read has not seen yet.
func (o *Overlay) frozen(key string, err error) (FrozenObject, bool) {
	if !errors.Is(err, ErrNotFound) {
		return FrozenObject{}, false
	}
	return o.below.find(key)
}

// Stat implements Store.
func (o *Overlay) Stat(ctx context.Context, key string) (Info, error) {
	info, err := o.base.Stat(ctx, o.place(key))
	if f, frozen := o.frozen(key, err); frozen {
		return f.Info, nil
	}
	if err != nil {
		return Info{}, err
	}
	info.Key = key
	return info, nil
}

// Open implements Store.
func (o *Overlay) Open(ctx context.Context, key string) (io.ReadCloser, Info, error) {
	r, info, err := o.base.Open(ctx, o.place(key))
	if f, frozen := o.frozen(key, err); frozen {
		r, _, err = o.base.Open(ctx, f.At)
		return r, f.Info, f.lost(err)
	}
	if err != nil {
		return nil, Info{}, err
	}
	info.Key = key
	return r, info, nil
}

// Create implements Store.
func (o *Overlay) Create(ctx context.Context, key string, body []byte) (string, error) {
	if err := o.free(key); err != nil {
		return "", err
	}
	return o.base.Create(ctx, o.place(key), body)
}

// ReplaceFrom implements Store.
func (o *Overlay) ReplaceFrom(ctx context.Context, key string, r io.ReadSeeker, size int64, etag string) (string, error) {
	if f, frozen := o.below.find(key); frozen && f.ETag == etag {
		created, err := o.base.CreateFrom(ctx, o.place(key), r, size)
		if !errors.Is(err, ErrExists) {
			return created, err
		}
	}
	return o.base.ReplaceFrom(ctx, o.place(key), r, size, etag)
}

// CreateFrom implements Store.
func (o *Overlay) CreateFrom(ctx context.Context, key string, r io.ReadSeeker, size int64) (string, error) {
	if err := o.free(key); err != nil {
		return "", err
	}
	return o.base.CreateFrom(ctx, o.place(key), r, size)
}

// free refuses to create what is there from the beginning.
func (o *Overlay) free(key string) error {
	if _, frozen := o.below.find(key); frozen {
		return fmt.Errorf("create %s: %w", key, ErrExists)
	}
	return nil
}

// Replace implements Store. The first replacement of a frozen object creates its own one, which only one writer can. Whoever
// comes later replaces that, unless it is another than the caller has seen; it may well be the same, because equal bytes
// have equal ETags.
func (o *Overlay) Replace(ctx context.Context, key string, body []byte, etag string) (string, error) {
	if f, frozen := o.below.find(key); frozen && f.ETag == etag {
		created, err := o.base.Create(ctx, o.place(key), body)
		if !errors.Is(err, ErrExists) {
			return created, err
		}
	}
	return o.base.Replace(ctx, o.place(key), body, etag)
}

// List implements Store. Blobs are listed only under a prefix that is one of blobs.
func (o *Overlay) List(ctx context.Context, prefix, after string, limit int) ([]Info, error) {
	if isBlob(prefix) {
		return o.base.List(ctx, prefix, after, limit)
	}
	from := ""
	if after != "" {
		from = o.own + after
	}
	own, err := o.base.List(ctx, o.own+prefix, from, limit)
	if err != nil {
		return nil, err
	}
	for i := range own {
		own[i].Key = strings.TrimPrefix(own[i].Key, o.own)
	}
	return merge(own, o.below.under(prefix, after), limit), nil
}

// merge returns the first objects of two sorted lists, at most limit of them (0: all). Of one key its own prevails.
func merge(own []Info, below []FrozenObject, limit int) []Info {
	if limit <= 0 {
		limit = len(own) + len(below)
	}
	var all []Info
	for len(own)+len(below) > 0 && len(all) < limit {
		switch {
		case len(below) == 0 || len(own) > 0 && own[0].Key < below[0].Key:
			all, own = append(all, own[0]), own[1:]
		case len(own) > 0 && own[0].Key == below[0].Key:
			all, own, below = append(all, own[0]), own[1:], below[1:]
		default:
			all, below = append(all, below[0].Info), below[1:]
		}
	}
	return all
}

// Folders implements Store. That of the blobs is left out unless prefix is one of blobs.
func (o *Overlay) Folders(ctx context.Context, prefix string) ([]string, error) {
	if isBlob(prefix) {
		return o.base.Folders(ctx, prefix)
	}
	names, err := o.base.Folders(ctx, o.own+prefix)
	if err != nil {
		return nil, err
	}
	names = append(names, o.below.folders(prefix)...)
	slices.Sort(names)
	return slices.Compact(names), nil
}
