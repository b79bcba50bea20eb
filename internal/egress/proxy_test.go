package egress

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/elazarl/goproxy"
	"github.com/stretchr/testify/require"
)

func signed(ca *tls.Certificate, host string) (*tls.Certificate, error) {
	config, err := goproxy.TLSConfigFromCA(ca)(host, &goproxy.ProxyCtx{Proxy: &goproxy.ProxyHttpServer{Logger: silent}})
	if err != nil {
		return nil, err
	}
	return &config.Certificates[0], nil
}

func recording(p *Proxy) []Exchange { return p.config.Journal.(*Recording).Exchanges() }

func TestRequestsReachTheirServersAndAreRecorded(t *testing.T) {
	w := newWeb(t)
	w.plain(t, "plain.example", echo)
	w.secure(t, "secure.example", echo)
	p, at := w.start(t)
	c := client(t, p, at)

	status, body := get(t, c, "http://plain.example/a?x=1;2%zz&y")
	require.Equal(t, "200 OK", status)
	require.Equal(t, "GET /a ", body)
	status, body = get(t, c, "https://secure.example/b")
	require.Equal(t, "200 OK", status)
	require.Equal(t, "GET /b ", body)
	resp, err := c.Post("https://secure.example/c", "text/plain", strings.NewReader("sent"))
	require.NoError(t, err)
	_, body = told(t, resp)
	require.Equal(t, "POST /c sent", body)

	made := recording(p)
	require.Len(t, made, 3)
	require.Equal(t, Request{Method: "GET", URL: "http://plain.example/a?x=1;2%zz&y", Host: "plain.example", Port: 80}, made[0].Request)
	require.Equal(t, Request{Method: "POST", URL: "https://secure.example/c", Host: "secure.example", Port: 443, Body: digest([]byte("sent"))}, made[2].Request)
	require.Equal(t, "POST /c sent", string(made[2].Body))
	require.True(t, made[2].Replayable())
	summary, err := p.Close()
	require.NoError(t, err)
	require.Equal(t, 3, summary.Requests)
	require.Empty(t, summary.Tunnels)
	require.Positive(t, summary.Bytes)
}

func TestPolicyIsAskedForEachRequestAndItsReasonIsTheStatusLine(t *testing.T) {
	w := newWeb(t)
	w.plain(t, "plain.example", echo)
	w.secure(t, "secure.example", echo)
	p, at := w.start(t, func(c *Config) { c.Allow = onlyReads })
	c := client(t, p, at)
	for _, u := range []string{"http://plain.example/", "https://secure.example/"} {
		get(t, c, u)
		resp, err := c.Post(u, "text/plain", strings.NewReader(strings.Repeat("x", 3<<20)))
		require.NoError(t, err)
		status, _ := told(t, resp)
		require.Equal(t, "403 POST "+u+" is refused: only reading is allowed", status)
	}
	summary, err := p.Close()
	require.NoError(t, err)
	require.Equal(t, 2, summary.Refused)
	require.Len(t, recording(p), 4, "what was refused is in the record")
}

func TestARedirectIsJudgedLikeAFirstRequest(t *testing.T) {
	w := newWeb(t)
	w.secure(t, "secure.example", http.RedirectHandler("http://169.254.169.254/latest/meta-data/", http.StatusFound))
	p, at := w.start(t)
	status, _ := get(t, client(t, p, at), "https://secure.example/")
	require.Equal(t, "403 GET http://169.254.169.254/latest/meta-data/ is refused: 169.254.169.254 is not a public address; only the public internet may be reached", status)
}

func TestARequestInsideAConnectionIsForItsHostAlone(t *testing.T) {
	w := newWeb(t)
	w.secure(t, "secure.example", echo)
	p, at := w.start(t)
	for name, head := range map[string]string{
		"another Host":         "GET / HTTP/1.1\r\nHost: inner.example\r\n\r\n",
		"another absolute URL": "GET https://inner.example/ HTTP/1.1\r\nHost: secure.example\r\n\r\n",
		"another port":         "GET / HTTP/1.1\r\nHost: secure.example:8443\r\n\r\n",
		"a tunnel":             "CONNECT secure.example:443 HTTP/1.1\r\nHost: secure.example:443\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			require.Contains(t, exchange(t, inside(t, at.Host, "secure.example:443", true), head), "421 ")
		})
	}
	require.Zero(t, w.dialled())
	require.NotNil(t, p)
}

