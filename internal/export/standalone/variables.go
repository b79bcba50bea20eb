package standalone

import "slices"

// Variable is an environment variable that the modules read.
type Variable struct {
	Name    string
	Purpose string
	Default string // in words; "" without one
	// Required: without it the skill does not start. OPENAI_API_KEY is required only where OPENAI_BASE_URL names no other
	// server than OpenAI's.
	Required bool
	Secret   bool
}

// Needs is what a skill uses of the modules.
type Needs struct {
	Tools []string // tool skills, such as web_search
	Model bool     // call_llm
	Audio bool     // transcribe
}

var (
	server = []Variable{
		{Name: "OPENAI_API_KEY", Purpose: "key of the model server; one that is not OpenAI's may need none", Required: true, Secret: true},
		{Name: "OPENAI_BASE_URL", Purpose: "OpenAI-compatible server", Default: "https://api.openai.com/v1"},
	}
	model = []Variable{
		{Name: "AGENTFACTORY_MODEL", Purpose: "name of the model; AGENTFACTORY_SUBAGENT_MODEL comes before it, OPENAI_MODEL after it", Required: true},
	}
	audio = []Variable{
		{Name: "AGENTFACTORY_TRANSCRIPTION_MODEL", Purpose: "model for audio", Default: "gpt-4o-mini-transcribe at OpenAI, else none"},
	}
	private   = Variable{Name: "AGENTFACTORY_ALLOW_PRIVATE", Purpose: "1: addresses that are not public may be reached", Default: "they are refused"}
	variables = map[string][]Variable{
		"web_search": {
			{Name: "SERPER_API_KEY", Purpose: "key of serper.dev", Required: true, Secret: true},
			{Name: "SERPER_BASE_URL", Purpose: "server that speaks Serper's API", Default: "https://google.serper.dev"},
		},
		"web_reading": {
			{Name: "JINA_API_KEY", Purpose: "key of Jina Reader", Default: "none: pages are fetched directly", Secret: true},
			{Name: "JINA_BASE_URL", Purpose: "server that speaks Jina Reader's API", Default: "https://r.jina.ai"},
			private,
		},
		"browser_automation": {
			{Name: "AGENTFACTORY_CHROMIUM", Purpose: "Chromium to use", Default: "Playwright's own, or one on PATH"},
			private,
			{Name: "AGENTFACTORY_ALLOW_EVAL", Purpose: "1: scripts of the skill may run in pages", Default: "they may not"},
		},
	}
)

// Variables returns what a skill with these needs can be configured by, in the order in which it is best explained.
func Variables(n Needs) []Variable {
	var found []Variable
	add := func(more ...Variable) {
		for _, v := range more {
			if !slices.Contains(found, v) {
				found = append(found, v)
			}
		}
	}
	if n.Model || n.Audio {
		add(server...)
	}
	if n.Model {
		add(model...)
	}
	if n.Audio {
		add(audio...)
	}
	for _, tool := range n.Tools {
		add(variables[tool]...)
	}
	return found
}
