package scripted

import (
	"fmt"
	"os"
	"time"

	"github.com/goccy/go-yaml"
)

// DefaultModel is the model that a script offers if it names none.
const DefaultModel = "scripted-model"

// maxRepeat is more turns than any run takes; a larger number is a mistake.
const maxRepeat = 100_000

// Script says what the model answers. Recorded exchanges are looked up first, by the digest of the whole request; then
// the first conversation whose conditions hold answers, with the turn that the request has come to.
type Script struct {
	// Models are the ones offered; a request for another one gets 404. Empty: DefaultModel is listed, any is served.
	Models []string `yaml:"models,omitempty"`
	// ContextWindow refuses requests of more input tokens; 0 takes everything.
	ContextWindow  int             `yaml:"context_window,omitempty"`
	Conversations  []Conversation  `yaml:"conversations,omitempty"`
	Exchanges      []Exchange      `yaml:"exchanges,omitempty"`
	Transcriptions []Transcription `yaml:"transcriptions,omitempty"`

	recorded map[string]*Reply // Exchanges by digest
}

// Conversation is what the model says in conversations of one sort.
type Conversation struct {
	Name  string     `yaml:"name,omitempty"` // for the log and error messages
	When  Conditions `yaml:"when,omitempty"`
	Turns []Turn     `yaml:"turns"`

	places [][]*Turn // for each reply of the conversation, the turns that compete for it
}

// Conditions must all hold; those left out do.
type Conditions struct {
	User   Pattern `yaml:"user,omitempty"`   // matches the first user message
	System Pattern `yaml:"system,omitempty"` // matches the system messages
	Model  Pattern `yaml:"model,omitempty"`  // matches the model's name
}

// Turn is one reply, with how it is sent. The nth turn answers a request that already holds n-1 assistant messages,
// except that a turn with When shares its place with the turns after it up to the first one without.
type Turn struct {
	When       Pattern `yaml:"when,omitempty"`   // matches the last message of the request
	Repeat     int     `yaml:"repeat,omitempty"` // the turn takes this many places
	Reply      `yaml:",inline"`
	Delay      Duration `yaml:"delay,omitempty"`       // before the first byte
	ChunkDelay Duration `yaml:"chunk_delay,omitempty"` // between the pieces of a streamed reply
	Fault      Faults   `yaml:"fault,omitempty"`
}

// Reply is what the model says: any of text, calls and refusal. A reply with an empty text alone is an empty reply.
type Reply struct {
	Text    *Text  `yaml:"text,omitempty"`
	Calls   []Call `yaml:"calls,omitempty"`
	Refusal *Text  `yaml:"refusal,omitempty"`
	// FinishReason replaces the one that follows from the reply: "tool_calls" if there are calls, else "stop".
	FinishReason string `yaml:"finish_reason,omitempty"`
	// Usage replaces the tokens counted from request and reply.
	Usage *Usage `yaml:"usage,omitempty"`
}

// Call is a tool call. Its ID is derived from the request unless it is given.
type Call struct {
	ID        string    `yaml:"id,omitempty"`
	Name      string    `yaml:"name"`
	Arguments Arguments `yaml:"arguments,omitempty"`
}

// Usage is the number of tokens to report.
type Usage struct {
	Input       int64 `yaml:"input,omitempty"`
	CachedInput int64 `yaml:"cached_input,omitempty"`
	Output      int64 `yaml:"output,omitempty"`
	Reasoning   int64 `yaml:"reasoning,omitempty"`
	None        bool  `yaml:"none,omitempty"` // report nothing, as some servers do
}

// Fault is something that goes wrong before, in or instead of the reply.
type Fault struct {
	// Status answers with this HTTP status and an error body; with CutAfterChunks the error comes inside the stream.
	Status int `yaml:"status,omitempty"`
	// Code is the error's code, where the usual one of the status will not do, such as insufficient_quota.
	Code       string   `yaml:"code,omitempty"`
	RetryAfter Duration `yaml:"retry_after,omitempty"`
	// Stall is how long the server is silent: before it answers, or after CutAfterChunks pieces.
	Stall Duration `yaml:"stall,omitempty"`
	// CutAfterChunks closes the connection after so many pieces of the stream.
	CutAfterChunks int `yaml:"cut_after_chunks,omitempty"`
	// Body is sent as it stands instead of a reply.
	Body         string `yaml:"body,omitempty"`
	FinishReason string `yaml:"finish_reason,omitempty"`
	// Times is how often a request meets the fault before it gets the reply: once if 0, always if negative.
	Times int `yaml:"times,omitempty"`
}