// inside returns a connection inside a CONNECT.
func inside(t *testing.T, proxy, authority string, secure bool) net.Conn {
	conn, err := net.Dial("tcp", proxy)
	require.NoError(t, err)
	t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(enough))
	fmt.Fprintf(conn, "CONNECT %s HTTP/1.1\r\nHost: %s\r\n\r\n", authority, authority)
	_, err = io.ReadFull(conn, make([]byte, len("HTTP/1.1 200 Connection established\r\n\r\n")))
	require.NoError(t, err)
	if secure {
		return tls.Client(conn, &tls.Config{InsecureSkipVerify: true})
	}
	return conn
}

// exchange sends the head of a request inside a CONNECT and returns the beginning of what comes back.
func exchange(t *testing.T, conn net.Conn, head string) string {
	_, err := io.WriteString(conn, head)
	require.NoError(t, err)
	reply := make([]byte, 4096)
	n, err := conn.Read(reply)
	require.NoError(t, err)
	return string(reply[:n])
}

func TestNamesThatMightPassARuleAsAnotherAreRefused(t *testing.T) {
	for authority, want := range map[string]string{
		"EXAMPLE.com.": "example.com:443", "example.com:8443": "example.com:8443", "[::1]:443": "[::1]:443", "[::ffff:127.0.0.1]:80": "[::ffff:127.0.0.1]:80",
		"2130706433": "2130706433:443", "ex%61mple.com": "", "exämple.com": "", "example.com:0": "", "example.com:99999": "", "": "", "a b": "", "user@example.com:443": "",
	} {
		r, err := describeTunnel(authority)
		if want == "" {
			require.Error(t, err, authority)
			continue
		}
		require.NoError(t, err, authority)
		require.Equal(t, want, r.address())
	}
}

func TestLimitsAnswer509(t *testing.T) {
	w := newWeb(t)
	w.plain(t, "plain.example", bytesOf)
	t.Run("requests", func(t *testing.T) {
		p, at := w.start(t, func(c *Config) { c.Limits.Requests = 2 })
		c := client(t, p, at)
		get(t, c, "http://plain.example/1")
		get(t, c, "http://plain.example/1")
		status, _ := get(t, c, "http://plain.example/1")
		require.Contains(t, status, "509 this run has made 2 requests")
	})
	t.Run("a reply that says it is too large", func(t *testing.T) {
		p, at := w.start(t, func(c *Config) { c.Limits.Bytes = 1 << 20 })
		c := client(t, p, at)
		status, _ := get(t, c, "http://plain.example/10000000?length")
		require.Contains(t, status, "509 the reply has 10000000 bytes, and this run may receive")
	})
	t.Run("a reply that turns out to be too large", func(t *testing.T) {
		p, at := w.start(t, func(c *Config) { c.Limits.Bytes = 2 << 20 })
		c := client(t, p, at)
		resp, err := c.Get("http://plain.example/100000000")
		require.NoError(t, err)
		n, err := io.Copy(io.Discard, resp.Body)
		require.Error(t, err, "it must not look whole")
		require.Less(t, n, int64(3<<20))
		status, _ := get(t, c, "http://plain.example/1")
		require.Equal(t, "509 this run has sent and received 2097152 bytes, the most that it may", status)
		summary, err := p.Close()
		require.NoError(t, err)
		require.Less(t, summary.Bytes, int64(3<<20))
	})
}

func TestALargeDownloadPassesAndIsRecordedByDigest(t *testing.T) {
	w := newWeb(t)
	w.secure(t, "secure.example", bytesOf)
	p, at := w.start(t)
	resp, err := client(t, p, at).Get("https://secure.example/50000000")
	require.NoError(t, err)
	n, err := io.Copy(io.Discard, resp.Body)
	require.NoError(t, err)
	require.EqualValues(t, 50000000, n)
	require.Eventually(t, func() bool { return len(recording(p)) == 1 }, enough, time.Millisecond)
	e := recording(p)[0]
	require.EqualValues(t, 50000000, e.BodyBytes)
	require.Len(t, e.BodyDigest, 64)
	require.Empty(t, e.Body)
	require.False(t, e.Replayable())
}

func TestAServerThatNeverAnswersIsGivenUp(t *testing.T) {
	w := newWeb(t)
	gone := make(chan struct{})
	w.plain(t, "silent.example", http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-gone }))
	t.Cleanup(func() { close(gone) })
	p, at := w.start(t, func(c *Config) { c.Answer = 100 * time.Millisecond })
	status, _ := get(t, client(t, p, at), "http://silent.example/")
	require.Equal(t, "504 silent.example:80 has not answered in time", status)

	p, at = w.start(t)
	failed := make(chan error, 1)
	go func() {
		resp, err := client(t, p, at).Get("http://silent.example/")
		if err == nil {
			resp.Body.Close()
		}
		failed <- err
	}()
	require.Eventually(t, func() bool { return len(p.openLines()) == 1 }, enough, time.Millisecond)
	_, err := p.Close()
	require.NoError(t, err, "Close does not wait for the server")
	<-failed
}

