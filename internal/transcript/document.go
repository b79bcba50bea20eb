// Package transcript assembles what was said and done in a run from its records on S3,
// as one document, and renders it as HTML and Markdown for people. It imports the
// records (internal/run) and the object store; it writes nothing.
package transcript

import (
	"encoding/json"
	"time"

	"agentfactory/internal/llm"
	"agentfactory/internal/run"
)

// Format names the JSON form of a Document; fields are only ever added.
const Format = "agentfactory-transcript/1"

// Document is a run as it can be read from beginning to end. The fields of its result
// are zero while the run goes on, and after it was terminated.
type Document struct {
	Format        string     `json:"format"`
	Result        run.Result `json:"result"`
	SubagentModel string     `json:"subagent_model,omitempty"`
	ContextWindow int        `json:"context_window,omitempty"` // tokens
	System        string     `json:"system"`                   // the system prompt
	Opening       string     `json:"opening"`                  // the first message: the task, its files, saved skills that fit
	Turns         []Turn     `json:"turns"`
}

// Turn is one model call and what became of the calls that it asked for.
type Turn struct {
	Number  int       `json:"number"` // 0: calls that the opening made for the model
	Key     string    `json:"key"`    // S3 key of its record
	At      time.Time `json:"at"`
	Seconds float64   `json:"seconds"`
	Notes   []string  `json:"notes,omitempty"` // said to the model beside the observations
	Text    string    `json:"text,omitempty"`
	Refusal string    `json:"refusal,omitempty"`
	Finish  string    `json:"finish_reason,omitempty"`
	Usage   llm.Usage `json:"usage"`
	Calls   []Call    `json:"calls"`
}

// Call is one meta skill call.
type Call struct {
	ID        string          `json:"id"`
	Tool      string          `json:"tool"`
	Arguments json.RawMessage `json:"arguments"`         // an object, or a string when the model wrote something else
	Amended   json.RawMessage `json:"amended,omitempty"` // what a person put in their place
	// Observation is all that there was to see; Read is what the model was given of it, when that was less.
	Observation string    `json:"observation"`
	Read        string    `json:"read,omitempty"`
	OK          bool      `json:"ok"`
	Done        bool      `json:"done"` // false: it was not carried out (yet)
	Seconds     float64   `json:"seconds,omitempty"`
	Usage       run.Usage `json:"usage"`
	Step        string    `json:"step,omitempty"` // S3 key of its record
}

// Argument is one argument of a call, for display.
type Argument struct {
	Name  string
	Value string // strings as they are, everything else as JSON
}
