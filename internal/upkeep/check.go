package upkeep

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"agentfactory/internal/objectstore"
	"agentfactory/skillstore"
)

// Inspection says how Check works.
type Inspection struct {
	Fast     bool                             // blobs are not read, so that only missing ones are found
	Repair   bool                             // bring the catalog up to the heads; nothing else is changed
	Found    func(Finding)                    // told of each finding, one call at a time
	Progress func(format string, args ...any) // nil, or told now and then

	now time.Time // zero: when it begins
}

// Finding is one thing that is wrong.
type Finding struct {
	Key         string `json:"key"`         // of the record or blob
	Problem     string `json:"problem"`     // what is wrong with it
	Consequence string `json:"consequence"` // what does not work because of it
	Repaired    bool   `json:"repaired,omitempty"`
}

// Inspected adds up what Check looked at.
type Inspected struct {
	Blobs     int   `json:"blobs"`
	Bytes     int64 `json:"bytes"`     // of blobs
	Records   int   `json:"records"`   // that were read
	Libraries int   `json:"libraries"` // the live one and those of evaluations
	Findings  int   `json:"findings"`
	Repaired  int   `json:"repaired"` // of these
}

// Check looks whether every reference resolves and every digest matches, in the live library, in those of evaluations, in
// runs, exports, lessons and snapshots. Workers may write meanwhile: what seems to be missing is looked for once more
// before it counts. A Collect should not run at the same time.
//
// It reads every record once, and every blob unless it is told to be fast. In memory it holds 32 bytes for each blob, 16
// for each record and what one run or one skill consists of.
func Check(ctx context.Context, bucket *objectstore.Bucket, libraries *skillstore.Libraries, o Inspection) (Inspected, error) {
	c := &inspector{
		Inspection: o, bucket: bucket, libraries: libraries, seed: maphash.MakeSeed(), blobs: map[digest]struct{}{}, keys: map[uint64]struct{}{},
	}
	if c.Progress == nil {
		c.Progress = func(string, ...any) {}
	}
	if c.now.IsZero() {
		c.now = time.Now()
	}
	for _, step := range []func(context.Context) error{
		c.checkBlobs, c.checkLive, c.checkRuns, c.checkEvaluations, c.checkExports, c.checkLessons, c.checkSnapshots, c.checkCatalog,
	} {
		if err := step(ctx); err != nil {
			return c.sum, err
		}
	}
	return c.sum, nil
}

// inspector is one Check.
type inspector struct {
	Inspection
	bucket    *objectstore.Bucket
	libraries *skillstore.Libraries
	seed      maphash.Seed
	blobs     map[digest]struct{}
	keys      map[uint64]struct{} // hashes of the keys that were seen
	mu        sync.Mutex
	sum       Inspected
}

// report tells of a problem with a record; its key says what does not work because of it.
func (c *inspector) report(key, format string, args ...any) {
	c.tell(Finding{Key: key, Problem: fmt.Sprintf(format, args...), Consequence: consequence(key)})
}

func (c *inspector) tell(f Finding) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.sum.Findings++
	if f.Repaired {
		c.sum.Repaired++
	}
	c.Found(f)
}

// checkBlobs takes in which blobs there are, and compares their content with their digests.
func (c *inspector) checkBlobs(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(parallel)
	err := walk(ctx, c.bucket, blobsRoot, func(o objectstore.Info) error {
		d, isBlob := binary(digestAt(o.Key))
		if !isBlob {
			c.tell(Finding{Key: o.Key, Problem: "its key is not the digest of anything", Consequence: "nothing refers to it, and nothing takes it away; delete it"})
			return nil
		}
		c.blobs[d] = struct{}{}
		c.sum.Blobs++
		c.sum.Bytes += o.Size
		if c.sum.Blobs%10000 == 0 {
			c.Progress("blobs: %d", c.sum.Blobs)
		}
		if !c.Fast {
			group.Go(func() error { return c.checkContent(ctx, o.Key) })
		}
		return nil
	})
	// A blob that could not be read has ended the listing as well, which then fails because it was cancelled.
	return cmp.Or(group.Wait(), err)
}

func (c *inspector) checkContent(ctx context.Context, key string) error {
	r, _, err := c.bucket.Open(ctx, key)
	if errors.Is(err, objectstore.ErrNotFound) {
		return nil // it was taken away meanwhile; whoever refers to it will miss it
	}
	if err != nil {
		return err
	}
	defer r.Close()
	got, err := objectstore.DigestFrom(r)
	if errors.Is(err, objectstore.ErrCorrupt) || err == nil && objectstore.BlobKey(got) != key {
		c.report(key, "its bytes are not those that were stored")
		return nil
	}
	return err
}

// hasBlob tells whether there is a blob, and looks again for one that was stored since the blobs were listed.
func (c *inspector) hasBlob(ctx context.Context, d objectstore.Digest) (bool, error) {
	b, ok := binary(d)
	if !ok {
		return false, nil
	}
	if _, known := c.blobs[b]; known {
		return true, nil
	}
	return c.exists(ctx, objectstore.BlobKey(d))
}

// exists tells whether there is an object, or one below the key.
func (c *inspector) exists(ctx context.Context, key string) (bool, error) {
	_, err := c.bucket.Stat(ctx, key)
	if errors.Is(err, objectstore.ErrNotFound) {
		below, err := c.bucket.List(ctx, key+"/", "", 1)
		return len(below) > 0, err
	}
	return err == nil, err
}

func (c *inspector) saw(key string) { c.keys[maphash.String(c.seed, key)] = struct{}{} }

func (c *inspector) hasSeen(key string) bool {
	_, seen := c.keys[maphash.String(c.seed, key)]
	return seen
}

// checkExports compares artifacts with the digests in the records beside them.
func (c *inspector) checkExports(ctx context.Context) error {
	return walkFolders(ctx, c.bucket, exportsRoot, depthOfExports, func(f folder) error {
		known := c.sawAll(f)
		return c.readEach(ctx, f.objects, func(o objectstore.Info, body []byte) error { return c.checkExport(ctx, o, body, known) })
	})
}

func (c *inspector) checkLessons(ctx context.Context) error {
	return walkFolders(ctx, c.bucket, lessonsRoot, 1, func(f folder) error {
		return c.readEach(ctx, f.objects, func(o objectstore.Info, body []byte) error {
			_, err := c.checkRecord(ctx, o, body, c.sawAll(f))
			return err
		})
	})
}

// checkCatalog compares the catalog of the live library with its heads, twice, because a head that was moved just now is
// shown by the catalog a moment later.
func (c *inspector) checkCatalog(ctx context.Context) error {
	live := c.libraries.Live()
	r, err := live.Audit(ctx)
	if err != nil || len(r.Revised)+len(r.Rebuilt) == 0 {
		return err
	}
	select {
	case <-time.After(aMoment):
	case <-ctx.Done():
		return ctx.Err()
	}
	if r, err = live.Audit(ctx); err == nil && c.Repair {
		_, err = live.Reconcile(ctx)
	}
	if err != nil {
		return err
	}
	for _, shard := range r.Rebuilt {
		c.tell(Finding{Key: catalogRoot, Problem: "shard " + shard + " cannot be read", Consequence: outdated, Repaired: c.Repair})
	}
	for _, name := range r.Revised {
		c.tell(Finding{Key: catalogRoot, Problem: "the entry of " + name + " is missing or old", Consequence: outdated, Repaired: c.Repair})
	}
	return nil
}

// aMoment is more than a worker takes from moving a head to showing it in the catalog.
const aMoment = time.Second

const outdated = "searches find the skill as it was, or not at all, until the next comparison or --repair"
