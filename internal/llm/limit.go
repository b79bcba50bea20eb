package llm

import "strings"

// What is kept of one reply. Models write 128,000 tokens at most, about half a mebibyte; a reply that goes on beyond that
// is a model or a server that has lost its way, and all of it would be sent again with every later turn.
const (
	maxKept  = 2 << 20 // bytes of texts and calls together
	maxCalls = 128     // OpenAI refuses a message with more tool calls
)

// full reports whether reading on is of no use.
func (r *reply) full() bool { return r.kept > maxKept || len(r.calls.calls) > maxCalls }

// limited cuts a message to what is kept of one reply, and reports whether that left anything out. A call whose arguments
// are cut stays, as after the token limit; the calls behind it are dropped.
func limited(whole Message) (Message, bool) {
	room, cut := maxKept, false
	fit := func(s string) string {
		kept := s[:min(len(s), room)]
		room -= len(kept)
		if len(kept) < len(s) {
			cut = true
			kept = strings.ToValidUTF8(kept, "")
		}
		return kept
	}
	m := Message{Role: whole.Role, Content: fit(whole.Content), Refusal: fit(whole.Refusal)}
	for i, call := range whole.ToolCalls {
		if i == maxCalls || cut || len(call.ID)+len(call.Name) > room {
			return m, true
		}
		room -= len(call.ID) + len(call.Name)
		call.Arguments = fit(call.Arguments)
		m.ToolCalls = append(m.ToolCalls, call)
	}
	return m, cut
}
