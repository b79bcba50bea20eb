package gateway

import (
	"bytes"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
)

// Bounds of the body of a request, in bytes.
const (
	maxRequest = 4 << 20
	// maxMedia is that of a request that may carry images or audio: eight images in base64, and the text.
	maxMedia = maxRequest + maxImages*(maxImage+2)/3*4
)

// mediaPaths take requests with images or audio.
var mediaPaths = map[string]bool{"/v1/llm": true, "/v1/transcribe": true}

// endpoint answers one decoded request.
type endpoint func(r *http.Request, body json.RawMessage) (json.RawMessage, error)

func (s *Session) newRoutes() *http.ServeMux {
	routes := http.NewServeMux()
	for pattern, answer := range map[string]endpoint{
		"POST /v1/llm":         s.answerLLM,
		"POST /v1/transcribe":  s.answerTranscribe,
		"POST /v1/tool/{name}": s.answerTool,
		"POST /v1/shell":       s.answerShell,
		"POST /v1/shell/done":  s.answerShellDone,
	} {
		routes.Handle(pattern, s.handler(answer))
	}
	routes.HandleFunc("/", s.answerElse)
	return routes
}

// ServeHTTP implements http.Handler.
func (s *Session) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !s.enter() {
		s.refuse(w, Errorf(Unavailable, "the run is over"))
		return
	}
	defer s.open.Done()
	if !s.authorised(r) {
		s.refuse(w, &Error{Code: Denied, Message: "the token is missing or not that of this run", status: http.StatusUnauthorized})
		return
	}
	s.routes.ServeHTTP(w, r)
}

func (s *Session) authorised(r *http.Request) bool {
	token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	return ok && subtle.ConstantTimeCompare([]byte(token), []byte(s.token)) == 1
}

func (s *Session) handler(answer endpoint) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		reply, err := s.answer(w, r, answer)
		if err != nil {
			s.refuse(w, asError(err))
			return
		}
		deliver(w, http.StatusOK, reply)
	})
}

func (s *Session) answer(w http.ResponseWriter, r *http.Request, answer endpoint) (json.RawMessage, error) {
	if s.broken() != nil {
		return nil, errBroken
	}
	limit, done, err := s.admit(r)
	if err != nil {
		return nil, err
	}
	defer done()
	body, err := readObject(http.MaxBytesReader(w, r.Body, limit), limit)
	if err != nil {
		return nil, err
	}
	if err := s.wait(r.Context()); err != nil {
		return nil, err
	}
	defer func() { <-s.slots }()
	return answer(r, body)
}

// admit says how large a body may be. Only one large one is in memory at a time: a subagent may have hundreds of threads.
func (s *Session) admit(r *http.Request) (limit int64, done func(), err error) {
	if r.ContentLength <= maxRequest || !mediaPaths[r.URL.Path] {
		return maxRequest, func() {}, nil
	}
	select {
	case s.media <- struct{}{}:
		return maxMedia, func() { <-s.media }, nil
	case <-r.Context().Done():
		return 0, nil, r.Context().Err()
	}
}

// errBroken is all that the run learns: why is for the one who runs it, from Close.
var errBroken = Errorf(Unavailable, "the gateway of this run has failed; the run is going to be repeated")

func (s *Session) answerElse(w http.ResponseWriter, r *http.Request) {
	s.refuse(w, Errorf(UnknownTool, "there is no %s %.100q here; use the tools and llm modules", r.Method, r.URL.Path))
}

// readObject reads a body that must be one JSON object of at most limit bytes.
func readObject(r io.Reader, limit int64) (json.RawMessage, error) {
	body, err := io.ReadAll(r)
	var large *http.MaxBytesError
	if errors.As(err, &large) {
		return nil, tooLarge(limit)
	}
	if err != nil {
		return nil, Errorf(InvalidRequest, "read the request: %v", err)
	}
	var object map[string]json.RawMessage
	if err := json.Unmarshal(body, &object); err != nil || object == nil {
		return nil, Errorf(InvalidRequest, "the request is not a JSON object")
	}
	return body, nil
}

func tooLarge(limit int64) *Error {
	return &Error{Code: InvalidRequest, Message: fmt.Sprintf("the request is larger than %d bytes", limit), status: http.StatusRequestEntityTooLarge}
}

// decode fills v from a body and refuses fields that v does not have.
func decode(body json.RawMessage, v any) error {
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return Errorf(InvalidRequest, "%s", strings.TrimPrefix(err.Error(), "json: "))
	}
	return nil
}

func (s *Session) refuse(w http.ResponseWriter, e *Error) {
	body, err := encode(map[string]*Error{"error": s.mask.error(e)})
	if err != nil {
		body = []byte(`{"error":{"code":"unavailable","message":"the answer cannot be encoded"}}`)
	}
	deliver(w, e.httpStatus(), body)
}

// deliver writes an answer; when the run is gone there is nobody to tell.
func deliver(w http.ResponseWriter, status int, body []byte) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	w.Write(body)
}
