package offlinesite

import (
	"context"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"
)

// Domain is what the hosts of the site are below.
const Domain = "offline.test"

// DialContext connects to host:port, as net.Dialer.DialContext does.
type DialContext = func(ctx context.Context, network, address string) (net.Conn, error)

// Serves tells whether a host, by its name without port, is one that is below [Domain].
func Serves(host string) bool {
	return strings.HasSuffix(strings.TrimSuffix(strings.ToLower(host), "."), "."+Domain)
}

// Dialer connects to the site's hosts within the process, and by next to all others. The site is served on port 80 alone:
// another port is an error that says so, and no name below Domain is ever resolved.
func Dialer(next DialContext) DialContext {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		host, port, err := net.SplitHostPort(address)
		if err != nil || !Serves(host) {
			return next(ctx, network, address)
		}
		if port != "80" {
			return nil, fmt.Errorf("%s is served on port 80 alone, not on %s; use http://%s/", host, port, host)
		}
		return running().dial(ctx)
	}
}

// running is the server of this process, started with the first connection. It has no end of its own: it holds no port,
// file or process, only the connections that its clients keep.
var running = sync.OnceValue(func() *listener {
	l := &listener{accepted: make(chan net.Conn), closed: make(chan struct{})}
	server := &http.Server{
		Handler: Handler(), ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 30 * time.Second, MaxHeaderBytes: 64 << 10,
		ErrorLog: log.New(io.Discard, "", 0), // of broken connections, which their clients know of
	}
	go func() { _ = server.Serve(l) }()
	return l
})

// listener accepts connections within the process.
type listener struct {
	accepted chan net.Conn
	closed   chan struct{}
	once     sync.Once
}

func (l *listener) dial(ctx context.Context) (net.Conn, error) {
	near, far := net.Pipe()
	select {
	case l.accepted <- far:
		return near, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

// Accept implements net.Listener.
func (l *listener) Accept() (net.Conn, error) {
	select {
	case c := <-l.accepted:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

// Close implements net.Listener.
func (l *listener) Close() error {
	l.once.Do(func() { close(l.closed) })
	return nil
}

// Addr implements net.Listener.
func (l *listener) Addr() net.Addr { return address{} }

// address stands for the site where package net wants an address.
type address struct{}

func (address) Network() string { return "pipe" }
func (address) String() string  { return Domain }
