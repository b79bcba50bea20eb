package scripted

import (
	"bytes"
	"encoding/json"
	"fmt"

	"github.com/goccy/go-yaml"
)

// Arguments are a tool call's arguments: a YAML mapping, sent as JSON with its keys in the order in which they are
// written, or a string, sent as it is (which is how broken JSON is written). Strings may hold placeholders.
type Arguments struct {
	source any
	root   any // *Text for a raw string; else a tree of object, list, *Text and json.RawMessage
}

type (
	object []member
	member struct {
		key   string
		value any
	}
	list []any
)

// UnmarshalYAML reads a mapping or a string. The decoder has to keep the order of keys (yaml.UseOrderedMap). Taking the
// text of the node instead would make reading a script take time by the square of its length.
func (a *Arguments) UnmarshalYAML(decode func(any) error) error {
	var source any
	if err := decode(&source); err != nil {
		return err
	}
	switch source.(type) {
	case string, yaml.MapSlice, nil:
	default:
		return fmt.Errorf("arguments must be a mapping, or a string that is sent as it is")
	}
	root, err := compile(source)
	if err != nil {
		return err
	}
	*a = Arguments{source: source, root: root}
	return nil
}

// MarshalYAML writes the arguments as they were read.
func (a Arguments) MarshalYAML() (any, error) { return a.source, nil }

// IsZero reports whether no arguments were given: {} is sent then.
func (a Arguments) IsZero() bool { return a.source == nil }

func compile(value any) (any, error) {
	switch value := value.(type) {
	case string:
		return newText(value)
	case yaml.MapSlice:
		return compileObject(value)
	case []any:
		compiled := make(list, 0, len(value))
		for _, element := range value {
			element, err := compile(element)
			if err != nil {
				return nil, err
			}
			compiled = append(compiled, element)
		}
		return compiled, nil
	}
	encoded, err := json.Marshal(value)
	return json.RawMessage(encoded), err
}

func compileObject(mapping yaml.MapSlice) (any, error) {
	compiled := make(object, 0, len(mapping))
	for _, item := range mapping {
		value, err := compile(item.Value)
		if err != nil {
			return nil, fmt.Errorf("%v: %w", item.Key, err)
		}
		compiled = append(compiled, member{fmt.Sprint(item.Key), value})
	}
	return compiled, nil
}

// render returns the arguments as a model would write them.
func (a Arguments) render(v view) (string, error) {
	if a.source == nil {
		return "{}", nil
	}
	if raw, ok := a.root.(*Text); ok {
		return raw.render(v)
	}
	var out bytes.Buffer
	if err := writeJSON(&out, a.root, v); err != nil {
		return "", err
	}
	return out.String(), nil
}

func writeJSON(out *bytes.Buffer, node any, v view) error {
	switch node := node.(type) {
	case object:
		return writeObject(out, node, v)
	case list:
		out.WriteByte('[')
		for i, element := range node {
			if i > 0 {
				out.WriteByte(',')
			}
			if err := writeJSON(out, element, v); err != nil {
				return err
			}
		}
		out.WriteByte(']')
	case *Text:
		text, err := node.render(v)
		if err != nil {
			return err
		}
		writeString(out, text)
	case json.RawMessage:
		out.Write(node)
	}
	return nil
}

func writeObject(out *bytes.Buffer, members object, v view) error {
	out.WriteByte('{')
	for i, member := range members {
		if i > 0 {
			out.WriteByte(',')
		}
		writeString(out, member.key)
		out.WriteByte(':')
		if err := writeJSON(out, member.value, v); err != nil {
			return err
		}
	}
	out.WriteByte('}')
	return nil
}

// writeString leaves <, > and & alone, as models do.
func writeString(out *bytes.Buffer, text string) {
	encoder := json.NewEncoder(out)
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(text) // a string cannot fail
	out.Truncate(out.Len() - 1)
}
