package upkeep

import (
	"context"
	"strings"

	"agentfactory/internal/objectstore"
)

const (
	page     = 1000 // objects that are listed at a time
	parallel = 16   // requests at a time
)

// walk visits the objects below a prefix in the order of their keys; no more than a page of them is in memory.
func walk(ctx context.Context, store objectstore.Store, prefix string, visit func(objectstore.Info) error) error {
	for after := ""; ; {
		listed, err := store.List(ctx, prefix, after, page)
		if err != nil {
			return err
		}
		for _, o := range listed {
			if err := visit(o); err != nil {
				return err
			}
		}
		if len(listed) < page {
			return nil
		}
		after = listed[len(listed)-1].Key
	}
}

// folder is everything that lies below the first segments of a key, such as one run.
type folder struct {
	prefix  string // with its slash
	objects []objectstore.Info
}

// walkFolders visits the folders of this depth below a root, each with all its objects.
func walkFolders(ctx context.Context, store objectstore.Store, root string, depth int, visit func(folder) error) error {
	var f folder
	flush := func() error {
		if len(f.objects) == 0 {
			return nil
		}
		return visit(f)
	}
	err := walk(ctx, store, root, func(o objectstore.Info) error {
		prefix := first(o.Key, depth)
		if prefix != f.prefix {
			if err := flush(); err != nil {
				return err
			}
			f = folder{prefix: prefix}
		}
		f.objects = append(f.objects, o)
		return nil
	})
	if err != nil {
		return err
	}
	return flush()
}

// first is the prefix of so many segments, with a slash; a key that has no more than them is its own.
func first(key string, segments int) string {
	at := 0
	for range segments {
		n := strings.IndexByte(key[at:], '/')
		if n < 0 {
			return key
		}
		at += n + 1
	}
	return key[:at]
}

// segment is the n-th part of a key, from 0.
func segment(key string, n int) string {
	parts := strings.SplitN(key, "/", n+2)
	if n >= len(parts) {
		return ""
	}
	return parts[n]
}