// Exchange is a recorded request, known by its digest, and its reply.
type Exchange struct {
	Request  string    `yaml:"request"` // see Digest
	Model    string    `yaml:"model"`
	Asked    string    `yaml:"asked,omitempty"` // the beginning of the last message, for human readers
	Recorded time.Time `yaml:"recorded,omitempty"`
	Reply    Reply     `yaml:"reply"`
}

// Transcription is what the model hears in an audio file.
type Transcription struct {
	File Pattern `yaml:"file,omitempty"` // matches the file's name
	Text string  `yaml:"text"`
}

// Load reads and checks a script file.
func Load(path string) (*Script, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read script: %w", err)
	}
	script, err := Parse(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return script, nil
}

// Parse reads and checks a script. Unknown keys are errors.
func Parse(data []byte) (*Script, error) {
	var script Script
	if err := yaml.UnmarshalWithOptions(data, &script, yaml.Strict(), yaml.UseOrderedMap()); err != nil {
		return nil, fmt.Errorf("read script: %s", yaml.FormatError(err, false, false))
	}
	if err := script.prepare(); err != nil {
		return nil, fmt.Errorf("check script: %w", err)
	}
	return &script, nil
}

// prepare checks what the types cannot and works out what matching needs.
func (s *Script) prepare() error {
	for i := range s.Conversations {
		conversation := &s.Conversations[i]
		if conversation.Name == "" {
			conversation.Name = fmt.Sprintf("conversation %d", i+1)
		}
		if err := conversation.prepare(); err != nil {
			return fmt.Errorf("%s: %w", conversation.Name, err)
		}
	}
	s.recorded = make(map[string]*Reply, len(s.Exchanges))
	for i := range s.Exchanges {
		exchange := &s.Exchanges[i]
		if exchange.Request == "" {
			return fmt.Errorf("exchange %d names no request digest", i+1)
		}
		s.recorded[exchange.Request] = &exchange.Reply
	}
	return nil
}

func (c *Conversation) prepare() error {
	var competing []*Turn
	for i := range c.Turns {
		turn := &c.Turns[i]
		if err := turn.check(); err != nil {
			return fmt.Errorf("turn %d: %w", i+1, err)
		}
		competing = append(competing, turn)
		if turn.When.set() && i < len(c.Turns)-1 {
			continue
		}
		for range max(1, turn.Repeat) {
			c.places = append(c.places, competing)
		}
		competing = nil
	}
	if len(c.places) == 0 {
		return fmt.Errorf("there are no turns")
	}
	return nil
}

func (t *Turn) check() error {
	if t.Text == nil && len(t.Calls) == 0 && t.Refusal == nil && len(t.Fault) == 0 {
		return fmt.Errorf("neither text, calls, refusal nor fault is given (an empty reply is written text: \"\")")
	}
	if t.Repeat < 0 || t.Repeat > maxRepeat {
		return fmt.Errorf("repeat is %d and must be between 1 and %d", t.Repeat, maxRepeat)
	}
	if t.Repeat > 0 && t.When.set() {
		return fmt.Errorf("repeat and when exclude each other: repeat the last of the competing turns")
	}
	for _, call := range t.Calls {
		if call.Name == "" {
			return fmt.Errorf("a call has no name")
		}
	}
	for _, fault := range t.Fault {
		if err := fault.check(); err != nil {
			return fmt.Errorf("fault: %w", err)
		}
	}
	return nil
}

func (f Fault) check() error {
	switch {
	case f.Status != 0 && (f.Status < 300 || f.Status > 599):
		return fmt.Errorf("status %d is not an HTTP error", f.Status)
	case f.CutAfterChunks < 0:
		return fmt.Errorf("cut_after_chunks is negative")
	case f.Status == 0 && f.Stall == 0 && f.CutAfterChunks == 0 && f.Body == "" && f.FinishReason == "":
		return fmt.Errorf("one of status, stall, cut_after_chunks, body and finish_reason is needed")
	}
	return nil
}