func TestServersThatAreNotTrustedOrNotThereAreToldApart(t *testing.T) {
	w, other := newWeb(t), newWeb(t)
	other.secure(t, "selfmade.example", echo)
	w.name("selfmade.example:443", other.at["selfmade.example:443"])
	w.name("closed.example:80", "127.0.0.1:1")
	p, at := w.start(t)
	c := client(t, p, at)
	status, _ := get(t, c, "https://selfmade.example/")
	require.Contains(t, status, "502 the certificate of selfmade.example is not trusted: x509: certificate signed by unknown authority")
	status, _ = get(t, c, "http://closed.example/")
	require.Contains(t, status, "502 closed.example:80 cannot be reached: dial tcp 127.0.0.1:1: connect: connection refused")
	_, err := c.Get("ftp://closed.example/")
	require.Error(t, err)
}

func TestConfiguredHostsAreTunnelledAndMarked(t *testing.T) {
	w := newWeb(t)
	w.secure(t, "api.bank.example", echo)
	p, at := w.start(t, func(c *Config) { c.NoInterception = []string{"*.bank.example"} })
	c := client(t, p, at)
	c.Transport.(*http.Transport).TLSClientConfig.RootCAs = w.roots // it sees the server's own certificate
	_, body := get(t, c, "https://api.bank.example/x")
	require.Equal(t, "GET /x ", body)
	c.CloseIdleConnections()
	summary, err := p.Close()
	require.NoError(t, err)
	require.Equal(t, []string{"api.bank.example"}, summary.Tunnels)
	made := recording(p)
	require.Len(t, made, 1)
	require.Equal(t, Request{Method: "CONNECT", URL: "https://api.bank.example:443", Host: "api.bank.example", Port: 443, Tunnel: true}, made[0].Request)
	require.False(t, made[0].Replayable())
}

func TestATunnelThatPolicyRefusesIsRefusedAtTheConnect(t *testing.T) {
	w := newWeb(t)
	w.secure(t, "api.bank.example", echo)
	p, at := w.start(t, func(c *Config) { c.NoInterception = []string{"api.bank.example"}; c.Allow = onlyReads })
	_, err := client(t, p, at).Get("https://api.bank.example/x")
	require.ErrorContains(t, err, "CONNECT https://api.bank.example:443 is refused: only reading is allowed")
	require.Zero(t, w.dialled())
}

func TestAPinnedCertificateLeadsToATunnel(t *testing.T) {
	w := newWeb(t)
	w.secure(t, "pinned.example", echo)
	p, at := w.start(t)
	c := client(t, p, at)
	c.Transport.(*http.Transport).TLSClientConfig.RootCAs = w.roots // and no other
	_, err := c.Get("https://pinned.example/")
	require.ErrorContains(t, err, "certificate signed by unknown authority")
	require.Eventually(t, func() bool { return p.hosts.closed("pinned.example") }, enough, time.Millisecond)
	_, body := get(t, c, "https://pinned.example/")
	require.Equal(t, "GET / ", body)
	c.CloseIdleConnections()
	summary, err := p.Close()
	require.NoError(t, err)
	require.Equal(t, []string{"pinned.example"}, summary.Tunnels)
}

func TestAServerThatDemandsAClientCertificateIsTunnelledTheNextTime(t *testing.T) {
	w := newWeb(t)
	w.secure(t, "mutual.example", echo, func(c *tls.Config) { c.ClientAuth = tls.RequireAnyClientCert })
	p, at := w.start(t)
	c := client(t, p, at)
	status, _ := get(t, c, "https://mutual.example/")
	require.Contains(t, status, "502 mutual.example refuses to have its TLS opened (it asks for a certificate of the client); its next connection is tunnelled")
	own, err := signed(w.ca, "me")
	require.NoError(t, err)
	c.Transport.(*http.Transport).TLSClientConfig = &tls.Config{RootCAs: w.roots, Certificates: []tls.Certificate{*own}}
	_, body := get(t, c, "https://mutual.example/")
	require.Equal(t, "GET / ", body)
}

