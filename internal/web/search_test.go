package web_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"agentfactory/internal/gateway"
	"agentfactory/internal/web"
)

const serperKey = "serper-canary-0123456789"

const serperReply = `{
  "searchParameters": {"q": "height of K2", "type": "search", "num": 2, "engine": "google"},
  "answerBox": {"title": "K2", "answer": "8,611 m", "link": "https://en.wikipedia.org/wiki/K2"},
  "knowledgeGraph": {"title": "K2", "type": "Mountain", "attributes": {"Elevation": "8,611 m"}},
  "organic": [
    {"title": "K2 - Wikipedia", "link": "https://en.wikipedia.org/wiki/K2", "snippet": "K2, at 8,611 metres", "position": 1, "sitelinks": [{"title": "a", "link": "b"}]},
    {"title": "K2 | Britannica", "link": "https://www.britannica.com/place/K2", "snippet": "K2 is <b>high</b>", "date": "Sep 2, 2026", "position": 2},
    {"title": "Third", "link": "https://example.org/3", "snippet": "left out", "position": 3}
  ],
  "peopleAlsoAsk": [], "credits": 1
}`

// serper is a server that speaks the documented API; asked is what it was last sent.
func serper(t *testing.T, answers ...http.HandlerFunc) (tool gateway.Tool, asked *map[string]any) {
	t.Helper()
	asked = new(map[string]any)
	answer, _ := inTurn(answers...)
	server := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodPost || r.URL.Path != "/search" {
			http.NotFound(w, r)
			return
		}
		if r.Header.Get("X-API-KEY") != serperKey || r.Header.Get("Content-Type") != "application/json" {
			w.WriteHeader(http.StatusForbidden)
			io.WriteString(w, `{"message":"Unauthorized.","statusCode":403}`)
			return
		}
		body, _ := io.ReadAll(r.Body)
		*asked = nil
		if json.Unmarshal(body, asked) != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		answer(w, r)
	})
	return web.NewSearch(web.SearchConfig{BaseURL: server.URL, APIKey: serperKey, Timeout: time.Minute}), asked
}

func TestASearchReturnsResultsAndTheAnswerBox(t *testing.T) {
	tool, asked := serper(t, sends("application/json", serperReply))
	got := call(t, tool, `{"query": "height of K2", "num": 2, "page": 3, "country": "DE", "language": "pt-BR"}`)
	require.Equal(t, map[string]any{"q": "height of K2", "num": 2.0, "page": 3.0, "gl": "de", "hl": "pt-br"}, *asked)
	require.Equal(t, map[string]any{
		"results": []any{
			map[string]any{"title": "K2 - Wikipedia", "link": "https://en.wikipedia.org/wiki/K2", "snippet": "K2, at 8,611 metres", "position": 1.0},
			map[string]any{"title": "K2 | Britannica", "link": "https://www.britannica.com/place/K2", "snippet": "K2 is <b>high</b>", "position": 2.0, "date": "Sep 2, 2026"},
		},
		"answer": "8,611 m (https://en.wikipedia.org/wiki/K2)",
		"note":   "more than the 2 results asked for were found and left out",
	}, got)
}

func TestASearchThatSaysNothingElseAsksForTenResults(t *testing.T) {
	tool, asked := serper(t, sends("application/json", `{"searchParameters": {"q": "x"}, "credits": 1}`))
	require.Equal(t, map[string]any{"results": []any{}, "note": "nothing was found; try other words"}, call(t, tool, `{"query": "x"}`))
	require.Equal(t, map[string]any{"q": "x", "num": 10.0}, *asked)
}

func TestLongSnippetsAreCutAndTheNoteSaysSo(t *testing.T) {
	long := strings.Repeat("ä", 5000)
	tool, _ := serper(t, sends("application/json", fmt.Sprintf(`{"organic": [{"title": "a", "link": "https://a", "snippet": %q}, {"title": "no link"}], "answerBox": [1]}`, long)))
	got := call(t, tool, `{"query": "x"}`)
	require.Len(t, got["results"], 1)
	require.Len(t, []rune(got["results"].([]any)[0].(map[string]any)["snippet"].(string)), 2000)
	require.Equal(t, "the text of 1 results was cut at 2000 characters", got["note"])
	require.NotContains(t, got, "answer")
}

func TestAWrongSearchIsRefusedWithItsRemedy(t *testing.T) {
	tool := web.NewSearch(web.SearchConfig{APIKey: serperKey, BaseURL: "http://127.0.0.1:1"})
	for body, want := range map[string]string{
		`{}`:                                             "query is empty; say what to search for",
		`{"query": " \n"}`:                               "query is empty; say what to search for",
		`{"query": "x", "num": 0}`:                       "num is 0; give 1 to 20",
		`{"query": "x", "num": 21}`:                      "num is 21; give 1 to 20",
		`{"query": "x", "page": -1}`:                     "page is -1; give 1 to 100",
		`{"query": "x", "country": "Germany"}`:           `country is "Germany"; give two letters such as us or de`,
		`{"query": "x", "language": "e"}`:                `language is "e"; give a code such as en or pt-br`,
		`{"query": "x", "results": 5}`:                   `unknown field "results"; there are query, num, page, country and language`,
		`{"query": "` + strings.Repeat("x", 2001) + `"}`: "query has 2001 characters, at most 2000 are searched for",
	} {
		require.Equal(t, want, fails(t, tool, body, gateway.InvalidRequest))
	}
	require.Contains(t, fails(t, tool, `{"query": 5}`, gateway.InvalidRequest), "query of type string")
}

