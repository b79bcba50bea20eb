package egress

import (
	"context"
	"net"
	"net/http"
	"sync"
	"time"
)

// opened is a connection inside a CONNECT whose requests are seen.
type opened struct {
	net.Conn
	scheme string
	target Request
}

// idle is how long an opened connection is kept without a request.
const idle = 5 * time.Minute

// serveOpened starts the server of opened connections; Close ends it.
func (p *Proxy) serveOpened() {
	p.opened = &feed{conns: make(chan net.Conn), closed: make(chan struct{})}
	p.inner = &http.Server{
		Handler: http.HandlerFunc(p.serveInner), ErrorLog: silent, ReadHeaderTimeout: time.Minute, IdleTimeout: idle,
		ConnContext: func(ctx context.Context, c net.Conn) context.Context { return context.WithValue(ctx, openedKey{}, c) },
	}
	go p.inner.Serve(p.opened)
}

type openedKey struct{}

// hand gives a connection to the server of opened ones.
func (p *Proxy) hand(c net.Conn, scheme string, target Request) {
	c.SetDeadline(time.Time{})
	select {
	case p.opened.conns <- &opened{Conn: c, scheme: scheme, target: target}:
	case <-p.opened.closed:
		c.Close()
	}
}

// serveInner gives a request its full URL. It must be for the host of the CONNECT: that one is connected to.
func (p *Proxy) serveInner(w http.ResponseWriter, r *http.Request) {
	if !p.enter() {
		refuse(statusUnrecorded, "the run is over").write(w, r)
		return
	}
	defer p.busy.Done()
	via, _ := r.Context().Value(openedKey{}).(*opened)
	host, port, err := hostPort(r.Host, defaultPorts[via.scheme])
	if err != nil || r.Method == http.MethodConnect || host != via.target.Host || port != via.target.Port {
		refuse(http.StatusMisdirectedRequest, "%s %.80q inside a connection to %s; connect to each host by itself", r.Method, r.Host, via.target.address()).write(w, r)
		return
	}
	r.URL.Scheme, r.URL.Host = via.scheme, r.Host
	p.forward.ServeHTTP(w, r)
}

// feed is a listener for connections that are there already.
type feed struct {
	conns  chan net.Conn
	once   sync.Once
	closed chan struct{}
}

func (f *feed) Accept() (net.Conn, error) {
	select {
	case c := <-f.conns:
		return c, nil
	case <-f.closed:
		return nil, net.ErrClosed
	}
}

func (f *feed) Close() error   { f.once.Do(func() { close(f.closed) }); return nil }
func (f *feed) Addr() net.Addr { return &net.TCPAddr{} }
