package gateway_test

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"agentfactory/internal/embedded/s3server/s3test"
	"agentfactory/internal/gateway"
)

const prefix = "runs/w/r/journal/000001"

// model counts its calls and answers with the number of the call and the last message.
type model struct {
	calls  atomic.Int64
	limits sync.Map // call → MaxTokens
	tokens int64    // output tokens of each call
}

func (m *model) complete(_ context.Context, r gateway.LLMRequest) (gateway.LLMReply, error) {
	n := m.calls.Add(1)
	m.limits.Store(n, r.MaxTokens)
	text := fmt.Sprintf("reply %d", n)
	if len(r.Messages) > 0 {
		text += " to " + r.Messages[len(r.Messages)-1].Content
	}
	return gateway.LLMReply{Text: text, Usage: gateway.Usage{InputTokens: 10, OutputTokens: m.tokens, CostUSD: 0.5}}, nil
}

// door is a session with an HTTP server in front of it.
type door struct {
	*gateway.Session
	t   *testing.T
	url string
}

func open(t *testing.T, c gateway.Config) *door {
	t.Helper()
	if c.Journal == nil {
		c.Journal = gateway.NewJournal(s3test.Bucket(t), prefix)
	}
	s, err := gateway.New(c)
	require.NoError(t, err)
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	return &door{Session: s, t: t, url: server.URL}
}

func (d *door) post(path, body string) (int, string) {
	d.t.Helper()
	status, reply, err := d.send(d.t.Context(), "POST", path, d.Token(), body)
	require.NoError(d.t, err)
	return status, reply
}

func (d *door) send(ctx context.Context, method, path, token, body string) (int, string, error) {
	req, err := http.NewRequestWithContext(ctx, method, d.url+path, strings.NewReader(body))
	if err != nil {
		return 0, "", err
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, "", err
	}
	defer res.Body.Close()
	reply, err := io.ReadAll(res.Body)
	return res.StatusCode, string(reply), err
}

func (d *door) ok(path, body string) string {
	d.t.Helper()
	status, reply := d.post(path, body)
	require.Equal(d.t, 200, status, reply)
	return reply
}

func (d *door) fails(path, body string, status int, code gateway.Code) string {
	d.t.Helper()
	got, reply := d.post(path, body)
	require.Equal(d.t, status, got, reply)
	var answer struct{ Error gateway.Error }
	require.NoError(d.t, json.Unmarshal([]byte(reply), &answer), reply)
	require.Equal(d.t, code, answer.Error.Code, reply)
	require.NotEmpty(d.t, answer.Error.Message)
	require.NotContains(d.t, answer.Error.Message, "\n")
	return answer.Error.Message
}

func ask(question string) string {
	return fmt.Sprintf(`{"system": "s", "messages": [{"role": "user", "content": %q}]}`, question)
}

func echo(_ context.Context, r gateway.ToolRequest) (gateway.ToolReply, error) {
	return gateway.ToolReply{Body: r.Body}, nil
}

func load(t *testing.T, j gateway.Journal) []gateway.Entry {
	t.Helper()
	entries, err := j.Load(t.Context())
	require.NoError(t, err)
	return entries
}

// memory is a journal that forgets.
type memory struct{}

func (*memory) Load(context.Context) ([]gateway.Entry, error) { return nil, nil }
func (*memory) Append(context.Context, gateway.Entry) error   { return nil }

func digest(data []byte) string { return fmt.Sprintf("%x", sha256.Sum256(data)) }
