package scripted

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
)

// Digest names a chat completion request by what it asks, not by how it is written or sent: white space, the order of
// keys, streaming and the two spellings of the token limit make no difference.
func Digest(body []byte) (string, error) {
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.UseNumber()
	var fields map[string]any
	if err := decoder.Decode(&fields); err != nil {
		return "", fmt.Errorf("digest request: %w", err)
	}
	delete(fields, "stream")
	delete(fields, "stream_options")
	if limit, ok := fields["max_tokens"]; ok {
		delete(fields, "max_tokens")
		fields["max_completion_tokens"] = limit
	}
	canonicalArguments(fields["messages"])
	canonical, err := json.Marshal(fields)
	if err != nil {
		return "", fmt.Errorf("digest request: %w", err)
	}
	sum := sha256.Sum256(canonical)
	return hex.EncodeToString(sum[:]), nil
}

// canonicalArguments rewrites the arguments of tool calls in place: they are JSON within a string, which a replayed
// model may space differently.
func canonicalArguments(messages any) {
	for _, message := range elements(messages) {
		for _, call := range elements(field(message, "tool_calls")) {
			function, ok := field(call, "function").(map[string]any)
			if !ok {
				continue
			}
			if arguments, ok := function["arguments"].(string); ok {
				function["arguments"] = canonicalJSON(arguments)
			}
		}
	}
}

func elements(value any) []any {
	list, _ := value.([]any)
	return list
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
