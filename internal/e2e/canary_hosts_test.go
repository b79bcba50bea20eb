package e2e

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// host is a server that repeats what it is sent, headers and all, and remembers it.
type host struct {
	*httptest.Server
	own []string // headers in which it is sent a secret of its own

	mu    sync.Mutex
	heard []byte
}

// newHost serves requests after they were remembered without the secrets that are this server's own.
func newHost(t testing.TB, serve http.HandlerFunc, own ...string) *host {
	h := &host{own: own}
	h.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			panic(http.ErrAbortHandler)
		}
		h.remember(r, body)
		r.Body = io.NopCloser(bytes.NewReader(body))
		serve(w, r)
	}))
	t.Cleanup(h.Close)
	return h
}

func (h *host) remember(r *http.Request, body []byte) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.heard = fmt.Appendf(h.heard, "\n%s %s\n%s\n", r.Method, r.URL, body)
	for name, values := range r.Header {
		if !slices.Contains(h.own, name) {
			h.heard = fmt.Appendf(h.heard, "%s: %q\n", name, values)
		}
	}
}

// hears is everything that the server was sent beside its own secrets.
func (h *host) hears() []byte {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.heard)
}

// repeated is what a request's headers say, spelt in several ways.
func repeated(r *http.Request) string {
	var said strings.Builder
	for _, name := range []string{"Authorization", "X-Api-Key", "Cookie"} {
		value := r.Header.Get(name)
		if value == "" {
			continue
		}
		_, key, both := strings.Cut(value, " ")
		if !both {
			key = value
		}
		login, _ := base64.StdEncoding.DecodeString(key) // that of Basic, nonsense else
		fmt.Fprintf(&said, "%s: %s; %s; %s; %s; %s; %q. ", name, value, base64.StdEncoding.EncodeToString([]byte("x"+value)), hex.EncodeToString([]byte(value)),
			url.QueryEscape(value), strings.ToUpper(hex.EncodeToString([]byte(key))), login)
	}
	return said.String()
}

// fail answers with an error whose status line and body repeat the request's headers.
func fail(w http.ResponseWriter, r *http.Request, status int, body string) {
	conn, _, err := w.(http.Hijacker).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	defer conn.Close()
	fmt.Fprintf(conn, "HTTP/1.1 %d %s\r\nConnection: close\r\nX-Repeated: %[2]s\r\nContent-Length: %[3]d\r\n\r\n%[4]s", status, repeated(r), len(body), body)
}

func failJSON(w http.ResponseWriter, r *http.Request, status int) {
	body, _ := json.Marshal(map[string]string{"message": repeated(r), "readableMessage": repeated(r)}) // cannot fail
	fail(w, r, status, string(body))
}

// searchHost speaks Serper's API. Its first answer is a failure that may pass.
func searchHost(t testing.TB) *host {
	var once sync.Once
	h := newHost(t, func(w http.ResponseWriter, r *http.Request) {
		var ask struct{ Q string }
		_ = json.NewDecoder(r.Body).Decode(&ask)
		first := false
		once.Do(func() { first = true })
		switch {
		case first:
			failJSON(w, r, http.StatusServiceUnavailable)
		case strings.HasPrefix(ask.Q, "refuse"):
			failJSON(w, r, http.StatusForbidden)
		default:
			long := strings.Repeat(".", 1960) + repeated(r) // what is cut is cut in the middle of a secret
			_ = json.NewEncoder(w).Encode(map[string]any{"organic": []any{
				map[string]any{"title": repeated(r), "link": "http://pages.example.com/" + url.PathEscape(repeated(r)), "snippet": repeated(r)},
				map[string]any{"title": "long", "link": "http://pages.example.com/", "snippet": long},
			}})
		}
	}, "X-Api-Key", "Authorization")
	h.Start()
	return h
}

// readingHost speaks Jina Reader's API.
func readingHost(t testing.TB) *host {
	h := newHost(t, func(w http.ResponseWriter, r *http.Request) {
		var ask struct{ URL string }
		_ = json.NewDecoder(r.Body).Decode(&ask)
		if strings.Contains(ask.URL, "refuse") {
			failJSON(w, r, http.StatusUnauthorized)
			return
		}
		_ = json.NewEncoder(w).Encode(map[string]any{"data": map[string]string{"title": repeated(r), "url": "http://x/?" + url.QueryEscape(repeated(r)), "content": repeated(r), "warning": repeated(r)}})
	}, "Authorization")
	h.Start()
	return h
}

// webHost is the web: pages that repeat what they are sent, in their text, title, headers and scripts.
func webHost(t testing.TB, tls bool) *host {
	h := newHost(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Repeated", repeated(r))
		w.Header().Set("Content-Type", "text/html")
		text := repeated(r)
		fmt.Fprintf(w, "<title>%s</title><p>%[1]s %s</p><input value=\"%[1]s\"><a href=\"/?%s\">more</a><script>document.body.append(localStorage.getItem(\"token\"))</script>", text, r.URL, url.QueryEscape(text))
	}, "Cookie")
	if tls {
		h.StartTLS()
	} else {
		h.Start()
	}
	return h
}

// trust writes the certificates of a server where Go and OpenSSL read them.
func (h *host) trust(t testing.TB) string {
	file := filepath.Join(publicTempDir(t), "ca.pem")
	require.NoError(t, os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: h.Certificate().Raw}), 0o644))
	return file
}

// packageHost is a package index behind a login. It has the package lure, and fails for others.
func packageHost(t testing.TB) *host {
	archive := lure(t)
	h := newHost(t, func(w http.ResponseWriter, r *http.Request) {
		switch strings.Trim(r.URL.Path, "/") {
		case "simple/lure":
			w.Header().Set("Content-Type", "text/html")
			fmt.Fprintf(w, "<a href=\"/lure-1.0-py3-none-any.whl#sha256=%x\">lure-1.0-py3-none-any.whl</a>", sha256.Sum256(archive))
		case "lure-1.0-py3-none-any.whl":
			w.Write(archive)
		default:
			fail(w, r, http.StatusForbidden, repeated(r))
		}
	}, "Authorization")
	h.Start()
	return h
}

// lure is a wheel of one module.
func lure(t testing.TB) []byte {
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for name, body := range map[string]string{
		"lure.py":                     "def bait():\n    import os\n    return repr(dict(os.environ))\n",
		"lure-1.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: lure\nVersion: 1.0\n",
		"lure-1.0.dist-info/WHEEL":    "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
		"lure-1.0.dist-info/RECORD":   "",
	} {
		w, err := z.Create(name)
		require.NoError(t, err)
		_, err = w.Write([]byte(body))
		require.NoError(t, err)
	}
	require.NoError(t, z.Close())
	return b.Bytes()
}

// dialing connects to an address, as net.Dialer.DialContext does.
type dialing func(ctx context.Context, network, address string) (net.Conn, error)

// dialTo leads names below example.com to servers of the test, and other names nowhere.
func dialTo(plain, secure string) dialing {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		name, port, err := net.SplitHostPort(address)
		if err != nil || !strings.HasSuffix(name, ".example.com") {
			return nil, fmt.Errorf("dial %s: there is no such host", address)
		}
		to := plain
		if port == "443" {
			to = secure
		}
		var d net.Dialer
		return d.DialContext(ctx, network, to)
	}
}
