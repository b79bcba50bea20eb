package gateway_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"agentfactory/internal/embedded/s3server/s3test"
	"agentfactory/internal/gateway"
	"agentfactory/internal/objectstore"
)

func TestSecretsReachNeitherTheJournalNorTheRun(t *testing.T) {
	const key, longer, short = `sk-"quoted"<&>-äß`, `sk-"quoted"<&>-äß-and-more`, "abc"
	store := s3test.Bucket(t)
	tool := gateway.ToolFunc(func(_ context.Context, r gateway.ToolRequest) (gateway.ToolReply, error) {
		if strings.Contains(string(r.Body), "fail") {
			return gateway.ToolReply{}, errors.New("refused " + key)
		}
		body, err := json.Marshal(map[string]any{"headers": []any{"Bearer " + key, longer, short}, key: 1.50, "n": 12345678901234567890.0})
		return gateway.ToolReply{Body: body}, err
	})
	d := open(t, gateway.Config{
		Tools: map[string]gateway.Tool{"web_reading": tool}, Granted: []string{"web_reading"},
		Secrets: []string{key, longer, short, ""}, Journal: gateway.NewJournal(store, prefix),
	})
	sent, err := json.Marshal(map[string]string{"url": "https://x/?key=" + key})
	require.NoError(t, err)
	reply := d.ok("/v1/tool/web_reading", string(sent))
	require.JSONEq(t, `{"headers": ["Bearer [secret]", "[secret]", "abc"], "[secret]": 1.5, "n": 12345678901234567000}`, reply)
	require.Equal(t, "refused [secret]", d.fails("/v1/tool/web_reading", `{"url": "fail"}`, 503, gateway.Unavailable))

	found, err := store.List(t.Context(), "", "", 0)
	require.NoError(t, err)
	require.Len(t, found, 2)
	for _, info := range found {
		obj, err := store.Get(t.Context(), info.Key)
		require.NoError(t, err)
		require.NotContains(t, string(obj.Body), "quoted")
	}
}

// refusing is a journal that cannot be written.
type refusing struct{ gateway.Journal }

func (refusing) Append(context.Context, gateway.Entry) error {
	return errors.New("disk full of secrets")
}

func TestAReplyThatCannotBeJournalledIsNotDelivered(t *testing.T) {
	m := &model{}
	d := open(t, gateway.Config{LLM: m.complete, MaxTokens: -1, MaxCostUSD: -1, Journal: refusing{gateway.NewJournal(s3test.Bucket(t), prefix)}})
	_, reply := d.post("/v1/llm", ask("x"))
	require.NotContains(t, reply, "reply 1")
	require.NotContains(t, reply, "disk full", "why is not the run's business")
	require.Contains(t, reply, `"unavailable"`)

	d.fails("/v1/llm", ask("y"), 503, gateway.Unavailable)
	require.EqualValues(t, 1, m.calls.Load(), "a broken session makes no further calls")
	require.ErrorContains(t, d.Close(), "write the journal: disk full")
}

func TestAJournalThatCannotBeReadBreaksTheSession(t *testing.T) {
	store := s3test.Bucket(t)
	_, err := store.Create(t.Context(), prefix+"/000001.json", []byte("{"))
	require.NoError(t, err)
	m := &model{}
	d := open(t, gateway.Config{LLM: m.complete, MaxTokens: -1, MaxCostUSD: -1, Journal: gateway.NewJournal(store, prefix)})
	d.fails("/v1/llm", ask("x"), 503, gateway.Unavailable)
	require.Zero(t, m.calls.Load())
	require.ErrorIs(t, d.Close(), objectstore.ErrCorrupt)
}

// outage is an error that says that another attempt can help.
type outage struct{}

func (outage) Error() string   { return "429 slow down" }
func (outage) Retryable() bool { return true }

func TestAnOutageOfTheModelIsNoAnswerAndIsNotJournalled(t *testing.T) {
	journal := gateway.NewJournal(s3test.Bucket(t), prefix)
	down := func(context.Context, gateway.LLMRequest) (gateway.LLMReply, error) {
		return gateway.LLMReply{}, fmt.Errorf("call the model: %w", outage{})
	}
	d := open(t, gateway.Config{LLM: down, MaxTokens: -1, MaxCostUSD: -1, Journal: journal})
	d.fails("/v1/llm", ask("x"), 503, gateway.Unavailable)
	require.ErrorIs(t, d.Close(), outage{})
	require.Empty(t, load(t, journal))

	m := &model{}
	d = open(t, gateway.Config{LLM: m.complete, MaxTokens: -1, MaxCostUSD: -1, Journal: journal})
	require.Contains(t, d.ok("/v1/llm", ask("x")), "reply 1")
	require.NoError(t, d.Close())
}

func TestAFullDiskOfTheWorkerIsNoAnswerOfATool(t *testing.T) {
	journal := gateway.NewJournal(s3test.Bucket(t), prefix)
	full := gateway.ToolFunc(func(context.Context, gateway.ToolRequest) (gateway.ToolReply, error) {
		return gateway.ToolReply{}, &os.PathError{Op: "write", Path: "page.png", Err: syscall.ENOSPC}
	})
	d := open(t, gateway.Config{Tools: map[string]gateway.Tool{"web_reading": full}, Granted: []string{"web_reading"}, Journal: journal})
	d.fails("/v1/tool/web_reading", `{"url": "x"}`, 503, gateway.Unavailable)
	require.ErrorIs(t, d.Close(), syscall.ENOSPC)
	require.Empty(t, load(t, journal))
}

func TestACallThatWasPaidIsJournalledThoughNobodyWaitsForIt(t *testing.T) {
	journal := gateway.NewJournal(s3test.Bucket(t), prefix)
	called := make(chan struct{})
	slow := func(ctx context.Context, _ gateway.LLMRequest) (gateway.LLMReply, error) {
		close(called)
		<-ctx.Done()
		return gateway.LLMReply{Text: "paid"}, nil
	}
	d := open(t, gateway.Config{LLM: slow, MaxTokens: -1, MaxCostUSD: -1, Journal: journal})
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-called; cancel() }()
	_, _, err := d.send(ctx, "POST", "/v1/llm", d.Token(), ask("x"))
	require.Error(t, err)
	require.NoError(t, d.Close(), "it waits for the call")
	entries := load(t, journal)
	require.Len(t, entries, 1)
	require.Contains(t, string(entries[0].Reply), "paid")
}

func TestACallThatIsCancelledIsNotJournalled(t *testing.T) {
	journal := gateway.NewJournal(s3test.Bucket(t), prefix)
	called := make(chan struct{})
	slow := func(ctx context.Context, _ gateway.LLMRequest) (gateway.LLMReply, error) {
		close(called)
		<-ctx.Done()
		return gateway.LLMReply{}, ctx.Err()
	}
	d := open(t, gateway.Config{LLM: slow, MaxTokens: -1, MaxCostUSD: -1, Journal: journal})
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-called; cancel() }()
	_, _, err := d.send(ctx, "POST", "/v1/llm", d.Token(), ask("x"))
	require.Error(t, err)
	require.NoError(t, d.Close())
	require.Empty(t, load(t, journal))
}
