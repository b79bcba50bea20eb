package upkeep

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"agentfactory/internal/objectstore"
)

// collector is one Collect.
type collector struct {
	Collection
	bucket *objectstore.Bucket
	blobs  *objectstore.Blobs
	found  Collected
	old    map[string]oldFolder // by prefix: runs and evaluations that are to go, but for what is kept of them

	mu     sync.Mutex
	marked map[digest]struct{}
	kept   map[string]struct{} // keys in old folders
	queue  []string            // keys and prefixes in collected roots that are referred to and were not looked at yet
	asked  map[string]struct{} // all that ever were in the queue
}

// How many segments name a run (runs/<workflow>/<run>) and an evaluation (evaluations/<id>).
const (
	depthOfRuns        = 3
	depthOfEvaluations = 2
)

// oldFolder is a run or an evaluation that is to go.
type oldFolder struct {
	kind, prefix string
	workflow     string // segment of its workflow ID
}

// prefixes are where its records lie: an evaluation also takes a snapshot to begin with.
func (o oldFolder) prefixes() []string {
	if o.kind == KindEvaluations {
		return []string{o.prefix, snapshotsRoot + o.prefix}
	}
	return []string{o.prefix}
}

func newCollector(bucket *objectstore.Bucket, c Collection) (*collector, error) {
	blobs, err := objectstore.NewBlobs(bucket, "", 0)
	if err != nil {
		return nil, err
	}
	if c.now.IsZero() {
		c.now = time.Now()
	}
	if c.spared == 0 {
		c.spared = objectstore.SparedFor
	}
	if c.Progress == nil {
		c.Progress = func(string, ...any) {}
	}
	if c.Each == nil {
		c.Each = func(string, string, Amount) {}
	}
	return &collector{
		Collection: c, bucket: bucket, blobs: blobs, found: Collected{At: c.now, Deleted: c.Delete, Gone: map[string]Amount{}},
		old: map[string]oldFolder{}, marked: map[digest]struct{}{}, kept: map[string]struct{}{}, asked: map[string]struct{}{},
	}, nil
}

// mark finds what is referred to: from everything that is kept for itself, and from there on.
func (g *collector) mark(ctx context.Context) error {
	held, err := g.Held(ctx)
	if err != nil {
		return err
	}
	for _, text := range held.Texts {
		if err := g.take(ctx, text); err != nil {
			return err
		}
	}
	roots, err := g.bucket.Folders(ctx, "")
	if err != nil {
		return err
	}
	for _, root := range roots {
		if err := g.markRoot(ctx, root+"/", held); err != nil {
			return err
		}
	}
	return g.settle(ctx)
}

// markRoot keeps what lies in a folder that it does not know: a newer program may have made it.
func (g *collector) markRoot(ctx context.Context, root string, held Held) error {
	switch root {
	case blobsRoot, catalogRoot: // the one is what it is about, the other is made from heads
		return nil
	case runsRoot:
		return g.markRuns(ctx, held)
	case evaluationsRoot:
		return g.markEvaluations(ctx, held)
	case snapshotsRoot: // its name sorts behind that of the evaluations
		return g.markSnapshots(ctx)
	}
	g.Progress("reading %s", root)
	return g.readAll(ctx, root)
}

func (g *collector) markRuns(ctx context.Context, held Held) error {
	err := walkFolders(ctx, g.bucket, runsRoot, depthOfRuns, func(f folder) error {
		g.found.Runs.All++
		if g.found.Runs.All%1000 == 0 {
			g.Progress("reading runs: %d", g.found.Runs.All)
		}
		workflow := segment(f.prefix, 1)
		if !g.tooOld(f, g.Retention.Runs) || held.Workflows[workflow] {
			return g.read(ctx, f.objects)
		}
		g.found.Runs.Old++
		g.old[f.prefix] = oldFolder{KindRuns, f.prefix, workflow}
		return nil
	})
	return err
}

// markEvaluations also keeps the evaluation that one is held against which is kept: its report is made from both.
func (g *collector) markEvaluations(ctx context.Context, held Held) error {
	var old []oldFolder
	previous := map[string]bool{}
	err := walkFolders(ctx, g.bucket, evaluationsRoot, depthOfEvaluations, func(f folder) error {
		g.found.Evaluations.All++
		id := segment(f.prefix, 1)
		if g.tooOld(f, g.Retention.Evaluations) && !held.Workflows[id] {
			old = append(old, oldFolder{KindEvaluations, f.prefix, id})
			return nil
		}
		before, err := g.previous(ctx, f.prefix)
		if err != nil {
			return err
		}
		previous[before] = true
		return g.read(ctx, f.objects)
	})
	if err != nil {
		return err
	}
	for _, o := range old {
		if previous[o.workflow] {
			if err := g.readAll(ctx, o.prefix); err != nil {
				return err
			}
			continue
		}
		g.found.Evaluations.Old++
		g.old[o.prefix] = o
	}
	return nil
}

// markSnapshots leaves out those that old evaluations took to begin with: they go with them.
func (g *collector) markSnapshots(ctx context.Context) error {
	return walkFolders(ctx, g.bucket, snapshotsRoot, 1+depthOfEvaluations, func(f folder) error {
		if _, old := g.old[strings.TrimPrefix(f.prefix, snapshotsRoot)]; old {
			return nil
		}
		return g.read(ctx, f.objects)
	})
}

