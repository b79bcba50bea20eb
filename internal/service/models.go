package service

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"go.temporal.io/sdk/temporal"

	"agentfactory/activities"
	"agentfactory/internal/config"
	"agentfactory/internal/llm"
	"agentfactory/internal/telemetry"
)

// The scripted models that ship: `starter demo` and `starter evaluate --scripted` use them. Only a service with their
// scripts (Parts.Scripts) serves them, and no other server is asked for them.
const (
	ScriptedDemoModel       = "scripted-demo"
	ScriptedEvaluationModel = "scripted-evaluation"
)

// scriptedPrefix marks the names of models that a script answers for.
const scriptedPrefix = "scripted-"

// Scripted tells whether a script answers for a model of this name, so that its numbers say nothing about real ones.
func Scripted(model string) bool { return strings.HasPrefix(model, scriptedPrefix) }

// Models routes model names to clients. The configured endpoint can be replaced while
// runs are going on: the next call uses the new one.
type Models struct {
	options   llm.Options
	windows   map[string]int
	telemetry *telemetry.Telemetry // nil: calls are not observed

	mu         sync.Mutex
	configured config.Model
	client     *llm.Client
	scripted   map[string]*llm.Client // by model; those that ship and are served
}

// NewModels returns the models of a configuration; a configuration without a model is
// valid, its runs wait until there is one.
func NewModels(c config.Config) (*Models, error) {
	prices := llm.Prices{}
	for name, p := range c.Prices {
		prices[name] = llm.Price(p)
	}
	patience := c.Limits.Model
	m := &Models{scripted: map[string]*llm.Client{}, windows: c.ContextWindows, options: llm.Options{
		Prices: prices, FirstTokenTimeout: time.Duration(patience.FirstToken), ChunkTimeout: time.Duration(patience.Stall),
	}}
	return m, m.Set(c.Model)
}

// Set replaces the configured endpoint and its model names.
func (m *Models) Set(model config.Model) error {
	var client *llm.Client
	if model.Check() == nil {
		c, err := llm.New(llm.Endpoint{BaseURL: model.BaseURL, APIKey: model.APIKey.Reveal()}, m.options)
		if err != nil {
			return err
		}
		client = c
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.configured, m.client = model, client
	return nil
}

// serveScripted routes a scripted model's name to the server at baseURL.
func (m *Models) serveScripted(model, baseURL string) error {
	client, err := llm.New(llm.Endpoint{BaseURL: baseURL}, m.options)
	if err == nil {
		m.scripted[model] = client
	}
	return err
}

// Resolve fills in what a run needs to know of its model.
func (m *Models) Resolve(model string) (activities.ModelSettings, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if model == "" {
		if err := m.configured.Check(); err != nil {
			return activities.ModelSettings{}, notConfigured(err)
		}
	}
	s := activities.ModelSettings{Model: cmp.Or(model, m.configured.Name)}
	s.SubagentModel = cmp.Or(m.configured.SubagentModel, s.Model)
	if Scripted(s.Model) {
		s.SubagentModel, s.Scripted = s.Model, true
	}
	s.ContextWindow = m.window(s.Model)
	s.MaxOutputTokens = min(s.ContextWindow/4, maxReply)
	_, own := m.options.Prices.For(s.Model)
	_, subagents := m.options.Prices.For(s.SubagentModel)
	s.Priced = own && subagents
	return s, nil
}

// Completer returns the client that serves the model.
func (m *Models) Completer(model string) (activities.Completer, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if client := m.scripted[model]; client != nil {
		return m.observed(client), nil
	}
	if model == ScriptedDemoModel || model == ScriptedEvaluationModel {
		return nil, notConfigured(fmt.Errorf("this worker does not serve %s; the embedded stack of `starter demo` and `starter evaluate --scripted` does", model))
	}
	if m.client == nil {
		return nil, notConfigured(m.configured.Check())
	}
	return m.observed(m.client), nil
}

func (m *Models) observed(client *llm.Client) activities.Completer {
	if m.telemetry == nil {
		return client
	}
	return observedCompleter{client, m.telemetry}
}

// TranscriptionModel names the model for audio of the configured endpoint.
func (m *Models) TranscriptionModel() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.configured.TranscriptionModel
}

// EmbeddingModel implements skillstore.Embedder. Without a model endpoint there is none.
func (m *Models) EmbeddingModel() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.client == nil {
		return ""
	}
	return m.configured.EmbeddingModel
}

// Embed implements skillstore.Embedder.
func (m *Models) Embed(ctx context.Context, model string, texts []string) ([][]float32, int64, error) {
	m.mu.Lock()
	client := m.client
	m.mu.Unlock()
	if client == nil {
		return nil, 0, fmt.Errorf("embed with %s: no model endpoint is configured", model)
	}
	if m.telemetry == nil {
		return client.Embed(ctx, model, texts)
	}
	ctx, ended := m.telemetry.ModelCall(ctx, telemetry.Embeddings, model)
	vectors, tokens, err := client.Embed(ctx, model, texts)
	ended(llm.Response{Usage: llm.Usage{InputTokens: tokens}}, err)
	return vectors, tokens, err
}

func notConfigured(err error) error {
	return temporal.NewNonRetryableApplicationError(err.Error(), activities.ModelNotConfigured, nil)
}

const (
	maxReply      = 32_000  // tokens of one reply: reasoning and the code of several subagents
	defaultWindow = 128_000 // tokens, for models that the table does not know
)

// window is the model's context window in tokens: the configured one, else by the
// longest known beginning of its name. A window that is really smaller shows itself as
// a context-length error, to which the run answers by shortening old observations.
func (m *Models) window(model string) int {
	if w, ok := m.windows[model]; ok {
		return w
	}
	name := model[strings.LastIndexByte(model, '/')+1:] // without a provider's prefix
	best, window := "", defaultWindow
	for prefix, w := range knownWindows {
		if strings.HasPrefix(name, prefix) && len(prefix) > len(best) {
			best, window = prefix, w
		}
	}
	return window
}

// knownWindows are context windows in tokens by the beginning of the model's name, from
// the providers' model pages.
var knownWindows = map[string]int{
	"gpt-5": 400_000, "gpt-4.1": 1_047_576, "gpt-4o": 128_000, "o1": 200_000, "o3": 200_000, "o4": 200_000,
	"claude": 200_000, "gemini": 1_048_576, "deepseek": 128_000, "llama": 128_000, "qwen": 32_768, "mistral": 128_000,
}
