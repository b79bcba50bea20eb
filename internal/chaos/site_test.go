package chaos

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"
)

// site has the page that subagents visit with the browser.
type site struct {
	*httptest.Server
	t        testing.TB
	mu       sync.Mutex
	awaited  *visit // the next request is held for it
	visiting *visit
}

// visit is a request that gets no answer until it is released.
type visit struct{ came, released chan struct{} }

// heading is what a visitor reads.
const heading = "Everything for the garden"

func newSite(t testing.TB) *site {
	s := &site{t: t}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.visited(r.Context())
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		io.WriteString(w, "<!doctype html><title>shop</title><link rel=icon href=data:,><h1>"+heading+"</h1>")
	}))
	t.Cleanup(s.Close)
	return s
}

// visited keeps a visit waiting if somebody wants to strike in the middle of it.
func (s *site) visited(ctx context.Context) {
	s.mu.Lock()
	v := s.awaited
	s.awaited = nil
	s.mu.Unlock()
	if v != nil {
		close(v.came)
		select {
		case <-v.released:
		case <-ctx.Done(): // the browser is gone
		}
	}
}

// hold keeps the next request for the page waiting until release, so that a browser is in the middle of it.
func (s *site) hold() {
	v := &visit{make(chan struct{}), make(chan struct{})}
	s.mu.Lock()
	s.awaited, s.visiting = v, v
	s.mu.Unlock()
	select {
	case <-v.came:
	case <-time.After(patience):
		s.t.Fatalf("no subagent has visited the site for %s", patience)
	}
}

func (s *site) release() { close(s.visiting.released) }
