package scripted_test

import (
	"bytes"
	"encoding/json"
	"io"
	"mime/multipart"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"
	"github.com/stretchr/testify/require"

	"agentfactory/internal/llm"
	"agentfactory/internal/llm/scripted"
)

// post sends a raw body and returns the status and the answer.
func post(t *testing.T, url, kind, body string) (int, string) {
	t.Helper()
	response, err := http.Post(url, kind, strings.NewReader(body))
	require.NoError(t, err)
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	return response.StatusCode, string(answer)
}

func serveScript(t *testing.T, source string, options scripted.Options) (*scripted.Server, string) {
	t.Helper()
	server, err := scripted.NewServer(parse(t, source), options)
	require.NoError(t, err)
	running, err := scripted.Start("127.0.0.1:0", server)
	require.NoError(t, err)
	t.Cleanup(func() { running.Close() })
	return server, running.URL
}

func TestRequestsThatARealServerWouldRefuseAreRefused(t *testing.T) {
	_, url := serveScript(t, "{models: [scripted-a], context_window: 50, conversations: [{when: {user: Hello}, turns: [{text: Hi}]}]}", scripted.Options{})
	const (
		asks = `{"role":"user","content":"Hello"}`
		call = `{"role":"assistant","tool_calls":[{"id":"c1","type":"function","function":{"name":"f","arguments":"{}"}}]}`
	)
	tests := map[string]struct {
		body, message string
		status        int
	}{
		"no JSON":                    {`{`, "not a chat completion request", 400},
		"no model":                   {`{"messages":[` + asks + `]}`, "model parameter", 400},
		"an unknown model":           {`{"model":"gpt-5","messages":[` + asks + `]}`, "scripted-a", 404},
		"no messages":                {`{"model":"scripted-a","messages":[]}`, "must not be empty", 400},
		"an unknown role":            {`{"model":"scripted-a","messages":[{"role":"robot","content":"x"}]}`, "unknown role", 400},
		"content of a wrong type":    {`{"model":"scripted-a","messages":[{"role":"user","content":7}]}`, "content must be", 400},
		"a call without an answer":   {`{"model":"scripted-a","messages":[` + asks + `,` + call + `]}`, "unanswered: c1", 400},
		"a call answered too late":   {`{"model":"scripted-a","messages":[` + asks + `,` + call + `,` + asks + `]}`, "unanswered: c1", 400},
		"an answer without a call":   {`{"model":"scripted-a","messages":[` + asks + `,{"role":"tool","tool_call_id":"c2","content":"x"}]}`, "answers no tool call", 400},
		"a call without an ID":       {`{"model":"scripted-a","messages":[{"role":"assistant","tool_calls":[{"type":"function","function":{"name":"f"}}]}]}`, "needs an id", 400},
		"an assistant's silence":     {`{"model":"scripted-a","messages":[{"role":"assistant"}]}`, "needs content", 400},
		"an empty list of tools":     {`{"model":"scripted-a","messages":[` + asks + `],"tools":[]}`, "must not be an empty list", 400},
		"the same tool twice":        {`{"model":"scripted-a","messages":[` + asks + `],"tools":[{"type":"function","function":{"name":"f"}},{"type":"function","function":{"name":"f"}}]}`, "of its own", 400},
		"more than the window":       {`{"model":"scripted-a","messages":[{"role":"user","content":"` + strings.Repeat("Hello ", 100) + `"}]}`, "maximum context length", 400},
		"nothing the script knows":   {`{"model":"scripted-a","messages":[{"role":"user","content":"Goodbye"}]}`, `first user message \"Goodbye\"`, 404},
		"more replies than scripted": {`{"model":"scripted-a","messages":[` + asks + `,{"role":"assistant","content":"Hi"},` + asks + `]}`, "reply 2 is asked for", 404},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			status, answer := post(t, url+"/chat/completions", "application/json", test.body)
			require.Equal(t, test.status, status, answer)
			require.Contains(t, answer, test.message)
			require.True(t, json.Valid([]byte(answer)))
		})
	}
	status, answer := post(t, url+"/nothing", "application/json", "{}")
	require.Equal(t, 404, status)
	require.Contains(t, answer, "/v1/nothing")
}

func TestTheKeyIsAskedForAndNotLogged(t *testing.T) {
	file := filepath.Join(t.TempDir(), "log.jsonl")
	_, url := serveScript(t, "conversations: [{turns: [{text: Hi}]}]", scripted.Options{APIKey: "right-key", LogFile: file})
	for key, kind := range map[string]llm.Kind{"right-key": "", "wrong-key": llm.KindAuth} {
		client, err := llm.New(llm.Endpoint{BaseURL: url, APIKey: key}, llm.Options{})
		require.NoError(t, err)
		_, err = client.Models(t.Context())
		if kind == "" {
			require.NoError(t, err)
			continue
		}
		var failure *llm.Error
		require.ErrorAs(t, err, &failure)
		require.Equal(t, kind, failure.Kind)
	}
	written, err := os.ReadFile(file)
	require.NoError(t, err)
	require.NotContains(t, string(written), "-key")
}

