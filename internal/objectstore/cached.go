package objectstore

import (
	"container/list"
	"context"
	"sync"
)

// Cached is a Store with a memory for objects that never change, the least recently used forgotten first. Only
// GetImmutable uses it: whoever calls that vouches for the key.
type Cached struct {
	Store
	limit int64 // bytes of bodies

	mu    sync.Mutex
	bytes int64
	byKey map[string]*list.Element // of *remembered
	order *list.List               // most recently used first
}

type remembered struct {
	key string
	obj Object
}

// NewCached remembers up to the given number of bytes of what GetImmutable reads from store.
func NewCached(store Store, bytes int64) *Cached {
	return &Cached{Store: store, limit: bytes, byKey: map[string]*list.Element{}, order: list.New()}
}

// GetImmutable is Get for a key whose object, once created, is never replaced. The body is shared: do not change it.
// That an object is missing is not remembered.
func (c *Cached) GetImmutable(ctx context.Context, key string) (Object, error) {
	if obj, ok := c.recall(key); ok {
		return obj, nil
	}
	obj, err := c.Get(ctx, key)
	if err == nil {
		c.remember(key, obj)
	}
	return obj, err
}

func (c *Cached) recall(key string) (Object, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e, ok := c.byKey[key]
	if !ok {
		return Object{}, false
	}
	c.order.MoveToFront(e)
	return e.Value.(*remembered).obj, true
}

func (c *Cached) remember(key string, obj Object) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, ok := c.byKey[key]; ok || int64(len(obj.Body)) > c.limit {
		return
	}
	c.byKey[key] = c.order.PushFront(&remembered{key, obj})
	c.bytes += int64(len(obj.Body))
	for c.bytes > c.limit {
		oldest := c.order.Remove(c.order.Back()).(*remembered)
		delete(c.byKey, oldest.key)
		c.bytes -= int64(len(oldest.obj.Body))
	}
}
