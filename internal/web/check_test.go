package web_test

import (
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"agentfactory/internal/web"
)

func TestAKeyOfSerperIsCheckedWithoutASearch(t *testing.T) {
	server := serve(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		switch {
		case r.URL.Path != "/search" || r.Method != http.MethodPost:
			w.WriteHeader(http.StatusNotFound)
		case r.Header.Get("X-API-KEY") != "the-right-key":
			w.WriteHeader(http.StatusForbidden)
			io.WriteString(w, `{"message": "Unauthorized.", "statusCode": 403}`)
		case string(body) != "{}":
			t.Errorf("a search is spent: %s", body)
		default:
			w.WriteHeader(http.StatusBadRequest)
			io.WriteString(w, `{"message": "Missing query parameter", "statusCode": 400}`)
		}
	})
	require.NoError(t, web.CheckSearch(t.Context(), web.SearchConfig{BaseURL: server.URL, APIKey: "the-right-key"}))
	err := web.CheckSearch(t.Context(), web.SearchConfig{BaseURL: server.URL, APIKey: "the-wrong-key"})
	require.EqualError(t, err, "Serper refuses the key (403 Forbidden: Unauthorized.): check SERPER_API_KEY")
	err = web.CheckSearch(t.Context(), web.SearchConfig{BaseURL: server.URL + "/elsewhere", APIKey: "the-right-key"})
	require.ErrorContains(t, err, "check SERPER_BASE_URL")
	err = web.CheckSearch(t.Context(), web.SearchConfig{BaseURL: "http://127.0.0.1:9", APIKey: "the-right-key", Timeout: 300 * time.Millisecond})
	require.ErrorContains(t, err, "Serper cannot be reached")
}

func TestAKeyOfJinaIsCheckedWithoutAPage(t *testing.T) {
	server := serve(t, func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path != "/" || r.Method != http.MethodGet:
			t.Errorf("a page is read: %s %s", r.Method, r.URL)
		case r.Header.Get("Authorization") != "Bearer "+jinaKey:
			w.WriteHeader(http.StatusUnauthorized)
			io.WriteString(w, `{"code": 401, "name": "AuthenticationFailedError", "message": "Invalid API key"}`)
		default:
			io.WriteString(w, `{"usage1": "https://r.jina.ai/YOUR_URL"}`)
		}
	})
	require.NoError(t, web.CheckReading(t.Context(), web.ReadingConfig{BaseURL: server.URL, APIKey: jinaKey}))
	err := web.CheckReading(t.Context(), web.ReadingConfig{BaseURL: server.URL, APIKey: "the-wrong-key"})
	require.EqualError(t, err, "Jina Reader refuses the key (401 Unauthorized: Invalid API key): check JINA_API_KEY")
}
