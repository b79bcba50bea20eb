package llm

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/packages/param"
	"github.com/openai/openai-go/v3/shared"
)

// encode writes the request as the server will read it. Equal requests give equal bytes, and a request that continues
// another one repeats the other's messages and tools byte by byte: providers' prompt caches depend on that.
func encode(request Request, spoken dialect) ([]byte, error) {
	if request.Model == "" {
		return nil, fmt.Errorf("no model is named; set AGENTFACTORY_MODEL")
	}
	messages, err := encodeMessages(request.Messages)
	if err != nil {
		return nil, err
	}
	tools, err := encodeTools(request.Tools)
	if err != nil {
		return nil, err
	}
	params := openai.ChatCompletionNewParams{
		Model:    request.Model,
		Messages: messages,
		Tools:    tools,
	}
	if request.Temperature != nil {
		params.Temperature = openai.Float(*request.Temperature)
	}
	spoken.apply(&params, request)
	params.SetExtraFields(map[string]any{"stream": true})
	return params.MarshalJSON() // json.Marshal would read all of it once more
}

func encodeMessages(messages []Message) ([]openai.ChatCompletionMessageParamUnion, error) {
	if len(messages) == 0 {
		return nil, fmt.Errorf("the request holds no messages")
	}
	encoded := make([]openai.ChatCompletionMessageParamUnion, 0, len(messages))
	for i, message := range messages {
		switch message.Role {
		case RoleSystem:
			encoded = append(encoded, openai.SystemMessage(message.Content))
		case RoleUser:
			encoded = append(encoded, encodeUser(message))
		case RoleTool:
			encoded = append(encoded, openai.ToolMessage(message.Content, message.ToolCallID))
		case RoleAssistant:
			encoded = append(encoded, encodeAssistant(message))
		default:
			return nil, fmt.Errorf("message %d has the unknown role %q", i+1, message.Role)
		}
	}
	return encoded, nil
}

// encodeUser sends images as data URLs, which every server with vision understands.
func encodeUser(message Message) openai.ChatCompletionMessageParamUnion {
	if len(message.Parts) == 0 {
		return openai.UserMessage(message.Content)
	}
	parts := make([]openai.ChatCompletionContentPartUnionParam, 0, len(message.Parts))
	for _, part := range message.Parts {
		if part.MediaType == "" {
			parts = append(parts, openai.TextContentPart(part.Text))
			continue
		}
		url := "data:" + part.MediaType + ";base64," + base64.StdEncoding.EncodeToString(part.Data)
		parts = append(parts, openai.ImageContentPart(openai.ChatCompletionContentPartImageImageURLParam{URL: url}))
	}
	return openai.UserMessage(parts)
}

func encodeAssistant(message Message) openai.ChatCompletionMessageParamUnion {
	assistant := &openai.ChatCompletionAssistantMessageParam{}
	// Servers refuse an assistant message that has neither content nor calls, so an empty reply is sent as "".
	if message.Content != "" || (len(message.ToolCalls) == 0 && message.Refusal == "") {
		assistant.Content.OfString = openai.String(message.Content)
	}
	if message.Refusal != "" {
		assistant.Refusal = openai.String(message.Refusal)
	}
	for _, call := range message.ToolCalls {
		assistant.ToolCalls = append(assistant.ToolCalls, openai.ChatCompletionMessageToolCallUnionParam{
			OfFunction: &openai.ChatCompletionMessageFunctionToolCallParam{
				ID: call.ID,
				Function: openai.ChatCompletionMessageFunctionToolCallFunctionParam{
					Name:      acceptableName(call.Name),
					Arguments: acceptableArguments(call.Arguments),
				},
			},
		})
	}
	return openai.ChatCompletionMessageParamUnion{OfAssistant: assistant}
}

// acceptableName keeps the name of a call that the model made up from failing every later request of the conversation:
// servers check names in the history as well.
func acceptableName(name string) string {
	name = strings.Map(func(r rune) rune {
		if r < 0x80 && (r == '_' || r == '-' || '0' <= r && r <= '9' || 'a' <= r|0x20 && r|0x20 <= 'z') {
			return r
		}
		return '_'
	}, name)
	if name == "" {
		return "_"
	}
	return name[:min(len(name), 64)]
}

// acceptableArguments does the same for arguments that are no JSON object (vLLM and Anthropic parse them again): the
// model sees what it wrote, as a string inside one.
func acceptableArguments(arguments string) string {
	trimmed := strings.TrimSpace(arguments)
	switch {
	case strings.HasPrefix(trimmed, "{") && json.Valid([]byte(trimmed)):
		return arguments
	case trimmed == "":
		return "{}"
	}
	wrapped, _ := json.Marshal(map[string]string{"malformed_arguments": arguments})
	return string(wrapped)
}

func encodeTools(tools []Tool) ([]openai.ChatCompletionToolUnionParam, error) {
	var encoded []openai.ChatCompletionToolUnionParam // nil without tools: servers refuse an empty list
	for _, tool := range tools {
		// The SDK's own type would sort the schema's keys.
		definition, err := json.Marshal(tool)
		if err != nil {
			return nil, fmt.Errorf("the parameters of tool %q are not JSON: %w", tool.Name, err)
		}
		encoded = append(encoded, openai.ChatCompletionToolUnionParam{OfFunction: &openai.ChatCompletionFunctionToolParam{
			Function: param.Override[shared.FunctionDefinitionParam](json.RawMessage(definition)),
		}})
	}
	return encoded, nil
}
