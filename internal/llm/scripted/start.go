package scripted

import (
	"fmt"
	"net"
	"net/http"
	"time"
)

// Running is a handler that listens.
type Running struct {
	// URL is what OPENAI_BASE_URL should be: http://host:port/v1.
	URL    string
	server *http.Server
}

// Start serves a Server or a Recorder on an address such as "127.0.0.1:0", where port 0 takes a free one.
func Start(addr string, handler http.Handler) (*Running, error) {
	listener, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("start scripted model: %w", err)
	}
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second}
	go server.Serve(listener) // ends with Close
	return &Running{URL: fmt.Sprintf("http://%s/v1", listener.Addr()), server: server}, nil
}

// Close stops listening and breaks off the answers under way.
func (r *Running) Close() error { return r.server.Close() }
