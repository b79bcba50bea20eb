package activities

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.temporal.io/sdk/activity"

	"agentfactory/internal/llm"
	"agentfactory/internal/objectstore"
	"agentfactory/internal/run"
)

// errSpent: the allowance leaves nothing for a further model call.
var errSpent = errors.New("the budget for subagents' and checks' model calls is spent")

// maxAsked bounds the reply to a single question, in tokens.
const maxAsked = 4000

// asking are single questions to a model outside of the conversation: for a check, or for a verdict. Each reply is kept
// under the digest of its question before anybody uses it, so that whoever asks again after a crash reads it.
type asking struct {
	records *run.Records
	models  Models
	model   string
	left    Allowance // for all questions together
	usage   run.Usage // so far
}

// ask returns the reply to a question. errSpent.
func (k *asking) ask(ctx context.Context, messages []llm.Message) (llm.Message, error) {
	request := llm.Request{Model: k.model, Messages: messages, MaxOutputTokens: maxAsked}
	exec := activity.GetInfo(ctx).WorkflowExecution
	digest := requestDigest(request)
	key := objectstore.RunKey(exec.ID, exec.RunID, "asked", digest[:32]+".json")
	turn, err := k.records.Turn(ctx, key)
	if notFound(err) {
		turn, err = k.call(ctx, key, &run.Turn{RequestDigest: digest, Added: messages}, request)
	}
	if err != nil {
		return llm.Message{}, err
	}
	k.usage = k.usage.Add(run.Usage{
		CheckInputTokens: turn.Usage.InputTokens, CheckOutputTokens: turn.Usage.OutputTokens, CostUSD: turn.Usage.CostUSD, Estimated: turn.Usage.Estimated,
	})
	return turn.Reply, nil
}

func (k *asking) call(ctx context.Context, key string, turn *run.Turn, request llm.Request) (*run.Turn, error) {
	tokens := left(k.left.SubagentTokens, k.usage.CheckOutputTokens)
	if tokens == 0 || left(k.left.CostUSD, k.usage.CostUSD) == 0 {
		return nil, errSpent
	}
	if tokens > 0 {
		request.MaxOutputTokens = min(maxAsked, int(tokens))
	}
	client, err := k.models.Completer(k.model)
	if err != nil {
		return nil, err
	}
	started := time.Now()
	reply, err := client.Complete(ctx, request, nil)
	if err != nil {
		return nil, fmt.Errorf("ask %s: %w", k.model, err)
	}
	turn.Reply, turn.FinishReason, turn.Usage = reply.Message, reply.FinishReason, reply.Usage
	turn.At, turn.Seconds = started.UTC(), time.Since(started).Seconds()
	return k.records.CreateTurn(ctx, key, turn)
}

// final tells an error of a question that asking again does not mend, so that one has to do without the reply.
func final(err error) bool {
	var e *llm.Error
	if !errors.As(err, &e) {
		return errors.Is(err, errSpent)
	}
	switch e.Kind {
	case llm.KindAuth, llm.KindQuota:
		return false // somebody has to see to it, and the run can wait
	}
	return !e.Retryable()
}
