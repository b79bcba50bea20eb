package browser

import (
	"errors"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

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
	at := site(t)
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
	at := site(t)
	other := site(t)
	allowed := func(r *Run) {
		r.Allow = func(u string) error {
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
