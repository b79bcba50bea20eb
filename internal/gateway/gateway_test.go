package gateway_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"agentfactory/internal/embedded/s3server/s3test"
	"agentfactory/internal/gateway"
)

func TestALLMCallIsAnsweredCountedAndJournalled(t *testing.T) {
	m := &model{tokens: 7}
	journal := gateway.NewJournal(s3test.Bucket(t), prefix)
	d := open(t, gateway.Config{LLM: m.complete, MaxTokens: -1, MaxCostUSD: -1, Journal: journal})
	reply := d.ok("/v1/llm", ask("hello <b>&</b>"))
	require.JSONEq(t, `{"text": "reply 1 to hello <b>&</b>", "usage": {"input_tokens": 10, "output_tokens": 7, "cost_usd": 0.5}}`, reply)
	require.Equal(t, gateway.Usage{InputTokens: 10, OutputTokens: 7, CostUSD: 0.5}, d.Usage())
	require.Equal(t, 1, d.Live())

	entries := load(t, journal)
	require.Len(t, entries, 1)
	e := entries[0]
	require.Equal(t, 1, e.N)
	require.Equal(t, gateway.KindLLM, e.Kind)
	require.JSONEq(t, ask("hello <b>&</b>"), string(e.Request))
	require.JSONEq(t, reply, string(e.Reply))
	require.Equal(t, d.Usage(), e.Usage)
	require.False(t, e.At.IsZero())
	require.NoError(t, d.Close())
}

func TestRequestsThatAreNotWhatTheProtocolSays(t *testing.T) {
	d := open(t, gateway.Config{LLM: (&model{}).complete, MaxTokens: -1, MaxCostUSD: -1, Granted: []string{gateway.ShellCommand}})
	for name, test := range map[string]struct{ path, body, says string }{
		"not JSON":                    {"/v1/llm", `hello`, "JSON object"},
		"a list":                      {"/v1/llm", `[]`, "JSON object"},
		"null":                        {"/v1/llm", `null`, "JSON object"},
		"nothing":                     {"/v1/llm", ``, "JSON object"},
		"two objects":                 {"/v1/llm", `{}{}`, "JSON object"},
		"an unknown field":            {"/v1/llm", `{"mesages": []}`, `unknown field "mesages"`},
		"no message":                  {"/v1/llm", `{"messages": []}`, "messages is empty"},
		"a content that is no text":   {"/v1/llm", `{"messages": [{"role": "user", "content": 1}]}`, "content"},
		"an unknown role":             {"/v1/llm", `{"messages": [{"role": "tool", "content": ""}]}`, "messages[0].role"},
		"max_tokens of zero":          {"/v1/llm", `{"system": "x", "max_tokens": 0}`, "max_tokens is 0"},
		"max_tokens as text":          {"/v1/llm", `{"system": "x", "max_tokens": "5"}`, "max_tokens"},
		"an empty command":            {"/v1/shell", `{"command": " "}`, "command is empty"},
		"a command with NUL":          {"/v1/shell", `{"command": "a\u0000b"}`, "NUL"},
		"a timeout in the past":       {"/v1/shell", `{"command": "ls", "timeout": -1}`, "timeout is -1"},
		"the end of no command":       {"/v1/shell/done", `{"call": 1, "exit_code": 0}`, "call 1 is no command"},
		"an end without an exit code": {"/v1/shell/done", `{"call": 1}`, "exit_code"},
	} {
		t.Run(name, func(t *testing.T) {
			d := &door{Session: d.Session, t: t, url: d.url}
			require.Contains(t, d.fails(test.path, test.body, 400, gateway.InvalidRequest), test.says)
		})
	}
	require.Zero(t, d.Live())
}

func TestABodyOverTheLimitIsRefused(t *testing.T) {
	d := open(t, gateway.Config{LLM: (&model{}).complete, MaxTokens: -1, MaxCostUSD: -1})
	require.Contains(t, d.fails("/v1/llm", ask(strings.Repeat("x", 4<<20)), 413, gateway.InvalidRequest), "larger than")
	d.ok("/v1/llm", ask(strings.Repeat("x", 3<<20)))
}

