package proof

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"

	"agentfactory/internal/gateway"
	"agentfactory/internal/sandbox"
)

// Where the services are, below the address of the egress.
const (
	serperPath = "/serper"
	jinaPath   = "/jina"
	openAIPath = "/openai/v1"
)

// maxAsked bounds a request to a service, in bytes: eight images of 5 MiB in base64, and text.
const maxAsked = 64 << 20

// serve answers the services from the recording, and hands all other requests to the proxy. Programs that go to the
// services directly and those that go through their proxy come here alike.
func (r *recording) serve(web http.Handler) http.Handler {
	services := http.NewServeMux()
	services.HandleFunc("POST "+serperPath+"/search", r.search)
	services.HandleFunc("POST "+jinaPath+"/{$}", r.page)
	services.HandleFunc("POST "+openAIPath+"/chat/completions", r.chat)
	services.HandleFunc("POST "+openAIPath+"/audio/transcriptions", r.transcription)
	services.HandleFunc("/", func(w http.ResponseWriter, q *http.Request) {
		r.mu.Lock()
		r.note(q.Method + " " + q.URL.Path)
		r.mu.Unlock()
		refuse(w, "nothing is served here")
	})
	return http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		if q.Method == http.MethodConnect || q.Host != sandbox.EgressAddress {
			web.ServeHTTP(w, q)
			return
		}
		q.Body = http.MaxBytesReader(w, q.Body, maxAsked)
		services.ServeHTTP(w, q)
	})
}

// search is Serper's POST /search.
func (r *recording) search(w http.ResponseWriter, q *http.Request) {
	var asked struct {
		Q    string `json:"q"`
		Num  int    `json:"num"`
		Page int    `json:"page"`
		GL   string `json:"gl"`
		HL   string `json:"hl"`
	}
	if !decode(w, q, &asked) {
		return
	}
	found, ok := r.take(searchQuery{asked.Q, asked.Num, asked.Page, asked.GL, asked.HL}.key(), fmt.Sprintf("web_search %q", asked.Q))
	var reply struct {
		Results json.RawMessage `json:"results"`
		Answer  string          `json:"answer"`
	}
	if !recorded(w, found, ok, &reply) {
		return
	}
	answer := map[string]any{"searchParameters": map[string]string{"q": asked.Q, "type": "search"}, "organic": reply.Results}
	if reply.Answer != "" {
		answer["answerBox"] = map[string]string{"answer": reply.Answer}
	}
	write(w, http.StatusOK, answer)
}

// page is Jina Reader's POST /, JSON accepted.
func (r *recording) page(w http.ResponseWriter, q *http.Request) {
	var asked struct {
		URL string `json:"url"`
	}
	if !decode(w, q, &asked) {
		return
	}
	found, ok := r.take(pageKey(asked.URL), "web_reading "+asked.URL)
	var reply struct{ Text, Title, URL string }
	if !recorded(w, found, ok, &reply) {
		return
	}
	write(w, http.StatusOK, map[string]any{
		"code": http.StatusOK, "data": map[string]string{"title": reply.Title, "url": reply.URL, "content": reply.Text},
	})
}

// chat is OpenAI's POST /chat/completions, not streamed.
func (r *recording) chat(w http.ResponseWriter, q *http.Request) {
	var asked conversation
	if !decode(w, q, &asked) {
		return
	}
	found, ok := r.take(asked.key(), "a call of the model with other messages")
	var reply gateway.LLMReply
	if !recorded(w, found, ok, &reply) {
		return
	}
	in, out := reply.Usage.InputTokens, reply.Usage.OutputTokens
	write(w, http.StatusOK, map[string]any{
		"id": "chatcmpl-replayed", "object": "chat.completion", "created": 0, "model": dummyName,
		"choices": []any{map[string]any{
			"index": 0, "finish_reason": "stop", "message": map[string]any{"role": "assistant", "content": reply.Text, "refusal": nil},
		}},
		"usage": map[string]int64{"prompt_tokens": in, "completion_tokens": out, "total_tokens": in + out},
	})
}

// transcription is OpenAI's POST /audio/transcriptions.
func (r *recording) transcription(w http.ResponseWriter, q *http.Request) {
	file, header, err := q.FormFile("file")
	if err != nil {
		write(w, http.StatusBadRequest, problem("the form has no file: "+err.Error()))
		return
	}
	defer file.Close()
	data, err := io.ReadAll(file)
	if err != nil {
		write(w, http.StatusBadRequest, problem(err.Error()))
		return
	}
	asked := audio{Name: header.Filename, Language: q.FormValue("language"), SHA256: digest(data)}
	found, ok := r.take(asked.key(), "transcribe "+asked.Name)
	var reply gateway.TranscribeReply
	if !recorded(w, found, ok, &reply) {
		return
	}
	write(w, http.StatusOK, map[string]any{"text": reply.Text, "usage": map[string]any{
		"type": "tokens", "input_tokens": reply.Usage.InputTokens, "output_tokens": reply.Usage.OutputTokens,
	}})
}

func decode(w http.ResponseWriter, q *http.Request, asked any) bool {
	err := json.NewDecoder(q.Body).Decode(asked)
	if err != nil {
		write(w, http.StatusBadRequest, problem("the request cannot be read: "+err.Error()))
	}
	return err == nil
}

// recorded reads the reply of an entry. A failure is told with the same status as what was not recorded: the one that no
// client tries again or takes for a fault of its key.
func recorded(w http.ResponseWriter, e gateway.Entry, found bool, reply any) bool {
	switch {
	case !found:
		refuse(w, "this call was not recorded")
	case e.Error != nil:
		refuse(w, e.Error.Message)
	default:
		if err := json.Unmarshal(e.Reply, reply); err != nil {
			refuse(w, "the recorded reply cannot be read: "+err.Error())
			return false
		}
		return true
	}
	return false
}

func refuse(w http.ResponseWriter, message string) { write(w, http.StatusNotFound, problem(message)) }

// problem is an error in the forms of all three services.
func problem(message string) map[string]any {
	return map[string]any{"message": message, "readableMessage": message, "error": map[string]string{"message": message, "type": "replay"}}
}

func write(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // whoever hung up reads no error either
}
