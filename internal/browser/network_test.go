package browser

import (
	"errors"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/playwright-community/playwright-go"
	"github.com/stretchr/testify/require"

	"agentfactory/internal/browser/browsertest"
	"agentfactory/internal/gateway"
)

func TestOnlyHTTPAndHTTPSAreOpened(t *testing.T) {
	s := newSubagent(t, shared)
	for _, u := range []string{"file:///etc/passwd", "data:text/html,hi", "javascript:alert(1)", "chrome://version", "view-source:http://a.example/", "FILE:///etc/passwd", "ftp://a.example/"} {
		_, err := s.call(fields{"actions": []fields{navigate(u)}})
		refusedAs(t, err, gateway.Denied, "only http and https")
		_, err = s.call(fields{"actions": []fields{{"action": "tab", "open": u}}})
		refusedAs(t, err, gateway.Denied, "only http and https")
	}
	s.do(navigate("about:blank"))
}

func TestPrivateAddressesAreRefusedWhereverTheyComeFrom(t *testing.T) {
	at := browsertest.Site(t)
	s := newSubagent(t, shared)
	for name, u := range map[string]string{
		"a private address":          "http://10.0.0.1/",
		"a metadata service":         "http://169.254.169.254/latest/meta-data/",
		"a decimal address":          "http://167772161/",
		"an IPv6-mapped address":     "http://[::ffff:10.0.0.1]/",
		"loopback of IPv6":           "http://[::1]:8080/",
		"https":                      "https://192.168.0.1/",
		"a redirect":                 at.URL + "/redirect?to=" + url.QueryEscape("http://10.0.0.1/admin"),
		"a redirect to https":        at.URL + "/redirect?to=" + url.QueryEscape("https://10.0.0.1/admin"),
		"a redirect over a redirect": at.URL + "/redirect?to=" + url.QueryEscape(at.URL+"/redirect?to=http://10.0.0.1/"),
	} {
		t.Run(name, func(t *testing.T) {
			reply := s.try(navigate(u))
			require.NotNil(t, reply.Error)
			require.Equal(t, "denied", reply.Error.Code, reply.Error.Message)
			require.Contains(t, reply.Error.Message, "is not a public address")
		})
	}
	noted := s.do(navigate(at.URL+"/fetch"), fields{"action": "wait", "ms": 500})
	require.Contains(t, strings.Join(noted.Notes, "\n"), "169.254.169.254")
	require.Contains(t, strings.Join(noted.Notes, "\n"), "10.0.0.1")
}

func TestThePolicySeesEveryRequest(t *testing.T) {
	at := browsertest.Site(t)
	other := browsertest.Site(t)
	allowed := func(r *Run) {
		r.Allow = func(_, u string) error {
			if strings.HasPrefix(u, at.URL) && !strings.Contains(u, "/list") {
				return nil
			}
			return errors.New("the rules name another host")
		}
	}
	s := newSubagent(t, shared, allowed)
	for _, u := range []string{other.URL + "/form", at.URL + "/list", at.URL + "/redirect?to=" + url.QueryEscape(other.URL+"/form")} {
		reply := s.try(navigate(u))
		require.NotNil(t, reply.Error, u)
		require.Equal(t, "denied", reply.Error.Code)
		require.Contains(t, reply.Error.Message, "the rules name another host")
	}
	clicked := s.try(navigate(at.URL), click("link", "List"))
	require.Equal(t, "denied", clicked.Error.Code)
	require.Equal(t, 1, clicked.Error.Action)
}

// readsOnly allows reading, but for paths with these words.
func readsOnly(but ...string) func(*Run) {
	return func(r *Run) {
		r.Allow = func(method, address string) error {
			if method != "GET" && method != "" {
				return errors.New("rule no-writes: " + method + " is a write")
			}
			if slices.ContainsFunc(but, func(word string) bool { return strings.Contains(address, word) }) {
				return errors.New("rule not-there: this path is refused")
			}
			return nil
		}
	}
}

func TestAFormThatMayNotBeSentIsAnErrorAndThePageStays(t *testing.T) {
	at := browsertest.Site(t)
	s := newSubagent(t, shared, readsOnly())
	for name, send := range map[string]fields{
		"a click":    click("button", "Send"),
		"a key":      {"action": "press", "label": "Name", "key": "Enter"},
		"typed text": {"action": "type", "label": "Count", "value": "1", "submit": true},
	} {
		t.Run(name, func(t *testing.T) {
			reply := s.try(navigate(at.URL+"/form"), fields{"action": "fill", "label": "Name", "value": "Ada"}, send, fields{"action": "snapshot"})
			require.NotNil(t, reply.Error)
			require.Equal(t, "denied", reply.Error.Code)
			require.Equal(t, 2, reply.Error.Action)
			require.Contains(t, reply.Error.Message, "POST "+at.URL+"/order is not allowed: rule no-writes: POST is a write")
			require.Contains(t, reply.Error.Snapshot, "textbox \"Name\"")
			require.Contains(t, reply.Error.Snapshot, "Ada", "what was filled in is still there")
			require.Equal(t, at.URL+"/form", reply.URL)
			s.do(navigate(at.URL + "/list"))
		})
	}
}

