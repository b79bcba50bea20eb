package telemetry

import (
	"context"
	"net/http"

	"go.opentelemetry.io/otel/trace"
)

// Role says for whom a model call is made.
type Role string

// The roles of model calls.
const (
	MetaAgent Role = "meta_agent" // a turn
	Subagent  Role = "subagent"   // asked for by code in the sandbox
	Check     Role = "check"      // writes or judges a check
	Library   Role = "library"    // embeddings, with which skills and lessons are found
)

// Scope is what the spans below a context have in common.
type Scope struct {
	Conversation string // gen_ai.conversation.id: the workflow ID
	Role         Role   // of model calls
}

type scopeKey struct{}

// WithScope sets the scope of all that is observed with the context.
func WithScope(ctx context.Context, s Scope) context.Context {
	return context.WithValue(ctx, scopeKey{}, s)
}

func scopeOf(ctx context.Context) Scope {
	s, _ := ctx.Value(scopeKey{}).(Scope)
	return s
}

// Below serves requests that come back from the sandbox as a part of what ctx observes.
func Below(ctx context.Context, h http.Handler) http.Handler {
	span, scope := trace.SpanFromContext(ctx), scopeOf(ctx)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h.ServeHTTP(w, r.WithContext(WithScope(trace.ContextWithSpan(r.Context(), span), scope)))
	})
}
