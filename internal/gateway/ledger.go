package gateway

import (
	"context"
	"sync"
)

// ledger hands out the journalled answers of earlier attempts and the numbers of new entries.
type ledger struct {
	journal Journal

	mu       sync.Mutex
	loaded   bool
	pending  map[string][]Entry // by request digest, in the order in which they were made
	last     int                // highest number in use
	replayed int
	live     int
}

func newLedger(j Journal) *ledger { return &ledger{journal: j, pending: map[string][]Entry{}} }

// load reads the journal the first time and returns what its calls spent; later it returns nothing.
func (l *ledger) load(ctx context.Context) (Usage, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.loaded {
		return Usage{}, nil
	}
	entries, err := l.journal.Load(ctx)
	if err != nil {
		return Usage{}, err
	}
	var used Usage
	for _, e := range entries {
		l.pending[e.RequestDigest] = append(l.pending[e.RequestDigest], e)
		l.last = max(l.last, e.N)
		used = used.Add(e.Usage)
	}
	l.loaded = true
	return used, nil
}

// replay returns the answer to this request that was not used yet, if there is one: equal requests get their answers in
// the order in which they were made.
func (l *ledger) replay(digest string) (Entry, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	left := l.pending[digest]
	if len(left) == 0 {
		return Entry{}, false
	}
	l.pending[digest] = left[1:]
	l.replayed++
	return left[0], true
}

// has tells whether an answer to this request is left.
func (l *ledger) has(digest string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.pending[digest]) > 0
}

// maxCalls bounds the entries of one step, so that a loop in a subagent cannot fill the bucket.
const maxCalls = 5000

// next returns the number of a new entry.
func (l *ledger) next() (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.last >= maxCalls {
		return 0, Errorf(BudgetExhausted, "this run has made %d calls of tools and models, the most that one run may make", maxCalls)
	}
	l.last++
	return l.last, nil
}

func (l *ledger) made() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.live++
}

func (l *ledger) counts() (replayed, live int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.replayed, l.live
}