// secureSite is site over TLS, with the requests that reached it.
func secureSite(t testing.TB) (url string, reached func() []string) {
	t.Helper()
	var mu sync.Mutex
	var all []string
	plain := browsertest.Site(t)
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		all = append(all, r.Method+" "+r.URL.Path)
		mu.Unlock()
		plain.Config.Handler.ServeHTTP(w, r)
	}))
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	t.Cleanup(server.Close)
	return server.URL, func() []string { mu.Lock(); defer mu.Unlock(); return slices.Clone(all) }
}

// trusting lets the browser of a subagent take any certificate.
func (s *subagent) trusting() *subagent {
	s.t.Helper()
	own, err := s.tool.(*runTool).session("")
	require.NoError(s.t, err)
	require.NoError(s.t, own.openEgress())
	options, err := own.options()
	require.NoError(s.t, err)
	options.IgnoreHttpsErrors = playwright.Bool(true)
	e, c, err := shared.newContext(s.t.Context(), options)
	require.NoError(s.t, err)
	require.True(s.t, own.adopt(e, c))
	require.NoError(s.t, own.setUp(s.t.Context(), c))
	return s
}

func TestThePolicySeesMethodAndPathOverTLSToo(t *testing.T) {
	at, reached := secureSite(t)
	s := newSubagent(t, shared, readsOnly("/list")).trusting()
	s.do(navigate(at + "/form"))
	sent := s.try(click("button", "Send"))
	require.NotNil(t, sent.Error)
	require.Equal(t, "denied", sent.Error.Code)
	require.Contains(t, sent.Error.Message, "POST "+at+"/order is not allowed")
	listed := s.try(navigate(at), click("link", "List"))
	require.Equal(t, "denied", listed.Error.Code)
	require.Equal(t, at+"/", listed.URL)

	noted := s.do(navigate(at+"/writes"), fields{"action": "wait", "text": "all tried"}, click("link", "Ping"), fields{"action": "wait", "ms": 300})
	notes := strings.Join(noted.Notes, "\n")
	require.Contains(t, notes, "no answer from POST "+at)
	require.Contains(t, notes, "no answer from PUT "+at)
	for _, r := range reached() {
		require.True(t, strings.HasPrefix(r, "GET "), "%s has reached the server", r)
		require.NotEqual(t, "GET /list", r)
	}
}

// Of a policy that allows one path of a host, the proxy's question about the host alone must not undo it.
func TestATunnelIsOpenForRequestsThatWereAllowedOneByOne(t *testing.T) {
	at, reached := secureSite(t)
	s := newSubagent(t, shared, func(r *Run) {
		r.Allow = func(_, address string) error {
			if address == at+"/form" {
				return nil
			}
			return errors.New("rule one-page")
		}
	}).trusting()
	s.do(navigate(at + "/form"))
	require.Equal(t, "denied", s.try(navigate(at+"/frame")).Error.Code)
	require.NotContains(t, reached(), "GET /frame")
}

// A route does not see where a redirect leads; the proxy does, and of TLS the host.
func TestTheHopOfARedirectIsRefusedByItsHost(t *testing.T) {
	at, _ := secureSite(t)
	other, reached := secureSite(t)
	s := newSubagent(t, shared, func(r *Run) {
		r.Allow = func(_, address string) error {
			if strings.HasPrefix(address, other) {
				return errors.New("rule other-host")
			}
			return nil
		}
	}).trusting()
	reply := s.try(navigate(at + "/redirect?to=" + url.QueryEscape(other+"/form")))
	require.Equal(t, "denied", reply.Error.Code)
	require.Contains(t, reply.Error.Message, "rule other-host")
	s.do(navigate(at+"/form"), fields{"action": "wait", "ms": 1})
	reply = s.do(navigate(at+"/socket?to="+url.QueryEscape(strings.Replace(other, "https", "wss", 1))), fields{"action": "wait", "text": "closed"})
	require.Contains(t, strings.Join(reply.Notes, "\n"), "rule other-host")
	require.Empty(t, reached())
}

func TestTLSIsTunnelled(t *testing.T) {
	secure := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte("secret page")) }))
	secure.Config.ErrorLog = log.New(io.Discard, "", 0)
	secure.StartTLS()
	t.Cleanup(secure.Close)
	s := newSubagent(t, shared)
	reply := s.try(navigate(secure.URL)) // its certificate is nobody's, which the browser alone can know
	require.Equal(t, "failed", reply.Error.Code)
	require.Contains(t, reply.Error.Message, "ERR_CERT_AUTHORITY_INVALID")
}
