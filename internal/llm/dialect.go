package llm

import (
	"errors"
	"net/http"
	"strings"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/shared"
)

// dialect says how to write the parameters that servers and models understand differently. The zero dialect is what
// OpenAI documents; the others are tried only after a server has refused it.
type dialect struct {
	noStreamOptions bool // stream_options is not known: usage will be estimated
	oldMaxTokens    bool // max_tokens is known instead of max_completion_tokens
	// noReasoning serves OpenAI's reasoning models since GPT-5.4, which call tools over Chat Completions only with
	// reasoning_effort "none", and refuse when it is left out as well. It is never put in place of a level that the
	// request asks for.
	noReasoning bool
}

func (d dialect) apply(params *openai.ChatCompletionNewParams, request Request) {
	if !d.noStreamOptions {
		params.StreamOptions = openai.ChatCompletionStreamOptionsParam{IncludeUsage: openai.Bool(true)}
	}
	limit := int64(request.MaxOutputTokens)
	switch {
	case limit == 0:
	case d.oldMaxTokens:
		params.MaxTokens = openai.Int(limit)
	default:
		params.MaxCompletionTokens = openai.Int(limit)
	}
	params.ReasoningEffort = shared.ReasoningEffort(request.ReasoningEffort)
	if d.noReasoning && reasonsByDefault(request) {
		params.ReasoningEffort = shared.ReasoningEffortNone
	}
}

// reasonsByDefault reports whether the request has tools and leaves the reasoning to the server.
func reasonsByDefault(request Request) bool {
	return len(request.Tools) > 0 && request.ReasoningEffort == ""
}

// avoiding returns the dialect without what the server refused, if that is why the call failed.
func (d dialect) avoiding(err error, request Request) (dialect, bool) {
	var failure *Error
	if !errors.As(err, &failure) || !failure.refused() {
		return d, false
	}
	switch {
	case !d.noStreamOptions && strings.Contains(failure.Message, "stream_options"):
		d.noStreamOptions = true
	case !d.oldMaxTokens && strings.Contains(failure.Message, "max_completion_tokens"):
		d.oldMaxTokens = true
	case !d.noReasoning && strings.Contains(failure.Message, "reasoning_effort") && reasonsByDefault(request):
		d.noReasoning = true
	default:
		return d, false
	}
	return d, true
}

// refused reports whether the server found fault with the form of the request.
func (e *Error) refused() bool {
	return e.Status == http.StatusBadRequest || e.Status == http.StatusUnprocessableEntity
}

// dialectOf returns the dialect in which the model last understood a request.
func (c *Client) dialectOf(model string) dialect {
	known, _ := c.dialects.Load(model)
	d, _ := known.(dialect)
	return d
}
