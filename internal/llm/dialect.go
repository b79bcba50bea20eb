package llm

import (
	"errors"
	"net/http"
	"strings"

	"github.com/openai/openai-go/v3"
)

// dialect says how to write the two parameters that compatible servers understand differently.
type dialect struct {
	noStreamOptions bool // the server knows no stream_options: usage will be estimated
	oldMaxTokens    bool // the server knows max_tokens instead of max_completion_tokens
}

func (d dialect) apply(params *openai.ChatCompletionNewParams, maxOutputTokens int64) {
	if !d.noStreamOptions {
		params.StreamOptions = openai.ChatCompletionStreamOptionsParam{IncludeUsage: openai.Bool(true)}
	}
	switch {
	case maxOutputTokens == 0:
	case d.oldMaxTokens:
		params.MaxTokens = openai.Int(maxOutputTokens)
	default:
		params.MaxCompletionTokens = openai.Int(maxOutputTokens)
	}
}

// avoiding returns the dialect without the parameter that the server refused, if that is why the call failed.
func (d dialect) avoiding(err error) (dialect, bool) {
	var failure *Error
	if !errors.As(err, &failure) || !failure.refused() {
		return d, false
	}
	switch {
	case !d.noStreamOptions && strings.Contains(failure.Message, "stream_options"):
		d.noStreamOptions = true
	case !d.oldMaxTokens && strings.Contains(failure.Message, "max_completion_tokens"):
		d.oldMaxTokens = true
	default:
		return d, false
	}
	return d, true
}

// refused reports whether the server found fault with the form of the request.
func (e *Error) refused() bool {
	return e.Status == http.StatusBadRequest || e.Status == http.StatusUnprocessableEntity
}
