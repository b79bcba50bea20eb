package web_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"agentfactory/internal/gateway"
	"agentfactory/internal/web"
)

const jinaKey = "jina-canary-0123456789"

// jina is web_reading over a server that speaks Jina Reader's documented API. own counts the requests that reach the
// page itself, which is at url.
func jina(t *testing.T, answer http.HandlerFunc) (tool gateway.Tool, url string, own *atomic.Int64) {
	t.Helper()
	return jinaWithin(t, time.Minute, answer)
}

func jinaWithin(t *testing.T, timeout time.Duration, answer http.HandlerFunc) (tool gateway.Tool, url string, own *atomic.Int64) {
	t.Helper()
	own = new(atomic.Int64)
	site := serve(t, func(w http.ResponseWriter, r *http.Request) {
		own.Add(1)
		require.Empty(t, r.Header.Get("Authorization"))
		if r.URL.Path == "/gone" {
			w.WriteHeader(http.StatusGone)
			return
		}
		sends("text/plain", "from the page itself")(w, r)
	})
	server := serve(t, func(w http.ResponseWriter, r *http.Request) {
		var ask map[string]string
		body, _ := io.ReadAll(r.Body)
		if r.Method != http.MethodPost || r.URL.Path != "/" || r.Header.Get("Accept") != "application/json" || json.Unmarshal(body, &ask) != nil {
			w.WriteHeader(http.StatusNotFound)
			return
		}
		if r.Header.Get("Authorization") != "Bearer "+jinaKey {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		require.True(t, strings.HasPrefix(ask["url"], site.URL), ask)
		answer(w, r)
	})
	return web.NewReading(web.ReadingConfig{BaseURL: server.URL + "/", APIKey: jinaKey, Allow: loopback, Timeout: timeout}), site.URL + "/page", own
}

// jinaPage is an answer of the service.
func jinaPage(content, extra string) http.HandlerFunc {
	return sends("application/json", fmt.Sprintf(
		`{"code": 200, "status": 20000, "data": {"title": "A page", "description": "", "url": "https://example.org/final", "content": %q, "usage": {"tokens": 7}%s}, "meta": {"usage": {"tokens": 7}}}`, content, extra))
}

func TestWithAKeyJinaReadsThePage(t *testing.T) {
	tool, url, own := jina(t, jinaPage("# A page\n\nText", ""))
	require.Equal(t, map[string]any{"text": "# A page\n\nText", "title": "A page", "url": "https://example.org/final", "note": "read by Jina Reader"}, call(t, tool, request(url)))
	require.Zero(t, own.Load())
}

func TestAPageOfOnesOwnNetworkIsNotShownToJina(t *testing.T) {
	site := serve(t, sends("text/plain", "internal"))
	service := serve(t, func(http.ResponseWriter, *http.Request) { t.Error("the service was told of it") })
	tool := web.NewReading(web.ReadingConfig{BaseURL: service.URL, APIKey: jinaKey, Allow: loopback, Own: func(host string) bool {
		return host == "127.0.0.1"
	}})
	require.Equal(t, "internal", call(t, tool, request(site.URL))["text"])
}

func TestWhatJinaSendsIsCutAndItsWarningPassedOn(t *testing.T) {
	tool, url, _ := jina(t, jinaPage(strings.Repeat("x", 300_000), `, "warning": "This page\nmay need a login"`))
	got := call(t, tool, request(url))
	require.Len(t, got["text"], 200_000)
	require.Equal(t, "read by Jina Reader; its warning: This page may need a login; the text is cut: these are the first 200000 of its 300000 bytes", got["note"])
}

func TestAPageThatJinaDoesNotReadIsReadHere(t *testing.T) {
	says := func(code int, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code); io.WriteString(w, body) }
	}
	for name, test := range map[string]struct {
		answer http.HandlerFunc
		why    string
		calls  int64
	}{
		"a wrong key": {says(401, `{"data": null, "code": 401, "name": "AuthenticationFailedError", "status": 40103, "message": "Invalid API key `+jinaKey+`", "readableMessage": "AuthenticationFailedError: Invalid API key `+jinaKey+`"}`),
			"Jina Reader refuses the key (401 Unauthorized: AuthenticationFailedError: Invalid API key [secret]): check JINA_API_KEY", 1},
		"no credit":         {says(402, `{"code": 402, "message": "Insufficient balance"}`), "the account at Jina Reader is out of credit (402 Payment Required: Insufficient balance)", 1},
		"a page it refuses": {says(422, `{"code": 422, "message": "Invalid TLD"}`), "Jina Reader answered 422 Unprocessable Entity: Invalid TLD", 1},
		"too many requests": {status(429, "Retry-After", "60"), "Jina Reader limits the rate (429 Too Many Requests): it takes the next request in 1m0s", 1},
		"down":              {status(503), "Jina Reader answered 503 Service Unavailable", 4},
		"garbage":           {sends("application/json", `{"data": "`), "the answer of Jina Reader cannot be read: check JINA_BASE_URL", 1},
		"another API":       {sends("application/json", `{"results": []}`), "the answer of Jina Reader cannot be read: check JINA_BASE_URL", 1},
		"cut":               {breaksOff, "Jina Reader cannot be reached: the answer broke off after 13 bytes: unexpected EOF", 4},
		"empty":             {jinaPage(" \n", ""), "Jina Reader found no text", 1},
		"too large":         {jinaPage(strings.Repeat("x", 17<<20), ""), "the answer of Jina Reader has more than 16777216 bytes", 1},
		"a page that failed": {jinaPage("Not here", `, "warning": "Target URL returned error 404: Not Found"`),
			"Jina Reader: Target URL returned error 404: Not Found", 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			answer, n := inTurn(test.answer)
			tool, url, own := jina(t, answer)
			got := call(t, tool, request(url))
			require.Equal(t, map[string]any{"text": "from the page itself", "url": url, "note": "read from its own server as text/plain; " + test.why}, got)
			require.EqualValues(t, test.calls, n.Load())
			require.EqualValues(t, 1, own.Load())
		})
	}
}

func TestAPageOnWhichJinaIsSilentIsReadHere(t *testing.T) {
	tool, url, own := jinaWithin(t, 500*time.Millisecond, hangs)
	require.Equal(t, "read from its own server as text/plain; Jina Reader cannot be reached: no complete answer within 500ms: context deadline exceeded",
		call(t, tool, request(url))["note"])
	require.EqualValues(t, 1, own.Load())
}

func TestAPageThatNobodyCanReadFailsAsItsServerSays(t *testing.T) {
	tool, url, _ := jina(t, status(422))
	require.Contains(t, fails(t, tool, request(strings.TrimSuffix(url, "page")+"gone"), gateway.Unavailable), " answered 410 Gone")
}

func TestJinaIsTriedAgainAfterAFault(t *testing.T) {
	answer, n := inTurn(status(429, "Retry-After", "1"), jinaPage("text", ""))
	tool, url, own := jina(t, answer)
	require.Equal(t, "text", call(t, tool, request(url))["text"])
	require.EqualValues(t, 2, n.Load())
	require.Zero(t, own.Load())
}

func TestAForbiddenAddressIsNotHandedToJina(t *testing.T) {
	server := serve(t, func(_ http.ResponseWriter, r *http.Request) { t.Errorf("asked for %v", r.URL) })
	tool := web.NewReading(web.ReadingConfig{BaseURL: server.URL, APIKey: jinaKey})
	require.Contains(t, fails(t, tool, request("http://10.1.2.3/wiki"), gateway.Denied), "10.1.2.3 is not a public address")
}
