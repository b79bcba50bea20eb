package scripted_test

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"agentfactory/internal/llm"
	"agentfactory/internal/llm/scripted"
)

func TestFaultsReachTheClientAsTheyWouldFromARealServer(t *testing.T) {
	tests := map[string]struct {
		fault      string
		kind       llm.Kind
		status     int
		retryAfter time.Duration
	}{
		"too fast":                        {"{status: 429, retry_after: 7s}", llm.KindRateLimited, 429, 7 * time.Second},
		"too fast for a fraction":         {"{status: 429, retry_after: 250ms}", llm.KindRateLimited, 429, 250 * time.Millisecond},
		"out of credit":                   {"{status: 429, code: insufficient_quota}", llm.KindQuota, 429, 0},
		"overloaded":                      {"{status: 529}", llm.KindOverloaded, 529, 0},
		"broken":                          {"{status: 500}", llm.KindServer, 500, 0},
		"bad gateway with a web page":     {"{status: 502, body: <html>Bad Gateway</html>}", llm.KindServer, 502, 0},
		"wrong key":                       {"{status: 401}", llm.KindAuth, 401, 0},
		"too long":                        {"{status: 400, code: context_length_exceeded}", llm.KindContextLength, 400, 0},
		"cut in the middle":               {"{cut_after_chunks: 2}", llm.KindCutStream, 0, 0},
		"cut after the last piece":        {"{cut_after_chunks: 1000}", llm.KindCutStream, 0, 0},
		"an error inside the stream":      {"{cut_after_chunks: 2, status: 529}", llm.KindOverloaded, 0, 0},
		"broken JSON":                     {`{body: '{"choices": [{'}`, llm.KindMalformed, 0, 0},
		"broken JSON inside the stream":   {`{body: "data: {nonsense\n\n"}`, llm.KindMalformed, 0, 0},
		"a web page instead of an API":    {"{body: '<!DOCTYPE html><p>Welcome</p>'}", llm.KindMalformed, 0, 0},
		"silence before the reply":        {"{stall: 1m}", llm.KindStalled, 0, 0},
		"silence in the middle":           {"{stall: 1m, cut_after_chunks: 2}", llm.KindStalled, 0, 0},
		"an answer without any content":   {`{body: " "}`, llm.KindCutStream, 0, 0},
		"an error document with HTTP 200": {`{body: '{"error":{"message":"upstream died","code":502}}'}`, llm.KindServer, 502, 0},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			script := parse(t, "conversations: [{turns: [{text: 'A reply that is long enough for several pieces.', fault: "+test.fault+"}]}]")
			server, err := scripted.NewServer(script, scripted.Options{})
			require.NoError(t, err)
			running, err := scripted.Start("127.0.0.1:0", server)
			require.NoError(t, err)
			t.Cleanup(func() { running.Close() })
			options := llm.Options{}
			if test.kind == llm.KindStalled {
				options = llm.Options{FirstTokenTimeout: 300 * time.Millisecond, ChunkTimeout: 300 * time.Millisecond}
			}
			client, err := llm.New(llm.Endpoint{BaseURL: running.URL}, options)
			require.NoError(t, err)
			request := llm.Request{Model: "scripted-model", Messages: []llm.Message{user("Hello")}}

			_, err = client.Complete(t.Context(), request, nil)
			var failure *llm.Error
			require.ErrorAs(t, err, &failure)
			require.Equal(t, test.kind, failure.Kind, failure.Error())
			require.Equal(t, test.status, failure.Status)
			require.Equal(t, test.retryAfter, failure.RetryAfter)

			patient, err := llm.New(llm.Endpoint{BaseURL: running.URL}, llm.Options{})
			require.NoError(t, err)
			again, err := patient.Complete(t.Context(), request, nil)
			require.NoError(t, err, "the fault is over")
			require.Equal(t, "A reply that is long enough for several pieces.", again.Message.Content)
			log := slices.DeleteFunc(server.Log(), func(e scripted.Entry) bool { return e.Method != "POST" }) // another process may look for its own server here
			require.Len(t, log, 2)
			require.NotEmpty(t, log[0].Fault)
			require.Empty(t, log[1].Fault)
			require.Equal(t, log[0].Digest, log[1].Digest)
		})
	}
}

func TestFaultsComeOneAfterTheOther(t *testing.T) {
	script, err := scripted.Load("testdata/example.yaml")
	require.NoError(t, err)
	_, client := start(t, script, scripted.Options{})
	request := llm.Request{Model: "scripted-example", Messages: []llm.Message{user("be busy")}}
	for _, want := range []llm.Kind{llm.KindRateLimited, llm.KindOverloaded, llm.KindOverloaded, llm.KindCutStream} {
		_, err := client.Complete(t.Context(), request, nil)
		var failure *llm.Error
		require.ErrorAs(t, err, &failure)
		require.Equal(t, want, failure.Kind)
		require.True(t, failure.Retryable())
	}
	response, err := client.Complete(t.Context(), request, nil)
	require.NoError(t, err)
	require.Equal(t, llm.Usage{InputTokens: 1200, CachedInputTokens: 1024, OutputTokens: 5}, response.Usage)
}

func TestRepliesThatEndOddly(t *testing.T) {
	tests := map[string]struct {
		turn  string
		check func(t *testing.T, response llm.Response)
	}{
		"an empty reply": {`text: ""`, func(t *testing.T, response llm.Response) {
			require.True(t, response.Empty())
			require.Equal(t, llm.FinishStop, response.FinishReason)
		}},
		"a refusal": {`refusal: I will not.`, func(t *testing.T, response llm.Response) {
			require.Equal(t, "I will not.", response.Message.Refusal)
			require.Equal(t, llm.FinishRefusal, response.FinishReason)
			require.False(t, response.Empty())
		}},
		"cut off by the token limit": {`{text: Once upon, finish_reason: length}`, func(t *testing.T, response llm.Response) {
			require.Equal(t, llm.FinishLength, response.FinishReason)
		}},
		"cut off once": {`{text: Once upon, fault: {finish_reason: length}}`, func(t *testing.T, response llm.Response) {
			require.Equal(t, llm.FinishLength, response.FinishReason)
		}},
		"broken arguments": {`calls: [{name: finish, arguments: '{"answer": "4'}]`, func(t *testing.T, response llm.Response) {
			require.Equal(t, `{"answer": "4`, response.Message.ToolCalls[0].Arguments)
		}},
		"no arguments": {`calls: [{name: list_saved_subagents}]`, func(t *testing.T, response llm.Response) {
			require.Equal(t, `{}`, response.Message.ToolCalls[0].Arguments)
		}},
		"an unknown tool": {`calls: [{name: teleport, arguments: {to: Mars}}]`, func(t *testing.T, response llm.Response) {
			require.Equal(t, "teleport", response.Message.ToolCalls[0].Name)
		}},
		"no usage": {`{text: Hello, usage: {none: true}}`, func(t *testing.T, response llm.Response) {
			require.True(t, response.Usage.Estimated)
			require.Positive(t, response.Usage.OutputTokens)
		}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			_, client := start(t, parse(t, "conversations:\n- turns:\n  - "+test.turn), scripted.Options{})
			response, err := client.Complete(t.Context(), llm.Request{Model: "scripted-model", Messages: []llm.Message{user("Hello")}}, nil)
			require.NoError(t, err)
			test.check(t, response)
		})
	}
}
