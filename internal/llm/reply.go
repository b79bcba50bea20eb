package llm

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"time"
	"unicode"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/packages/respjson"
	"github.com/openai/openai-go/v3/packages/ssestream"

	"agentfactory/internal/secret"
)

// ReadReply reads the body of a chat completion, whether streamed or one JSON document, for those who stand between a
// client and a server. messages is the length of the conversation that was sent. Usage is what the server counted: zero
// if it did not, and without cost. Failures are [*Error].
func ReadReply(body io.Reader, messages int) (Response, error) {
	reply := reply{begun: time.Now(), onPiece: func(Progress) {}}
	if err := reply.read(body); err != nil {
		return Response{}, brokenReply(err)
	}
	return reply.response(messages), nil
}

// reply collects what the server sends until it is complete.
type reply struct {
	begun   time.Time
	onPiece func(Progress)
	mask    secret.Mask // of what the server was sent to let us in

	id, model    string
	content      strings.Builder
	refusal      strings.Builder
	calls        callAssembler
	finishReason string
	usage        *openai.CompletionUsage

	firstToken time.Duration
	chunks     int
	bytes      int // received, reasoning included
	kept       int // of them, in what becomes the message
}

// read takes a stream of server-sent events or, from servers that ignore "stream", one JSON document. Content types
// are not trusted: servers of both sorts send wrong ones.
func (r *reply) read(body io.Reader) error {
	buffered := bufio.NewReader(body)
	first, err := firstByte(buffered)
	if err != nil {
		return err
	}
	switch first {
	case '{':
		return r.readDocument(buffered)
	case '<':
		return &Error{Kind: KindMalformed, Message: "the server answered with a web page; check that OPENAI_BASE_URL ends with the API's path, like /v1"}
	}
	return r.readEvents(ssestream.NewDecoder(&http.Response{Body: io.NopCloser(buffered)}))
}

// firstByte returns the first byte that is no white space, without consuming it.
func firstByte(body *bufio.Reader) (byte, error) {
	for {
		next, err := body.ReadByte()
		if err != nil {
			return 0, err
		}
		if !unicode.IsSpace(rune(next)) {
			return next, body.UnreadByte()
		}
	}
}

func (r *reply) readEvents(events ssestream.Decoder) error {
	for events.Next() {
		data := bytes.TrimSpace(events.Event().Data)
		if bytes.Equal(data, []byte("[DONE]")) {
			r.finishReason = firstNonEmpty(r.finishReason, FinishStop) // some servers send none
			return nil
		}
		if err := r.readEvent(data); err != nil {
			return err
		}
		if r.full() {
			return nil // what was read is cut, see response
		}
	}
	// Without [DONE] the reply is complete all the same if its last piece said so: only its usage may be missing.
	if r.finishReason != "" {
		return nil
	}
	switch err := events.Err(); {
	case errors.Is(err, errEndless):
		r.finishReason = FinishLength
		return nil
	case err != nil:
		return err
	}
	return io.ErrUnexpectedEOF
}

func (r *reply) readEvent(data []byte) error {
	var chunk openai.ChatCompletionChunk
	if err := json.Unmarshal(data, &chunk); err != nil {
		return &Error{Kind: KindMalformed, Message: "a piece of the stream is not JSON: " + err.Error()}
	}
	if saysError(string(chunk.Object), chunk.JSON.ExtraFields) {
		return classify(0, r.mask.Bytes(data))
	}
	r.identify(chunk.ID, chunk.Model)
	if chunk.JSON.Usage.Valid() {
		r.usage = &chunk.Usage
	}
	for _, choice := range chunk.Choices {
		if choice.Index == 0 {
			r.add(choice.Delta)
			r.finishReason = firstNonEmpty(choice.FinishReason, r.finishReason)
		}
	}
	r.report()
	return nil
}

func (r *reply) identify(id, model string) {
	r.id, r.model = firstNonEmpty(r.id, id), firstNonEmpty(r.model, model)
}

func (r *reply) add(delta openai.ChatCompletionChunkChoiceDelta) {
	before := r.bytes
	kept := len(delta.Content) + len(delta.Refusal)
	r.content.WriteString(delta.Content)
	r.refusal.WriteString(delta.Refusal)
	for _, piece := range delta.ToolCalls {
		r.calls.add(int(piece.Index), ToolCall{ID: piece.ID, Name: piece.Function.Name, Arguments: piece.Function.Arguments})
		kept += len(piece.ID) + len(piece.Function.Name) + len(piece.Function.Arguments)
	}
	// Reasoning is not kept, but it is work: it counts as progress.
	r.kept += kept
	r.bytes += kept + len(delta.JSON.ExtraFields["reasoning_content"].Raw())
	if r.firstToken == 0 && r.bytes > before {
		r.firstToken = time.Since(r.begun)
	}
}

// report tells of the progress once the reply itself has begun: before that servers send empty pieces while they think.
func (r *reply) report() {
	r.chunks++
	if r.firstToken > 0 {
		r.onPiece(Progress{Chunks: r.chunks, OutputTokensEstimate: int64(estimateTokens(r.bytes))})
	}
}

func (r *reply) readDocument(body io.Reader) error {
	data, err := io.ReadAll(body)
	if err != nil {
		return err
	}
	var completion openai.ChatCompletion
	if err := json.Unmarshal(data, &completion); err != nil {
		return &Error{Kind: KindMalformed, Message: "the reply is not JSON: " + err.Error()}
	}
	if saysError(string(completion.Object), completion.JSON.ExtraFields) {
		return classify(0, r.mask.Bytes(data))
	}
	if len(completion.Choices) == 0 {
		return &Error{Kind: KindMalformed, Message: "the reply holds no choices"}
	}
	r.identify(completion.ID, completion.Model)
	if completion.JSON.Usage.Valid() {
		r.usage = &completion.Usage
	}
	choice := completion.Choices[0]
	r.content.WriteString(choice.Message.Content)
	r.refusal.WriteString(choice.Message.Refusal)
	for i, call := range choice.Message.ToolCalls {
		r.calls.add(i, ToolCall{ID: call.ID, Name: call.Function.Name, Arguments: call.Function.Arguments})
	}
	r.finishReason = firstNonEmpty(choice.FinishReason, FinishStop)
	r.firstToken = time.Since(r.begun)
	r.bytes = len(data)
	r.report()
	return nil
}

// saysError finds the error that a server reports after it has already said 200 OK.
func saysError(object string, extra map[string]respjson.Field) bool {
	failure, ok := extra["error"]
	return object == "error" || (ok && failure.Raw() != "null")
}

func firstNonEmpty(a, b string) string {
	if a != "" {
		return a
	}
	return b
}
