package llm_test

import (
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"agentfactory/internal/llm"
)

func TestErrorsAreClassified(t *testing.T) {
	tests := map[string]struct {
		status    int
		body      string
		kind      llm.Kind
		retryable bool
		message   string
	}{
		"wrong key":                       {401, `{"error":{"message":"Incorrect API key","type":"invalid_request_error","code":"invalid_api_key"}}`, llm.KindAuth, false, "check OPENAI_API_KEY"},
		"no permission":                   {403, `{"error":{"message":"not yours"}}`, llm.KindAuth, false, "not yours"},
		"no such model":                   {404, `{"error":{"message":"The model gpt-6 does not exist","code":"model_not_found"}}`, llm.KindNotFound, false, "check the model's name"},
		"not an API":                      {404, "404 page not found\n", llm.KindNotFound, false, "404 page not found"},
		"a bad request":                   {400, `{"error":{"message":"too hot","param":"temperature"}}`, llm.KindInvalidRequest, false, "too hot (parameter temperature)"},
		"a request FastAPI refuses":       {422, `{"detail":[{"loc":["body","messages"],"msg":"field required"}]}`, llm.KindInvalidRequest, false, "field required"},
		"too long, by code":               {400, `{"error":{"message":"maximum context length","code":"context_length_exceeded"}}`, llm.KindContextLength, false, "maximum context length"},
		"too long, by type (llama.cpp)":   {400, `{"error":{"code":400,"message":"exceeds","type":"exceed_context_size_error"}}`, llm.KindContextLength, false, "exceeds"},
		"too long, by status":             {413, ``, llm.KindContextLength, false, "gave no reason"},
		"too fast":                        {429, `{"error":{"message":"slow down","code":"rate_limit_exceeded"}}`, llm.KindRateLimited, true, "slow down"},
		"out of credit":                   {429, `{"error":{"message":"You exceeded your current quota","code":"insufficient_quota"}}`, llm.KindQuota, false, "out of credit"},
		"payment required":                {402, `{"error":{"message":"Insufficient Balance"}}`, llm.KindQuota, false, "Insufficient Balance"},
		"overloaded":                      {529, `{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}`, llm.KindOverloaded, true, "Overloaded"},
		"unavailable":                     {503, `<html><body>Service Unavailable</body></html>`, llm.KindOverloaded, true, "Service Unavailable"},
		"an internal error":               {500, `{"error":"something went wrong"}`, llm.KindServer, true, "something went wrong"},
		"a gateway's timeout":             {504, ``, llm.KindServer, true, "gave no reason"},
		"a request timeout":               {408, ``, llm.KindServer, true, ""},
		"a redirect to nowhere":           {307, ``, llm.KindInvalidRequest, false, ""},
		"an old vLLM's bare error":        {400, `{"object":"error","message":"bad","type":"BadRequestError","code":40001}`, llm.KindInvalidRequest, false, ": bad"},
		"an error in the stream, by code": {200, "data: {\"error\":{\"message\":\"upstream\",\"code\":502}}\n\n", llm.KindServer, true, "upstream"},
		"an error in the stream, by type": {200, "data: {\"error\":{\"message\":\"busy\",\"type\":\"overloaded_error\"}}\n\n", llm.KindOverloaded, true, "busy"},
		"a rate limit in the stream":      {200, "data: {\"error\":{\"message\":\"slow\",\"code\":\"rate_limit_exceeded\"}}\n\n", llm.KindRateLimited, true, "slow"},
		"a bare error in the stream":      {200, "data: {\"object\":\"error\",\"message\":\"died\",\"code\":500}\n\n", llm.KindServer, true, "died"},
		"an unexplained error":            {200, "data: {\"error\":{}}\n\n", llm.KindServer, true, ""},
		"a document without choices":      {200, `{"choices":[]}`, llm.KindMalformed, true, "no choices"},
		"a document that is cut":          {200, `{"choices":[{"message":`, llm.KindMalformed, true, "not JSON"},
		"an empty body":                   {200, ``, llm.KindCutStream, true, "broke off"},
		"a web page":                      {200, `<!DOCTYPE html>`, llm.KindMalformed, true, "ends with the API's path"},
		"a stream without an end":         {200, "data: {\"choices\":[{\"delta\":{\"content\":\"Hi\"}}]}\n\n", llm.KindCutStream, true, "broke off"},
		"a piece without an end":          {200, "data: {\"choices\":[{\"del", llm.KindCutStream, true, "broke off"},
		"a line without an end":           {200, "data: " + strings.Repeat("x", 33<<20), llm.KindTooLarge, false, "32 MiB"},
		"a document without an end":       {200, `{"a":"` + strings.Repeat("x", 65<<20), llm.KindTooLarge, false, "64 MiB"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := complete(t, document(test.status, test.body))
			var failure *llm.Error
			require.ErrorAs(t, err, &failure)
			require.Equal(t, test.kind, failure.Kind, failure)
			require.Equal(t, test.retryable, failure.Retryable())
			require.Contains(t, failure.Error(), test.message)
			require.NotContains(t, failure.Error(), "\n")
			require.Less(t, len(failure.Error()), 800)
		})
	}
}

