package e2e

import (
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"regexp"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// mine is something that happens at a request of a worker to S3.
type mine struct {
	request string // regular expression of its method, path and query
	when    moment
	wait    func() // the request waits for it
	strike  func() // then the connection is cut; nil: the request passes
}

// cut loses the connection and does nothing else.
func cut() {}

// together is a blow that falls once n have come: the others wait for the last.
func together(n int, blow func()) func() {
	var mu sync.Mutex
	fallen := make(chan struct{})
	return func() {
		mu.Lock()
		n--
		last := n == 0
		mu.Unlock()
		if last {
			blow()
			close(fallen)
		}
		select {
		case <-fallen:
		case <-time.After(testPatience): // the test fails of itself
		}
	}
}

// minefield is a proxy before S3 with mines that go off in their order, each once.
type minefield struct {
	mu    sync.Mutex
	mines []mine
}

// mineS3 puts mines before the S3 server for workers started from now on.
func (s *stack) mineS3(mines ...mine) *minefield {
	target, err := url.Parse(s.s3URL)
	require.NoError(s.t, err)
	f := &minefield{mines: mines}
	proxy := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.Out.URL.Scheme, r.Out.URL.Host = target.Scheme, target.Host
		r.Out.Host = r.In.Host // signatures cover the host that the client asked for
	}}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { f.pass(proxy, w, r) }))
	s.t.Cleanup(server.Close)
	s.s3URL = server.URL
	return f
}

func (f *minefield) pass(proxy http.Handler, w http.ResponseWriter, r *http.Request) {
	m := f.stepOn(r)
	if m.wait != nil {
		m.wait()
	}
	if m.strike == nil {
		proxy.ServeHTTP(w, r)
		return
	}
	if m.when == after {
		proxy.ServeHTTP(httptest.NewRecorder(), r)
	}
	m.strike()
	panic(http.ErrAbortHandler) // closes the connection without an answer
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
