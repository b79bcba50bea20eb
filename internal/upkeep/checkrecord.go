package upkeep

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"agentfactory/internal/objectstore"
	"agentfactory/internal/record"
)

const (
	exportsRoot    = "exports/"
	lessonsRoot    = "lessons/"
	skillsRoot     = "skills/"
	usesRoot       = "uses/"
	depthOfExports = 3 // exports/<name>/<version>, exports/sets/<which>
)

// sawAll takes in the keys of a folder and returns them.
func (c *inspector) sawAll(f folder) map[string]objectstore.Info {
	known := make(map[string]objectstore.Info, len(f.objects))
	for _, o := range f.objects {
		known[o.Key] = o
		c.saw(o.Key)
	}
	return known
}

// readEach reads the records among objects, several at a time, and visits them one by one, in any order.
func (c *inspector) readEach(ctx context.Context, objects []objectstore.Info, visit func(objectstore.Info, []byte) error) error {
	return readEach(ctx, c.bucket, objects, func(o objectstore.Info, body []byte) error {
		c.sum.Records++
		if c.sum.Records%10000 == 0 {
			c.Progress("records: %d", c.sum.Records)
		}
		return visit(o, body)
	})
}

func readEach(ctx context.Context, store objectstore.Store, objects []objectstore.Info, visit func(objectstore.Info, []byte) error) error {
	var mu sync.Mutex
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(parallel)
	for _, o := range objects {
		if !strings.HasSuffix(o.Key, ".json") {
			continue
		}
		group.Go(func() error {
			obj, err := store.Get(ctx, o.Key)
			if errors.Is(err, objectstore.ErrNotFound) {
				return nil // it was taken away meanwhile
			}
			if err != nil {
				return err
			}
			mu.Lock()
			defer mu.Unlock()
			return visit(o, obj.Body)
		})
	}
	return group.Wait()
}

// checkRecord looks whether a record can be read and what it refers to is there; known are keys that are there. It returns
// false for one that cannot be read.
func (c *inspector) checkRecord(ctx context.Context, o objectstore.Info, body []byte, known map[string]objectstore.Info) (bool, error) {
	err := readable(body)
	if errors.Is(err, record.ErrNewer) {
		c.tell(Finding{Key: o.Key, Problem: err.Error(), Consequence: "this program cannot read it, nor tell whether it is sound"})
		return false, nil
	}
	if err != nil {
		c.report(o.Key, "%s", err)
		return false, nil
	}
	return true, c.checkReferences(ctx, o, body, known)
}

// readable tells whether this program can read a record.
func readable(body []byte) error {
	return record.One.Decode(body, &struct{}{})
}

func (c *inspector) checkReferences(ctx context.Context, o objectstore.Info, body []byte, known map[string]objectstore.Info) error {
	found, err := references(body)
	if err != nil {
		c.report(o.Key, "it is no JSON: %s", err)
		return nil
	}
	for _, r := range found {
		there, what, err := c.resolves(ctx, r, known)
		if err != nil {
			return err
		}
		if !there {
			c.report(o.Key, "%s: %s is missing", r.field, what)
		}
	}
	return nil
}

// resolves tells whether what a field refers to is there, and what that is.
func (c *inspector) resolves(ctx context.Context, r reference, known map[string]objectstore.Info) (there bool, what string, err error) {
	if r.key == "" {
		there, err = c.hasBlob(ctx, r.blob)
		return there, fmt.Sprintf("the blob %.64s", r.blob), err
	}
	if _, here := known[r.key]; here {
		return true, r.key, nil
	}
	there, err = c.exists(ctx, r.key)
	return there, r.key, err
}

// checkRuns reads all records of runs.
func (c *inspector) checkRuns(ctx context.Context) error {
	runs := 0
	return walkFolders(ctx, c.bucket, runsRoot, depthOfRuns, func(f folder) error {
		if runs++; runs%1000 == 0 {
			c.Progress("runs: %d", runs)
		}
		known := c.sawAll(f)
		return c.readEach(ctx, f.objects, func(o objectstore.Info, body []byte) error {
			_, err := c.checkRecord(ctx, o, body, known)
			return err
		})
	})
}

// checkExport checks the record of an artifact, and the artifact against it.
func (c *inspector) checkExport(ctx context.Context, o objectstore.Info, body []byte, known map[string]objectstore.Info) error {
	var artifact struct {
		Key    string `json:"key"`
		SHA256 string `json:"sha256"`
	}
	if err := json.Unmarshal(body, &artifact); err != nil || artifact.Key == "" {
		return nil // an artifact may be a JSON file itself
	}
	if _, there := known[artifact.Key]; !there || artifact.Key+".json" != o.Key {
		c.report(o.Key, "the artifact %.200s is missing", artifact.Key)
		return nil
	}
	if c.Fast {
		return nil
	}
	r, _, err := c.bucket.Open(ctx, artifact.Key)
	if err != nil {
		return err
	}
	defer r.Close()
	got, err := objectstore.DigestFrom(r)
	if err == nil && string(got) != artifact.SHA256 {
		c.report(artifact.Key, "its bytes are not those that were proved")
	}
	return err
}

// consequences say what does not work when a record or what it refers to is lost, by a part of its key; the first that
// matches counts.
var consequences = []struct{ part, text string }{
	{"/head.json", "the skill cannot be found, run or improved; restore an earlier version of the object"},
	{"/gate/", "what this gate found is not shown"},
	{"/manifest.json", "this version cannot be run, exported or held against another"},
	{"/case.json", "later versions are not held against this case"},
	{"/mark.json", "the case counts as unmarked; mark it again"},
	{"/turns/", "the run cannot go on, be reset or be shown from this turn on"},
	{"/workspace/", "the run cannot go on from this step, and its files are lost"},
	{"/journal/", "this call cannot be replayed; a case that needs it tells nothing"},
	{"/result.json", "files of the run cannot be fetched, or its transcript cannot be shown"},
	{"/library.json", "tasks with this library of an evaluation cannot run"},
	{"uses/", "the use is missing from what the skill's uses add up to"},
	{lessonsRoot, "no task is given this lesson"},
	{snapshotsRoot, "no library can begin with this snapshot"},
	{exportsRoot, "the export cannot be used; deploy it again"},
	{evaluationsRoot, "the evaluation cannot be shown, compared or resumed"},
	{blobsRoot, "whatever refers to it fails; restore an earlier version of the object, or store the same bytes again"},
}

func consequence(key string) string {
	for _, c := range consequences {
		if strings.Contains(key, c.part) || strings.HasPrefix(key, c.part) {
			return c.text
		}
	}
	return "what needs it fails"
}
