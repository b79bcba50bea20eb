package llm

import (
	"encoding/json"
	"time"
)

// The roles of a Message.
const (
	RoleSystem    = "system"
	RoleUser      = "user"
	RoleAssistant = "assistant"
	RoleTool      = "tool" // answers one ToolCall, named by ToolCallID
)

// The finish reasons of a Response. Servers may send others; they are passed on as they are.
const (
	FinishStop          = "stop"
	FinishToolCalls     = "tool_calls"
	FinishLength        = "length"  // cut off by MaxOutputTokens or the context window; the last tool call may be incomplete
	FinishRefusal       = "refusal" // Message.Refusal says why
	FinishContentFilter = "content_filter"
)

// Message is one entry of a conversation. Its JSON form is what transcripts store: fields are only ever added.
type Message struct {
	Role    string `json:"role"`
	Content string `json:"content,omitempty"`
	// Parts stand in place of Content in a user message with images.
	Parts      []Part     `json:"parts,omitempty"`
	ToolCalls  []ToolCall `json:"tool_calls,omitempty"`
	ToolCallID string     `json:"tool_call_id,omitempty"`
	Refusal    string     `json:"refusal,omitempty"`
}

// Part is a piece of a user message: a text or, with a MediaType, an image.
type Part struct {
	Text      string `json:"text,omitempty"`
	MediaType string `json:"media_type,omitempty"` // such as image/png
	Data      []byte `json:"data,omitempty"`       // the image file
}

// ToolCall is the model's wish to have a function tool called.
type ToolCall struct {
	ID   string `json:"id"`
	Name string `json:"name"`
	// Arguments is what the model wrote. It should be a JSON object but need not even be JSON: the caller tells the
	// model what is wrong with it.
	Arguments string `json:"arguments"`
}

// Tool declares a function tool.
type Tool struct {
	Name        string `json:"name"`
	Description string `json:"description,omitempty"`
	// Parameters is a JSON schema. It is sent with its keys in the order in which they stand here, because models
	// read it in that order and prompt caches compare bytes.
	Parameters json.RawMessage `json:"parameters,omitempty"`
}

// Request is one model call. Equal requests are sent as equal bytes.
type Request struct {
	Model    string    `json:"model"`
	Messages []Message `json:"messages"`
	Tools    []Tool    `json:"tools,omitempty"`
	// MaxOutputTokens caps the reply, reasoning included; 0 leaves it to the server.
	MaxOutputTokens int `json:"max_output_tokens,omitempty"`
	// ReasoningEffort is one of the model's own levels ("low", "high"...); empty leaves it to the server.
	ReasoningEffort string `json:"reasoning_effort,omitempty"`
	// Temperature is left to the server when nil.
	Temperature *float64 `json:"temperature,omitempty"`
}

// Response is a complete reply. A reply that was cut off on the way is an Error and never a Response.
type Response struct {
	Message      Message `json:"message"`
	FinishReason string  `json:"finish_reason"`
	Usage        Usage   `json:"usage"`
	// Model and ID are what the server says; Model may be more precise than the one asked for.
	Model string `json:"model"`
	ID    string `json:"id"`
	// Duration is the time until the reply was complete, FirstToken the time until its first piece arrived.
	Duration   time.Duration `json:"duration_ns"`
	FirstToken time.Duration `json:"first_token_ns"`
}

// Empty reports whether the model said nothing at all: no text, no tool call and no refusal.
func (r Response) Empty() bool {
	return r.Message.Content == "" && len(r.Message.ToolCalls) == 0 && r.Message.Refusal == ""
}

// Usage counts the tokens of one call, or the sum of several.
type Usage struct {
	InputTokens       int64 `json:"input_tokens"`        // CachedInputTokens included
	CachedInputTokens int64 `json:"cached_input_tokens"` // read from the provider's prompt cache
	OutputTokens      int64 `json:"output_tokens"`       // ReasoningTokens included
	ReasoningTokens   int64 `json:"reasoning_tokens"`
	// Estimated says that the server sent no usage and the tokens were counted here.
	Estimated bool `json:"estimated,omitempty"`
	// CostUSD is in US dollars. Unpriced says that no price is known for the model, so that CostUSD is too low.
	CostUSD  float64 `json:"cost_usd"`
	Unpriced bool    `json:"unpriced,omitempty"`
}

// Plus returns the sum of both; a sum with an estimated or unpriced part is estimated or unpriced itself.
func (u Usage) Plus(v Usage) Usage {
	return Usage{
		InputTokens:       u.InputTokens + v.InputTokens,
		CachedInputTokens: u.CachedInputTokens + v.CachedInputTokens,
		OutputTokens:      u.OutputTokens + v.OutputTokens,
		ReasoningTokens:   u.ReasoningTokens + v.ReasoningTokens,
		Estimated:         u.Estimated || v.Estimated,
		CostUSD:           u.CostUSD + v.CostUSD,
		Unpriced:          u.Unpriced || v.Unpriced,
	}
}

// Progress tells how far a streamed reply has come.
type Progress struct {
	Chunks               int   // pieces received, whatever they hold
	OutputTokensEstimate int64 // about four bytes of reply a token; the exact number is in Response.Usage
}
