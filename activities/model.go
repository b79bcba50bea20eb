package activities

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/temporal"

	"agentfactory/internal/llm"
	"agentfactory/internal/metaskill"
	"agentfactory/internal/run"
)

// Completer makes one model call.
type Completer interface {
	Complete(ctx context.Context, req llm.Request, progress func(llm.Progress)) (llm.Response, error)
	Transcribe(ctx context.Context, model string, audio llm.Audio) (llm.Transcription, error)
}

// Models gives the client and the limits of a model by its name.
type Models interface {
	// Resolve fills in what a run needs to know of the model; "" is the configured one.
	Resolve(model string) (ModelSettings, error)
	// Completer returns the client for the model; its error is of type ModelNotConfigured.
	Completer(model string) (Completer, error)
	// TranscriptionModel names the model that writes down audio; "" when there is none.
	TranscriptionModel() string
}

// ModelSettings are fixed for a run when it begins.
type ModelSettings struct {
	Model           string
	SubagentModel   string
	ContextWindow   int  // tokens
	MaxOutputTokens int  // tokens of one reply
	Priced          bool // the price table knows both models
	Scripted        bool // a script answers, and no model
}

// mustBePriced refuses a limit on cost that could never be reached.
func (s ModelSettings) mustBePriced(field string) error {
	if s.Priced {
		return nil
	}
	return invalid("%s: no price is known for %s or %s, so nothing could be counted; add it under prices in config.yaml, or leave cost_usd out",
		field, s.Model, s.SubagentModel)
}

// Model makes the meta-agent's calls.
type Model struct {
	Records *run.Records
	Models  Models
}

// Think makes the next turn of the transcript: it reads what was said so far, adds
// the observations, calls the model and writes the turn. A turn that an earlier
// attempt completed is returned as it is and not paid for again.
func (m *Model) Think(ctx context.Context, in ThinkInput) (ThinkResult, error) {
	defer beat(ctx)()
	chain, err := m.Records.Chain(ctx, in.Parent)
	if err != nil {
		return ThinkResult{}, failure("read the transcript", err)
	}
	method, err := metaskill.MethodNamed(chain[0].Opening.Method)
	if err != nil {
		return ThinkResult{}, failure("read the opening", err)
	}
	added, err := m.added(ctx, chain[len(chain)-1], in)
	if err != nil {
		return ThinkResult{}, failure("read the observations", err)
	}
	exec := activity.GetInfo(ctx).WorkflowExecution
	key := run.TurnKey(exec.ID, exec.RunID, in.Number)
	c := conversation{method: method, chain: chain, added: added, maxOutput: in.MaxOutputTokens}
	c.fit()
	request := c.request()
	turn := &run.Turn{Number: in.Number, Parent: in.Parent, RequestDigest: requestDigest(request), Added: added}
	if found, err := m.completed(ctx, key, turn.RequestDigest); found != nil || err != nil {
		return thought(key, found, true), err
	}
	if err := m.call(ctx, turn, &c, request); err != nil {
		return ThinkResult{}, failure("call the model", err)
	}
	written, err := m.Records.CreateTurn(ctx, key, turn)
	if err != nil {
		return ThinkResult{}, failure("write the turn", err)
	}
	return thought(key, written, false), nil
}

// added turns the steps that answer the parent's calls into messages.
func (m *Model) added(ctx context.Context, parent *run.Turn, in ThinkInput) ([]llm.Message, error) {
	var messages []llm.Message
	for _, key := range in.Steps {
		step, err := m.Records.Step(ctx, key)
		if err != nil {
			return nil, err
		}
		messages = append(messages, llm.Message{Role: "tool", ToolCallID: step.CallID, Content: step.Observation})
	}
	if len(messages) != len(parent.Reply.ToolCalls) {
		return nil, temporal.NewNonRetryableApplicationError(
			fmt.Sprintf("turn %d asked for %d calls and %d were answered", parent.Number, len(parent.Reply.ToolCalls), len(messages)), TurnConflict, nil)
	}
	if in.Note != "" {
		messages = append(messages, llm.Message{Role: "user", Content: in.Note})
	}
	return messages, nil
}

// completed finds the turn where an earlier attempt wrote it.
func (m *Model) completed(ctx context.Context, key, digest string) (*run.Turn, error) {
	turn, err := m.Records.Turn(ctx, key)
	if notFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, failure("look for the turn", err)
	}
	if turn.RequestDigest != digest {
		return nil, temporal.NewNonRetryableApplicationError(
			fmt.Sprintf("%s holds the answer to another request; start the task again as a new run", key), TurnConflict, nil)
	}
	return turn, nil
}

// call makes the model call and fills in the turn. A conversation that proves too long
// for the server is shortened and sent once more; the turn's digest stays that of the
// first request, which the next attempt would make as well.
func (m *Model) call(ctx context.Context, turn *run.Turn, c *conversation, request llm.Request) error {
	client, err := m.Models.Completer(request.Model)
	if err != nil {
		return err
	}
	started := time.Now()
	reply, err := client.Complete(ctx, request, nil)
	if contextLength(err) && c.shortenMore() {
		reply, err = client.Complete(ctx, c.request(), nil)
	}
	if err != nil {
		return err
	}
	turn.Reply, turn.FinishReason, turn.Usage, turn.ShortenBefore = reply.Message, reply.FinishReason, reply.Usage, c.shortenBefore
	turn.At, turn.Seconds = started.UTC(), time.Since(started).Seconds()
	return nil
}

func requestDigest(req llm.Request) string {
	raw, err := json.Marshal(req)
	if err != nil {
		panic(fmt.Sprintf("encode a request: %v", err)) // strings and numbers always encode
	}
	sum := sha256.Sum256(raw)
	return hex.EncodeToString(sum[:])
}

// maxReplyText bounds the piece of a reply's text that goes into the history.
const maxReplyText = 160

func thought(key string, t *run.Turn, replayed bool) ThinkResult {
	if t == nil {
		return ThinkResult{}
	}
	res := ThinkResult{
		Turn: key, Text: cut(t.Reply.Content, maxReplyText), Finish: t.FinishReason, Refusal: cut(t.Reply.Refusal, maxReplyText), Replayed: replayed,
		Usage: run.Usage{
			OrchestrationOutputTokens: t.Usage.OutputTokens, OrchestrationInputTokens: t.Usage.InputTokens,
			OrchestrationCachedInputTokens: t.Usage.CachedInputTokens, CostUSD: t.Usage.CostUSD, Estimated: t.Usage.Estimated,
			WallSeconds: t.Seconds,
		},
	}
	res.Calls = callsOf(t.Reply)
	return res
}

func callsOf(reply llm.Message) []Call {
	var calls []Call
	for _, c := range reply.ToolCalls {
		hint, runs := metaskill.Hint(c.Name, c.Arguments)
		calls = append(calls, Call{ID: callID(c.ID), Name: cut(c.Name, maxName), Hint: hint, Runs: runs})
	}
	return calls
}

const (
	maxName   = 64 // characters of a tool's name; those of real tools are shorter
	maxCallID = 64 // bytes; OpenAI's have 29, some proxies hide kilobytes of their own state in theirs
)

// callID is how the workflow names a call: by the model's ID, which goes back to the model
// as it came, or by its digest where that would make the history long.
func callID(id string) string {
	if len(id) <= maxCallID {
		return id
	}
	sum := sha256.Sum256([]byte(id))
	return "sha256-" + hex.EncodeToString(sum[:16])
}

func cut(s string, n int) string {
	r := []rune(s)
	if len(r) <= n {
		return s
	}
	return string(r[:n-1]) + "…"
}