func TestOnlyTheTokenOfThisRunOpens(t *testing.T) {
	m := &model{}
	d, other := open(t, gateway.Config{LLM: m.complete, MaxTokens: -1, MaxCostUSD: -1}), open(t, gateway.Config{})
	require.NotEqual(t, d.Token(), other.Token())
	require.GreaterOrEqual(t, len(d.Token()), 26)
	for name, token := range map[string]string{"none": "", "that of another run": other.Token(), "a part of it": d.Token()[:25]} {
		t.Run(name, func(t *testing.T) {
			status, reply, err := d.send(t.Context(), "POST", "/v1/llm", token, ask("x"))
			require.NoError(t, err)
			require.Equal(t, 401, status)
			require.Contains(t, reply, `"denied"`)
		})
	}
	require.Zero(t, m.calls.Load())
}

func TestToolsAreGrantedOneByOne(t *testing.T) {
	d := open(t, gateway.Config{
		Tools:   map[string]gateway.Tool{"web_search": gateway.ToolFunc(echo), "web_reading": gateway.ToolFunc(echo)},
		Granted: []string{"web_search", "browser_automation"},
	})
	require.JSONEq(t, `{"query": "x"}`, d.ok("/v1/tool/web_search", `{"query": "x"}`))
	require.Equal(t, "web_reading was not given to this subagent: list \"web_reading\" in its `skills`",
		d.fails("/v1/tool/web_reading", `{}`, 403, gateway.NotGranted))
	require.Contains(t, d.fails("/v1/shell", `{"command": "ls"}`, 403, gateway.NotGranted), `list "shell_command"`)
	require.Contains(t, d.fails("/v1/tool/browser_automation", `{}`, 503, gateway.Unavailable), "browser_automation is not configured")
	require.Contains(t, d.fails("/v1/tool/teleport", `{}`, 404, gateway.UnknownTool), `no tool "teleport"; there are [browser_automation shell_command`)
	require.Contains(t, d.fails("/v1/tool/shell_command", `{}`, 404, gateway.UnknownTool), "/v1/shell")
	require.Contains(t, d.fails("/v1/teleport", `{}`, 404, gateway.UnknownTool), "/v1/teleport")
	status, _, err := d.send(t.Context(), "GET", "/v1/llm", d.Token(), "")
	require.NoError(t, err)
	require.Equal(t, 404, status)
	require.Contains(t, d.fails("/v1/llm", ask("x"), 503, gateway.Unavailable), "no model is configured")
	require.Equal(t, 1, d.Live())
}

func TestTheErrorsOfAToolAreItsAnswer(t *testing.T) {
	journal := gateway.NewJournal(s3test.Bucket(t), prefix)
	var calls atomic.Int64
	tool := gateway.ToolFunc(func(_ context.Context, r gateway.ToolRequest) (gateway.ToolReply, error) {
		calls.Add(1)
		if strings.Contains(string(r.Body), "private") {
			return gateway.ToolReply{}, fmt.Errorf("look: %w", gateway.Errorf(gateway.Denied, "10.0.0.1 is a\nprivate address"))
		}
		return gateway.ToolReply{}, errors.New("404 Not Found")
	})
	c := gateway.Config{Tools: map[string]gateway.Tool{"web_reading": tool}, Granted: []string{"web_reading"}, Journal: journal}
	for range 2 { // the second time from the journal
		d := open(t, c)
		require.Equal(t, "10.0.0.1 is a private address", d.fails("/v1/tool/web_reading", `{"url": "private"}`, 403, gateway.Denied))
		require.Equal(t, "404 Not Found", d.fails("/v1/tool/web_reading", `{"url": "gone"}`, 503, gateway.Unavailable))
		require.NoError(t, d.Close())
	}
	require.EqualValues(t, 2, calls.Load())
}

func TestAToolWhoseReplyIsNoObjectIsUnavailable(t *testing.T) {
	for name, body := range map[string]string{"a list": `[]`, "nothing": ``, "not JSON": `{`, "null": `null`} {
		t.Run(name, func(t *testing.T) {
			d := open(t, gateway.Config{Granted: []string{"web_search"}, Tools: map[string]gateway.Tool{
				"web_search": gateway.ToolFunc(func(context.Context, gateway.ToolRequest) (gateway.ToolReply, error) {
					return gateway.ToolReply{Body: json.RawMessage(body)}, nil
				})}})
			require.Contains(t, d.fails("/v1/tool/web_search", `{}`, 503, gateway.Unavailable), "reply cannot be used")
		})
	}
}

