package metaskill

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/google/jsonschema-go/jsonschema"

	"agentfactory/internal/llm"
)

// Method is a way of solving tasks: what the model is told before the task, and the
// tools that it may call. A run has one from its opening on, and every request of it
// carries the same prompt and tools.
type Method struct {
	Name         string // as records have it; "" is the meta-agent
	SystemPrompt string
	definitions  []definition // in the order of the cached prompt prefix: append, never reorder
	tools        func() []llm.Tool
	resolved     func() map[string]*jsonschema.Resolved
}

// The methods by name. Records without one were made by the meta-agent.
const (
	AgentFactoryName = ""
	ReActName        = "react"
	TextualName      = "textual"
)

// The methods: the meta-agent, and those that it is compared with.
var (
	AgentFactory = newMethod(AgentFactoryName, SystemPrompt, definitions)
	ReAct        = newMethod(ReActName, ReActPrompt, reactDefinitions)
	Textual      = newMethod(TextualName, textualPrompt, textualDefinitions)
)

// ErrUnknownMethod: a record was made by a method that this program does not have.
var ErrUnknownMethod = errors.New("unknown method")

// MethodNamed finds a method by the name that records have.
func MethodNamed(name string) (*Method, error) {
	for _, m := range []*Method{AgentFactory, ReAct, Textual} {
		if m.Name == name {
			return m, nil
		}
	}
	return nil, fmt.Errorf("%w %.64q: a newer worker opened this run; upgrade this one", ErrUnknownMethod, name)
}

func newMethod(name, prompt string, definitions []definition) *Method {
	return &Method{
		Name: name, SystemPrompt: prompt, definitions: definitions,
		tools:    sync.OnceValue(func() []llm.Tool { return toolsOf(definitions) }),
		resolved: sync.OnceValue(func() map[string]*jsonschema.Resolved { return resolve(definitions) }),
	}
}

// Tools returns what the model may call as OpenAI function tools, always in the same bytes.
func (m *Method) Tools() []llm.Tool { return m.tools() }

func toolsOf(definitions []definition) []llm.Tool {
	tools := make([]llm.Tool, len(definitions))
	for i, d := range definitions {
		schema, err := d.schema()
		if err != nil {
			panic(fmt.Sprintf("schema of %s: %v", d.name, err)) // a mistake in this package
		}
		tools[i] = llm.Tool{Name: d.name, Description: d.description, Parameters: encode(compact(schema))}
	}
	return tools
}

// Names lists the tools in the order in which the model sees them.
func (m *Method) Names() []string {
	names := make([]string, len(m.definitions))
	for i, d := range m.definitions {
		names[i] = d.name
	}
	return names
}

func (m *Method) find(name string) (definition, bool) {
	i := slices.IndexFunc(m.definitions, func(d definition) bool { return d.name == name })
	if i < 0 {
		return definition{}, false
	}
	return m.definitions[i], true
}

// SchemaDigest is the SHA-256 of all tool definitions, kept with each run.
func (m *Method) SchemaDigest() string { return digest(encode(m.Tools())) }

// PromptDigest is the SHA-256 of the system prompt, kept with each run.
func (m *Method) PromptDigest() string { return digest([]byte(m.SystemPrompt)) }

func digest(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}
