package e2e

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"regexp"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// passOn hands requests to a server as they came.
func passOn(t testing.TB, server string) *httputil.ReverseProxy {
	target, err := url.Parse(server)
	require.NoError(t, err)
	return &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.Out.URL.Scheme, r.Out.URL.Host = target.Scheme, target.Host
			r.Out.Host = r.In.Host // S3 signatures cover the host that the client asked for
		},
		FlushInterval: -1,
	}
}

// hold is a proxy that keeps requests waiting, so that a test knows what goes on while it does something else: however slow
// the machine is, it cannot be over.
type hold struct {
	Came     chan struct{} // closed when the first of them has come
	released chan struct{}
	came     sync.Once
}

// holdModel keeps the requests to the model waiting whose method, path and body fit a pattern, for workers started from now on.
func (s *stack) holdModel(pattern string) *hold {
	h, at := s.hold(s.modelURL, pattern)
	s.modelURL = at
	return h
}

// holdS3 does the same to those for the S3 server.
func (s *stack) holdS3(pattern string) *hold {
	h, at := s.hold(s.s3URL, pattern)
	s.s3URL = at
	return h
}

func (s *stack) hold(server, pattern string) (h *hold, at string) {
	h = &hold{Came: make(chan struct{}), released: make(chan struct{})}
	proxy, held := passOn(s.t, server), regexp.MustCompile(`(?s)`+pattern)
	listening := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body := readAll(r)
		if held.MatchString(r.Method + " " + r.URL.RequestURI() + "\n" + string(body)) {
			h.came.Do(func() { close(h.Came) })
			select {
			case <-h.released:
			case <-r.Context().Done(): // nobody waits for it any more
			case <-s.t.Context().Done(): // the test is over
			}
		}
		proxy.ServeHTTP(w, r)
	}))
	s.t.Cleanup(listening.Close)
	u, err := url.Parse(server)
	require.NoError(s.t, err)
	return h, listening.URL + u.Path
}

// release lets them pass, and all that come later.
func (h *hold) release() { close(h.released) }

// readAll takes the body of a request, which can be read again. Only then does the server notice a client that leaves.
func readAll(r *http.Request) []byte {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	return body
}
