package standalone_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"agentfactory/internal/embedded/s3server/s3test"
	"agentfactory/internal/gateway"
	"agentfactory/internal/llm"
	"agentfactory/internal/pyruntime"
	"agentfactory/internal/web"
)

// pixel is a PNG of one pixel.
const pixel = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAQAAAC1HAwCAAAAC0lEQVR42mNk+A8AAQUBAScY42YAAAAASUVORK5CYII="

// services are local servers that speak the documented APIs of those that tools and models are.
type services struct{ search, reader, model *service }

func newServices(t *testing.T) services {
	return services{
		search: serve(t, func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("X-API-KEY") != serperKey {
				status(403, `{"message": "Unauthorized.", "statusCode": 403}`)(w, r)
				return
			}
			body, _ := io.ReadAll(r.Body)
			sends("application/json", searchAnswer(string(body)))(w, r)
		}),
		reader: serve(t, func(w http.ResponseWriter, r *http.Request) {
			sends("application/json", `{"code": 200, "data": {"title": " A\n page ", "url": "https://example.org/final", "content": " `+strings.Repeat("Ä text ", 40000)+`", "warning": "may need\na login"}}`)(w, r)
		}),
		model: serve(t, answerModel),
	}
}

func searchAnswer(asked string) string {
	switch {
	case strings.Contains(asked, "nothing"):
		return `{"searchParameters": {"q": "nothing"}, "organic": []}`
	case strings.Contains(asked, "garbage"):
		return `{"results": []}`
	case strings.Contains(asked, "wrong"):
		return `{"organic": [{"title": 3, "link": "https://example.org"}]}`
	}
	results := []string{}
	for i := range 12 {
		results = append(results, fmt.Sprintf(`{"title": "K2 %s", "link": "https://example.org/%d", "snippet": "%s", "position": %d}`, strings.Repeat("é", 300*i), i, strings.Repeat("x", 250*i), i))
	}
	return `{"searchParameters": {"q": "K2"}, "answerBox": {"answer": "8611 m", "link": "https://example.org/k2"}, "organic": [{"title": "no link"}, {"title": "A", "link": "https://example.org/a", "snippet": "<b>", "date": "3 days ago"}, ` +
		strings.Join(results, ", ") + `]}`
}

// answerModel is an OpenAI-compatible server that answers streamed and whole; models called "old…" know max_tokens alone.
func answerModel(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/v1/audio/transcriptions" {
		sends("application/json", `{"text": "hello there", "usage": {"type": "tokens", "input_tokens": 10, "output_tokens": 3}}`)(w, r)
		return
	}
	var asked struct {
		Model    string
		Stream   bool
		Limit    *int `json:"max_completion_tokens"`
		Messages []struct {
			Role    string
			Content json.RawMessage
		}
	}
	body, _ := io.ReadAll(r.Body)
	if err := json.Unmarshal(body, &asked); err != nil {
		status(400, `{"error": {"message": "no JSON"}}`)(w, r)
		return
	}
	last := string(asked.Messages[len(asked.Messages)-1].Content)
	switch {
	case strings.HasPrefix(asked.Model, "old") && asked.Limit != nil:
		status(400, `{"error": {"message": "Unsupported parameter: 'max_completion_tokens'.", "type": "invalid_request_error"}}`)(w, r)
	case strings.Contains(last, "refuse the key"):
		status(401, `{"error": {"message": "Incorrect API key provided: sk-openai****6789.", "type": "invalid_request_error", "code": "invalid_api_key"}}`)(w, r)
	case strings.Contains(last, "too long"):
		status(400, `{"error": {"message": "This model's maximum context length is 8 tokens.", "code": "context_length_exceeded"}}`)(w, r)
	case strings.Contains(last, "no credit"):
		status(429, `{"error": {"message": "You exceeded your current quota.", "type": "insufficient_quota", "code": "insufficient_quota"}}`)(w, r)
	case strings.Contains(last, "no such model"):
		status(404, `{"error": {"message": "The model does not exist.", "code": "model_not_found"}}`)(w, r)
	case strings.Contains(last, "decline"):
		reply(w, asked.Stream, `"content": null, "refusal": "I can't help with that."`)
	default:
		reply(w, asked.Stream, fmt.Sprintf(`"content": "%d messages, the last of %s: ä"`, len(asked.Messages), asked.Messages[len(asked.Messages)-1].Role))
	}
}

func reply(w http.ResponseWriter, streamed bool, message string) {
	if !streamed {
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, `{"id": "1", "object": "chat.completion", "model": "m", "choices": [{"index": 0, "message": {"role": "assistant", %s}, "finish_reason": "stop"}], "usage": {"prompt_tokens": 1, "completion_tokens": 1}}`, message)
		return
	}
	w.Header().Set("Content-Type", "text/event-stream")
	fmt.Fprintf(w, "data: {\"id\": \"1\", \"model\": \"m\", \"choices\": [{\"index\": 0, \"delta\": {\"role\": \"assistant\", %s}}]}\n\n", message)
	fmt.Fprint(w, "data: {\"id\": \"1\", \"choices\": [{\"index\": 0, \"delta\": {}, \"finish_reason\": \"stop\"}]}\n\ndata: [DONE]\n\n")
}

