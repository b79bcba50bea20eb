package upkeep

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"

	"agentfactory/internal/objectstore"
)

// sweep takes away what mark has not reached, or counts it.
func (g *collector) sweep(ctx context.Context) error {
	if err := g.keepReopened(ctx); err != nil {
		return err
	}
	if g.before != nil {
		g.before()
	}
	for n, prefix := range slices.Sorted(maps.Keys(g.old)) {
		if n%100 == 0 {
			g.Progress("old runs and evaluations: %d of %d", n, len(g.old))
		}
		if err := g.sweepFolder(ctx, g.old[prefix]); err != nil {
			return err
		}
	}
	g.Progress("looking at blobs")
	return g.sweepBlobs(ctx)
}

// keepReopened keeps the old runs that were opened again, by a reset, while the bucket was looked at.
func (g *collector) keepReopened(ctx context.Context) error {
	if len(g.old) == 0 {
		return nil
	}
	held, err := g.Held(ctx)
	if err != nil {
		return err
	}
	for _, text := range held.Texts {
		if err := g.take(ctx, text); err != nil {
			return err
		}
	}
	for prefix, o := range g.old {
		if !held.Workflows[o.workflow] {
			continue
		}
		delete(g.old, prefix)
		if o.kind == KindRuns {
			g.found.Runs.Old--
		} else {
			g.found.Evaluations.Old--
		}
		for _, reopened := range o.prefixes() {
			if err := g.readAll(ctx, reopened); err != nil {
				return err
			}
		}
	}
	return g.settle(ctx)
}

// sweepFolder takes away an old run or evaluation. What is left by a Collect that was ended is old for the next one too.
func (g *collector) sweepFolder(ctx context.Context, o oldFolder) error {
	r := g.removals(ctx)
	var err error
	for _, prefix := range o.prefixes() {
		err = g.bucket.Versions(ctx, prefix, func(versions []objectstore.Stored) error {
			if _, kept := g.kept[versions[0].Key]; !kept {
				r.remove(o.kind, versions)
			}
			return nil
		})
		if err != nil {
			break
		}
	}
	return cmp.Or(r.wait(), err)
}

func (g *collector) sweepBlobs(ctx context.Context) error {
	r := g.removals(ctx)
	seen := 0
	err := g.bucket.Versions(ctx, blobsRoot, func(versions []objectstore.Stored) error {
		if seen++; seen%10000 == 0 {
			g.Progress("looking at blobs: %d", seen)
		}
		g.sweepBlob(r, versions)
		return nil
	})
	return cmp.Or(r.wait(), err)
}

// sweepBlob leaves what is no blob alone, and of a blob that is hidden by a delete marker everything: who has deleted it by
// hand may want it back.
func (g *collector) sweepBlob(r *removals, versions []objectstore.Stored) {
	newest := versions[len(versions)-1]
	d, isBlob := binary(digestAt(newest.Key))
	if !isBlob {
		return
	}
	_, marked := g.marked[d]
	young := slices.ContainsFunc(versions, func(v objectstore.Stored) bool { return g.now.Sub(v.Modified) <= g.spared })
	switch {
	case marked && newest.Marker:
	case marked:
		g.found.Kept = g.found.Kept.plus(amount(versions[len(versions)-1:]))
		if replaced := g.replaced(versions); len(replaced) > 0 {
			r.remove(KindReplaced, replaced)
		}
	case young:
		g.found.Spared = g.found.Spared.plus(amount(versions))
	default:
		r.remove(KindBlobs, versions)
	}
}

// replaced are the versions before the current one that are old.
func (g *collector) replaced(versions []objectstore.Stored) (old []objectstore.Stored) {
	for _, v := range versions[:len(versions)-1] {
		if !v.Current && g.now.Sub(v.Modified) > g.spared {
			old = append(old, v)
		}
	}
	return old
}

// digestAt is the digest that the key of a blob names, "" of any other key.
func digestAt(key string) objectstore.Digest {
	d, _ := objectstore.DigestOfKey(key)
	return d
}

func amount(versions []objectstore.Stored) Amount {
	a := Amount{Objects: 1, Versions: len(versions)}
	for _, v := range versions {
		a.Bytes += v.Size
	}
	return a
}

// removals take away several objects at a time, the versions of each from the oldest on: one that it is ended at is still
// what its key reads.
type removals struct {
	g     *collector
	group *errgroup.Group
	ctx   context.Context // of the group, as long as the removals
	mu    sync.Mutex
}

func (g *collector) removals(ctx context.Context) *removals {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(parallel)
	return &removals{g: g, group: group, ctx: ctx}
}

func (r *removals) remove(kind string, versions []objectstore.Stored) {
	if !r.g.Delete {
		r.count(kind, versions)
		return
	}
	versions = slices.Clone(versions)
	r.group.Go(func() error {
		for _, v := range versions {
			if err := r.g.bucket.Remove(r.ctx, v); err != nil {
				return err
			}
		}
		r.count(kind, versions)
		return nil
	})
}

func (r *removals) count(kind string, versions []objectstore.Stored) {
	r.mu.Lock()
	defer r.mu.Unlock()
	a := amount(versions)
	r.g.found.Gone[kind] = r.g.found.Gone[kind].plus(a)
	r.g.Each(kind, versions[0].Key, a)
}

// wait is called whatever else went wrong: what is under way is counted, and nothing is after it.
func (r *removals) wait() error { return r.group.Wait() }
