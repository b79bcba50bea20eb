package llm

import (
	"fmt"
	"time"
)

// Kind classifies what went wrong with a model call. The values are stable: they are stored and shown.
type Kind string

const (
	KindAuth           Kind = "auth"            // 401, 403: wrong key, or no permission for the model
	KindNotFound       Kind = "not_found"       // 404: no such model, or not a model server's address
	KindInvalidRequest Kind = "invalid_request" // 400, 422 and other 4xx: the server will never take this request
	KindContextLength  Kind = "context_length"  // 413, or a code that says so: the conversation is too long
	KindRateLimited    Kind = "rate_limited"    // 429: too fast
	KindQuota          Kind = "quota"           // 402, or 429 with code insufficient_quota: out of credit
	KindOverloaded     Kind = "overloaded"      // 503, 529
	KindServer         Kind = "server"          // other 5xx, 408, 409
	KindUnreachable    Kind = "unreachable"     // no answer: DNS, refused or lost connection, TLS
	KindStalled        Kind = "stalled"         // the connection stands, but nothing came for too long
	KindCutStream      Kind = "cut_stream"      // the reply broke off before its end
	KindMalformed      Kind = "malformed"       // the reply is not what the protocol says
	KindUnsupported    Kind = "unsupported"     // the server has no such endpoint
	KindTooLarge       Kind = "too_large"       // the reply is larger than any model's; asked again it would cost as much
)

// Error is a classified failure of a model call. Use errors.As to get at it. It holds no API key.
type Error struct {
	Kind   Kind
	Status int // HTTP status, 0 without an HTTP answer
	// Message says in one line what happened and, where someone can do something about it, what to do.
	Message string
	// RetryAfter is how long the server asks to wait; 0 when it does not say.
	RetryAfter time.Duration
}

// Error names the kind, the status if there is one, and the message.
func (e *Error) Error() string {
	if e.Status == 0 {
		return fmt.Sprintf("model call failed (%s): %s", e.Kind, e.Message)
	}
	return fmt.Sprintf("model call failed (%s, HTTP %d): %s", e.Kind, e.Status, e.Message)
}

// Retryable reports whether the same request may succeed later without anybody changing anything.
func (e *Error) Retryable() bool {
	switch e.Kind {
	case KindRateLimited, KindOverloaded, KindServer, KindUnreachable, KindStalled, KindCutStream, KindMalformed:
		return true
	}
	return false
}