// factory is a directory with the modules of the factory, and the variables by which they reach a gateway whose tools
// and model are those services.
func factory(t *testing.T, s services, modelName string) (dir string, env []string) {
	t.Helper()
	dir = t.TempDir()
	for _, name := range []string{"tools.py", "llm.py", "_gateway.py", "_command.py", "_media.py"} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), pyruntime.Module(name), 0o644))
	}
	client, err := llm.New(llm.Endpoint{BaseURL: s.model.URL + "/v1", APIKey: openaiKey}, llm.Options{})
	require.NoError(t, err)
	session, err := gateway.New(gateway.Config{
		Granted: allTools, MaxTokens: -1, MaxCostUSD: -1, Journal: gateway.NewJournal(s3test.Bucket(t), "runs/w/r/journal/000001"),
		Tools: map[string]gateway.Tool{
			"web_search":  web.NewSearch(web.SearchConfig{BaseURL: s.search.URL, APIKey: serperKey}),
			"web_reading": web.NewReading(web.ReadingConfig{BaseURL: s.reader.URL, APIKey: jinaKey}),
		},
		LLM: completion(client, modelName), Transcribe: transcription(client),
	})
	require.NoError(t, err)
	socket := filepath.Join(t.TempDir(), "s")
	listener, err := net.Listen("unix", socket)
	require.NoError(t, err)
	server := &http.Server{Handler: authorised{session}}
	go server.Serve(listener)
	t.Cleanup(func() { server.Close() })
	return dir, []string{"AGENTFACTORY_GATEWAY=unix:" + socket}
}

// authorised adds the token that the harness of a run would have handed to the modules.
type authorised struct{ session *gateway.Session }

func (a authorised) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	r.Header.Set("Authorization", "Bearer "+a.session.Token())
	a.session.ServeHTTP(w, r)
}

func completion(client *llm.Client, model string) gateway.LLM {
	return func(ctx context.Context, r gateway.LLMRequest) (gateway.LLMReply, error) {
		messages := []llm.Message{}
		if r.System != "" {
			messages = append(messages, llm.Message{Role: "system", Content: r.System})
		}
		for _, m := range r.Messages {
			message := llm.Message{Role: m.Role, Content: m.Content}
			for _, p := range m.Parts {
				message.Parts = append(message.Parts, llm.Part{Text: p.Text, MediaType: p.MediaType, Data: p.Data})
			}
			messages = append(messages, message)
		}
		said, err := client.Complete(ctx, llm.Request{Model: model, Messages: messages, MaxOutputTokens: r.MaxTokens}, nil)
		if said.Message.Content == "" {
			said.Message.Content = said.Message.Refusal
		}
		return gateway.LLMReply{Text: said.Message.Content}, err
	}
}

func transcription(client *llm.Client) gateway.Transcribe {
	return func(ctx context.Context, r gateway.TranscribeRequest) (gateway.TranscribeReply, error) {
		heard, err := client.Transcribe(ctx, "some-audio-model", llm.Audio{Name: r.Name, Language: r.Language, Data: r.Audio})
		return gateway.TranscribeReply{Text: heard.Text}, err
	}
}

