package egress

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"agentfactory/internal/netguard"
)

// web is an internet of names that lead to servers on this machine; the real guard stands before everything else.
type web struct {
	mu    sync.Mutex
	at    map[string]string // host:port to the address that answers
	dials int
	roots *x509.CertPool
	ca    *tls.Certificate
}

func newWeb(t testing.TB) *web {
	ca, err := newAuthority()
	require.NoError(t, err)
	roots := x509.NewCertPool()
	roots.AddCert(ca.Leaf)
	return &web{at: map[string]string{}, roots: roots, ca: ca}
}

func (w *web) dial(ctx context.Context, network, address string) (net.Conn, error) {
	w.mu.Lock()
	at, ok := w.at[address]
	w.dials++
	w.mu.Unlock()
	if !ok || strings.HasPrefix(at, "169.254.") {
		return netguard.Dialer(nil).DialContext(ctx, network, cmp.Or(at, address))
	}
	return (&net.Dialer{}).DialContext(ctx, network, at)
}

func (w *web) dialled() int { w.mu.Lock(); defer w.mu.Unlock(); return w.dials }

// name makes an address answer to host:port.
func (w *web) name(address, server string) { w.mu.Lock(); defer w.mu.Unlock(); w.at[address] = server }

// plain serves http://host/.
func (w *web) plain(t testing.TB, host string, h http.Handler) {
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	w.name(host+":80", s.Listener.Addr().String())
}

// secure serves https://host/ with a certificate that the web's authority has signed.
func (w *web) secure(t testing.TB, host string, h http.Handler, change ...func(*tls.Config)) {
	s := httptest.NewUnstartedServer(h)
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.TLS = &tls.Config{Certificates: []tls.Certificate{w.certificate(t, host)}}
	for _, f := range change {
		f(s.TLS)
	}
	s.StartTLS()
	t.Cleanup(s.Close)
	w.name(host+":443", s.Listener.Addr().String())
}

func (w *web) certificate(t testing.TB, host string) tls.Certificate {
	made, err := signed(w.ca, host)
	require.NoError(t, err)
	return *made
}

// onlyReads is a policy.
func onlyReads(_ context.Context, r Request) error {
	if r.Method == http.MethodGet || r.Method == http.MethodHead || r.Method == http.MethodOptions {
		return nil
	}
	return errors.New("only reading is allowed")
}

func anything(context.Context, Request) error { return nil }

// enough is for what comes by itself: only a fault is waited for so long.
const enough = 2 * time.Minute

// start returns a proxy, and the address at which it listens.
func (w *web) start(t testing.TB, change ...func(*Config)) (*Proxy, *url.URL) {
	c := Config{Allow: anything, Dial: w.dial, Roots: w.roots, Journal: NewRecording(nil)}
	for _, f := range change {
		f(&c)
	}
	p, err := New(c)
	require.NoError(t, err)
	return p, listening(t, p)
}

// listening is where a proxy is served.
func listening(t testing.TB, p *Proxy) *url.URL {
	s := httptest.NewServer(p)
	t.Cleanup(func() { p.Close(); s.CloseClientConnections(); s.Close() })
	at, err := url.Parse(s.URL)
	require.NoError(t, err)
	return at
}

// client sends its requests through the proxy and trusts its authority.
func client(t testing.TB, p *Proxy, at *url.URL) *http.Client {
	pool := x509.NewCertPool()
	require.True(t, pool.AppendCertsFromPEM(p.CACert()))
	transport := &http.Transport{Proxy: http.ProxyURL(at), TLSClientConfig: &tls.Config{RootCAs: pool}, MaxIdleConnsPerHost: 64}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, Timeout: enough}
}

// get returns the status line and the body.
func get(t testing.TB, c *http.Client, u string) (string, string) {
	t.Helper()
	resp, err := c.Get(u)
	require.NoError(t, err)
	return told(t, resp)
}

func told(t testing.TB, resp *http.Response) (string, string) {
	t.Helper()
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return resp.Status, string(body)
}

// echo answers with what was asked.
var echo = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	fmt.Fprintf(w, "%s %s %s", r.Method, r.URL.Path, body)
})

// bytesOf answers with as many bytes as the path says.
var bytesOf = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
	n, _ := strconv.ParseInt(strings.Trim(r.URL.Path, "/"), 10, 64)
	if r.URL.Query().Has("length") {
		w.Header().Set("Content-Length", strconv.FormatInt(n, 10))
	}
	block := make([]byte, 64<<10)
	for n > 0 {
		k := min(n, int64(len(block)))
		if _, err := w.Write(block[:k]); err != nil {
			return
		}
		n -= k
	}
})
