package gateway_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"agentfactory/internal/embedded/s3server/s3test"
	"agentfactory/internal/gateway"
	"agentfactory/internal/objectstore"
)

func TestARerunMakesNoCallAgainThatIsInTheJournal(t *testing.T) {
	m := &model{tokens: 5}
	journal := gateway.NewJournal(s3test.Bucket(t), prefix)
	config := gateway.Config{LLM: m.complete, MaxTokens: -1, MaxCostUSD: -1, Journal: journal}
	first := open(t, config)
	var replies []string
	for _, q := range []string{"a", "b", "a"} { // a twice, with two different replies
		replies = append(replies, first.ok("/v1/llm", ask(q)))
	}

	again := open(t, config)
	require.Equal(t, replies[1], again.ok("/v1/llm", ask("b")))
	require.Equal(t, replies[0], again.ok("/v1/llm", ask("a")))
	require.Equal(t, replies[2], again.ok("/v1/llm", `{"messages": [{"content": "a", "role": "user"}],   "system": "s"}`), "whatever the order of the fields")
	require.Equal(t, 3, again.Replayed())
	require.Zero(t, again.Live())
	require.Equal(t, first.Usage(), again.Usage())
	require.EqualValues(t, 3, m.calls.Load())

	again.ok("/v1/llm", ask("a")) // a third time: this one is new
	require.Equal(t, 1, again.Live())
	require.EqualValues(t, 20, again.Usage().OutputTokens)
	require.EqualValues(t, 4, m.calls.Load())
	entries := load(t, journal)
	require.Equal(t, []int{1, 2, 3, 4}, numbers(entries))
}

func numbers(entries []gateway.Entry) []int {
	ns := []int{}
	for _, e := range entries {
		ns = append(ns, e.N)
	}
	return ns
}

func TestThreadsMayCallInAnyOrder(t *testing.T) {
	const calls = 60
	m := &model{tokens: 1}
	journal := gateway.NewJournal(s3test.Bucket(t), prefix)
	config := gateway.Config{LLM: m.complete, MaxTokens: -1, MaxCostUSD: -1, Journal: journal}
	run := func(order func(i int) int) map[string][]string {
		d := open(t, config)
		var mu sync.Mutex
		answers := map[string][]string{}
		var wg sync.WaitGroup
		for i := range calls {
			question := fmt.Sprintf("question %d", order(i)/2) // each one twice
			wg.Go(func() {
				_, reply, err := d.send(t.Context(), "POST", "/v1/llm", d.Token(), ask(question))
				if err != nil {
					reply = err.Error()
				}
				mu.Lock()
				defer mu.Unlock()
				answers[question] = append(answers[question], reply)
			})
		}
		wg.Wait()
		require.NoError(t, d.Close())
		for _, a := range answers {
			slices.Sort(a)
		}
		return answers
	}
	first := run(func(i int) int { return i })
	require.Len(t, first, calls/2)
	again := run(func(i int) int { return calls - 1 - i })
	require.Equal(t, first, again)
	require.EqualValues(t, calls, m.calls.Load())
	require.Len(t, load(t, journal), calls)
}

func TestAShellCommandOfARerunGetsItsNumberBack(t *testing.T) {
	journal := gateway.NewJournal(s3test.Bucket(t), prefix)
	for range 2 {
		d := open(t, gateway.Config{Granted: []string{gateway.ShellCommand}, Journal: journal})
		require.JSONEq(t, `{"allowed": true, "call": 1}`, d.ok("/v1/shell", `{"command": "ls"}`))
		d.ok("/v1/shell/done", `{"call": 1, "exit_code": 0, "stdout_bytes": 5, "stderr_bytes": 0}`)
	}
	require.Len(t, load(t, journal), 2)
}

func TestTheSameRequestToAnotherToolIsAnotherCall(t *testing.T) {
	journal := gateway.NewJournal(s3test.Bucket(t), prefix)
	config := gateway.Config{Journal: journal, Granted: []string{"web_search", "web_reading"}, Tools: map[string]gateway.Tool{
		"web_search": gateway.ToolFunc(echo), "web_reading": gateway.ToolFunc(echo),
	}}
	open(t, config).ok("/v1/tool/web_search", `{"q": 1}`)
	d := open(t, config)
	d.ok("/v1/tool/web_reading", `{"q": 1}`)
	require.Zero(t, d.Replayed())
}

