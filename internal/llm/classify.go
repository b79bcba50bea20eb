package llm

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// maxMessage is how much of a server's error text is kept, in bytes.
const maxMessage = 500

// requestError explains why a request brought no reply that could be read.
func (c *Client) requestError(ctx context.Context, response *http.Response, err error) error {
	if cause := ended(ctx); cause != nil {
		return c.describe(cause)
	}
	if response == nil {
		return c.describe(transportError(err))
	}
	body, _ := io.ReadAll(response.Body)
	failure := classify(response.StatusCode, c.mask.Bytes(body)) // before anything is cut
	failure.RetryAfter = retryAfter(response.Header, time.Now())
	return c.describe(failure)
}

// replyError explains why a reply could not be read to its end.
func (c *Client) replyError(ctx context.Context, err error) error {
	if cause := ended(ctx); cause != nil {
		return c.describe(cause)
	}
	return c.describe(brokenReply(err))
}

// brokenReply takes what is no Error yet for the end of the connection.
func brokenReply(err error) *Error {
	var failure *Error
	switch {
	case errors.As(err, &failure):
		return failure
	case errors.Is(err, errEndless):
		return &Error{Kind: KindTooLarge, Message: fmt.Sprintf("the reply is larger than %d MiB", maxReplyBytes>>20)}
	case errors.Is(err, bufio.ErrTooLong):
		return &Error{Kind: KindTooLarge, Message: "a line of the reply is longer than 32 MiB"}
	}
	return &Error{Kind: KindCutStream, Message: "the reply broke off before its end: " + err.Error()}
}

// ended returns why the call was given up here: a stall, or the caller's context.
func ended(ctx context.Context) error {
	if ctx.Err() == nil {
		return nil
	}
	return context.Cause(ctx)
}

// describe adds the server and removes secrets.
func (c *Client) describe(err error) error {
	var failure *Error
	if !errors.As(err, &failure) {
		return fmt.Errorf("call model at %s: %w", c.endpoint, err)
	}
	described := *failure
	described.Message = c.endpoint.String() + ": " + withoutKeys(c.mask.Text(failure.Message)) + advice[failure.Kind]
	return &described
}

// advice is what a person can do about the kinds that waiting does not cure.
var advice = map[Kind]string{
	KindAuth:          " (check OPENAI_API_KEY, and that the key may use this model)",
	KindNotFound:      " (check the model's name and OPENAI_BASE_URL)",
	KindQuota:         " (the account is out of credit)",
	KindUnreachable:   " (check OPENAI_BASE_URL and the network)",
	KindContextLength: " (hand in less text, long material as input files, or choose a model with a larger context window)",
	KindUnsupported:   " (this model server does not transcribe audio: work without it, or have OPENAI_BASE_URL and AGENTFACTORY_TRANSCRIPTION_MODEL set to one that does)",
	KindTooLarge:      " (no model writes that much: check which server answers at OPENAI_BASE_URL)",
}

// transportError explains why no HTTP answer came.
func transportError(err error) *Error {
	var wrapped *url.Error // repeats the whole address, which describe puts in front
	if errors.As(err, &wrapped) {
		err = wrapped.Err
	}
	var dial *net.OpError
	if errors.As(err, &dial) && dial.Op == "dial" {
		return &Error{Kind: KindUnreachable, Message: err.Error()}
	}
	return &Error{Kind: KindUnreachable, Message: "the connection was lost before an answer came: " + err.Error()}
}

// apiError is what servers say about a failure. OpenAI nests it under "error"; older vLLM sends it bare, others just a
// string, FastAPI a "detail".
type apiError struct {
	Message string `json:"message"`
	Type    string `json:"type"`
	Code    any    `json:"code"` // a string, or an HTTP status (OpenRouter, vLLM)
	Param   string `json:"param"`
}

