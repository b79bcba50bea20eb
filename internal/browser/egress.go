package browser

import (
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httputil"
	"time"

	"agentfactory/internal/netguard"
)

// egress is the forward proxy of one session, on a loopback port of its own. It sees everything that the session asks of
// the network: redirects, subresources, WebSockets, prefetches.
type egress struct {
	guard   *guard
	dial    DialFunc
	address string
	server  *http.Server
	forward *httputil.ReverseProxy
}

const maxTransfer = 1 << 30 // bytes that one connection may bring in

func newEgress(dial DialFunc, guard *guard) (*egress, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	quiet := log.New(io.Discard, "", 0) // addresses that pages ask for are nobody's business
	g := &egress{guard: guard, dial: dial, address: "http://" + l.Addr().String()}
	g.forward = &httputil.ReverseProxy{
		Rewrite:      func(*httputil.ProxyRequest) {},
		Transport:    &http.Transport{DialContext: dial, DisableCompression: true, IdleConnTimeout: 30 * time.Second},
		ErrorHandler: g.failed,
		ModifyResponse: func(r *http.Response) error {
			if r.StatusCode != http.StatusSwitchingProtocols { // whose body is a connection
				r.Body = limited{io.LimitReader(r.Body, maxTransfer), r.Body}
			}
			return nil
		},
		ErrorLog: quiet,
	}
	g.server = &http.Server{Handler: g, ReadHeaderTimeout: 30 * time.Second, ErrorLog: quiet}
	go func() { _ = g.server.Serve(l) }() // until close
	return g, nil
}

type limited struct {
	io.Reader
	io.Closer
}

// close is for after the session's context: its tunnels have ended with it.
func (g *egress) close() {
	_ = g.server.Close() // closing the listener; nothing depends on it any more
	g.forward.Transport.(*http.Transport).CloseIdleConnections()
}

func (g *egress) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch {
	case r.Method == http.MethodConnect:
		if err := g.guard.askTunnel(r.Host); err != nil {
			g.refuse(w, r, err)
			return
		}
		g.tunnel(w, r)
	case r.URL.Scheme != "http" || r.URL.Host == "":
		http.Error(w, "this is a proxy", http.StatusBadRequest)
	default:
		if err := g.guard.ask(r.Method, r.URL.String()); err != nil {
			g.refuse(w, r, err)
			return
		}
		g.forward.ServeHTTP(w, r)
	}
}

// failed answers when there is no connection to a server.
func (g *egress) failed(w http.ResponseWriter, r *http.Request, err error) {
	var refused *netguard.RefusedError
	if errors.As(err, &refused) {
		g.refuse(w, r, refused)
		return
	}
	g.answer(w, r, http.StatusBadGateway, refusal{reason: "the server cannot be reached"})
}

func (g *egress) refuse(w http.ResponseWriter, r *http.Request, err error) {
	g.answer(w, r, http.StatusForbidden, refusal{reason: err.Error(), denied: true})
}

// answer is what the browser gets instead of the server's answer. The reply of the tool tells why.
func (g *egress) answer(w http.ResponseWriter, r *http.Request, status int, refused refusal) {
	refused.method, refused.url = r.Method, r.URL.String()
	if r.Method == http.MethodConnect {
		refused.url = tunnelURL(r.Host)
	}
	g.guard.note(refused)
	http.Error(w, refused.reason, status)
}

func (g *egress) tunnel(w http.ResponseWriter, r *http.Request) {
	up, err := g.dial(r.Context(), "tcp", r.Host)
	if err != nil {
		g.failed(w, r, err)
		return
	}
	defer up.Close()
	down, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		http.Error(w, "no tunnel", http.StatusInternalServerError)
		return
	}
	defer down.Close()
	if _, err := io.WriteString(down, "HTTP/1.1 200 Connection established\r\n\r\n"); err != nil {
		return
	}
	done := make(chan struct{}, 2)
	go func() { _, _ = io.Copy(up, buffered); done <- struct{}{} }() // an end of either side ends the tunnel
	go func() { _, _ = io.Copy(down, io.LimitReader(up, maxTransfer)); done <- struct{}{} }()
	<-done
}
