package gateway

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"agentfactory/internal/objectstore"
	"agentfactory/internal/record"
)

// The kinds of an Entry.
const (
	KindLLM        = "llm"        // images by digest
	KindTranscribe = "transcribe" // the audio by digest
	KindTool       = "tool"
	KindShell      = "shell"      // a command was allowed or refused
	KindShellDone  = "shell_done" // and this came of it
)

// Entry is one call with its answer, secrets blotted out. Either Reply or Error is set.
type Entry struct {
	N             int             `json:"n"` // from 1; two attempts of a step may leave gaps
	Kind          string          `json:"kind"`
	Tool          string          `json:"tool,omitempty"`
	RequestDigest string          `json:"request_digest"` // of kind, tool and request
	Request       json.RawMessage `json:"request"`
	Reply         json.RawMessage `json:"reply,omitempty"`
	Error         *Error          `json:"error,omitempty"`
	Notes         []string        `json:"notes,omitempty"` // of the policy
	Files         []File          `json:"files,omitempty"` // that a tool left in the workspace
	Usage         Usage           `json:"usage"`
	At            time.Time       `json:"at"` // when the answer was there
}

// Usage counts what calls spent.
type Usage struct {
	InputTokens  int64   `json:"input_tokens"`
	OutputTokens int64   `json:"output_tokens"`
	CostUSD      float64 `json:"cost_usd,omitempty"`
	Estimated    bool    `json:"estimated,omitempty"` // some of the tokens were not reported but estimated
}

// Add returns the sum.
func (u Usage) Add(other Usage) Usage {
	return Usage{
		InputTokens: u.InputTokens + other.InputTokens, OutputTokens: u.OutputTokens + other.OutputTokens,
		CostUSD: u.CostUSD + other.CostUSD, Estimated: u.Estimated || other.Estimated,
	}
}

func (e Entry) answer() (json.RawMessage, error) {
	if e.Error != nil {
		return nil, e.Error
	}
	return e.Reply, nil
}

// digest names a call by what was asked, so that a rerun finds it whatever the order of its threads. Request is
// canonical: mask.json sorts the fields.
func (e Entry) digest() string {
	sum := sha256.Sum256(slices.Concat([]byte(e.Kind), []byte{0}, []byte(e.Tool), []byte{0}, e.Request))
	return hex.EncodeToString(sum[:])
}

// Journal keeps the calls of one step of a run. It is safe for concurrent use.
type Journal interface {
	// Load returns the entries of all attempts at the step, sorted by N.
	Load(ctx context.Context) ([]Entry, error)
	// Append keeps an entry before it returns. ErrConflict when another one has its number.
	Append(ctx context.Context, e Entry) error
}

// ErrConflict: another attempt at the same step is writing the journal; this one must end.
var ErrConflict = errors.New("another attempt at this step has written this entry of the journal")

type storeJournal struct {
	store  objectstore.Store
	prefix string
}

// NewJournal returns the journal whose entries are the objects <prefix>/<n>.json, n with six digits, each created once.
// prefix has no slash at its end. Errors are those of objectstore, and ErrConflict.
func NewJournal(store objectstore.Store, prefix string) Journal {
	return &storeJournal{store: store, prefix: prefix}
}

func (j *storeJournal) key(n int) string { return fmt.Sprintf("%s/%06d.json", j.prefix, n) }

// loads is how many entries are read at once.
const loads = 8

func (j *storeJournal) Load(ctx context.Context) ([]Entry, error) {
	found, err := j.store.List(ctx, j.prefix+"/", "", 0)
	if err != nil {
		return nil, err
	}
	entries := make([]Entry, len(found))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(loads)
	for i, info := range found {
		group.Go(func() error { return j.read(ctx, info.Key, &entries[i]) })
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	return entries, nil
}

func (j *storeJournal) read(ctx context.Context, key string, e *Entry) error {
	obj, err := j.store.Get(ctx, key)
	if err != nil {
		return err
	}
	if err := record.One.Decode(obj.Body, e); err != nil {
		return fmt.Errorf("read %s: %w: %w", key, objectstore.ErrCorrupt, err)
	}
	name := strings.TrimSuffix(strings.TrimPrefix(key, j.prefix+"/"), ".json")
	if n, err := strconv.Atoi(name); err != nil || n != e.N || (e.Reply == nil) == (e.Error == nil) {
		return fmt.Errorf("read %s: %w: it is no journal entry of this number", key, objectstore.ErrCorrupt)
	}
	return nil
}

// appendPauses are the waits between attempts to write an entry while S3 is not available. The reply in it has been paid
// for, so the journal does not leave it to the whole step to be tried again.
var appendPauses = []time.Duration{100 * time.Millisecond, 400 * time.Millisecond, 1600 * time.Millisecond}

func (j *storeJournal) Append(ctx context.Context, e Entry) error {
	body, err := encode(e)
	if err != nil {
		return fmt.Errorf("encode journal entry %d: %w", e.N, err)
	}
	for n := 0; ; n++ {
		err := j.create(ctx, j.key(e.N), body)
		if n == len(appendPauses) || !errors.Is(err, objectstore.ErrUnavailable) {
			return err
		}
		select {
		case <-time.After(appendPauses[n]):
		case <-ctx.Done():
			return err
		}
	}
}

// create writes an entry; finding exactly it there means that an attempt to do so had succeeded.
func (j *storeJournal) create(ctx context.Context, key string, body []byte) error {
	_, err := j.store.Create(ctx, key, body)
	if !errors.Is(err, objectstore.ErrExists) {
		return err
	}
	there, err := j.store.Get(ctx, key)
	if err != nil {
		return err
	}
	if string(there.Body) != string(body) {
		return fmt.Errorf("%w: %s", ErrConflict, key)
	}
	return nil
}
