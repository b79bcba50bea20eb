package scripted

import (
	"fmt"
	"strings"

	"agentfactory/internal/llm"
)

// answer is what the script has to say to a request.
type answer struct {
	conversation string // its name, or "recorded"
	turn         *Turn
	view         view
}

// unscripted says that the script has nothing to say.
type unscripted struct{ message string }

func (e unscripted) Error() string { return e.message }

// answer looks a request up. It depends on the request alone.
func (s *Script) answer(r *request) (*answer, error) {
	v := viewOf(r)
	if reply, ok := s.recorded[r.digest]; ok {
		return &answer{conversation: "recorded", turn: &Turn{Reply: *reply}, view: v}, nil
	}
	for i := range s.Conversations {
		conversation := &s.Conversations[i]
		groups, ok := conversation.When.hold(r, v.Task)
		if !ok {
			continue
		}
		v.groups = groups
		turn, err := conversation.turn(v)
		if err != nil {
			return nil, err
		}
		return &answer{conversation: conversation.Name, turn: turn, view: v}, nil
	}
	return nil, unscripted{fmt.Sprintf("no conversation of the script matches this request: model %q, first user message %q", r.model, excerpt(v.Task))}
}

func viewOf(r *request) view {
	v := view{Model: r.model, Turn: 1, LastMessage: r.messages[len(r.messages)-1].Content}
	for i := len(r.messages) - 1; i >= 0; i-- {
		switch r.messages[i].Role {
		case llm.RoleAssistant:
			v.Turn++
		case llm.RoleUser:
			v.Task = r.messages[i].Content
		}
	}
	return v
}

// hold reports whether all conditions do, with the groups of the first regular expression among them.
func (c Conditions) hold(r *request, task string) ([]string, bool) {
	var groups []string
	for _, condition := range []struct {
		pattern Pattern
		text    string
	}{{c.User, task}, {c.System, systemText(r)}, {c.Model, r.model}} {
		found, ok := condition.pattern.find(condition.text)
		if !ok {
			return nil, false
		}
		if groups == nil {
			groups = found
		}
	}
	return groups, true
}

func systemText(r *request) string {
	var texts []string
	for _, message := range r.messages {
		if message.Role == llm.RoleSystem {
			texts = append(texts, message.Content)
		}
	}
	return strings.Join(texts, "\n")
}

// turn returns the first of the turns that compete for the reply and whose pattern matches the last message.
func (c *Conversation) turn(v view) (*Turn, error) {
	if v.Turn > len(c.places) {
		return nil, unscripted{fmt.Sprintf("%s has %d turns, and reply %d is asked for; last message %q", c.Name, len(c.places), v.Turn, excerpt(v.LastMessage))}
	}
	for _, turn := range c.places[v.Turn-1] {
		if _, ok := turn.When.find(v.LastMessage); ok {
			return turn, nil
		}
	}
	return nil, unscripted{fmt.Sprintf("no turn of %s matches for reply %d; last message %q", c.Name, v.Turn, excerpt(v.LastMessage))}
}

// excerpt is as much of a text as one wants to see in an error message.
func excerpt(text string) string {
	const length = 200
	text = strings.Join(strings.Fields(text), " ")
	if len(text) > length {
		return strings.ToValidUTF8(text[:length], "") + "…"
	}
	return text
}
