package llm

import "github.com/tiktoken-go/tokenizer"

// What OpenAI's format adds around the texts (OpenAI cookbook, "How to count tokens with tiktoken").
const (
	tokensPerMessage = 3
	tokensPerCall    = 3
	tokensPerTool    = 8
	tokensPrimeReply = 3
	// What OpenAI charges for an image of 1024×1024 pixels in high detail; others charge other numbers, and the pixels
	// are not looked at here.
	tokensPerImage = 765
)

// CountTokens counts the tokens of a text as the model does or, for models whose tokenizer is not published, as
// OpenAI's o200k_base does: within a fifth or so for prose and code. It takes about 130 ms per megabyte.
func CountTokens(model, text string) int {
	codec, err := tokenizer.ForModel(tokenizer.Model(model))
	if err != nil {
		codec, err = tokenizer.Get(tokenizer.O200kBase)
	}
	if err != nil {
		return estimateTokens(len(text))
	}
	count, err := codec.Count(text)
	if err != nil {
		return estimateTokens(len(text))
	}
	return count
}

// CountMessage counts the tokens that a message adds to a request. Messages never change, so callers can add counts up
// instead of counting a conversation again.
func CountMessage(model string, message Message) int {
	count := tokensPerMessage + CountTokens(model, message.Content) + CountTokens(model, message.Refusal)
	for _, part := range message.Parts {
		if part.MediaType != "" {
			count += tokensPerImage
		}
		count += CountTokens(model, part.Text)
	}
	for _, call := range message.ToolCalls {
		count += tokensPerCall + CountTokens(model, call.Name) + CountTokens(model, call.Arguments)
	}
	return count
}

// CountRequest counts the input tokens of a request: messages and tools.
func CountRequest(request Request) int {
	count := tokensPrimeReply
	for _, message := range request.Messages {
		count += CountMessage(request.Model, message)
	}
	for _, tool := range request.Tools {
		count += tokensPerTool + CountTokens(request.Model, tool.Name+tool.Description) +
			CountTokens(request.Model, string(tool.Parameters))
	}
	return count
}

// estimateTokens goes by the rule of thumb of four bytes a token.
func estimateTokens(bytes int) int { return (bytes + 3) / 4 }
