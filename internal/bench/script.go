package bench

import (
	"bytes"
	_ "embed"
	"fmt"
	"text/template"
	"time"

	"agentfactory/internal/llm/scripted"
)

// ModelName is the model that the runs ask for. No model of a provider has this name, so that a worker with another endpoint
// spends nothing on a run that it gets by mistake.
const ModelName = "scripted-bench"

//go:embed script.yaml
var scriptSource string

var scriptTemplate = template.Must(template.New("script.yaml").Delims("<<", ">>").Parse(scriptSource))

// Model answers the runs of the load, each turn after the time that it takes to think.
func (l Load) Model() (*scripted.Server, error) {
	var filled bytes.Buffer
	if err := scriptTemplate.Execute(&filled, struct {
		Think time.Duration
		Again int // turns between the first and the last
	}{l.Think, l.Turns - minTurns}); err != nil {
		return nil, fmt.Errorf("fill in the script of the benchmark: %w", err)
	}
	script, err := scripted.Parse(filled.Bytes())
	if err != nil {
		return nil, fmt.Errorf("script of the benchmark: %w", err)
	}
	return scripted.NewServer(script, scripted.Options{})
}
