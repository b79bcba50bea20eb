package scripted

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"agentfactory/internal/llm"
)

// maxRequestBytes is more than any context window holds.
const maxRequestBytes = 64 << 20

// request is a chat completion request as far as a script cares.
type request struct {
	model        string
	messages     []message
	tools        []json.RawMessage
	stream       bool
	includeUsage bool
	digest       string
}

// message is a message of a request with the bytes that it was sent as.
type message struct {
	llm.Message
	raw json.RawMessage
}

// wireRequest is the part of the protocol's request that is read here.
type wireRequest struct {
	Model         string            `json:"model"`
	Messages      []json.RawMessage `json:"messages"`
	Tools         []json.RawMessage `json:"tools"`
	Stream        bool              `json:"stream"`
	StreamOptions struct {
		IncludeUsage bool `json:"include_usage"`
	} `json:"stream_options"`
}

type wireMessage struct {
	Role       string          `json:"role"`
	Content    json.RawMessage `json:"content"`
	ToolCallID string          `json:"tool_call_id"`
	Refusal    string          `json:"refusal"`
	ToolCalls  []struct {
		ID       string `json:"id"`
		Type     string `json:"type"`
		Function struct {
			Name      string `json:"name"`
			Arguments string `json:"arguments"`
		} `json:"function"`
	} `json:"tool_calls"`
}

// readRequest decodes a request and refuses what real servers refuse, so that a conversation that is put together wrong
// fails in tests as it would in earnest.
func readRequest(body []byte) (*request, error) {
	var wire wireRequest
	if err := json.Unmarshal(body, &wire); err != nil {
		return nil, fmt.Errorf("the body is not a chat completion request: %w", err)
	}
	if wire.Model == "" {
		return nil, errors.New("you must provide a model parameter")
	}
	if len(wire.Messages) == 0 {
		return nil, errors.New("messages must not be empty")
	}
	r := &request{model: wire.Model, tools: wire.Tools, stream: wire.Stream, includeUsage: wire.StreamOptions.IncludeUsage}
	for i, raw := range wire.Messages {
		decoded, err := readMessage(raw)
		if err != nil {
			return nil, fmt.Errorf("messages[%d]: %w", i, err)
		}
		r.messages = append(r.messages, message{decoded, raw})
	}
	if err := checkCallsAnswered(r.messages); err != nil {
		return nil, err
	}
	if err := checkTools(wire.Tools); err != nil {
		return nil, err
	}
	digest, err := Digest(body)
	r.digest = digest
	return r, err
}

func readMessage(raw json.RawMessage) (llm.Message, error) {
	var wire wireMessage
	if err := json.Unmarshal(raw, &wire); err != nil {
		return llm.Message{}, err
	}
	content, err := readContent(wire.Content)
	if err != nil {
		return llm.Message{}, err
	}
	decoded := llm.Message{Role: wire.Role, Content: content, ToolCallID: wire.ToolCallID, Refusal: wire.Refusal}
	for _, call := range wire.ToolCalls {
		if call.ID == "" || call.Function.Name == "" || call.Type != "function" {
			return llm.Message{}, errors.New("a tool call needs an id, the type \"function\" and a function name")
		}
		decoded.ToolCalls = append(decoded.ToolCalls, llm.ToolCall{ID: call.ID, Name: call.Function.Name, Arguments: call.Function.Arguments})
	}
	switch wire.Role {
	case "developer":
		decoded.Role = llm.RoleSystem
	case llm.RoleSystem, llm.RoleUser, llm.RoleTool:
	case llm.RoleAssistant:
		if wire.Content == nil && decoded.Refusal == "" && len(decoded.ToolCalls) == 0 {
			return llm.Message{}, errors.New("an assistant message needs content, a refusal or tool calls")
		}
	default:
		return llm.Message{}, fmt.Errorf("unknown role %q", wire.Role)
	}
	return decoded, nil
}

// readContent takes a string or a list of parts, of which the texts are kept.
func readContent(raw json.RawMessage) (string, error) {
	if len(raw) == 0 || string(raw) == "null" {
		return "", nil
	}
	var text string
	if json.Unmarshal(raw, &text) == nil {
		return text, nil
	}
	var parts []struct {
		Text string `json:"text"`
	}
	if err := json.Unmarshal(raw, &parts); err != nil {
		return "", errors.New("content must be a string or a list of parts")
	}
	var texts []string
	for _, part := range parts {
		texts = append(texts, part.Text)
	}
	return strings.Join(texts, "\n"), nil
}

// checkCallsAnswered wants every tool call answered directly after the message that asks for it, and nothing else
// answered.
func checkCallsAnswered(messages []message) error {
	var open []string
	for i, message := range messages {
		if message.Role == llm.RoleTool {
			position := slices.Index(open, message.ToolCallID)
			if position < 0 {
				return fmt.Errorf("messages[%d]: tool_call_id %q answers no tool call of the message before", i, message.ToolCallID)
			}
			open = slices.Delete(open, position, position+1)
			continue
		}
		if len(open) > 0 {
			break
		}
		for _, call := range message.ToolCalls {
			open = append(open, call.ID)
		}
	}
	if len(open) > 0 {
		return fmt.Errorf("an assistant message with 'tool_calls' must be followed by tool messages responding to each 'tool_call_id'; unanswered: %s", strings.Join(open, ", "))
	}
	return nil
}

func checkTools(tools []json.RawMessage) error {
	if tools != nil && len(tools) == 0 {
		return errors.New("tools must not be an empty list; leave it out")
	}
	names := map[string]bool{}
	for i, raw := range tools {
		var tool struct {
			Type     string `json:"type"`
			Function struct {
				Name       string                     `json:"name"`
				Parameters map[string]json.RawMessage `json:"parameters"`
			} `json:"function"`
		}
		if err := json.Unmarshal(raw, &tool); err != nil {
			return fmt.Errorf("tools[%d]: %w", i, err)
		}
		name := tool.Function.Name
		if tool.Type != "function" || name == "" || names[name] {
			return fmt.Errorf("tools[%d]: a tool needs the type \"function\" and a function name of its own, not %q", i, name)
		}
		names[name] = true
	}
	return nil
}
