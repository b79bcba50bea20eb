package scripted

import (
	"bytes"
	"encoding/json"
	"time"
	"unicode/utf8"
)

// maxPieces is into how many pieces a text or the arguments of a call are split: enough to see a stream, few enough to
// cost nothing.
const maxPieces = 16

type completion struct {
	ID      string     `json:"id"`
	Object  string     `json:"object"`
	Created int64      `json:"created"`
	Model   string     `json:"model"`
	Choices []choice   `json:"choices"`
	Usage   *wireUsage `json:"usage,omitempty"`
}

type choice struct {
	Index        int     `json:"index"`
	Message      *delta  `json:"message,omitempty"`
	Delta        *delta  `json:"delta,omitempty"`
	FinishReason *string `json:"finish_reason"`
}

// delta is a piece of a message, or all of it.
type delta struct {
	Role      string      `json:"role,omitempty"`
	Content   *string     `json:"content,omitempty"`
	Refusal   *string     `json:"refusal,omitempty"`
	ToolCalls []callDelta `json:"tool_calls,omitempty"`
}

type callDelta struct {
	Index    *int         `json:"index,omitempty"`
	ID       string       `json:"id,omitempty"`
	Type     string       `json:"type,omitempty"`
	Function callFunction `json:"function"`
}

type callFunction struct {
	Name      string `json:"name,omitempty"`
	Arguments string `json:"arguments"`
}

type wireUsage struct {
	PromptTokens        int64 `json:"prompt_tokens"`
	CompletionTokens    int64 `json:"completion_tokens"`
	TotalTokens         int64 `json:"total_tokens"`
	PromptTokensDetails struct {
		CachedTokens int64 `json:"cached_tokens"`
	} `json:"prompt_tokens_details"`
	CompletionTokensDetails struct {
		ReasoningTokens int64 `json:"reasoning_tokens"`
	} `json:"completion_tokens_details"`
}

func (u Usage) wire() *wireUsage {
	if u.None {
		return nil
	}
	wire := &wireUsage{PromptTokens: u.Input, CompletionTokens: u.Output, TotalTokens: u.Input + u.Output}
	wire.PromptTokensDetails.CachedTokens = u.CachedInput
	wire.CompletionTokensDetails.ReasoningTokens = u.Reasoning
	return wire
}

// document is the reply in one piece.
func (s *said) document() completion {
	message := &delta{Role: "assistant", Content: &s.text}
	if s.refusal != "" {
		message.Refusal = &s.refusal
	}
	for _, call := range s.calls {
		message.ToolCalls = append(message.ToolCalls, callDelta{
			ID: call.ID, Type: "function", Function: callFunction{call.Name, call.Arguments},
		})
	}
	document := s.envelope("chat.completion")
	document.Choices = []choice{{Message: message, FinishReason: &s.finishReason}}
	document.Usage = s.usage.wire()
	return document
}

func (s *said) envelope(object string) completion {
	return completion{ID: s.id, Object: object, Created: time.Now().Unix(), Model: s.model, Choices: []choice{}}
}

// deltas are the pieces in which the reply is streamed: the role, then text, refusal and calls.
func (s *said) deltas() []delta {
	empty := ""
	deltas := []delta{{Role: "assistant", Content: &empty}}
	for _, piece := range split(s.text) {
		deltas = append(deltas, delta{Content: &piece})
	}
	for _, piece := range split(s.refusal) {
		deltas = append(deltas, delta{Refusal: &piece})
	}
	for i, call := range s.calls {
		deltas = append(deltas, delta{ToolCalls: []callDelta{{Index: &i, ID: call.ID, Type: "function", Function: callFunction{Name: call.Name}}}})
		for _, piece := range split(call.Arguments) {
			deltas = append(deltas, delta{ToolCalls: []callDelta{{Index: &i, Function: callFunction{Arguments: piece}}}})
		}
	}
	return deltas
}

// split cuts a text between characters into at most maxPieces pieces of at least twelve bytes.
func split(text string) []string {
	size := max(12, (len(text)+maxPieces-1)/maxPieces)
	var pieces []string
	for len(text) > size {
		end := size
		for end < len(text) && !utf8.RuneStart(text[end]) {
			end++
		}
		pieces, text = append(pieces, text[:end]), text[end:]
	}
	if text != "" {
		pieces = append(pieces, text)
	}
	return pieces
}

// chunk is an event of the stream. With usage asked for, OpenAI sends a null usage in all events but the last.
func (s *said) chunk(piece delta, finishReason *string, includeUsage bool) any {
	chunk := s.envelope("chat.completion.chunk")
	chunk.Choices = []choice{{Delta: &piece, FinishReason: finishReason}}
	if !includeUsage {
		return chunk
	}
	return struct {
		completion
		Usage *wireUsage `json:"usage"`
	}{completion: chunk}
}

func (s *said) usageChunk() any {
	chunk := s.envelope("chat.completion.chunk")
	chunk.Usage = s.usage.wire()
	return chunk
}

// encode writes JSON as servers do, with <, > and & as they are. The types of this file cannot fail.
func encode(value any) []byte {
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(value)
	return bytes.TrimSuffix(out.Bytes(), []byte("\n"))
}
