package egress

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"slices"
	"time"

	"github.com/elazarl/goproxy"
)

// patience bounds the start of a connection: to connect, each handshake, and the first byte of a client.
const patience = 20 * time.Second

// newEngine handles CONNECT. Whatever is not refused is hijacked, so that none of the library's own, unpoliced ways to
// the network is used.
func (p *Proxy) newEngine() *goproxy.ProxyHttpServer {
	engine := goproxy.NewProxyHttpServer()
	engine.Logger = silent
	engine.Tr, engine.ConnectDial = p.transport, nil // they would follow the worker's own proxy variables
	engine.CertStore = &certificates{kept: map[string]*tls.Certificate{}}
	engine.OnRequest().HandleConnectFunc(p.connect)
	return engine
}

// connect decides what becomes of a CONNECT.
func (p *Proxy) connect(authority string, ctx *goproxy.ProxyCtx) (*goproxy.ConnectAction, string) {
	target, err := describeTunnel(authority)
	if err == nil && p.hosts.closed(target.Host) {
		var far net.Conn
		if far, err = p.tunnel(ctx.Req.Context(), target); err == nil {
			return hijack(func(near net.Conn) {
				if accept(near) != nil {
					far.Close()
				}
				relay(near, far)
			}), authority
		}
	}
	if err != nil {
		ctx.Resp = asRefusal(err).response(ctx.Req)
		return goproxy.RejectConnect, authority
	}
	return hijack(func(near net.Conn) { p.open(near, target, ctx) }), authority
}

func hijack(f func(near net.Conn)) *goproxy.ConnectAction {
	return &goproxy.ConnectAction{Action: goproxy.ConnectHijack, Hijack: func(_ *http.Request, near net.Conn, _ *goproxy.ProxyCtx) { f(near) }}
}

func accept(near net.Conn) error {
	_, err := io.WriteString(near, "HTTP/1.1 200 Connection established\r\n\r\n")
	return err
}

// open serves the requests inside a CONNECT: TLS, or plain HTTP as WebSocket clients send it.
func (p *Proxy) open(near net.Conn, target Request, ctx *goproxy.ProxyCtx) {
	first := make([]byte, 1)
	near.SetDeadline(time.Now().Add(patience))
	if accept(near) != nil {
		near.Close()
		return
	}
	if _, err := io.ReadFull(near, first); err != nil {
		near.Close()
		return
	}
	near = &rewound{Conn: near, begin: bytes.NewReader(first)}
	switch {
	case first[0] == tlsHandshake:
		p.openTLS(near, target, ctx)
	case first[0] >= 'A' && first[0] <= 'Z':
		p.hand(near, "http", target)
	default:
		near.Close()
	}
}

// tlsHandshake is the first byte of a TLS connection: the type of its first record (RFC 8446 §5.1).
const tlsHandshake = 22

// openTLS stands in for the server, where the client lets it.
func (p *Proxy) openTLS(near net.Conn, target Request, ctx *goproxy.ProxyCtx) {
	protocols, read := clientHello(near)
	near = &rewound{Conn: near, begin: bytes.NewReader(read)}
	if len(protocols) > 0 && !slices.Contains(protocols, "http/1.1") {
		p.hosts.learn(target.Host) // the next CONNECT is told why, if it is refused
		p.tunnelOpened(near, target)
		return
	}
	config, err := goproxy.TLSConfigFromCA(p.authority)(target.Host, ctx)
	if err != nil {
		near.Close()
		return
	}
	config.NextProtos = []string{"http/1.1"}
	opened := tls.Server(near, config)
	if err := opened.HandshakeContext(p.alive); err != nil {
		if refusedByPeer(err) {
			p.hosts.learn(target.Host)
		}
		near.Close()
		return
	}
	p.hand(opened, "https", target)
}

// tunnelOpened tunnels a connection whose CONNECT has been accepted already; a refusal can only close it.
func (p *Proxy) tunnelOpened(near net.Conn, target Request) {
	far, err := p.tunnel(p.alive, target)
	if err != nil {
		near.Close()
		return
	}
	relay(near, far)
}

// tunnel connects to a host whose traffic is not going to be seen.
func (p *Proxy) tunnel(ctx context.Context, target Request) (net.Conn, error) {
	far, err := p.reach(ctx, target)
	if err != nil {
		return nil, p.note(ctx, target, err)
	}
	p.hosts.tunnel(target.Host)
	if err := p.record(ctx, Exchange{Request: target, Unreplayable: "a tunnel, whose traffic is not seen"}); err != nil {
		far.Close()
		return nil, err
	}
	return far, nil
}

func (p *Proxy) reach(ctx context.Context, target Request) (net.Conn, error) {
	if err := p.admit(ctx, target); err != nil {
		return nil, err
	}
	if err := p.mayGoOut(ctx, target); err != nil {
		return nil, err
	}
	far, err := p.dial(ctx, "tcp", target.address())
	if err != nil {
		return nil, p.failed(target, err)
	}
	return far, nil
}

// relay copies both ways until both sides have ended.
func relay(near, far net.Conn) {
	near.SetDeadline(time.Time{})
	done := make(chan struct{})
	go func() {
		defer close(done)
		pass(far, near)
	}()
	pass(near, far)
	<-done
	near.Close()
	far.Close()
}

// pass copies one way. A side that breaks ends both; one that ends may still listen.
func pass(to, from net.Conn) {
	if _, err := io.Copy(to, from); err != nil {
		to.Close()
		from.Close()
		return
	}
	_ = closeWrite(to) // it may be gone
}

// refusedByPeer tells a TLS alert of the other side from a broken connection.
func refusedByPeer(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) && op.Op == "remote error"
}

// clientHello reads what a TLS client begins with, without answering: the protocols that it offers, and the bytes read.
// What is no proper beginning gives no protocols; the handshake will tell.
func clientHello(c net.Conn) (protocols []string, read []byte) {
	var kept bytes.Buffer
	stop := errors.New("seen")
	server := tls.Server(&deaf{Conn: c, heard: io.TeeReader(c, &kept)}, &tls.Config{
		GetConfigForClient: func(h *tls.ClientHelloInfo) (*tls.Config, error) {
			protocols = h.SupportedProtos
			return nil, stop
		},
	})
	_ = server.Handshake()
	return protocols, kept.Bytes()
}

// deaf is a connection on which nothing is answered.
type deaf struct {
	net.Conn
	heard io.Reader
}

func (d *deaf) Read(b []byte) (int, error)  { return d.heard.Read(b) }
func (d *deaf) Write(b []byte) (int, error) { return len(b), nil }

// rewound is a connection of which something has been read already.
type rewound struct {
	net.Conn
	begin *bytes.Reader
}

func (r *rewound) Read(b []byte) (int, error) {
	if r.begin.Len() > 0 {
		return r.begin.Read(b)
	}
	return r.Conn.Read(b)
}

// CloseWrite tells the other side that no more comes.
func (r *rewound) CloseWrite() error { return closeWrite(r.Conn) }
