package llm_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"agentfactory/internal/llm"
)

func embed(t *testing.T, handler http.HandlerFunc, texts ...string) ([][]float32, int64, error) {
	t.Helper()
	server := httptest.NewServer(handler)
	defer server.Close()
	return newClient(t, server.URL, llm.Options{}).Embed(t.Context(), "small", texts)
}

func TestEmbeddingsComeInTheOrderOfTheTexts(t *testing.T) {
	vectors, tokens, err := embed(t, func(w http.ResponseWriter, r *http.Request) {
		require.Equal(t, "/embeddings", r.URL.Path)
		body, err := io.ReadAll(r.Body)
		require.NoError(t, err)
		require.JSONEq(t, `{"model":"small","input":["a","b"],"encoding_format":"float"}`, string(body))
		document(http.StatusOK, `{"data":[{"index":1,"embedding":[0,2]},{"index":0,"embedding":[1,0]}],"usage":{"prompt_tokens":7}}`)(w, r)
	}, "a", "b")
	require.NoError(t, err)
	require.Equal(t, [][]float32{{1, 0}, {0, 2}}, vectors)
	require.EqualValues(t, 7, tokens)
}

func TestManyAndLongTextsAreSentInPieces(t *testing.T) {
	var requests atomic.Int64
	texts := make([]string, 70)
	for i := range texts {
		texts[i] = strings.Repeat("é", 5000)
	}
	vectors, tokens, err := embed(t, func(w http.ResponseWriter, r *http.Request) {
		requests.Add(1)
		var request struct{ Input []string }
		require.NoError(t, json.NewDecoder(r.Body).Decode(&request))
		require.LessOrEqual(t, len(request.Input), 32)
		data := []map[string]any{}
		for i, text := range request.Input {
			require.Equal(t, strings.Repeat("é", 1000), text)
			data = append(data, map[string]any{"index": i, "embedding": []float32{1}})
		}
		require.NoError(t, json.NewEncoder(w).Encode(map[string]any{"data": data, "usage": map[string]int{"prompt_tokens": 10}}))
	}, texts...)
	require.NoError(t, err)
	require.Len(t, vectors, 70)
	require.EqualValues(t, 3, requests.Load())
	require.EqualValues(t, 30, tokens)
}

func TestNoTextsNeedNoRequest(t *testing.T) {
	vectors, _, err := embed(t, func(http.ResponseWriter, *http.Request) { t.Error("a request was sent") })
	require.NoError(t, err)
	require.Empty(t, vectors)
}

func TestEmbeddingsThatCannotBeUsedAreErrors(t *testing.T) {
	for _, c := range []struct {
		name, body string
		status     int
		kind       llm.Kind
	}{
		{"a wrong key", `{"error":{"message":"no"}}`, 401, llm.KindAuth},
		{"a model that cannot embed", `{"error":{"message":"no"}}`, 404, llm.KindNotFound},
		{"too fast", `{"error":{"message":"no"}}`, 429, llm.KindRateLimited},
		{"no JSON", `<html>`, 200, llm.KindMalformed},
		{"too few", `{"data":[{"index":0,"embedding":[1]}]}`, 200, llm.KindMalformed},
		{"one twice", `{"data":[{"index":0,"embedding":[1]},{"index":0,"embedding":[1]}]}`, 200, llm.KindMalformed},
		{"an index below 0", `{"data":[{"index":0,"embedding":[1]},{"index":-1,"embedding":[1]}]}`, 200, llm.KindMalformed},
		{"different lengths", `{"data":[{"index":0,"embedding":[1]},{"index":1,"embedding":[1,2]}]}`, 200, llm.KindMalformed},
		{"empty vectors", `{"data":[{"index":0,"embedding":[]},{"index":1,"embedding":[]}]}`, 200, llm.KindMalformed},
		{"zero", `{"data":[{"index":0,"embedding":[0]},{"index":1,"embedding":[1]}]}`, 200, llm.KindMalformed},
		{"too large for a number", `{"data":[{"index":0,"embedding":[1e999]},{"index":1,"embedding":[1]}]}`, 200, llm.KindMalformed},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, _, err := embed(t, document(c.status, c.body), "a", "b")
			var failure *llm.Error
			require.ErrorAs(t, err, &failure)
			require.Equal(t, c.kind, failure.Kind)
			require.NotContains(t, err.Error(), "\n")
		})
	}
}
