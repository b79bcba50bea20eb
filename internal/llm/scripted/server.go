package scripted

import (
	"context"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"
)

// Options are what a Server may be told besides its script.
type Options struct {
	// LogFile gets an Entry per line as JSON, appended as requests are answered, so that the log survives the process.
	LogFile string
	// APIKey is asked of every request; empty asks for none.
	APIKey string
}

// Server is the scripted model as an http.Handler, for any number of clients at once.
type Server struct {
	script   *Script
	apiKey   string
	mux      *http.ServeMux
	log      requestLog
	messages messageMemory
	prompt   promptCache
	faults   faultCounter
}

// NewServer returns a server for a script; Close it if it has a log file.
func NewServer(script *Script, options Options) (*Server, error) {
	s := &Server{script: script, apiKey: options.APIKey, mux: http.NewServeMux()}
	if err := s.log.open(options.LogFile); err != nil {
		return nil, err
	}
	s.handle("POST /v1/chat/completions", s.chat)
	s.handle("GET /v1/models", s.models)
	s.handle("POST /v1/embeddings", s.embeddings)
	s.handle("POST /v1/audio/transcriptions", s.transcriptions)
	s.handle("/", func(_ context.Context, r *http.Request, _ *Entry) (sender, error) {
		return nil, refuse(http.StatusNotFound, "", fmt.Sprintf("unknown request URL: %s %s", r.Method, r.URL.Path))
	})
	return s, nil
}

// Close closes the log file.
func (s *Server) Close() error { return s.log.close() }

// Log returns the requests answered so far, in the order of their answers.
func (s *Server) Log() []Entry { return s.log.all() }

// ServeHTTP answers one request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.mux.ServeHTTP(w, r) }

// sender writes an answer that has been decided and logged.
type sender func(w http.ResponseWriter)

// endpoint decides what to answer, and notes in the entry what the log should know of it.
type endpoint func(ctx context.Context, r *http.Request, entry *Entry) (sender, error)

// handle logs each answer before its first byte is sent: who has the answer can rely on finding it in the log.
func (s *Server) handle(pattern string, decide endpoint) {
	s.mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
		entry := Entry{Time: time.Now().UTC(), Method: r.Method, Path: r.URL.Path, Status: http.StatusOK}
		r.Body = http.MaxBytesReader(w, r.Body, maxRequestBytes)
		send, err := s.authorised(decide)(r.Context(), r, &entry)
		if err != nil {
			failure := asHTTPError(err)
			entry.Status, entry.Error = failure.status, failure.message
			send = failure.send
		}
		if err := s.log.add(entry); err != nil {
			send = refuse(http.StatusInternalServerError, "", err.Error()).send
		}
		send(w)
	})
}

func (s *Server) authorised(decide endpoint) endpoint {
	return func(ctx context.Context, r *http.Request, entry *Entry) (sender, error) {
		given := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
		if s.apiKey != "" && subtle.ConstantTimeCompare([]byte(given), []byte(s.apiKey)) == 0 {
			return nil, refuse(http.StatusUnauthorized, "", "incorrect API key provided")
		}
		return decide(ctx, r, entry)
	}
}

func (s *Server) models(context.Context, *http.Request, *Entry) (sender, error) {
	type model struct {
		ID      string `json:"id"`
		Object  string `json:"object"`
		Created int64  `json:"created"`
		OwnedBy string `json:"owned_by"`
	}
	list := struct {
		Object string  `json:"object"`
		Data   []model `json:"data"`
	}{Object: "list", Data: []model{}}
	for _, name := range s.script.modelNames() {
		list.Data = append(list.Data, model{ID: name, Object: "model", OwnedBy: "agentfactory"})
	}
	return sendJSON(list), nil
}

// readBody reads a request's body whole.
func readBody(r *http.Request) ([]byte, error) {
	body, err := io.ReadAll(r.Body)
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		return nil, refuse(http.StatusRequestEntityTooLarge, "", "the request is too large")
	}
	return body, err
}

func sendJSON(value any) sender {
	return func(w http.ResponseWriter) {
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(value) // the client is gone: nobody is left to tell
	}
}

// httpError is an error in the protocol's form.
type httpError struct {
	status     int
	code       string
	message    string
	retryAfter time.Duration
}

func (e *httpError) Error() string { return e.message }

func refuse(status int, code, message string) *httpError {
	return &httpError{status: status, code: code, message: message}
}

// asHTTPError takes errors without a status for the client's fault.
func asHTTPError(err error) *httpError {
	var failure *httpError
	var nothing unscripted
	switch {
	case errors.As(err, &failure):
		return failure
	case errors.As(err, &nothing):
		return refuse(http.StatusNotFound, "unscripted", err.Error())
	}
	return refuse(http.StatusBadRequest, "", err.Error())
}

// usualErrors are the type and code that OpenAI, or for 529 Anthropic, sends with a status.
var usualErrors = map[int][2]string{
	http.StatusUnauthorized:    {"invalid_request_error", "invalid_api_key"},
	http.StatusNotFound:        {"invalid_request_error", "model_not_found"},
	http.StatusTooManyRequests: {"requests", "rate_limit_exceeded"},
	529:                        {"overloaded_error", "overloaded"},
}

func (e *httpError) body() any {
	usual, ok := usualErrors[e.status]
	switch {
	case ok:
	case e.status >= 500:
		usual[0] = "server_error"
	default:
		usual[0] = "invalid_request_error"
	}
	code := e.code
	if code == "" {
		code = usual[1]
	}
	return map[string]any{"error": map[string]any{"message": e.message, "type": usual[0], "code": code, "param": nil}}
}

func (e *httpError) send(w http.ResponseWriter) {
	if e.retryAfter > 0 {
		w.Header().Set("Retry-After", fmt.Sprint(int64((e.retryAfter+time.Second-1)/time.Second)))
		w.Header().Set("Retry-After-Ms", fmt.Sprint(e.retryAfter.Milliseconds()))
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(e.status)
	_ = json.NewEncoder(w).Encode(e.body())
}

// faultCounter remembers how many faults each request has met.
type faultCounter struct {
	mu  sync.Mutex
	met map[string]int // by request digest
}

// next returns the fault that the request meets now, if any is left.
func (c *faultCounter) next(digest string, faults Faults) (Fault, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	left := c.met[digest]
	for _, fault := range faults {
		times := max(1, fault.Times)
		if fault.Times < 0 || left < times {
			if c.met == nil {
				c.met = map[string]int{}
			}
			c.met[digest]++
			return fault, true
		}
		left -= times
	}
	return Fault{}, false
}
