package scripted

import (
	"errors"
	"strings"
	"time"

	"github.com/goccy/go-yaml"

	"agentfactory/internal/llm"
)

// newExchange is the script's form of a reply that was received.
func newExchange(asked *request, reply llm.Response, at time.Time) Exchange {
	exchange := Exchange{
		Request:  asked.digest,
		Model:    asked.model,
		Asked:    excerpt(asked.messages[len(asked.messages)-1].Content),
		Recorded: at.UTC().Truncate(time.Second),
		Reply:    Reply{FinishReason: reply.FinishReason, Usage: recordedUsage(reply.Usage)},
	}
	if reply.Message.Content != "" || reply.Empty() {
		exchange.Reply.Text = &Text{source: escape(reply.Message.Content)}
	}
	if reply.Message.Refusal != "" {
		exchange.Reply.Refusal = &Text{source: escape(reply.Message.Refusal)}
	}
	for _, call := range reply.Message.ToolCalls {
		exchange.Reply.Calls = append(exchange.Reply.Calls, Call{ID: call.ID, Name: call.Name, Arguments: readable(call.Arguments)})
	}
	return exchange
}

func recordedUsage(usage llm.Usage) *Usage {
	return &Usage{
		Input:       usage.InputTokens,
		CachedInput: usage.CachedInputTokens,
		Output:      usage.OutputTokens,
		Reasoning:   usage.ReasoningTokens,
		None:        usage.InputTokens == 0,
	}
}

// readable turns arguments into a mapping where that means the same, and leaves them as a string where it does not
// (broken JSON, numbers that YAML writes differently).
func readable(arguments string) Arguments {
	var mapping yaml.MapSlice
	if err := yaml.UnmarshalWithOptions([]byte(arguments), &mapping, yaml.UseOrderedMap()); err == nil && mapping != nil {
		tree := escapeTree(mapping)
		root, err := compile(tree)
		candidate := Arguments{source: tree, root: root}
		if rendered, renderErr := candidate.render(view{}); err == nil && renderErr == nil && canonicalJSON(rendered) == canonicalJSON(arguments) {
			return candidate
		}
	}
	return Arguments{source: escape(arguments)}
}

func escapeTree(value any) any {
	switch value := value.(type) {
	case string:
		return escape(value)
	case yaml.MapSlice:
		escaped := make(yaml.MapSlice, 0, len(value))
		for _, item := range value {
			escaped = append(escaped, yaml.MapItem{Key: item.Key, Value: escapeTree(item.Value)})
		}
		return escaped
	case []any:
		escaped := make([]any, 0, len(value))
		for _, element := range value {
			escaped = append(escaped, escapeTree(element))
		}
		return escaped
	}
	return value
}

// formatExchange writes the exchange as an item of a script's exchanges: in the most readable style of those that are
// read back as the same.
func formatExchange(exchange Exchange) (string, error) {
	for _, style := range [][]yaml.EncodeOption{{yaml.UseLiteralStyleIfMultiline(true)}, {}, {yaml.JSON()}} {
		item, err := yaml.MarshalWithOptions([]Exchange{exchange}, style...)
		if err != nil {
			return "", err
		}
		text := strings.TrimRight(string(item), "\n") + "\n"
		if meansSame(text, exchange) {
			return text, nil
		}
	}
	return "", errors.New("the reply holds characters that YAML cannot")
}

func meansSame(item string, exchange Exchange) bool {
	script, err := Parse([]byte("exchanges:\n" + item))
	if err != nil || len(script.Exchanges) != 1 {
		return false
	}
	read := script.Exchanges[0]
	return read.Request == exchange.Request && read.Model == exchange.Model && sameReply(read.Reply, exchange.Reply)
}

func sameReply(a, b Reply) bool {
	if a.FinishReason != b.FinishReason || *a.Usage != *b.Usage || !sameText(a.Text, b.Text) || !sameText(a.Refusal, b.Refusal) || len(a.Calls) != len(b.Calls) {
		return false
	}
	for i, call := range a.Calls {
		if call.ID != b.Calls[i].ID || call.Name != b.Calls[i].Name || call.Arguments.text() != b.Calls[i].Arguments.text() {
			return false
		}
	}
	return true
}

func sameText(a, b *Text) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a.source == b.source
}

// text is the arguments' source in a form that can be compared.
func (a Arguments) text() string {
	encoded, err := yaml.MarshalWithOptions(a.source, yaml.JSON())
	if err != nil {
		return err.Error()
	}
	return string(encoded)
}