func TestShellCommandsAreAllowedAndTheirEndReportedOnce(t *testing.T) {
	journal := gateway.NewJournal(s3test.Bucket(t), prefix)
	d := open(t, gateway.Config{Granted: []string{gateway.ShellCommand}, Journal: journal, Policy: func(q gateway.Question) gateway.Ruling {
		if strings.Contains(string(q.Body), `"rm`) {
			return gateway.Ruling{Action: gateway.Deny, Rule: "no-rm", Reason: "rm is not allowed"}
		}
		return gateway.Ruling{Action: gateway.Allow}
	}})
	require.JSONEq(t, `{"allowed": true, "call": 1}`, d.ok("/v1/shell", `{"command": "ls", "timeout": 60}`))
	require.JSONEq(t, `{"allowed": true, "call": 2}`, d.ok("/v1/shell", `{"command": "ls", "timeout": null}`))
	done := `{"call": 1, "exit_code": 0, "stdout_bytes": 5, "stderr_bytes": 0}`
	require.JSONEq(t, `{}`, d.ok("/v1/shell/done", done))
	d.fails("/v1/shell/done", done, 400, gateway.InvalidRequest)
	require.Equal(t, "rule no-rm denies this call: rm is not allowed", d.fails("/v1/shell", `{"command": "rm -rf /"}`, 403, gateway.Denied))
	kinds := []string{}
	for _, e := range load(t, journal) {
		kinds = append(kinds, e.Kind)
	}
	require.Equal(t, []string{gateway.KindShell, gateway.KindShell, gateway.KindShellDone, gateway.KindShell}, kinds)
}

func TestAConfigurationThatMakesNoSenseIsRefused(t *testing.T) {
	journal := gateway.NewJournal(s3test.Bucket(t), prefix)
	for name, c := range map[string]gateway.Config{
		"no journal":                 {},
		"a tool that does not exist": {Journal: journal, Granted: []string{"teleport"}},
		"shell_command as our own":   {Journal: journal, Tools: map[string]gateway.Tool{gateway.ShellCommand: gateway.ToolFunc(echo)}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := gateway.New(c)
			require.ErrorIs(t, err, gateway.ErrConfig)
		})
	}
}

func TestAClosedSessionAnswersNothing(t *testing.T) {
	d := open(t, gateway.Config{LLM: (&model{}).complete, MaxTokens: -1, MaxCostUSD: -1})
	require.NoError(t, d.Close())
	require.NoError(t, d.Close())
	require.Equal(t, "the run is over", d.fails("/v1/llm", ask("x"), 503, gateway.Unavailable))
}

func FuzzBodies(f *testing.F) {
	for _, seed := range []string{ask("x"), `{}`, `null`, `{"command":"ls","timeout":1e999}`, `{"call":1,"exit_code":0}`, "\xff", `{"messages":[null]}`, look("user", imagePart("image/png", png)), hear("a.mp3", "", []byte("x"))} {
		for _, path := range []string{"/v1/llm", "/v1/transcribe", "/v1/shell", "/v1/shell/done", "/v1/tool/web_search"} {
			f.Add(path, []byte(seed))
		}
	}
	s, err := gateway.New(gateway.Config{
		LLM: (&model{}).complete, MaxTokens: -1, MaxCostUSD: -1, Journal: &memory{}, Granted: []string{gateway.ShellCommand, "web_search"},
		Tools: map[string]gateway.Tool{"web_search": gateway.ToolFunc(echo)},
	})
	require.NoError(f, err)
	f.Fuzz(func(t *testing.T, path string, body []byte) {
		req, err := http.NewRequest("POST", "http://gateway/", bytes.NewReader(body))
		require.NoError(t, err)
		req.URL.Path = "/" + path
		req.Header.Set("Authorization", "Bearer "+s.Token())
		w := httptest.NewRecorder()
		s.ServeHTTP(w, req)
		if w.Code < 300 || w.Code >= 400 { // the mux redirects paths that are not clean
			require.True(t, json.Valid(w.Body.Bytes()), w.Body.String())
		}
		require.NotEqual(t, 500, w.Code)
	})
}