// classify turns an error body into an Error. status is 0 for errors inside a reply that began well.
func classify(status int, body []byte) *Error {
	said := parseAPIError(body)
	code := ""
	switch value := said.Code.(type) {
	case string:
		code = value
	case float64:
		if status == 0 && value >= 400 && value < 600 {
			status = int(value)
		}
	}
	message := said.Message
	if said.Param != "" && !strings.Contains(message, said.Param) {
		message += " (parameter " + said.Param + ")"
	}
	return &Error{Kind: kindOf(status, code, said.Type), Status: status, Message: shorten(message)}
}

func parseAPIError(body []byte) apiError {
	var envelope struct {
		Error json.RawMessage `json:"error"`
	}
	var said apiError
	raw := body
	if json.Unmarshal(body, &envelope) == nil && len(envelope.Error) > 0 {
		raw = envelope.Error
	}
	if json.Unmarshal(raw, &said) == nil && said.Message != "" {
		return said
	}
	said.Message = string(raw)
	if json.Unmarshal(raw, &said.Message) != nil {
		said.Message = string(bytes.Join(bytes.Fields(raw), []byte(" ")))
	}
	if said.Message == "" {
		said.Message = "the server gave no reason"
	}
	return said
}

// kindOf goes by the status and, where that says too little, by the stable codes and types of OpenAI, Anthropic and
// llama.cpp; never by texts, which change.
func kindOf(status int, code, kind string) Kind {
	switch {
	case code == "context_length_exceeded" || kind == "exceed_context_size_error" || status == http.StatusRequestEntityTooLarge:
		return KindContextLength
	case code == "insufficient_quota" || kind == "insufficient_quota" || status == http.StatusPaymentRequired:
		return KindQuota
	case status == 0:
		return kindOfType(code, kind)
	case status == http.StatusUnauthorized || status == http.StatusForbidden:
		return KindAuth
	case status == http.StatusNotFound:
		return KindNotFound
	case status == http.StatusTooManyRequests:
		return KindRateLimited
	case status == http.StatusServiceUnavailable || status == statusOverloaded:
		return KindOverloaded
	case status == http.StatusRequestTimeout || status == http.StatusConflict || status >= 500:
		return KindServer
	}
	return KindInvalidRequest
}

// statusOverloaded is what Anthropic, and those who relay it, answer when they have no capacity left.
const statusOverloaded = 529

// kindOfType serves errors inside a stream, which have no status of their own.
func kindOfType(code, kind string) Kind {
	for _, name := range []string{code, kind} {
		switch name {
		case "rate_limit_exceeded", "rate_limit_error":
			return KindRateLimited
		case "overloaded_error":
			return KindOverloaded
		case "invalid_request_error", "BadRequestError":
			return KindInvalidRequest
		case "authentication_error", "permission_error", "invalid_api_key":
			return KindAuth
		case "model_not_found", "not_found_error":
			return KindNotFound
		}
	}
	return KindServer
}

// shorten makes one line of at most maxMessage bytes.
func shorten(text string) string {
	text = strings.Join(strings.Fields(text), " ")
	if len(text) > maxMessage {
		text = strings.ToValidUTF8(text[:maxMessage], "") + "…"
	}
	return text
}

// retryAfter reads how long the server wants to be left alone: retry-after-ms, or Retry-After in seconds or as a date
// (RFC 9110, section 10.2.3). Nonsense and the past give 0.
func retryAfter(header http.Header, now time.Time) time.Duration {
	if ms, err := strconv.ParseFloat(header.Get("Retry-After-Ms"), 64); err == nil {
		return duration(ms, time.Millisecond)
	}
	value := header.Get("Retry-After")
	if seconds, err := strconv.ParseFloat(value, 64); err == nil {
		return duration(seconds, time.Second)
	}
	if at, err := http.ParseTime(value); err == nil {
		return max(0, at.Sub(now))
	}
	return 0
}

// duration guards against numbers that no time.Duration can hold; a day is longer than anybody waits.
func duration(amount float64, unit time.Duration) time.Duration {
	if math.IsNaN(amount) || amount <= 0 {
		return 0
	}
	return time.Duration(min(amount*float64(unit), float64(24*time.Hour)))
}
