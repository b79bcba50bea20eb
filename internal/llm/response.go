package llm

import (
	"time"

	"github.com/openai/openai-go/v3"

	"agentfactory/internal/secret"
)

// response is what the collected pieces amount to; Usage is what the server counted and zero if it did not.
func (r *reply) response(messages int) Response {
	message, cut := limited(masked(r.mask, Message{
		Role:      RoleAssistant,
		Content:   r.content.String(),
		ToolCalls: r.calls.finished(messages),
		Refusal:   r.refusal.String(),
	}))
	reason := finishReason(r.finishReason, message)
	if cut {
		reason = FinishLength
	}
	return Response{
		Message:      message,
		FinishReason: reason,
		Usage:        counted(r.usage),
		Model:        r.mask.Text(r.model),
		ID:           r.mask.Text(r.id),
		Duration:     time.Since(r.begun),
		FirstToken:   r.firstToken,
	}
}

// masked is a message without the secrets that a server repeats. It looks at the whole: in the pieces of a stream they are
// in pieces, too.
func masked(mask secret.Mask, m Message) Message {
	m.Content, m.Refusal = mask.Text(m.Content), mask.Text(m.Refusal)
	for i, call := range m.ToolCalls {
		m.ToolCalls[i] = ToolCall{ID: mask.Text(call.ID), Name: mask.Text(call.Name), Arguments: mask.Text(call.Arguments)}
	}
	return m
}

// account completes a response with what only the request tells: the model asked for, estimated tokens, the cost.
func (c *Client) account(request Request, response Response) Response {
	response.Model = firstNonEmpty(response.Model, request.Model)
	if response.Usage.InputTokens == 0 {
		response.Usage = Usage{
			InputTokens:  int64(CountRequest(request)),
			OutputTokens: int64(CountMessage(request.Model, response.Message)),
			Estimated:    true,
		}
	}
	response.Usage = c.options.Prices.Charge(request.Model, response.Usage)
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

// counted takes the server's numbers if they can be true.
func counted(said *openai.CompletionUsage) Usage {
	if said == nil || said.PromptTokens <= 0 || said.CompletionTokens < 0 {
		return Usage{}
	}
	return Usage{
		InputTokens:       said.PromptTokens,
		CachedInputTokens: within(said.PromptTokensDetails.CachedTokens, said.PromptTokens),
		OutputTokens:      said.CompletionTokens,
		ReasoningTokens:   within(said.CompletionTokensDetails.ReasoningTokens, said.CompletionTokens),
	}
}

// within keeps a part from being larger than its whole, or negative.
func within(part, whole int64) int64 { return max(0, min(part, whole)) }