func TestAClientThatSpeaksOnlyHTTP2IsTunnelledAtOnce(t *testing.T) {
	w := newWeb(t)
	w.secure(t, "grpc.example", echo, func(c *tls.Config) { c.NextProtos = []string{"h2"} })
	p, at := w.start(t)
	conn := inside(t, at.Host, "grpc.example:443", false)
	secure := tls.Client(conn, &tls.Config{RootCAs: w.roots, ServerName: "grpc.example", NextProtos: []string{"h2"}})
	require.NoError(t, secure.Handshake(), "with the server itself")
	require.Equal(t, "h2", secure.ConnectionState().NegotiatedProtocol)
	secure.Close()
	summary, err := p.Close()
	require.NoError(t, err)
	require.Equal(t, []string{"grpc.example"}, summary.Tunnels)
}

func TestWebSocketsPassAsTunnels(t *testing.T) {
	w := newWeb(t)
	upgrade := http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		conn, buffered, err := http.NewResponseController(rw).Hijack()
		if err != nil {
			return
		}
		defer conn.Close()
		io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
		io.CopyN(conn, buffered, 4)
	})
	w.secure(t, "socket.example", upgrade)
	w.plain(t, "socket.example", upgrade)
	var asked []Request
	p, at := w.start(t, func(c *Config) {
		c.Allow = func(_ context.Context, r Request) error { asked = append(asked, r); return nil }
	})
	head := "GET /chat HTTP/1.1\r\nHost: socket.example\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
	for authority, secure := range map[string]bool{"socket.example:443": true, "socket.example:80": false} {
		conn := inside(t, at.Host, authority, secure)
		require.Contains(t, exchange(t, conn, head), "101 Switching Protocols")
		require.Equal(t, "ping", exchange(t, conn, "ping"))
	}
	require.Len(t, asked, 2)
	require.Contains(t, asked, Request{Method: "GET", URL: "https://socket.example/chat", Host: "socket.example", Port: 443, Tunnel: true})
	summary, err := p.Close()
	require.NoError(t, err)
	require.Equal(t, []string{"socket.example"}, summary.Tunnels)
}

func TestARecordedRunIsRepeatedWithoutNetwork(t *testing.T) {
	w := newWeb(t)
	var served atomic.Int64
	count := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Total", "7")
		w.Header().Set("Set-Cookie", "session=credential")
		fmt.Fprintf(w, "%s %d", r.Method, served.Add(1))
	})
	w.secure(t, "secure.example", count)
	run := func(p *Proxy, c *http.Client) (said []string) {
		for range 2 {
			_, body := get(t, c, "https://secure.example/n")
			said = append(said, body)
		}
		for _, sent := range []string{"one", "two"} {
			resp, err := c.Post("https://secure.example/n", "text/plain", strings.NewReader(sent))
			require.NoError(t, err)
			require.Equal(t, "7", resp.Header.Get("X-Total"))
			_, body := told(t, resp)
			said = append(said, body)
		}
		resp, err := c.Head("https://secure.example/n")
		require.NoError(t, err)
		resp.Body.Close()
		return append(said, resp.Header.Get("Content-Length"))
	}
	p, at := w.start(t)
	first := run(p, client(t, p, at))
	kept, err := json.Marshal(recording(p))
	require.NoError(t, err)
	require.NotContains(t, string(kept), "credential")
	var past []Exchange
	require.NoError(t, json.Unmarshal(kept, &past))
	dialled := w.dialled()

	p, at = w.start(t, func(c *Config) { c.Journal, c.Live = NewRecording(past), LiveNone })
	c := client(t, p, at)
	require.Equal(t, first, run(p, c))
	require.Equal(t, dialled, w.dialled(), "no network")
	status, _ := get(t, c, "https://secure.example/n")
	require.Equal(t, "502 GET https://secure.example/n is not recorded, and this replay does not send it", status, "each reply is used once")
	summary, err := p.Close()
	require.NoError(t, err)
	require.Equal(t, 5, summary.Replayed)

	p, at = w.start(t, func(c *Config) { c.Journal, c.Live = NewRecording(nil), LiveReads })
	c = client(t, p, at)
	status, _ = get(t, c, "https://secure.example/n")
	require.Equal(t, "200 OK", status, "reads go live")
	resp, err := c.Post("https://secure.example/n", "text/plain", strings.NewReader("x"))
	require.NoError(t, err)
	status, _ = told(t, resp)
	require.Equal(t, "502 POST https://secure.example/n is not recorded, and this replay does not send it", status, "writes never do")
}