func TestWithoutAKeyTheSettingIsNamed(t *testing.T) {
	tool := web.NewSearch(web.SearchConfig{})
	require.Equal(t, "web_search needs a key of serper.dev: whoever runs the worker sets SERPER_API_KEY", fails(t, tool, `{"query": "x"}`, gateway.Unavailable))
}

func TestASearchIsRepeatedWhereThatCanHelp(t *testing.T) {
	good := sends("application/json", serperReply)
	for name, first := range map[string]http.HandlerFunc{
		"too many requests, wait a second": status(429, "Retry-After", "1"),
		"too many requests":                status(429),
		"an error of the server":           status(500),
		"overloaded":                       status(503),
		"an answer that breaks off":        breaksOff,
		"a lost connection":                func(w http.ResponseWriter, _ *http.Request) { panic(http.ErrAbortHandler) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tool, _ := serper(t, first, good)
			require.Len(t, call(t, tool, `{"query": "x"}`)["results"], 3)
		})
	}
}

func TestTheServersWaitIsKept(t *testing.T) {
	tool, _ := serper(t, status(429, "Retry-After", "1"), sends("application/json", serperReply))
	start := time.Now()
	call(t, tool, `{"query": "x"}`)
	require.GreaterOrEqual(t, time.Since(start), time.Second)
}

func TestAnOutageOfTheServiceBreaksTheRun(t *testing.T) {
	for name, test := range map[string]struct {
		answer http.HandlerFunc
		want   string
	}{
		"an error for good":             {status(502), "web_search: Serper answered 502 Bad Gateway"},
		"a wait longer than there is":   {status(429, "Retry-After", "3600"), "web_search: Serper limits the rate (429 Too Many Requests): it takes the next request in 1h0m0s"},
		"an answer that never is whole": {breaksOff, "web_search: Serper cannot be reached: the answer broke off after 13 bytes: unexpected EOF"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tool, _ := serper(t, test.answer)
			require.Equal(t, test.want, breaks(t, tool, `{"query": "x"}`))
		})
	}
	t.Run("no answer", func(t *testing.T) {
		t.Parallel()
		tool := web.NewSearch(web.SearchConfig{BaseURL: serve(t, hangs).URL, APIKey: serperKey, Timeout: 500 * time.Millisecond})
		require.Equal(t, "web_search: Serper cannot be reached: no complete answer within 500ms: context deadline exceeded", breaks(t, tool, `{"query": "x"}`))
	})
	t.Run("nobody listens", func(t *testing.T) {
		t.Parallel()
		tool := web.NewSearch(web.SearchConfig{BaseURL: "http://127.0.0.1:1", APIKey: serperKey, Timeout: time.Minute})
		require.Contains(t, breaks(t, tool, `{"query": "x"}`), "connection refused")
	})
}

func TestARefusalOfTheServiceIsToldOnce(t *testing.T) {
	for name, test := range map[string]struct {
		answer http.HandlerFunc
		want   string
	}{
		"a wrong key": {func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(403)
			io.WriteString(w, `{"message": "no such key: `+serperKey+`"}`)
		}, "Serper refuses the key (403 Forbidden: no such key: [secret]): check SERPER_API_KEY"},
		"no credit left": {func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(400)
			io.WriteString(w, `{"message": "Not enough credits", "statusCode": 400}`)
		}, "Serper answered 400 Bad Request: Not enough credits"},
		"another page":       {sends("text/html", "<html>Sign in"), "Serper's answer cannot be read (invalid character '<' looking for beginning of value): check SERPER_BASE_URL"},
		"another API":        {sends("application/json", `{"data": []}`), "Serper's answer cannot be read (it has neither organic nor searchParameters): check SERPER_BASE_URL"},
		"nothing at all":     {sends("application/json", ""), "Serper's answer cannot be read (unexpected end of JSON input): check SERPER_BASE_URL"},
		"not what was asked": {sends("application/json", `[1]`), `Serper's answer cannot be read (a JSON array stands where it should not, ""): check SERPER_BASE_URL`},
	} {
		t.Run(name, func(t *testing.T) {
			answer, n := inTurn(test.answer)
			tool, _ := serper(t, answer)
			require.Equal(t, test.want, fails(t, tool, `{"query": "x"}`, gateway.Unavailable))
			require.EqualValues(t, 1, n.Load())
		})
	}
}

func TestTheKeyFollowsNoRedirect(t *testing.T) {
	elsewhere := serve(t, func(_ http.ResponseWriter, r *http.Request) { t.Errorf("%v was sent %v", r.URL, r.Header) })
	tool, _ := serper(t, http.RedirectHandler(elsewhere.URL, http.StatusTemporaryRedirect).ServeHTTP)
	require.Contains(t, fails(t, tool, `{"query": "x"}`, gateway.Unavailable), "(307 Temporary Redirect): check SERPER_BASE_URL")
}

func TestACallThatNobodyWaitsForEnds(t *testing.T) {
	tool, _ := serper(t, hangs)
	ctx, cancel := contextFor(t, 50*time.Millisecond)
	defer cancel()
	_, err := tool.Call(ctx, gateway.ToolRequest{Body: json.RawMessage(`{"query": "x"}`)})
	require.ErrorIs(t, err, ctx.Err())
}

// A result is cut behind the beginning of the key, so that what is left would no longer be known as it.
func TestTheKeyIsNotFoundInResults(t *testing.T) {
	tool, _ := serper(t, sends("application/json", `{"organic": [{"title": "`+serperKey+`", "link": "http://x/", "snippet": "`+strings.Repeat(".", 1990)+serperKey+`"}]}`))
	reply, err := json.Marshal(call(t, tool, `{"query": "x"}`))
	require.NoError(t, err)
	require.Contains(t, string(reply), `"title":"[secret]"`)
	require.NotContains(t, string(reply), serperKey[:8])
}
