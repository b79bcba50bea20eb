package e2e

import (
	"net/http"
	"net/http/httptest"
	"regexp"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// mine is something that happens at a request of a worker to S3.
type mine struct {
	request string // regular expression of its method, path and query
	when    moment
	wait    meeting // the request, or its answer, waits for others; nil: it does not
	strike  func()  // then the connection is cut; nil: the request passes
}

// cut loses the connection and does nothing else.
func cut() {}

// meeting waits for others. It is false if they did not come before the client gave its request up.
type meeting func(givenUp <-chan struct{}) bool

// together is where n meet: the others wait for the last. Who leaves before that does not count, and may come again.
func (s *stack) together(n int) meeting {
	var mu sync.Mutex
	missing, complete := n, make(chan struct{})
	return func(givenUp <-chan struct{}) bool {
		mu.Lock()
		if missing--; missing == 0 {
			close(complete)
		}
		mu.Unlock()
		select {
		case <-complete:
			return true
		case <-givenUp:
		case <-s.t.Context().Done(): // the test is over
		}
		mu.Lock()
		defer mu.Unlock()
		if missing > 0 {
			missing++
			return false
		}
		return true
	}
}

// minefield is a proxy before S3 with mines that go off in their order, each once.
type minefield struct {
	mu    sync.Mutex
	mines []mine
}

// mineS3 puts mines before the S3 server for workers started from now on.
func (s *stack) mineS3(mines ...mine) *minefield {
	f, proxy := &minefield{mines: mines}, passOn(s.t, s.s3URL)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { f.pass(proxy, w, r) }))
	s.t.Cleanup(server.Close)
	s.s3URL = server.URL
	return f
}

func (f *minefield) pass(proxy http.Handler, w http.ResponseWriter, r *http.Request) {
	m := f.stepOn(r)
	if m.wait != nil {
		readAll(r)
	}
	if m.when == after {
		proxy.ServeHTTP(httptest.NewRecorder(), r)
	}
	if m.wait != nil && !m.wait(givenUp(m, r)) {
		f.layAgain(m)
		panic(http.ErrAbortHandler)
	}
	if m.strike == nil {
		proxy.ServeHTTP(w, r)
		return
	}
	m.strike()
	panic(http.ErrAbortHandler) // closes the connection without an answer
}

// givenUp is closed when the client has left. A mine with a strike goes off nevertheless once all have come: the request
// that was given up has cost its attempt, as the strike would have.
func givenUp(m mine, r *http.Request) <-chan struct{} {
	if m.strike != nil {
		return nil
	}
	return r.Context().Done()
}

// layAgain puts back a mine that did not go off.
func (f *minefield) layAgain(m mine) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.mines = append([]mine{m}, f.mines...)
}

func (f *minefield) stepOn(r *http.Request) (m mine) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.mines) == 0 || !regexp.MustCompile(f.mines[0].request).MatchString(r.Method+" "+r.URL.RequestURI()) {
		return mine{}
	}
	m, f.mines = f.mines[0], f.mines[1:]
	return m
}

// requireAllWentOff guards against mines that nobody stepped on.
func (f *minefield) requireAllWentOff(t testing.TB) {
	t.Helper()
	f.mu.Lock()
	defer f.mu.Unlock()
	require.Empty(t, f.mines, "mines that nobody stepped on")
}
