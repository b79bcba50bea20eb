package e2e

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// moment is when a tripwire goes off.
type moment int

const (
	before moment = iota // the server never sees the request
	after                // the server has answered, and the answer is lost
)

// tripwire is a proxy that, once, at a chosen request, calls back and lets the
// exchange die there: the worst places for a process to be killed.
type tripwire struct {
	URL     string
	method  string
	path    *regexp.Regexp
	when    moment
	skip    int // matching requests that pass before it goes off
	mu      sync.Mutex
	pending func()
	Went    chan struct{}
}

func newTripwire(t testing.TB, target, method, path string, when moment, skip int) *tripwire {
	u, err := url.Parse(target)
	require.NoError(t, err)
	proxy := passOn(t, target)
	w := &tripwire{method: method, path: regexp.MustCompile(path), when: when, skip: skip, Went: make(chan struct{})}
	server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		goOff := w.take(r)
		if goOff == nil {
			proxy.ServeHTTP(rw, r)
			return
		}
		if w.when == after {
			proxy.ServeHTTP(httptest.NewRecorder(), r)
		}
		goOff()
		close(w.Went)
		panic(http.ErrAbortHandler) // closes the connection without an answer
	}))
	t.Cleanup(server.Close)
	w.URL = server.URL + u.Path
	return w
}

// arm sets what happens when the wire is touched.
func (w *tripwire) arm(f func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.pending = f
}

func (w *tripwire) take(r *http.Request) func() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.pending == nil || r.Method != w.method || !w.path.MatchString(r.URL.Path) {
		return nil
	}
	if w.skip--; w.skip >= 0 {
		return nil
	}
	f := w.pending
	w.pending = nil
	return f
}