// previous is the segment of the evaluation that this one is held against.
func (g *collector) previous(ctx context.Context, prefix string) (string, error) {
	obj, err := g.bucket.Get(ctx, prefix+"evaluation.json")
	if errors.Is(err, objectstore.ErrNotFound) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	var record struct {
		Previous string `json:"previous"`
	}
	if json.Unmarshal(obj.Body, &record) != nil || record.Previous == "" {
		return "", nil // one that cannot be read is held against nothing
	}
	return objectstore.WorkflowSegment(record.Previous), nil
}

// tooOld tells whether nothing was written to a folder for that long; 0 is for ever.
func (g *collector) tooOld(f folder, keep time.Duration) bool {
	for _, o := range f.objects {
		if g.now.Sub(o.Modified) <= keep {
			return false
		}
	}
	return keep > 0
}

// readAll takes in what the records below a prefix refer to.
func (g *collector) readAll(ctx context.Context, prefix string) error {
	batch := make([]objectstore.Info, 0, page)
	err := walk(ctx, g.bucket, prefix, func(o objectstore.Info) error {
		if batch = append(batch, o); len(batch) < page {
			return nil
		}
		err := g.read(ctx, batch)
		batch = batch[:0]
		return err
	})
	if err != nil {
		return err
	}
	return g.read(ctx, batch)
}

// read takes in what records refer to. What is no record (a report's page, an export's archive) refers to nothing.
func (g *collector) read(ctx context.Context, objects []objectstore.Info) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(parallel)
	for _, o := range objects {
		if !strings.HasSuffix(o.Key, ".json") && !strings.HasSuffix(o.Key, ".jsonl") {
			continue
		}
		group.Go(func() error {
			obj, err := g.bucket.Get(ctx, o.Key)
			if errors.Is(err, objectstore.ErrNotFound) {
				return nil // another Collect was faster
			}
			if err != nil {
				return err
			}
			return g.take(ctx, obj.Body)
		})
	}
	return group.Wait()
}

// take takes in what a text refers to.
func (g *collector) take(ctx context.Context, text []byte) error {
	g.mentioned(text)
	for _, d := range listBlobs(text) {
		if err := g.takeList(ctx, d); err != nil {
			return err
		}
	}
	return nil
}

func (g *collector) mentioned(text []byte) {
	g.mu.Lock()
	defer g.mu.Unlock()
	mentions(text, func(d digest) { g.marked[d] = struct{}{} }, g.ask)
}

// ask puts a key into the queue once. The caller has the lock.
func (g *collector) ask(key string) {
	if _, ok := g.asked[key]; !ok {
		g.asked[key] = struct{}{}
		g.queue = append(g.queue, key)
	}
}

// takeList takes in what a blob refers to that is a list of references. One that is missing or spoilt is for Check to tell.
func (g *collector) takeList(ctx context.Context, d objectstore.Digest) error {
	text, err := g.blobs.Get(ctx, d)
	if errors.Is(err, objectstore.ErrNotFound) || errors.Is(err, objectstore.ErrCorrupt) {
		return nil
	}
	if err != nil {
		return err
	}
	if !bytes.HasPrefix(text, []byte{0x1f, 0x8b}) {
		g.mentioned(text)
		return nil
	}
	frozen, err := objectstore.ParseFrozen(text)
	if err != nil {
		return fmt.Errorf("the index %s: %w; check the data with `starter fsck`", objectstore.BlobKey(d), err)
	}
	for o := range frozen.All() {
		g.mentioned([]byte(o.At))
	}
	return nil
}

// settle follows references into old folders: what is referred to there is kept, with what it refers to itself.
func (g *collector) settle(ctx context.Context) error {
	for len(g.queue) > 0 {
		queue := g.queue
		g.queue = nil
		var reached []objectstore.Info
		for _, key := range queue {
			if !g.isOld(key) {
				continue
			}
			objects, err := g.reached(ctx, key)
			if err != nil {
				return err
			}
			reached = append(reached, objects...)
		}
		if err := g.read(ctx, reached); err != nil {
			return err
		}
	}
	return nil
}

// reached are the objects that a key means: the one that has it, or those below it that were not kept before.
func (g *collector) reached(ctx context.Context, key string) (objects []objectstore.Info, err error) {
	info, err := g.bucket.Stat(ctx, key)
	if err == nil {
		objects = []objectstore.Info{info}
	} else if errors.Is(err, objectstore.ErrNotFound) {
		objects, err = g.bucket.List(ctx, key+"/", "", 0)
	}
	var fresh []objectstore.Info
	for _, o := range objects {
		if _, ok := g.kept[o.Key]; !ok {
			g.kept[o.Key] = struct{}{}
			fresh = append(fresh, o)
		}
	}
	return fresh, err
}

// isOld tells whether a key lies in a folder that is to go, or is that folder.
func (g *collector) isOld(key string) bool {
	if objectstore.CheckKey(key) != nil {
		return false
	}
	depth := depthOfRuns
	if strings.HasPrefix(key, evaluationsRoot) {
		depth = depthOfEvaluations
	}
	_, old := g.old[first(key+"/", depth)]
	return old
}
