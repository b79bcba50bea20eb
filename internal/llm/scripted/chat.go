package scripted

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"agentfactory/internal/llm"
)

// chat decides the answer to a chat completion.
func (s *Server) chat(ctx context.Context, r *http.Request, entry *Entry) (sender, error) {
	request, err := s.readChat(r, entry)
	if err != nil {
		return nil, err
	}
	input, cached := s.prompt.count(request)
	if window := s.script.ContextWindow; window > 0 && input > int64(window) {
		return nil, refuse(http.StatusBadRequest, "context_length_exceeded",
			fmt.Sprintf("this model's maximum context length is %d tokens; your messages have %d", window, input))
	}
	found, err := s.script.answer(request)
	if err != nil {
		return nil, err
	}
	entry.Conversation, entry.Turn = found.conversation, found.view.Turn

	said, err := found.say(request)
	if err != nil {
		return nil, unscripted{fmt.Sprintf("%s, reply %d: %s", found.conversation, found.view.Turn, err)}
	}
	said.count(found.turn.Usage, request, input, cached)
	delivery := delivery{ctx: ctx, turn: found.turn, said: said, stream: request.stream, includeUsage: request.includeUsage}
	if fault, ok := s.faults.next(request.digest, found.turn.Fault); ok {
		entry.Fault = fault.String()
		return delivery.faulty(fault, entry)
	}
	return delivery.send, nil
}

func (s *Server) readChat(r *http.Request, entry *Entry) (*request, error) {
	body, err := readBody(r)
	if err != nil {
		return nil, err
	}
	request, err := readRequest(body, &s.messages)
	if err != nil {
		return nil, err
	}
	entry.Model, entry.Messages, entry.Digest, entry.Stream = request.model, len(request.messages), request.digest, request.stream
	if len(s.script.Models) > 0 && !slices.Contains(s.script.modelNames(), request.model) {
		return nil, refuse(http.StatusNotFound, "", fmt.Sprintf("the model %q does not exist; the script offers %s", request.model, strings.Join(s.script.modelNames(), ", ")))
	}
	return request, nil
}

// modelNames are the models offered, those of recorded exchanges included.
func (s *Script) modelNames() []string {
	names := slices.Clone(s.Models)
	for _, exchange := range s.Exchanges {
		names = append(names, exchange.Model)
	}
	if len(names) == 0 {
		names = []string{DefaultModel}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// said is a reply with everything filled in.
type said struct {
	id, model     string
	text, refusal string
	calls         []llm.ToolCall
	finishReason  string
	usage         Usage
}

// say fills in the placeholders, and the IDs, which depend on the request alone.
func (a *answer) say(r *request) (*said, error) {
	reply := a.turn.Reply
	text, err := reply.Text.render(a.view)
	if err != nil {
		return nil, err
	}
	refusal, err := reply.Refusal.render(a.view)
	if err != nil {
		return nil, err
	}
	s := &said{id: "chatcmpl-" + r.digest[:24], model: r.model, text: text, refusal: refusal, finishReason: reply.FinishReason}
	for i, call := range reply.Calls {
		arguments, err := call.Arguments.render(a.view)
		if err != nil {
			return nil, fmt.Errorf("arguments of %s: %w", call.Name, err)
		}
		id := call.ID
		if id == "" {
			id = fmt.Sprintf("call_%s_%d", r.digest[:16], i+1)
		}
		s.calls = append(s.calls, llm.ToolCall{ID: id, Name: call.Name, Arguments: arguments})
	}
	if s.finishReason == "" {
		s.finishReason = llm.FinishStop
		if len(s.calls) > 0 {
			s.finishReason = llm.FinishToolCalls
		}
	}
	return s, nil
}

// count sets the usage to what the script says, or else to what was counted.
func (s *said) count(scripted *Usage, r *request, input, cached int64) {
	if scripted != nil {
		s.usage = *scripted
		return
	}
	output := llm.CountMessage(r.model, llm.Message{Content: s.text, Refusal: s.refusal, ToolCalls: s.calls})
	s.usage = Usage{Input: input, CachedInput: cached, Output: int64(output)}
}

// delivery sends a reply the way its turn wants it.
type delivery struct {
	ctx          context.Context
	turn         *Turn
	said         *said
	stream       bool
	includeUsage bool
}

func (d delivery) send(w http.ResponseWriter) {
	if !d.wait(d.turn.Delay) {
		return
	}
	if d.stream {
		d.sendPieces(w, len(d.said.deltas())) // all of them
		d.sendEnd(w)
		return
	}
	sendJSON(d.said.document())(w)
}

// wait reports whether the client is still there afterwards.
func (d delivery) wait(delay Duration) bool {
	if delay == 0 {
		return true
	}
	timer := time.NewTimer(time.Duration(delay))
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-d.ctx.Done():
		return false
	}
}

// sendPieces streams the first count pieces. The net/http server gathers them unless they are meant to be seen apart.
func (d delivery) sendPieces(w http.ResponseWriter, count int) {
	w.Header().Set("Content-Type", "text/event-stream")
	for _, delta := range d.said.deltas()[:count] {
		d.sendEvent(w, d.said.chunk(delta, nil, d.includeUsage))
		if d.turn.ChunkDelay > 0 {
			flush(w)
			if !d.wait(d.turn.ChunkDelay) {
				return
			}
		}
	}
}

func (d delivery) sendEnd(w http.ResponseWriter) {
	d.sendEvent(w, d.said.chunk(delta{}, &d.said.finishReason, d.includeUsage))
	if d.includeUsage && !d.said.usage.None {
		d.sendEvent(w, d.said.usageChunk())
	}
	io.WriteString(w, "data: [DONE]\n\n")
}

func (d delivery) sendEvent(w io.Writer, value any) {
	fmt.Fprintf(w, "data: %s\n\n", encode(value))
}

func flush(w http.ResponseWriter) { _ = http.NewResponseController(w).Flush() }