func TestTheLogFileOutlivesTheServer(t *testing.T) {
	file := filepath.Join(t.TempDir(), "log.jsonl")
	for range 2 {
		server, client := start(t, parse(t, "conversations: [{name: greeting, turns: [{text: Hi}]}]"), scripted.Options{LogFile: file})
		_, err := client.Complete(t.Context(), llm.Request{Model: "m", Messages: []llm.Message{user("Hello")}}, nil)
		require.NoError(t, err)
		require.Len(t, server.Log(), 1)
	}
	written, err := os.ReadFile(file)
	require.NoError(t, err)
	lines := strings.Split(strings.TrimSpace(string(written)), "\n")
	require.Len(t, lines, 2)
	var first, second scripted.Entry
	require.NoError(t, json.Unmarshal([]byte(lines[0]), &first))
	require.NoError(t, json.Unmarshal([]byte(lines[1]), &second))
	require.Equal(t, first.Digest, second.Digest, "a repeated call shows as the same digest")
	require.Equal(t, "greeting", second.Conversation)
	require.Equal(t, 1, second.Turn)
}

func TestAServerWhoseLogCannotBeOpenedDoesNotStart(t *testing.T) {
	_, err := scripted.NewServer(parse(t, "conversations: [{turns: [{text: Hi}]}]"), scripted.Options{LogFile: t.TempDir()})
	require.ErrorContains(t, err, "open request log")
}

func TestConcurrentConversationsDoNotMix(t *testing.T) {
	script := parse(t, `conversations: [{when: {user: '/number (\d+)/'}, turns: [{text: 'You said {{.Match 1}}.', repeat: 3, chunk_delay: 1ms}]}]`)
	server, client := start(t, script, scripted.Options{})
	var all sync.WaitGroup
	for n := range 32 {
		all.Go(func() {
			number := strings.Repeat("7", n+1)
			request := llm.Request{Model: "m", Messages: []llm.Message{user("My number " + number)}}
			for range 3 {
				response, err := client.Complete(t.Context(), request, nil)
				if err != nil || response.Message.Content != "You said "+number+"." {
					t.Errorf("number %s: %q, %v", number, response.Message.Content, err)
					return
				}
				request.Messages = append(request.Messages, response.Message, user("Again."))
			}
		})
	}
	all.Wait()
	require.Len(t, server.Log(), 96)
}

func TestTheOfficialClientIsServed(t *testing.T) {
	_, url := serveScript(t, "{models: [scripted-a], conversations: [{turns: [{text: Hi there, calls: [{name: f, arguments: {x: 1}}]}]}]}", scripted.Options{})
	client := openai.NewClient(option.WithBaseURL(url), option.WithAPIKey("k"))
	params := openai.ChatCompletionNewParams{Model: "scripted-a", Messages: []openai.ChatCompletionMessageParamUnion{openai.UserMessage("Hello")}}

	completion, err := client.Chat.Completions.New(t.Context(), params)
	require.NoError(t, err)
	require.Equal(t, "Hi there", completion.Choices[0].Message.Content)
	require.Equal(t, `{"x":1}`, completion.Choices[0].Message.ToolCalls[0].Function.Arguments)
	require.Positive(t, completion.Usage.PromptTokens)

	stream := client.Chat.Completions.NewStreaming(t.Context(), params)
	var whole openai.ChatCompletionAccumulator
	for stream.Next() {
		whole.AddChunk(stream.Current())
	}
	require.NoError(t, stream.Err())
	require.Equal(t, completion.Choices[0].Message.Content, whole.Choices[0].Message.Content)
	require.Equal(t, completion.Choices[0].Message.ToolCalls[0].ID, whole.Choices[0].Message.ToolCalls[0].ID)

	models, err := client.Models.List(t.Context())
	require.NoError(t, err)
	require.Equal(t, "scripted-a", models.Data[0].ID)
}

