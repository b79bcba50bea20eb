package llm

import (
	"time"

	"github.com/openai/openai-go/v3"
)

// respond turns the collected pieces into a Response.
func (c *Client) respond(request Request, r *reply) Response {
	response := Response{
		Message: Message{
			Role:      RoleAssistant,
			Content:   r.content.String(),
			ToolCalls: r.calls.finished(len(request.Messages)),
			Refusal:   r.refusal.String(),
		},
		Model:      firstNonEmpty(r.model, request.Model),
		ID:         r.id,
		Duration:   time.Since(r.begun),
		FirstToken: r.firstToken,
	}
	response.FinishReason = finishReason(r.finishReason, response.Message)
	response.Usage = c.options.Prices.Charge(request.Model, countedOrEstimated(r.usage, request, response.Message))
	return response
}

// finishReason corrects servers that say "stop" (or the old "function_call") where they should be more exact.
func finishReason(said string, message Message) string {
	if said != FinishStop && said != "function_call" {
		return said
	}
	switch {
	case len(message.ToolCalls) > 0:
		return FinishToolCalls
	case message.Refusal != "":
		return FinishRefusal
	}
	return said
}

// countedOrEstimated takes the server's numbers if they can be true, else counts here.
func countedOrEstimated(counted *openai.CompletionUsage, request Request, message Message) Usage {
	if counted == nil || counted.PromptTokens <= 0 || counted.CompletionTokens < 0 {
		return Usage{
			InputTokens:  int64(CountRequest(request)),
			OutputTokens: int64(CountMessage(request.Model, message)),
			Estimated:    true,
		}
	}
	return Usage{
		InputTokens:       counted.PromptTokens,
		CachedInputTokens: within(counted.PromptTokensDetails.CachedTokens, counted.PromptTokens),
		OutputTokens:      counted.CompletionTokens,
		ReasoningTokens:   within(counted.CompletionTokensDetails.ReasoningTokens, counted.CompletionTokens),
	}
}

// within keeps a part from being larger than its whole, or negative.
func within(part, whole int64) int64 { return max(0, min(part, whole)) }