func TestTwoAttemptsAtOnceCannotBothWriteTheJournal(t *testing.T) {
	m := &model{}
	journal := gateway.NewJournal(s3test.Bucket(t), prefix)
	config := gateway.Config{LLM: m.complete, MaxTokens: -1, MaxCostUSD: -1, Journal: journal}
	zombie, next := open(t, config), open(t, config)
	zombie.ok("/v1/llm", ask("a"))
	require.Contains(t, next.ok("/v1/llm", ask("a")), "reply 1", "it has read the journal just now")
	next.ok("/v1/llm", ask("b"))
	zombie.fails("/v1/llm", ask("c"), 503, gateway.Unavailable)
	require.ErrorIs(t, zombie.Close(), gateway.ErrConflict)
	require.NoError(t, next.Close())
}

func TestTheBudgetIsSharedByAllAttempts(t *testing.T) {
	m := &model{tokens: 40}
	config := gateway.Config{LLM: m.complete, MaxTokens: 100, MaxCostUSD: -1, Journal: gateway.NewJournal(s3test.Bucket(t), prefix)}
	first := open(t, config)
	first.ok("/v1/llm", ask("a"))
	first.ok("/v1/llm", ask("b"))

	again := open(t, config)
	again.ok("/v1/llm", ask("c")) // 80 of 100 are spent
	limit, _ := m.limits.Load(int64(3))
	require.Equal(t, 20, limit, "what is left becomes the limit of the call")
	message := again.fails("/v1/llm", ask("d"), 429, gateway.BudgetExhausted)
	require.Contains(t, message, "100 output tokens")
	require.EqualValues(t, 3, m.calls.Load())
	require.Contains(t, again.ok("/v1/llm", ask("a")), "reply 1", "what was paid before is still answered")
	require.NoError(t, again.Close())

	config.MaxTokens = 1000
	raised := open(t, config)
	require.Contains(t, raised.ok("/v1/llm", ask("d")), "reply 4", "the refusal was not journalled")
}

func TestLimitsOfSingleCalls(t *testing.T) {
	for name, test := range map[string]struct {
		budget int64
		asked  string
		want   int
	}{
		"no limits at all":                      {-1, `null`, 0},
		"the call's own":                        {-1, `500`, 500},
		"the call's own within the budget":      {10_000, `500`, 500},
		"the rest of the budget":                {300, `500`, 300},
		"a small rest for a call without limit": {300, `null`, 300},
		"a large rest sets none":                {10_000, `null`, 0},
	} {
		t.Run(name, func(t *testing.T) {
			m := &model{}
			d := open(t, gateway.Config{LLM: m.complete, MaxTokens: test.budget, MaxCostUSD: -1})
			d.ok("/v1/llm", fmt.Sprintf(`{"system": "x", "max_tokens": %s}`, test.asked))
			limit, _ := m.limits.Load(int64(1))
			require.Equal(t, test.want, limit)
		})
	}
	d := open(t, gateway.Config{LLM: (&model{}).complete, MaxTokens: 0, MaxCostUSD: -1})
	d.fails("/v1/llm", ask("x"), 429, gateway.BudgetExhausted)
}

func TestCallsInProgressCountAgainstTheBudget(t *testing.T) {
	m := &model{tokens: 100}
	d := open(t, gateway.Config{LLM: m.complete, MaxTokens: 1000, MaxCostUSD: -1})
	var wg sync.WaitGroup
	for i := range 50 {
		wg.Go(func() {
			body := fmt.Sprintf(`{"system": "%d", "max_tokens": 100}`, i)
			d.send(t.Context(), "POST", "/v1/llm", d.Token(), body)
		})
	}
	wg.Wait()
	require.EqualValues(t, 1000, d.Usage().OutputTokens)
	require.EqualValues(t, 10, m.calls.Load())
}

