package llm

import (
	"encoding/json"
	"fmt"
)

// callAssembler puts tool calls together from the pieces of a stream. The protocol says that pieces belong together by
// index; servers are less exact, see startsNew.
type callAssembler struct {
	calls   []ToolCall
	current map[int]int // the server's index -> the position in calls of the call it stands for now
}

func (a *callAssembler) add(index int, piece ToolCall) {
	position, known := a.current[index]
	if !known || startsNew(a.calls[position], piece) {
		if a.current == nil {
			a.current = map[int]int{}
		}
		a.current[index] = len(a.calls)
		a.calls = append(a.calls, piece)
		return
	}
	call := &a.calls[position]
	call.ID = firstNonEmpty(call.ID, piece.ID)
	call.Name = firstNonEmpty(call.Name, piece.Name)
	call.Arguments += piece.Arguments
}

// startsNew tells a further call from a further piece where a server sends the same index for all calls: a call begins
// with a name, and either has another ID (Gemini) or follows a call whose arguments are complete (servers without IDs).
// Servers that repeat ID and name, or invent an ID for each piece, still continue the same call.
func startsNew(open, piece ToolCall) bool {
	if piece.Name == "" || open.Name == "" {
		return false
	}
	if piece.ID != "" && open.ID != "" {
		return piece.ID != open.ID
	}
	return json.Valid([]byte(open.Arguments))
}

// finished returns the calls, each with an ID of its own: servers may send none, or one for several calls. Made-up IDs
// depend only on the conversation's length and the position, so that they are the same whenever the turn is read again.
func (a *callAssembler) finished(messages int) []ToolCall {
	seen := map[string]bool{}
	for i := range a.calls {
		call := &a.calls[i]
		if call.ID == "" || seen[call.ID] {
			call.ID = fmt.Sprintf("call_%d_%d", messages, i+1)
		}
		seen[call.ID] = true
	}
	return a.calls
}