func TestEmbeddingsAreCloseForSimilarTexts(t *testing.T) {
	_, url := serveScript(t, "{}", scripted.Options{})
	client := openai.NewClient(option.WithBaseURL(url), option.WithAPIKey("k"))
	texts := []string{"count the words of a file", "count all words of the file", "translate German poems", ""}
	reply, err := client.Embeddings.New(t.Context(), openai.EmbeddingNewParams{
		Model: "scripted-embedding", Input: openai.EmbeddingNewParamsInputUnion{OfArrayOfStrings: texts}, Dimensions: openai.Int(128),
	})
	require.NoError(t, err)
	require.Len(t, reply.Data, 4)
	for _, embedding := range reply.Data {
		require.Len(t, embedding.Embedding, 128)
		require.InDelta(t, 1, dot(embedding.Embedding, embedding.Embedding), 1e-5)
	}
	require.Greater(t, dot(reply.Data[0].Embedding, reply.Data[1].Embedding), dot(reply.Data[0].Embedding, reply.Data[2].Embedding)+0.3)

	for body, message := range map[string]string{
		`{"model":"m","input":7}`:                   "input must be",
		`{"model":"m","input":"x","dimensions":-1}`: "dimensions must be",
		`{`: "not an embeddings request",
	} {
		status, answer := post(t, url+"/embeddings", "application/json", body)
		require.Equal(t, 400, status)
		require.Contains(t, answer, message)
	}
	_, answer := post(t, url+"/embeddings", "application/json", `{"model":"m","input":"x","dimensions":1,"encoding_format":"base64"}`)
	require.Contains(t, answer, `"embedding":"AACAP`[:13])
}

func dot(a, b []float64) float64 {
	sum := 0.0
	for i := range a {
		sum += a[i] * b[i]
	}
	return sum
}

func TestTranscriptionsFollowTheFilesName(t *testing.T) {
	_, url := serveScript(t, "transcriptions: [{file: meeting, text: Good morning.}]", scripted.Options{})
	for name, want := range map[string]string{"meeting.mp3": "Good morning.", "noise.wav": "Transcript of noise.wav, 5 bytes"} {
		for _, format := range []string{"", "json", "verbose_json", "text"} {
			kind, body := upload(t, name, format)
			status, answer := post(t, url+"/audio/transcriptions", kind, body)
			require.Equal(t, 200, status, answer)
			require.Contains(t, answer, want)
		}
	}
	status, answer := post(t, url+"/audio/transcriptions", "application/json", "{}")
	require.Equal(t, 400, status)
	require.Contains(t, answer, "not a transcription request")
	kind, body := upload(t, "x.wav", "srt")
	status, answer = post(t, url+"/audio/transcriptions", kind, body)
	require.Equal(t, 400, status)
	require.Contains(t, answer, "srt")
}

func upload(t *testing.T, name, format string) (contentType, body string) {
	t.Helper()
	var out bytes.Buffer
	form := multipart.NewWriter(&out)
	file, err := form.CreateFormFile("file", name)
	require.NoError(t, err)
	_, err = file.Write([]byte("audio"))
	require.NoError(t, err)
	require.NoError(t, form.WriteField("model", "scripted-whisper"))
	require.NoError(t, form.WriteField("response_format", format))
	require.NoError(t, form.Close())
	return form.FormDataContentType(), out.String()
}

func TestTheDigestNamesWhatIsAskedAndNotHow(t *testing.T) {
	const asked = `{"model":"m","messages":[{"role":"user","content":"Hi"},{"role":"assistant","tool_calls":[{"id":"1","type":"function","function":{"name":"f","arguments":"{\"a\":1,\"b\":2}"}}]}],"max_completion_tokens":5,"stream":true,"stream_options":{"include_usage":true}}`
	base, err := scripted.Digest([]byte(asked))
	require.NoError(t, err)
	same := map[string]string{
		"without streaming":        strings.Replace(asked, `,"stream":true,"stream_options":{"include_usage":true}`, "", 1),
		"old name of the limit":    strings.Replace(asked, "max_completion_tokens", "max_tokens", 1),
		"other spaces":             strings.Replace(asked, `"messages":[`, "\n \"messages\" : [ ", 1),
		"other order of arguments": strings.Replace(asked, `{\"a\":1,\"b\":2}`, `{\"b\": 2, \"a\": 1}`, 1),
	}
	for name, body := range same {
		digest, err := scripted.Digest([]byte(body))
		require.NoError(t, err)
		require.Equal(t, base, digest, name)
	}
	for _, change := range [][2]string{{"Hi", "Ho"}, {`"m"`, `"n"`}, {":5", ":6"}, {`\"a\":1`, `\"a\":3`}} {
		digest, err := scripted.Digest([]byte(strings.Replace(asked, change[0], change[1], 1)))
		require.NoError(t, err)
		require.NotEqual(t, base, digest, change[1])
	}
	_, err = scripted.Digest([]byte("nonsense"))
	require.ErrorContains(t, err, "digest request")
}