func TestJournalEntriesAreNumberedObjectsCreatedOnce(t *testing.T) {
	store := s3test.Bucket(t)
	journal := gateway.NewJournal(store, prefix)
	e := gateway.Entry{N: 2, Kind: gateway.KindLLM, RequestDigest: "d", Request: []byte(`{}`), Reply: []byte(`{"a":1}`), At: time.Unix(1, 0).UTC()}
	require.NoError(t, journal.Append(t.Context(), e))
	require.NoError(t, journal.Append(t.Context(), e), "the same entry again, as after an attempt with an unknown outcome")
	other := e
	other.Reply = []byte(`{"a":2}`)
	require.ErrorIs(t, journal.Append(t.Context(), other), gateway.ErrConflict)
	other.N = 10
	require.NoError(t, journal.Append(t.Context(), other))

	found, err := store.List(t.Context(), "", "", 0)
	require.NoError(t, err)
	require.Len(t, found, 2)
	require.Equal(t, prefix+"/000002.json", found[0].Key)
	require.Equal(t, []gateway.Entry{e, other}, load(t, journal))
	require.Empty(t, load(t, gateway.NewJournal(store, strings.TrimSuffix(prefix, "1"))), "a step whose name begins the same")
}

func TestJournalObjectsThatAreNoEntries(t *testing.T) {
	for name, object := range map[string][2]string{
		"not JSON":                {"000001.json", `{`},
		"another number":          {"000001.json", `{"n": 2, "reply": {}}`},
		"no number":               {"notes.json", `{"n": 0, "reply": {}}`},
		"neither reply nor error": {"000001.json", `{"n": 1}`},
	} {
		t.Run(name, func(t *testing.T) {
			store := s3test.Bucket(t)
			_, err := store.Create(t.Context(), prefix+"/"+object[0], []byte(object[1]))
			require.NoError(t, err)
			_, err = gateway.NewJournal(store, prefix).Load(t.Context())
			require.ErrorIs(t, err, objectstore.ErrCorrupt)
			require.ErrorContains(t, err, object[0])
		})
	}
}

// lossy carries writes out and then loses the answer, a few times.
type lossy struct {
	objectstore.Store
	losses int
}

func (l *lossy) Create(ctx context.Context, key string, body []byte) (string, error) {
	etag, err := l.Store.Create(ctx, key, body)
	if l.losses > 0 {
		l.losses--
		return "", fmt.Errorf("create %s: %w", key, objectstore.ErrUnavailable)
	}
	return etag, err
}

func TestAnEntryWhoseAcknowledgementIsLostIsWrittenOnce(t *testing.T) {
	m := &model{}
	store := &lossy{Store: s3test.Bucket(t), losses: 2}
	d := open(t, gateway.Config{LLM: m.complete, MaxTokens: -1, MaxCostUSD: -1, Journal: gateway.NewJournal(store, prefix)})
	require.Contains(t, d.ok("/v1/llm", ask("x")), "reply 1")
	require.NoError(t, d.Close())
	require.EqualValues(t, 1, m.calls.Load())
	require.Len(t, load(t, gateway.NewJournal(store, prefix)), 1)
}

func TestCallsStopAtTheCostThatTheyMayHave(t *testing.T) {
	m := &model{tokens: 10} // a call costs 0.5 USD
	config := gateway.Config{LLM: m.complete, MaxTokens: -1, MaxCostUSD: 0.9, Journal: gateway.NewJournal(s3test.Bucket(t), prefix)}
	first := open(t, config)
	first.ok("/v1/llm", ask("a"))

	again := open(t, config)
	again.ok("/v1/llm", ask("b")) // 0.5 of 0.9 USD were spent
	require.Contains(t, again.fails("/v1/llm", ask("c"), 429, gateway.BudgetExhausted), "0.9000 USD")
	require.NoError(t, again.Close())

	idle := open(t, config)
	require.NoError(t, idle.Close())
	require.InDelta(t, 1.0, idle.Usage().CostUSD, 1e-9, "an attempt that asks nothing counts what was spent before it")
}
