package scripted

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"

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

// message is a message of a request.
type message struct {
	llm.Message
	sum       sum // of the bytes that were sent
	canonical sum // of what they mean, see Digest
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
func readRequest(body []byte, known *messageMemory) (*request, error) {
	fields, raws, err := splitBody(body)
	if err != nil {
		return nil, fmt.Errorf("the body is not a chat completion request: %w", err)
	}
	r := &request{}
	if err := r.readFields(fields); err != nil {
		return nil, err
	}
	var canonical []sum
	for i, raw := range raws {
		message, err := known.read(raw)
		if err != nil {
			return nil, fmt.Errorf("messages[%d]: %w", i, err)
		}
		r.messages = append(r.messages, message)
		canonical = append(canonical, message.canonical)
	}
	if len(r.messages) == 0 {
		return nil, errors.New("messages must not be empty")
	}
	if err := checkCallsAnswered(r.messages); err != nil {
		return nil, err
	}
	if err := checkTools(r.tools); err != nil {
		return nil, err
	}
	r.digest = digestOf(fields, canonical)
	return r, nil
}

// readFields reads what is not messages.
func (r *request) readFields(fields map[string]json.RawMessage) error {
	var streamOptions struct {
		IncludeUsage bool `json:"include_usage"`
	}
	for name, target := range map[string]any{"model": &r.model, "tools": &r.tools, "stream": &r.stream, "stream_options": &streamOptions} {
		raw, ok := fields[name]
		if !ok {
			continue
		}
		if err := json.Unmarshal(raw, target); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	if r.model == "" {
		return errors.New("you must provide a model parameter")
	}
	r.includeUsage = streamOptions.IncludeUsage
	return nil
}

// maxRemembered is how many bytes of messages are remembered.
const maxRemembered = 64 << 20

// messageMemory reads messages, each only once: a conversation sends all of its messages again with every turn.
type messageMemory struct {
	mu    sync.Mutex
	known map[sum]message
	bytes int
}

func (m *messageMemory) read(raw json.RawMessage) (message, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	digest := sha256.Sum256(raw)
	if known, ok := m.known[digest]; ok {
		return known, nil
	}
	decoded, err := readMessage(raw)
	if err != nil {
		return message{}, err
	}
	if m.bytes += len(raw); m.known == nil || m.bytes > maxRemembered {
		m.known, m.bytes = map[sum]message{}, len(raw)
	}
	read := message{decoded, digest, canonicalSum(raw)}
	m.known[digest] = read
	return read, nil
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

// readContent takes a string or a list of parts, of which the texts are kept, and of images a line that a script can
// match: [image/png, 68 bytes, sha256 1f2e3d4c5b6a].
func readContent(raw json.RawMessage) (string, error) {
	if len(raw) == 0 || string(raw) == "null" {
		return "", nil
	}
	var text string
	if json.Unmarshal(raw, &text) == nil {
		return text, nil
	}
	var parts []contentPart
	if err := json.Unmarshal(raw, &parts); err != nil {
		return "", errors.New("content must be a string or a list of parts")
	}
	var texts []string
	for _, part := range parts {
		text, err := part.describe()
		if err != nil {
			return "", err
		}
		texts = append(texts, text)
	}
	return strings.Join(texts, "\n"), nil
}

type contentPart struct {
	Text     string `json:"text"`
	ImageURL *struct {
		URL string `json:"url"`
	} `json:"image_url"`
}

// describe looks at an image as a server does: it has to be a picture.
func (p contentPart) describe() (string, error) {
	if p.ImageURL == nil {
		return p.Text, nil
	}
	head, data, found := strings.Cut(p.ImageURL.URL, ";base64,")
	if !found {
		return "[image at " + p.ImageURL.URL + "]", nil
	}
	image, err := base64.StdEncoding.DecodeString(data)
	kind := strings.TrimPrefix(head, "data:")
	if err != nil || http.DetectContentType(image) != kind {
		return "", fmt.Errorf("the image is not a valid %s in base64", kind)
	}
	return fmt.Sprintf("[%s, %d bytes, sha256 %.6x]", kind, len(image), sha256.Sum256(image)), nil
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
