package proof

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"

	"agentfactory/internal/egress"
	"agentfactory/internal/gateway"
)

// recording answers what an artifact asks of the web from the recorded calls of a case: requests that ask for the same get
// the recorded replies in their order. It serves one run.
type recording struct {
	exchanges *egress.Recording // of ordinary HTTP libraries

	mu     sync.Mutex
	calls  map[string][]gateway.Entry // of tools and models, by what was asked
	unread map[string]bool            // addresses of pages that could not be read then
	lacks  string                     // the first request that was not recorded
}

// newRecording reads the entries of a journal. An error means that one of them is none.
func newRecording(entries []gateway.Entry) (*recording, error) {
	r := &recording{calls: map[string][]gateway.Entry{}, unread: map[string]bool{}}
	var exchanges []egress.Exchange
	for _, e := range entries {
		if e.Kind == gateway.KindHTTP {
			var x egress.Exchange
			if err := json.Unmarshal(e.Reply, &x); err != nil {
				return nil, fmt.Errorf("read recorded call %d: %w", e.N, err)
			}
			exchanges = append(exchanges, x)
			continue
		}
		key, err := keyOf(e)
		if err != nil {
			return nil, fmt.Errorf("read recorded call %d: %w", e.N, err)
		}
		if key != "" {
			r.calls[key] = append(r.calls[key], e)
		}
		if e.Tool == "web_reading" && e.Error != nil {
			r.unread[key] = true
		}
	}
	r.exchanges = egress.NewRecording(exchanges)
	return r, nil
}

// keyOf says what an entry asked for, in the form in which requests to the services say it; "" for what no service answers.
func keyOf(e gateway.Entry) (string, error) {
	var err error
	switch {
	case e.Tool == "web_search":
		q := searchQuery{Num: defaultResults}
		err = json.Unmarshal(e.Request, &q)
		return q.key(), err
	case e.Tool == "web_reading":
		var q struct{ URL string }
		err = json.Unmarshal(e.Request, &q)
		return pageKey(q.URL), err
	case e.Kind == gateway.KindLLM:
		var q conversation
		err = json.Unmarshal(e.Request, &q)
		return q.key(), err
	case e.Kind == gateway.KindTranscribe:
		var q audio
		err = json.Unmarshal(e.Request, &q)
		return q.key(), err
	}
	return "", nil
}

// take returns the next entry of what is asked for. A failure goes on failing: whoever meets one may try again.
func (r *recording) take(key, shown string) (gateway.Entry, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	left := r.calls[key]
	if len(left) == 0 {
		r.note(shown)
		return gateway.Entry{}, false
	}
	if len(left) > 1 || left[0].Error == nil {
		r.calls[key] = left[1:]
	}
	return left[0], true
}

// note keeps the first request that was not recorded. The caller holds the lock.
func (r *recording) note(shown string) {
	if r.lacks == "" {
		r.lacks = line(shown)
	}
}

// missing names the first request that was not recorded, "" if there was none.
func (r *recording) missing() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.lacks
}

// proxy carries what ordinary HTTP libraries ask for, and lets nothing out.
func (r *recording) proxy() (*egress.Proxy, error) {
	return egress.New(egress.Config{Allow: r.allow, Journal: r, Live: egress.LiveNone})
}

// allow refuses tunnels, of which nothing can be recorded.
func (r *recording) allow(_ context.Context, q egress.Request) error {
	if !q.Tunnel {
		return nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.note(q.String())
	return gateway.Errorf(gateway.Unavailable, "a tunnel is not recorded")
}

// Replay implements egress.Journal. A page that web_reading could not read is not there either when it is fetched directly.
func (r *recording) Replay(ctx context.Context, q egress.Request) (egress.Exchange, bool, error) {
	x, found, err := r.exchanges.Replay(ctx, q)
	r.mu.Lock()
	defer r.mu.Unlock()
	if err == nil && !found && !r.unread[pageKey(q.URL)] {
		r.note(q.String())
	}
	return x, found, err
}

// Record implements egress.Journal: what is refused needs no record.
func (r *recording) Record(context.Context, egress.Exchange) error { return nil }
