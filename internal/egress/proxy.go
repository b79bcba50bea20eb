package egress

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httputil"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/elazarl/goproxy"

	"agentfactory/internal/netguard"
)

// Live says which requests go out when the journal has no reply to them.
type Live int

const (
	LiveAll   Live = iota // every request: an ordinary run, also one that is repeated
	LiveReads             // GET and HEAD; no tunnels: a case that is replayed
	LiveNone              // none
)

// Config says what one run may send out.
type Config struct {
	// Allow refuses a request or a tunnel by returning an error, whose text the program sees as one line. It is asked
	// before anything is looked up, replayed or sent, for each request anew, from several goroutines. Required.
	Allow func(ctx context.Context, r Request) error
	// Dial connects to host:port and refuses, with a *netguard.RefusedError, addresses that the run must not reach,
	// after resolution; nil: netguard's dialer, which reaches the public internet alone.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// Journal keeps the exchanges; nil: they are neither kept nor replayed.
	Journal Journal
	// Live says what may be sent for which Journal has no reply.
	Live Live
	// Mask blots out secrets in what is recorded; nil: there are none.
	Mask func(string) string
	// Limits of the run.
	Limits Limits
	// NoInterception names hosts whose TLS is not opened: example.com, or *.example.com for all below it.
	NoInterception []string
	// Answer bounds the wait for the head of a reply, whose body may take as long as the run; default one minute.
	Answer time.Duration
	// Roots are the authorities that servers are trusted by; nil: the system's.
	Roots *x509.CertPool
}

// ErrConfig: a Config makes no sense; the message names the field.
var ErrConfig = errors.New("egress configuration")

// Proxy is the HTTP proxy of one run: an http.Handler for requests in absolute form and CONNECT. It needs connections
// that can be hijacked (HTTP/1.1). Close it when the run is over.
type Proxy struct {
	config    Config
	authority *tls.Certificate
	meter     *meter
	hosts     hosts
	engine    *goproxy.ProxyHttpServer // CONNECT
	inner     *http.Server             // what comes through opened connections
	opened    *feed                    // those connections
	forward   *httputil.ReverseProxy   // requests
	transport *http.Transport
	alive     context.Context
	end       context.CancelFunc

	replayed, refused atomic.Int64

	mu      sync.Mutex
	closed  bool
	failure error // of the journal, the first one
	lines   map[*line]struct{}
	busy    sync.WaitGroup // requests and tunnels in progress
}

// Summary is what a run did through its proxy.
type Summary struct {
	Requests int      `json:"requests"` // tunnels, refused and replayed ones included
	Replayed int      `json:"replayed"`
	Refused  int      `json:"refused"` // by policy, limits, or address
	Bytes    int64    `json:"bytes"`   // on the wire, both ways
	Tunnels  []string `json:"tunnels"` // hosts whose traffic was not seen, so that it cannot be replayed; sorted
}

// New returns a proxy with a certificate authority of its own.
func New(c Config) (*Proxy, error) {
	if c.Allow == nil {
		return nil, fmt.Errorf("%w: Allow is missing; a proxy without policy would let everything out", ErrConfig)
	}
	if c.Live < LiveAll || c.Live > LiveNone {
		return nil, fmt.Errorf("%w: Live is %d, not LiveAll, LiveReads or LiveNone", ErrConfig, c.Live)
	}
	authority, err := newAuthority()
	if err != nil {
		return nil, err
	}
	c = c.withDefaults()
	p := &Proxy{config: c, authority: authority, meter: newMeter(c.Limits), hosts: newHosts(c.NoInterception), lines: map[*line]struct{}{}}
	p.alive, p.end = context.WithCancel(context.Background())
	p.transport = p.newTransport()
	p.forward = p.newForward()
	p.engine = p.newEngine()
	p.serveOpened()
	return p, nil
}

func (c Config) withDefaults() Config {
	if c.Dial == nil {
		c.Dial = netguard.Dialer(nil).DialContext
	}
	if c.Mask == nil {
		c.Mask = func(s string) string { return s }
	}
	if c.Answer <= 0 {
		c.Answer = time.Minute
	}
	c.Limits = c.Limits.orDefault()
	return c
}

// silent swallows what the libraries would log: it names hosts, and the exchanges say more.
var silent = log.New(io.Discard, "", 0)

// ServeHTTP implements http.Handler.
func (p *Proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !p.enter() {
		refuse(statusUnrecorded, "the run is over").write(w, r)
		return
	}
	defer p.busy.Done()
	switch {
	case r.Method == http.MethodConnect:
		p.engine.ServeHTTP(w, r)
	case r.URL.IsAbs() && r.URL.Host != "":
		p.forward.ServeHTTP(w, r)
	default:
		refuse(http.StatusBadRequest, "this is a proxy: ask it for http://host/path, or CONNECT host:port").write(w, r)
	}
}

// Close ends what is in progress and returns what the run did. The error is that of the journal: what the program
// returned is then no verdict on it, and the run is to be repeated. End the program first.
func (p *Proxy) Close() (Summary, error) {
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	p.end()
	p.inner.Close()
	for _, l := range p.openLines() {
		l.Close()
	}
	p.transport.CloseIdleConnections()
	p.busy.Wait()
	p.mu.Lock()
	defer p.mu.Unlock()
	return Summary{
		Requests: int(p.meter.requests.Load()), Replayed: int(p.replayed.Load()), Refused: int(p.refused.Load()),
		Bytes: p.meter.bytes.Load(), Tunnels: p.hosts.unseen(),
	}, p.failure
}

// enter admits a request unless the run is over.
func (p *Proxy) enter() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return false
	}
	p.busy.Add(1)
	return true
}

func (p *Proxy) openLines() []*line {
	p.mu.Lock()
	defer p.mu.Unlock()
	lines := make([]*line, 0, len(p.lines))
	for l := range p.lines {
		lines = append(lines, l)
	}
	return lines
}

// hosts knows whose TLS connections are not opened.
type hosts struct {
	configured []string

	mu        sync.Mutex
	learnt    map[string]bool // they or their clients refuse to have them opened
	demanding map[string]bool // they have asked for a certificate of the client
	tunnelled map[string]bool
}

func newHosts(configured []string) hosts {
	return hosts{configured: configured, learnt: map[string]bool{}, demanding: map[string]bool{}, tunnelled: map[string]bool{}}
}

// closed tells whether a host's connections are to be tunnelled.
func (h *hosts) closed(host string) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.learnt[host] || slices.ContainsFunc(h.configured, func(pattern string) bool { return matches(pattern, host) })
}

func matches(pattern, host string) bool {
	pattern = strings.ToLower(pattern)
	if below, ok := strings.CutPrefix(pattern, "*"); ok {
		return strings.HasPrefix(below, ".") && strings.HasSuffix(host, below)
	}
	return pattern == host
}

func (h *hosts) learn(host string)   { h.set(h.learnt, host) }
func (h *hosts) demands(host string) { h.set(h.demanding, host) }
func (h *hosts) tunnel(host string)  { h.set(h.tunnelled, host) }

func (h *hosts) set(m map[string]bool, host string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	m[host] = true
}

func (h *hosts) demanded(host string) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.demanding[host]
}

// unseen are the hosts to which there were tunnels.
func (h *hosts) unseen() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	names := make([]string, 0, len(h.tunnelled))
	for name := range h.tunnelled {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
