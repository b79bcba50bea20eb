package gateway

import "encoding/json"

// Policy decides about a call before it is made. It is safe for concurrent use. Answers from the journal do not pass it:
// they were allowed when the calls were made.
type Policy func(Question) Ruling

// Question is a call as a policy sees it.
type Question struct {
	Kind  string          // an Entry's Kind
	Tool  string          // of KindTool and KindShell
	Skill string          // whose subagent makes it
	Model string          // of KindLLM and KindTranscribe
	Body  json.RawMessage // the request, secrets blotted out
}

// Action is what a policy makes of a call.
type Action string

// The actions. A call that has to be asked about ends with the code approval_required, and so does every call after it: the
// run is repeated once a person has decided.
const (
	Allow Action = "allow"
	Deny  Action = "deny"
	Ask   Action = "ask"
)

// Ruling is a policy's answer; Rule and Reason say why, in a word and a line. Notes are what else belongs into the record.
type Ruling struct {
	Action Action
	Rule   string
	Reason string
	Notes  []string
}

// Asked is a call that waits for a person. The decision is passed to the repeated run in Config.Grants.
type Asked struct {
	Digest  string          `json:"digest"` // an Entry's RequestDigest
	Kind    string          `json:"kind"`
	Tool    string          `json:"tool,omitempty"`
	Request json.RawMessage `json:"request"`
	Rule    string          `json:"rule"`
	Reason  string          `json:"reason"`
}

// ruled asks the policy about a call, which takes its notes. The error is final for this call; recorded tells whether it
// belongs into the journal.
func (s *Session) ruled(e *Entry) (err *Error, recorded bool) {
	if s.Asked() != nil {
		return Errorf(ApprovalRequired, "a call before this one waits for a person"), false
	}
	if s.config.Policy == nil || e.Kind == KindShellDone { // what was allowed may end
		return nil, false
	}
	ruling := s.config.Policy(s.question(*e))
	e.Notes = ruling.Notes
	switch granted, decided := s.config.Grants[e.RequestDigest]; {
	case ruling.Action == Deny:
		return Errorf(Denied, "rule %s denies this call: %s", ruling.Rule, ruling.Reason), true
	case ruling.Action != Ask || decided && granted:
		return nil, false
	case decided:
		return Errorf(Denied, "a person refused this call, which rule %s asks about: %s", ruling.Rule, ruling.Reason), true
	}
	s.ask(Asked{Digest: e.RequestDigest, Kind: e.Kind, Tool: e.Tool, Request: e.Request, Rule: ruling.Rule, Reason: ruling.Reason})
	return Errorf(ApprovalRequired, "rule %s asks a person first: %s", ruling.Rule, ruling.Reason), false
}

func (s *Session) question(e Entry) Question {
	q := Question{Kind: e.Kind, Tool: e.Tool, Skill: s.config.Skill, Body: e.Request}
	switch e.Kind {
	case KindLLM:
		q.Model = s.config.Model
	case KindTranscribe:
		q.Model = s.config.AudioModel
	}
	return q
}

func (s *Session) ask(a Asked) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.pending == nil {
		s.pending = &a
	}
}

// Asked is the call that a person has to decide about before the run can be repeated; nil if there is none.
func (s *Session) Asked() *Asked {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.pending
}
