package codec

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/sdk/converter"
)

const ui = "http://127.0.0.1:8233"

// ask sends a request as it is given, headers as name, value pairs.
func ask(t *testing.T, h http.Handler, method, path, host string, headers ...string) *http.Response {
	t.Helper()
	r := httptest.NewRequest(method, path, strings.NewReader(`{"payloads":[]}`))
	r.Host = host
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Result()
}

func TestACodecServerServesTemporalsProtocol(t *testing.T) {
	token := strings.Repeat("t", 32)
	keys := parsed(t, "a:"+newKey())
	server := httptest.NewServer(Handler(keys, ServerOptions{Token: token}))
	defer server.Close()
	remote := converter.NewRemotePayloadCodec(converter.RemotePayloadCodecOptions{Endpoint: server.URL, ModifyRequest: func(r *http.Request) error {
		r.Header.Set("Authorization", "Bearer "+token)
		return nil
	}})
	plain := []*commonpb.Payload{{Metadata: map[string][]byte{"encoding": []byte("json/plain")}, Data: []byte(`"x"`)}}
	encrypted, err := remote.Encode(plain)
	require.NoError(t, err)
	require.True(t, Encrypted(encrypted[0]))
	back, err := remote.Decode(append(encrypted, plain...))
	require.NoError(t, err)
	require.Equal(t, plain[0].Data, back[0].Data)
	require.Equal(t, plain[0].Data, back[1].Data)

	unknown, err := parsed(t, "b:"+newKey()).Encode(plain)
	require.NoError(t, err)
	_, err = remote.Decode(unknown)
	require.ErrorContains(t, err, `encrypted with key "b": the key is not configured here`)
}

func TestACodecServerAnswersThoseAloneWhoMayAsk(t *testing.T) {
	token := strings.Repeat("t", 32)
	h := Handler(parsed(t, "a:"+newKey()), ServerOptions{Token: token, Origins: []string{ui}, Namespaces: []string{"team"}})
	for name, c := range map[string]struct {
		status  int
		headers []string
	}{
		"with the token":              {http.StatusOK, []string{"Authorization", "Bearer " + token}},
		"for its namespace":           {http.StatusOK, []string{"Authorization", "bearer " + token, "X-Namespace", "team"}},
		"without a token":             {http.StatusUnauthorized, nil},
		"with another token":          {http.StatusUnauthorized, []string{"Authorization", "Bearer " + token + "t"}},
		"with another scheme":         {http.StatusUnauthorized, []string{"Authorization", "Basic " + token}},
		"for another namespace":       {http.StatusForbidden, []string{"Authorization", "Bearer " + token, "X-Namespace", "other"}},
		"from a page of the UI":       {http.StatusOK, []string{"Authorization", "Bearer " + token, "Origin", ui}},
		"from a page of somebody's":   {http.StatusForbidden, []string{"Authorization", "Bearer " + token, "Origin", "https://evil.example"}},
		"from a page of another port": {http.StatusForbidden, []string{"Authorization", "Bearer " + token, "Origin", ui + "4"}},
	} {
		t.Run(name, func(t *testing.T) {
			require.Equal(t, c.status, ask(t, h, http.MethodPost, "/decode", "codec.example.org", c.headers...).StatusCode)
		})
	}
	require.Equal(t, http.StatusNotFound, ask(t, h, http.MethodGet, "/decode", "h", "Authorization", "Bearer "+token).StatusCode)
	require.Equal(t, http.StatusNotFound, ask(t, h, http.MethodPost, "/keys", "h", "Authorization", "Bearer "+token).StatusCode)
}

func TestABrowserIsToldWhatItMaySend(t *testing.T) {
	h := Handler(parsed(t, "a:"+newKey()), ServerOptions{Token: strings.Repeat("t", 32), Origins: []string{ui}})
	res := ask(t, h, http.MethodOptions, "/decode", "codec.example.org", "Origin", ui, "Access-Control-Request-Method", "POST")
	require.Equal(t, http.StatusNoContent, res.StatusCode)
	require.Equal(t, ui, res.Header.Get("Access-Control-Allow-Origin"))
	require.Contains(t, res.Header.Get("Access-Control-Allow-Headers"), "X-Namespace")
	res = ask(t, h, http.MethodOptions, "/decode", "codec.example.org", "Origin", "https://evil.example")
	require.Equal(t, http.StatusForbidden, res.StatusCode)
	require.Empty(t, res.Header.Get("Access-Control-Allow-Origin"))
}

func TestWithoutATokenAServerIsCalledByTheAddressOfTheMachineItself(t *testing.T) {
	h := Handler(parsed(t, "a:"+newKey()), ServerOptions{})
	for host, status := range map[string]int{
		"127.0.0.1:8888": http.StatusOK, "localhost:8888": http.StatusOK, "[::1]:8888": http.StatusOK, "localhost": http.StatusOK,
		"rebound.example:8888": http.StatusForbidden, "10.0.0.1:8888": http.StatusForbidden, "": http.StatusForbidden,
	} {
		require.Equal(t, status, ask(t, h, http.MethodPost, "/encode", host).StatusCode, host)
	}
}

func TestARequestIsBounded(t *testing.T) {
	h := Handler(parsed(t, "a:"+newKey()), ServerOptions{})
	r := httptest.NewRequest(http.MethodPost, "/encode", strings.NewReader(strings.Repeat(" ", maxBody+1)))
	r.Host = "127.0.0.1"
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	require.Equal(t, http.StatusBadRequest, w.Code)
	require.Contains(t, w.Body.String(), "too large")
}