func TestSecretsAreNotRecorded(t *testing.T) {
	w := newWeb(t)
	w.secure(t, "secure.example", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Echo", r.URL.Query().Get("key"))
		fmt.Fprint(w, r.URL.Query().Get("key"))
	}))
	mask := func(s string) string { return strings.ReplaceAll(s, "sk-canary", "[secret]") }
	p, at := w.start(t, func(c *Config) { c.Mask = mask })
	get(t, client(t, p, at), "https://secure.example/?key=sk-canary")
	kept, err := json.Marshal(recording(p))
	require.NoError(t, err)
	require.NotContains(t, string(kept), "sk-canary")
	require.Equal(t, "[secret]", string(recording(p)[0].Body))
	past := recording(p)

	p, at = w.start(t, func(c *Config) { c.Mask, c.Journal, c.Live = mask, NewRecording(past), LiveNone })
	_, body := get(t, client(t, p, at), "https://secure.example/?key=sk-canary")
	require.Equal(t, "[secret]", body, "found by its masked URL")
}

// brokenJournal is a store that is out of order.
type brokenJournal struct{ read, write error }

func (b brokenJournal) Replay(context.Context, Request) (Exchange, bool, error) {
	return Exchange{}, false, b.read
}
func (b brokenJournal) Record(context.Context, Exchange) error { return b.write }

func TestAJournalThatFailsBreaksTheRun(t *testing.T) {
	w := newWeb(t)
	w.plain(t, "plain.example", bytesOf)
	for name, j := range map[string]brokenJournal{"reading": {read: errors.New("S3 is away")}, "writing": {write: errors.New("S3 is away")}} {
		t.Run(name, func(t *testing.T) {
			p, at := w.start(t, func(c *Config) { c.Journal = j })
			c := client(t, p, at)
			for range 2 {
				status, _ := get(t, c, "http://plain.example/1")
				require.Equal(t, "503 the record of this run has failed; the run is going to be repeated", status)
			}
			_, err := p.Close()
			require.ErrorContains(t, err, "S3 is away")
		})
	}
}

func TestManyRequestsAtOnce(t *testing.T) {
	w := newWeb(t)
	w.secure(t, "secure.example", echo)
	p, at := w.start(t, func(c *Config) { c.Limits.PerSecond = 1000 })
	c := client(t, p, at)
	var all sync.WaitGroup
	for i := range 100 {
		all.Go(func() {
			_, body := get(t, c, fmt.Sprintf("https://secure.example/%d", i))
			require.Equal(t, fmt.Sprintf("GET /%d ", i), body)
		})
	}
	all.Wait()
	require.Len(t, recording(p), 100)
}

func TestConfigurationsThatMakeNoSenseAreRefused(t *testing.T) {
	for name, c := range map[string]Config{
		"Allow": {Dial: newWeb(t).dial}, "Live": {Allow: anything, Dial: newWeb(t).dial, Live: 7},
	} {
		_, err := New(c)
		require.ErrorIs(t, err, ErrConfig)
		require.ErrorContains(t, err, name)
	}
}

func TestNothingIsServedAfterClose(t *testing.T) {
	w := newWeb(t)
	w.plain(t, "plain.example", echo)
	p, at := w.start(t)
	_, err := p.Close()
	require.NoError(t, err)
	status, _ := get(t, client(t, p, at), "http://plain.example/")
	require.Equal(t, "503 the run is over", status)
	_, err = p.Close()
	require.NoError(t, err, "closing twice is harmless")
}

func TestAddressesOfThisNetworkAreRefusedHoweverTheyAreWritten(t *testing.T) {
	p, err := New(Config{Allow: anything})
	require.NoError(t, err)
	defer p.Close()
	c := client(t, p, listening(t, p))
	for _, host := range []string{
		"127.0.0.1", "2130706433", "0x7f000001", "0177.0.0.1", "127.1", "0.0.0.0", "10.0.0.1", "192.168.1.1", "169.254.169.254", "100.100.100.200",
		"localhost", "localhost.", "[::1]", "[::]", "[::ffff:127.0.0.1]", "[::ffff:a9fe:a9fe]", "[64:ff9b::a9fe:a9fe]", "[fe80::1]", "[fd00:ec2::254]",
	} {
		resp, err := c.Get("http://" + host + "/")
		require.NoError(t, err)
		told(t, resp)
		require.Contains(t, []int{statusDenied, statusFailed}, resp.StatusCode, host) // 502: a number that no resolver takes for an address
	}
	require.Empty(t, p.openLines())
	require.Zero(t, p.meter.bytes.Load(), "nothing was connected to")
}