// same are calls that give the same in the factory and in an export, to the letter. The services are asked the same, too.
var same = []string{
	`web_search("height of K2")`,
	`web_search("K2", num=3, page=2, country="DE", language="pt-br")`,
	`web_search("K2", num=20, page=None, country=None, language=None)`,
	`web_search("nothing")`,
	`web_search("garbage")`,
	`web_search("")`,
	`web_search("x" * 2001)`,
	`web_search("K2", num=21)`,
	`web_search("K2", page=101)`,
	`web_search("K2", country="Germany")`,
	`web_search("K2", language="english!")`,
	`tools.search_serper("height of K2")`,
	`tools.search_serper("")`,
	`web_reading("https://example.org/a?b=c#d")`,
	`web_reading("https://example.org/a", max_chars=5)`,
	`web_reading("https://example.org/a", max_chars=0)`,
	`web_reading("ftp://example.org/a")`,
	`web_reading("https://ann:secret@example.org/")`,
	`web_reading("https:///a")`,
	`web_reading("example.org")`,
	`tools.read_url_jina("https://example.org/a")`,
	`call_llm("Be brief.", "Hello")`,
	`call_llm("", [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}, {"role": "user", "content": "ü"}], max_tokens=50)`,
	`call_llm("system alone", [])`,
	`call_llm(None, [{"role": "user", "content": None}])`,
	`call_llm("s", [{"role": "user", "content": [{"type": "text", "text": "What?"}, {"type": "image", "path": "pixel.png"}]}])`,
	`call_llm("s", "please decline")`,
	`call_llm("s", "refuse the key")`,
	`call_llm("s", "no such model")`,
	`call_llm("s", "no credit")`,
	`call_llm("", [])`,
	`call_llm("s", "x", max_tokens=0)`,
	`call_llm("s", [{"role": "tool", "content": "x"}])`,
	`call_llm("s", [{"role": "user", "content": 3}])`,
	`call_llm("s", [{"role": "user", "content": []}])`,
	`call_llm("", [{"role": "user", "content": "a"}, {"role": "assistant", "content": [{"type": "text", "text": "b"}, {"type": "text", "text": "c"}]}, {"role": "user", "content": "d"}])`,
	`call_llm("s", [{"role": "assistant", "content": [{"type": "image", "path": "pixel.png"}]}])`,
	`call_llm("s", [{"role": "user", "content": [{"type": "image", "path": "talk.mp3"}]}])`,
	`call_llm("s", [{"role": "user", "content": [{"type": "image", "path": "/etc/hostname"}]}])`,
	`call_llm("s", [{"role": "user", "content": [{"type": "image", "path": "pixel.png"}] * 9}])`,
	`call_llm("s", [{"role": "user", "content": [{"type": "image_url", "url": "https://example.org/a.png"}]}])`,
	`transcribe("talk.mp3")`,
	`transcribe("talk.mp3", language="en")`,
	`transcribe("missing.mp3")`,
	`transcribe("../talk.mp3")`,
	`shell_command("echo out; echo err >&2; exit 3")`,
	`shell_command("head -c 300000 /dev/zero | tr '\\0' x")`,
	`shell_command("sleep 5", timeout=0.2)`,
	`shell_command("")`,
	`shell_command("x", timeout=0)`,
	`tools.execute_shell_command("echo hi")`,
	`tools.execute_shell_command("false")`,
	`tools.nothing`,
}

func TestACallGivesTheSameInTheFactoryAndInAnExport(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"some-model", "old-model"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inside, outside := newServices(t), newServices(t)
			dir, env := factory(t, inside, name)
			write(t, dir)
			factory := try(t, dir, env, same...)

			dir = export(t, nil)
			write(t, dir)
			alone := try(t, dir, []string{
				"SERPER_BASE_URL=" + outside.search.URL, "SERPER_API_KEY=" + serperKey, "JINA_BASE_URL=" + outside.reader.URL, "JINA_API_KEY=" + jinaKey,
				"OPENAI_BASE_URL=" + outside.model.URL + "/v1", "OPENAI_API_KEY=" + openaiKey, "OPENAI_MODEL=" + name, "AGENTFACTORY_TRANSCRIPTION_MODEL=some-audio-model",
			}, same...)
			for i, call := range same {
				a, b := factory[i], alone[i]
				a.Missing, b.Missing = "", "" // which only exports tell
				a.Message = strings.ReplaceAll(a.Message, inside.model.URL, outside.model.URL)
				require.Equal(t, a, b, call)
			}
			requireSameRequests(t, inside.search, outside.search, jsonBody)
			requireSameRequests(t, inside.reader, outside.reader, jsonBody)
			requireSameRequests(t, inside.model, outside.model, modelBody)
		})
	}
}

func write(t *testing.T, dir string) {
	t.Helper()
	image, err := base64.StdEncoding.DecodeString(pixel)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "pixel.png"), image, 0o644))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "talk.mp3"), []byte("sound"), 0o644))
}

// requireSameRequests compares what two services were asked: methods, paths, keys and bodies.
func requireSameRequests(t *testing.T, a, b *service, body func(testing.TB, request) any) {
	t.Helper()
	first, second := a.asked(), b.asked()
	require.Len(t, second, len(first))
	for i := range first {
		require.Equal(t, first[i].Method+" "+first[i].Path, second[i].Method+" "+second[i].Path)
		for _, header := range []string{"Authorization", "X-Api-Key"} {
			require.Equal(t, first[i].Header.Get(header), second[i].Header.Get(header))
		}
		require.Equal(t, body(t, first[i]), body(t, second[i]))
	}
}

func jsonBody(t testing.TB, r request) any {
	t.Helper()
	var body map[string]any
	require.NoError(t, json.Unmarshal([]byte(r.Body), &body), r.Body)
	return body
}

// modelBody is a request of a model without what belongs to streaming, which an export does not ask for.
func modelBody(t testing.TB, r request) any {
	t.Helper()
	if !strings.HasPrefix(r.Header.Get("Content-Type"), "multipart/") {
		body := jsonBody(t, r).(map[string]any)
		delete(body, "stream")
		delete(body, "stream_options")
		return body
	}
	_, parameters, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	require.NoError(t, err)
	form, err := multipart.NewReader(strings.NewReader(r.Body), parameters["boundary"]).ReadForm(1 << 20)
	require.NoError(t, err)
	file, err := form.File["file"][0].Open()
	require.NoError(t, err)
	audio, err := io.ReadAll(file)
	require.NoError(t, err)
	return []any{form.Value, form.File["file"][0].Filename, form.File["file"][0].Header.Get("Content-Type"), string(audio)}
}
