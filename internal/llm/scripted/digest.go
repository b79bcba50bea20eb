package scripted

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
)

// sum is a SHA-256 digest.
type sum = [sha256.Size]byte

// Digest names a chat completion request by what it asks, not by how it is written or sent: white space, the order of
// keys, streaming and the two spellings of the token limit make no difference.
func Digest(body []byte) (string, error) {
	fields, messages, err := splitBody(body)
	if err != nil {
		return "", fmt.Errorf("digest request: %w", err)
	}
	sums := make([]sum, 0, len(messages))
	for _, raw := range messages {
		sums = append(sums, canonicalSum(raw))
	}
	return digestOf(fields, sums), nil
}

// splitBody separates the messages, which are most of a request, from its other fields.
func splitBody(body []byte) (fields map[string]json.RawMessage, messages []json.RawMessage, err error) {
	if err := json.Unmarshal(body, &fields); err != nil {
		return nil, nil, err
	}
	if raw, ok := fields["messages"]; ok {
		err = json.Unmarshal(raw, &messages)
	}
	return fields, messages, err
}

// digestOf puts the digest together from the fields of a request and the canonical sums of its messages.
func digestOf(fields map[string]json.RawMessage, messages []sum) string {
	canonical := map[string]string{}
	for name, raw := range fields {
		switch name {
		case "messages", "stream", "stream_options":
		case "max_tokens":
			canonical["max_completion_tokens"] = canonicalJSON(string(raw))
		default:
			canonical[name] = canonicalJSON(string(raw))
		}
	}
	hash := sha256.New()
	_ = json.NewEncoder(hash).Encode(canonical) // strings cannot fail, nor can a hash
	for _, message := range messages {
		hash.Write(message[:])
	}
	return hex.EncodeToString(hash.Sum(nil))
}

// canonicalSum is the digest of a message apart from how it is written.
func canonicalSum(raw json.RawMessage) sum {
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.UseNumber()
	var message any
	if err := decoder.Decode(&message); err != nil {
		return sha256.Sum256(raw)
	}
	canonicalArguments(message)
	canonical, err := json.Marshal(message)
	if err != nil {
		return sha256.Sum256(raw)
	}
	return sha256.Sum256(canonical)
}

// canonicalArguments rewrites the arguments of a message's tool calls in place: they are JSON within a string, which a
// replayed model may space differently.
func canonicalArguments(message any) {
	calls, _ := field(message, "tool_calls").([]any)
	for _, call := range calls {
		function, ok := field(call, "function").(map[string]any)
		if !ok {
			continue
		}
		if arguments, ok := function["arguments"].(string); ok {
			function["arguments"] = canonicalJSON(arguments)
		}
	}
}

func field(value any, name string) any {
	object, _ := value.(map[string]any)
	return object[name]
}

// canonicalJSON returns the text with sorted keys and without white space; what is not JSON stays as it is.
func canonicalJSON(text string) string {
	decoder := json.NewDecoder(strings.NewReader(text))
	decoder.UseNumber()
	var value any
	if err := decoder.Decode(&value); err != nil || decoder.More() {
		return text
	}
	canonical, err := json.Marshal(value)
	if err != nil {
		return text
	}
	return string(canonical)
}
