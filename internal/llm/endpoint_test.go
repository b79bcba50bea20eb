package llm_test

import (
	"encoding/json"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"agentfactory/internal/llm"
)

func TestAnEndpointIsCheckedWhenTheClientIsMade(t *testing.T) {
	for name, test := range map[string]struct {
		endpoint llm.Endpoint
		message  string
	}{
		"no scheme":                           {llm.Endpoint{BaseURL: "localhost:8080/v1"}, "set OPENAI_BASE_URL"},
		"no host":                             {llm.Endpoint{BaseURL: "http:///v1"}, "is not an http(s) URL"},
		"another scheme":                      {llm.Endpoint{BaseURL: "ftp://host/v1"}, "is not an http(s) URL"},
		"not a URL":                           {llm.Endpoint{BaseURL: "http://%zz"}, "is not an http(s) URL"},
		"a key of two lines":                  {llm.Endpoint{APIKey: "sk-1\nsk-2"}, "check OPENAI_API_KEY"},
		"a key in quotes of a word processor": {llm.Endpoint{APIKey: "“sk-1”"}, "check OPENAI_API_KEY"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := llm.New(test.endpoint, llm.Options{})
			require.ErrorContains(t, err, test.message)
			require.NotContains(t, err.Error(), "sk-1")
		})
	}
	client, err := llm.New(llm.Endpoint{APIKey: " sk-1\n"}, llm.Options{})
	require.NoError(t, err, "white space around a key is what shells and files leave")
	require.Equal(t, "https://api.openai.com/v1", client.Endpoint().String())
	encoded, err := json.Marshal(client.Endpoint())
	require.NoError(t, err)
	require.NotContains(t, string(encoded), "sk-1")
}

func TestOnlyTheConfiguredKeyIsSent(t *testing.T) {
	t.Setenv("OPENAI_API_KEY", "sk-from-the-environment")
	t.Setenv("OPENAI_ADMIN_KEY", "sk-admin")
	t.Setenv("OPENAI_BASE_URL", "http://model.invalid/v1")
	var got http.Header
	var path string
	server := serve(t, func(w http.ResponseWriter, r *http.Request) {
		got, path = r.Header, r.URL.Path
		events(`[DONE]`)(w, r)
	})
	for key, want := range map[string]string{"": "", "mine": "Bearer mine"} {
		client, err := llm.New(llm.Endpoint{BaseURL: server.URL + "/api/v1", APIKey: key, Organization: "org", Project: "proj"}, llm.Options{})
		require.NoError(t, err)
		_, err = client.Complete(t.Context(), ask("Hi"), nil)
		require.NoError(t, err)
		require.Equal(t, want, got.Get("Authorization"))
		require.Equal(t, "org", got.Get("OpenAI-Organization"))
		require.Equal(t, "proj", got.Get("OpenAI-Project"))
		require.Equal(t, "/api/v1/chat/completions", path)
	}
}

func TestModelsAreListed(t *testing.T) {
	for name, test := range map[string]struct {
		handler http.HandlerFunc
		names   []string
		kind    llm.Kind
	}{
		"sorted":     {document(200, `{"data":[{"id":"b"},{"id":"a"}]}`), []string{"a", "b"}, ""},
		"none":       {document(200, `{"data":[]}`), []string{}, ""},
		"wrong key":  {document(401, `{}`), nil, llm.KindAuth},
		"a web page": {document(200, `<html>`), nil, llm.KindMalformed},
		"too busy":   {document(529, ``), nil, llm.KindOverloaded},
	} {
		t.Run(name, func(t *testing.T) {
			names, err := newClient(t, serve(t, test.handler).URL, llm.Options{}).Models(t.Context())
			if test.kind == "" {
				require.NoError(t, err)
				require.Equal(t, test.names, names)
				return
			}
			var failure *llm.Error
			require.ErrorAs(t, err, &failure)
			require.Equal(t, test.kind, failure.Kind)
		})
	}
}