func TestAnErrorPageWithoutEndIsNotReadToItsEnd(t *testing.T) {
	_, err := complete(t, func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(500)
		for r.Context().Err() == nil {
			if _, err := io.WriteString(w, strings.Repeat("error ", 1000)); err != nil {
				return
			}
		}
	})
	var failure *llm.Error
	require.ErrorAs(t, err, &failure)
	require.Equal(t, llm.KindServer, failure.Kind)
}

func TestRetryAfterIsRead(t *testing.T) {
	for name, test := range map[string]struct {
		header map[string]string
		min    time.Duration
		max    time.Duration
	}{
		"seconds":                  {map[string]string{"Retry-After": "7"}, 7 * time.Second, 7 * time.Second},
		"fractions":                {map[string]string{"Retry-After": "0.5"}, 500 * time.Millisecond, 500 * time.Millisecond},
		"milliseconds first":       {map[string]string{"Retry-After-Ms": "120", "Retry-After": "1"}, 120 * time.Millisecond, 120 * time.Millisecond},
		"a date":                   {map[string]string{"Retry-After": time.Now().Add(time.Hour).UTC().Format(http.TimeFormat)}, 55 * time.Minute, time.Hour},
		"a date in the past":       {map[string]string{"Retry-After": "Mon, 02 Jan 2006 15:04:05 GMT"}, 0, 0},
		"nonsense":                 {map[string]string{"Retry-After": "soon", "Retry-After-Ms": "x"}, 0, 0},
		"negative":                 {map[string]string{"Retry-After": "-3"}, 0, 0},
		"longer than anyone waits": {map[string]string{"Retry-After": "1e300"}, 24 * time.Hour, 24 * time.Hour},
		"nothing":                  {nil, 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := complete(t, func(w http.ResponseWriter, _ *http.Request) {
				for key, value := range test.header {
					w.Header().Set(key, value)
				}
				w.WriteHeader(429)
			})
			var failure *llm.Error
			require.ErrorAs(t, err, &failure)
			require.GreaterOrEqual(t, failure.RetryAfter, test.min)
			require.LessOrEqual(t, failure.RetryAfter, test.max)
		})
	}
}

func TestAServerThatIsNotThereIsUnreachable(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, listener.Close())
	for name, url := range map[string]string{
		"nobody listens": fmt.Sprintf("http://%s/v1", listener.Addr()),
		"no such host":   "http://model.invalid/v1",
		"TLS to no TLS":  "https://" + strings.TrimPrefix(serve(t, document(200, "")).URL, "http://"),
		"closed at once": closedAtOnce(t),
	} {
		t.Run(name, func(t *testing.T) {
			_, err := newClient(t, url, llm.Options{}).Complete(t.Context(), ask("Hi"), nil)
			var failure *llm.Error
			require.ErrorAs(t, err, &failure)
			require.Equal(t, llm.KindUnreachable, failure.Kind)
			require.True(t, failure.Retryable())
			require.Contains(t, failure.Error(), url)
			require.Contains(t, failure.Error(), "check OPENAI_BASE_URL")
			require.Equal(t, 1, strings.Count(failure.Error(), url), "the address is named once")
		})
	}
}

// closedAtOnce is a server that takes the connection and hangs up.
func closedAtOnce(t *testing.T) string {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { listener.Close() })
	go func() {
		for {
			connection, err := listener.Accept()
			if err != nil {
				return
			}
			connection.Close()
		}
	}()
	return fmt.Sprintf("http://%s/v1", listener.Addr())
}

