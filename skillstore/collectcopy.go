package skillstore

import (
	"context"
	"sync"

	"agentfactory/internal/objectstore"
)

// keep takes an object that never changes as it lies.
func (c *collector) keep(o objectstore.Info) {
	c.frozen = append(c.frozen, objectstore.FrozenObject{Info: o, At: c.from.at(o.Key)})
}

// copyAll copies objects that may change, those that accept takes when it sees what they hold. It is called for one at a time,
// so that no more bodies are in memory than are read at once.
func (c *collector) copyAll(ctx context.Context, objects []objectstore.Info, accept func(o objectstore.Info, body []byte) bool) error {
	var mu sync.Mutex
	_, err := each(ctx, objects, func(ctx context.Context, o objectstore.Info) (struct{}, error) {
		copied, body, err := c.copy(ctx, o)
		mu.Lock()
		defer mu.Unlock()
		if err == nil && accept(o, body) {
			c.frozen = append(c.frozen, copied)
		}
		return struct{}{}, err
	})
	return err
}

func always(objectstore.Info, []byte) bool { return true }

// copy stores what an object holds now as a blob.
func (c *collector) copy(ctx context.Context, o objectstore.Info) (objectstore.FrozenObject, []byte, error) {
	obj, err := c.from.objects.Get(ctx, o.Key)
	if err != nil {
		return objectstore.FrozenObject{}, nil, err
	}
	o.ETag = obj.ETag
	copied, err := c.put(ctx, o, obj.Body)
	return copied, obj.Body, err
}

// put stores a body as a blob. Without an ETag it gets one that no server gives to anything else.
func (c *collector) put(ctx context.Context, o objectstore.Info, body []byte) (objectstore.FrozenObject, error) {
	digest, err := c.blobs.Put(ctx, body)
	if err != nil {
		return objectstore.FrozenObject{}, err
	}
	if o.ETag == "" {
		o.ETag = `"frozen-` + string(digest) + `"`
	}
	o.Size = int64(len(body))
	return objectstore.FrozenObject{Info: o, At: objectstore.BlobKey(digest)}, nil
}

// at is the key of the bucket at which an object of this library lies that never changes.
func (s *S3) at(key string) string {
	if beside, ok := s.objects.Store.(*objectstore.Overlay); ok {
		return beside.At(key)
	}
	return key
}
