package skillstore

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"

	"agentfactory/internal/objectstore"
	"agentfactory/internal/record"
	"agentfactory/internal/skill"
)

// S3 is the library in a bucket.
type S3 struct {
	objects  *objectstore.Cached
	blobs    *objectstore.Blobs
	heads    *headCache
	catalog  *loadedCatalog
	embedder Embedder // nil: none
	queries  queries
	now      func() time.Time
}

var _ Store = (*S3)(nil)

const (
	cachedBytes = 16 << 20 // of manifests and cases
	parallel    = 16       // requests at a time for one call
)

// Option changes what New returns.
type Option func(*S3)

// WithEmbedder lets the library be searched by meaning as well as by words, whenever e has a model.
func WithEmbedder(e Embedder) Option { return func(s *S3) { s.embedder = e } }

// New returns the library that lies in objects.
func New(objects objectstore.Store, options ...Option) *S3 {
	blobs, err := objectstore.NewBlobs(objects, "", 0)
	if err != nil {
		panic(fmt.Sprintf("blobs without a cache: %v", err)) // only a cache directory can fail
	}
	s := &S3{
		objects: objectstore.NewCached(objects, cachedBytes), blobs: blobs, heads: newHeadCache(), catalog: newLoadedCatalog(),
		queries: queries{known: map[string][]float32{}}, now: func() time.Time { return time.Now().UTC() },
	}
	for _, o := range options {
		o(s)
	}
	return s
}

const skillsPrefix = "skills/"

func skillPrefix(name string) string { return skillsPrefix + name + "/" }

func headKey(name string) string { return skillPrefix(name) + headFile }

const headFile = "head.json"

func versionsPrefix(name string) string { return skillPrefix(name) + versionsFolder }

func versionKey(name string, version int) string {
	return fmt.Sprintf("%s%04d/%s", versionsPrefix(name), version, manifestFile)
}

const (
	versionsFolder = "versions/"
	manifestFile   = "manifest.json"
)

func gateKey(name string, version int, id string) string {
	return fmt.Sprintf("%s%04d/%s%s.json", versionsPrefix(name), version, gateFolder, id)
}

const gateFolder = "gate/"

func casesPrefix(name string) string { return skillPrefix(name) + casesFolder }

const casesFolder = "cases/"

func caseKey(name, id string) string { return casesPrefix(name) + id + "/" + caseFile }

func markKey(name, id string) string { return casesPrefix(name) + id + "/" + markFile }

const (
	caseFile = "case.json"
	markFile = "mark.json"
)

// Uses lie outside skills/, whose listing tells what is current: there may be many more uses than skills.
const usesPrefix = "uses/"

func useRecordsPrefix(name string) string { return usesPrefix + name + "/records/" }

func useRecordKey(name, id string) string { return useRecordsPrefix(name) + id + ".json" }

func useSummaryKey(name string) string { return usesPrefix + name + "/" + summaryFile }

const summaryFile = "summary.json"

// decode reads one record. One that a newer program wrote is as unreadable as a corrupt one, and its error says what helps.
func decode(key string, body []byte, v any) error {
	if err := record.One.Decode(body, v); err != nil {
		return fmt.Errorf("%s: %w: %w", key, ErrCorrupt, err)
	}
	return nil
}

// encode returns the record of v, indented for people who look into the bucket.
func encode(v any) []byte {
	body, err := record.One.Encode(v)
	if err != nil {
		panic(fmt.Sprintf("encode %T: %v", v, err)) // records hold strings, numbers and times alone
	}
	var indented bytes.Buffer
	if err := json.Indent(&indented, body, "", "  "); err != nil {
		panic(fmt.Sprintf("indent %T: %v", v, err)) // it was encoded just now
	}
	indented.WriteByte('\n')
	return indented.Bytes()
}

// each calls do for every item, several at a time, and returns the results in the order of the items.
func each[T, R any](ctx context.Context, items []T, do func(context.Context, T) (R, error)) ([]R, error) {
	results := make([]R, len(items))
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(parallel)
	for i, item := range items {
		g.Go(func() (err error) {
			results[i], err = do(ctx, item)
			return err
		})
	}
	return results, g.Wait()
}

// missing replaces the storage's "no such object" by what it means to the caller.
func missing(err, meaning error, format string, args ...any) error {
	if errors.Is(err, objectstore.ErrNotFound) {
		return fmt.Errorf("%w %s", meaning, fmt.Sprintf(format, args...))
	}
	return err
}

func checkName(name string) error {
	if err := skill.CheckName(name); err != nil {
		return fmt.Errorf("skill library: %w", err)
	}
	return nil
}
