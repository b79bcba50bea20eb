package browser

import (
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"sync"
	"time"

	"agentfactory/internal/netguard"
)

// egress is the forward proxy of one session, on a loopback port of its own. It sees everything that the session asks of
// the network: redirects, subresources, WebSockets, prefetches.
type egress struct {
	allow   func(url string) error
	dial    DialFunc
	address string
	server  *http.Server
	forward *httputil.ReverseProxy

	mu      sync.Mutex
	refused []refusal
}

// refusal is a request that brought nothing.
type refusal struct {
	url, reason string
	denied      bool // by rule; otherwise the server could not be reached
}

const (
	maxRefusals = 100
	maxTransfer = 1 << 30 // bytes that one connection may bring in
)

func newEgress(dial DialFunc, allow func(url string) error) (*egress, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	quiet := log.New(io.Discard, "", 0) // addresses that pages ask for are nobody's business
	g := &egress{allow: allow, dial: dial, address: "http://" + l.Addr().String()}
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
	target := r.URL.String()
	if r.Method == http.MethodConnect {
		target = "https://" + r.Host + "/"
	} else if r.URL.Scheme != "http" || r.URL.Host == "" {
		http.Error(w, "this is a proxy", http.StatusBadRequest)
		return
	}
	if g.allow != nil {
		if err := g.allow(target); err != nil {
			g.refuse(w, target, err)
			return
		}
	}
	if r.Method == http.MethodConnect {
		g.tunnel(w, r)
		return
	}
	g.forward.ServeHTTP(w, r)
}

func (g *egress) failed(w http.ResponseWriter, r *http.Request, err error) {
	g.noDial(w, r.URL.String(), err)
}

// noDial answers when there is no connection to a server.
func (g *egress) noDial(w http.ResponseWriter, target string, err error) {
	var refused *netguard.RefusedError
	if errors.As(err, &refused) {
		g.refuse(w, target, refused)
		return
	}
	g.answer(w, http.StatusBadGateway, refusal{target, "the server cannot be reached", false})
}

func (g *egress) refuse(w http.ResponseWriter, target string, err error) {
	g.answer(w, http.StatusForbidden, refusal{target, err.Error(), true})
}

// answer is what the browser gets instead of the server's answer. The reply of the tool tells why.
func (g *egress) answer(w http.ResponseWriter, status int, r refusal) {
	g.mu.Lock()
	if len(g.refused) < maxRefusals {
		g.refused = append(g.refused, r)
	}
	g.mu.Unlock()
	http.Error(w, r.reason, status)
}

func (g *egress) tunnel(w http.ResponseWriter, r *http.Request) {
	up, err := g.dial(r.Context(), "tcp", r.Host)
	if err != nil {
		g.noDial(w, "https://"+r.Host+"/", err)
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

// take returns the refusals since the last time.
func (g *egress) take() []refusal {
	g.mu.Lock()
	defer g.mu.Unlock()
	taken := g.refused
	g.refused = nil
	return taken
}

// hits tells whether a refusal concerns a page: a tunnel's refusal names the host alone.
func (r refusal) hits(page string) bool {
	if r.url == page {
		return true
	}
	a, errA := url.Parse(r.url)
	b, errB := url.Parse(page)
	return errA == nil && errB == nil && a.Scheme == "https" && b.Scheme == "https" && hostPort(a) == hostPort(b)
}

func hostPort(u *url.URL) string {
	if u.Port() == "" {
		return u.Hostname() + ":443"
	}
	return u.Host
}