func TestSilenceIsAStall(t *testing.T) {
	silent := func(before string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			io.WriteString(w, before)
			w.(http.Flusher).Flush()
			<-r.Context().Done()
		}
	}
	for name, handler := range map[string]http.HandlerFunc{
		"before the headers": func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() },
		"before a piece":     silent(""),
		"after a piece":      silent("data: {\"choices\":[{\"delta\":{\"content\":\"Hi\"}}]}\n\n"),
	} {
		t.Run(name, func(t *testing.T) {
			client := newClient(t, serve(t, handler).URL, llm.Options{FirstTokenTimeout: 100 * time.Millisecond, ChunkTimeout: 100 * time.Millisecond})
			_, err := client.Complete(t.Context(), ask("Hi"), nil)
			var failure *llm.Error
			require.ErrorAs(t, err, &failure)
			require.Equal(t, llm.KindStalled, failure.Kind)
			require.Contains(t, failure.Error(), "sent nothing for 100ms")
		})
	}
}

// A reply is masked as a whole, since a stream brings the key in pieces; an error before it is cut. A word that stands in for
// a key, where a server asks for none, is left alone.
func TestAServerThatRepeatsTheKeyIsNotBelieved(t *testing.T) {
	const key = "key-0123456789-secret"
	header := base64.StdEncoding.EncodeToString([]byte("Bearer " + key))
	streamed := `data: {"choices":[{"delta":{"content":"your key-0123"}}]}` + "\n\n" +
		`data: {"choices":[{"delta":{"content":"456789-secret, ollama, ` + header + `","tool_calls":[{"index":0,"id":"` + key + `","function":{"name":"f","arguments":"{\"a\": \"key-01234"}}]}}]}` + "\n\n" +
		`data: {"choices":[{"delta":{"tool_calls":[{"index":0,"function":{"arguments":"56789-secret\"}"}}]},"finish_reason":"tool_calls"}]}` + "\n\ndata: [DONE]\n\n"
	whole := `{"choices":[{"message":{"content":"your ` + key + `, ollama, ` + header + `","tool_calls":[{"id":"` + key + `","function":{"name":"f","arguments":"{\"a\": \"` + key + `\"}"}}]}}]}`
	for name, handler := range map[string]http.HandlerFunc{
		"a stream":   func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, streamed) },
		"a document": document(200, whole),
	} {
		t.Run(name, func(t *testing.T) {
			said, err := completeWith(t, key, handler)
			require.NoError(t, err)
			require.Regexp(t, `^your \[secret\], ollama, .{0,12}\[secret\].{0,4}$`, said.Message.Content)
			require.Equal(t, []llm.ToolCall{{ID: "[secret]", Name: "f", Arguments: `{"a": "[secret]"}`}}, said.Message.ToolCalls)
			said, err = completeWith(t, "ollama", handler)
			require.NoError(t, err)
			require.Contains(t, said.Message.Content, "ollama")
		})
	}
	tooLong := `{"error": {"message": "` + strings.Repeat(".", 490) + key + `"}}`
	for name, handler := range map[string]http.HandlerFunc{
		"a status":             document(400, tooLong),
		"an error in a stream": func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "data: "+tooLong+"\n\n") },
	} {
		t.Run(name, func(t *testing.T) {
			_, err := completeWith(t, key, handler)
			require.ErrorContains(t, err, ".[secret]")
			require.NotContains(t, err.Error(), key[:8])
		})
	}
}

func completeWith(t *testing.T, key string, handler http.HandlerFunc) (llm.Response, error) {
	t.Helper()
	client, err := llm.New(llm.Endpoint{BaseURL: serve(t, handler).URL, APIKey: key}, llm.Options{})
	require.NoError(t, err)
	return client.Complete(t.Context(), ask("Hi"), nil)
}

func TestKeysNeverAppear(t *testing.T) {
	const key = "key-0123456789-secret"
	echo := func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(401)
		fmt.Fprintf(w, `{"error":{"message":"Wrong %s, did you mean sk-proj-abc****wxyz?"}}`, r.Header.Get("Authorization"))
	}
	endpoint := llm.Endpoint{BaseURL: strings.Replace(serve(t, echo).URL, "http://", "http://user:password@", 1) + "?token=hidden", APIKey: key}
	client, err := llm.New(endpoint, llm.Options{})
	require.NoError(t, err)
	_, err = client.Complete(t.Context(), ask("Hi"), nil)
	require.ErrorContains(t, err, "Wrong Bearer [secret]")
	for _, shown := range []string{err.Error(), fmt.Sprintf("%v %+v %#v %s", endpoint, endpoint, endpoint, endpoint), endpoint.LogValue().String()} {
		for _, secret := range []string{key, "password", "hidden", "wxyz"} {
			require.NotContains(t, shown, secret)
		}
	}
}
