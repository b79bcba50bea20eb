package gateway_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"agentfactory/internal/embedded/s3server/s3test"
	"agentfactory/internal/gateway"
)

var png = []byte("\x89PNG\r\n\x1a\n and the rest of the picture")

func imagePart(mediaType string, data []byte) string {
	return fmt.Sprintf(`{"type": "image", "media_type": %q, "data": %q}`, mediaType, base64.StdEncoding.EncodeToString(data))
}

func look(role string, parts ...string) string {
	return fmt.Sprintf(`{"messages": [{"role": %q, "content": [%s]}]}`, role, strings.Join(parts, ", "))
}

func TestImagesReachTheModelAndTheJournalKeepsTheirDigests(t *testing.T) {
	var calls atomic.Int64
	see := func(_ context.Context, r gateway.LLMRequest) (gateway.LLMReply, error) {
		calls.Add(1)
		require.Equal(t, []gateway.Part{{Type: "text", Text: "What is it?"}, {Type: "image", MediaType: "image/png", Data: png}}, r.Messages[0].Parts)
		return gateway.LLMReply{Text: "a picture", Usage: gateway.Usage{InputTokens: 800, OutputTokens: 2}}, nil
	}
	journal := gateway.NewJournal(s3test.Bucket(t), prefix)
	body := look("user", `{"type": "text", "text": "What is it?"}`, imagePart("image/png", png))
	for range 2 { // the second time from the journal
		d := open(t, gateway.Config{LLM: see, MaxTokens: -1, MaxCostUSD: -1, Journal: journal})
		require.Contains(t, d.ok("/v1/llm", body), "a picture")
		require.EqualValues(t, 800, d.Usage().InputTokens)
		require.NoError(t, d.Close())
	}
	require.EqualValues(t, 1, calls.Load())
	e := load(t, journal)[0]
	require.JSONEq(t, `{"system": null, "max_tokens": null, "messages": [{"role": "user", "content": [{"type": "text", "text": "What is it?"},
		{"type": "image", "media_type": "image/png", "bytes": 36, "sha256": "`+digest(png)+`"}]}]}`, string(e.Request))

	d := open(t, gateway.Config{LLM: see, MaxTokens: -1, MaxCostUSD: -1, Journal: journal})
	other := bytes.Replace(png, []byte("rest"), []byte("best"), 1)
	defer func() { require.EqualValues(t, 1, calls.Load()) }()
	require.NotEqual(t, digest(png), digest(other))
	require.Contains(t, d.fails("/v1/llm", look("user", imagePart("image/jpeg", other)), 400, gateway.InvalidRequest), "image/png by its content")
}

func TestTextsInPartsReachTheModelWhoeverSaysThem(t *testing.T) {
	say := func(_ context.Context, r gateway.LLMRequest) (gateway.LLMReply, error) {
		require.Equal(t, []gateway.Message{{Role: "assistant", Content: "one\ntwo"}}, r.Messages)
		return gateway.LLMReply{Text: "three"}, nil
	}
	d := open(t, gateway.Config{LLM: say, MaxTokens: -1, MaxCostUSD: -1, Journal: gateway.NewJournal(s3test.Bucket(t), prefix)})
	require.Contains(t, d.ok("/v1/llm", look("assistant", `{"type": "text", "text": "one"}`, `{"type": "text", "text": "two"}`)), "three")
}

func TestEightImagesOfFiveMebibytesFitIntoOneCall(t *testing.T) {
	large := append(bytes.Clone(png), make([]byte, 5<<20-len(png))...)
	parts := make([]string, 8)
	for i := range parts {
		parts[i] = imagePart("image/png", large)
	}
	journal := gateway.NewJournal(s3test.Bucket(t), prefix)
	d := open(t, gateway.Config{LLM: (&model{}).complete, MaxTokens: -1, MaxCostUSD: -1, Journal: journal})
	d.ok("/v1/llm", look("user", parts...))
	require.Less(t, len(load(t, journal)[0].Request), 2000)
}

func TestImagesThatAreNotWhatTheProtocolSays(t *testing.T) {
	d := open(t, gateway.Config{LLM: (&model{}).complete, MaxTokens: -1, MaxCostUSD: -1})
	good := imagePart("image/png", png)
	for name, c := range map[string]struct{ body, says string }{
		"no parts":              {look("user"), "empty list"},
		"an unknown part":       {look("user", `{"type": "video"}`), `type is "video"`},
		"an unknown field":      {look("user", `{"type": "text", "path": "x"}`), "path"},
		"from the assistant":    {look("assistant", good), "user alone"},
		"an unknown media type": {look("user", imagePart("image/tiff", png)), "image/tiff"},
		"a lie":                 {look("user", imagePart("image/gif", png)), "image/png by its content"},
		"a text":                {look("user", imagePart("image/png", []byte("hello"))), "text/plain"},
		"no base64":             {look("user", `{"type": "image", "media_type": "image/png", "data": "!"}`), "base64"},
		"too many":              {look("user", good, good, good, good, good, good, good, good, good), "9 images"},
		"a text with data":      {look("user", `{"type": "text", "data": "aGk="}`), "neither"},
	} {
		t.Run(name, func(t *testing.T) {
			d := &door{Session: d.Session, t: t, url: d.url}
			require.Contains(t, d.fails("/v1/llm", c.body, 400, gateway.InvalidRequest), c.says)
		})
	}
	large := imagePart("image/png", append(bytes.Clone(png), make([]byte, 5<<20)...))
	require.Contains(t, d.fails("/v1/llm", look("user", large), 400, gateway.InvalidRequest), "at most 5242880")
	require.Zero(t, d.Live())
}

func hear(name, language string, audio []byte) string {
	body, _ := json.Marshal(map[string]any{"name": name, "language": language, "audio": audio})
	return string(body)
}

func TestATranscriptionIsAnsweredCountedAndReplayed(t *testing.T) {
	var calls atomic.Int64
	listen := func(_ context.Context, r gateway.TranscribeRequest) (gateway.TranscribeReply, error) {
		calls.Add(1)
		require.Equal(t, gateway.TranscribeRequest{Name: "talk.mp3", Language: "en", Audio: []byte("sound")}, r)
		return gateway.TranscribeReply{Text: "hello", Usage: gateway.Usage{InputTokens: 30, OutputTokens: 3, CostUSD: 0.25}}, nil
	}
	journal := gateway.NewJournal(s3test.Bucket(t), prefix)
	for range 2 {
		d := open(t, gateway.Config{Transcribe: listen, MaxTokens: -1, MaxCostUSD: -1, Journal: journal})
		require.JSONEq(t, `{"text": "hello", "usage": {"input_tokens": 30, "output_tokens": 3, "cost_usd": 0.25}}`, d.ok("/v1/transcribe", hear("talk.mp3", "en", []byte("sound"))))
		require.Equal(t, gateway.Usage{InputTokens: 30, OutputTokens: 3, CostUSD: 0.25}, d.Usage())
		require.NoError(t, d.Close())
	}
	require.EqualValues(t, 1, calls.Load())
	e := load(t, journal)[0]
	require.Equal(t, gateway.KindTranscribe, e.Kind)
	require.JSONEq(t, `{"name": "talk.mp3", "language": "en", "bytes": 5, "sha256": "`+digest([]byte("sound"))+`"}`, string(e.Request))

	spent := open(t, gateway.Config{Transcribe: listen, MaxTokens: -1, MaxCostUSD: 0.2, Journal: journal})
	spent.ok("/v1/transcribe", hear("talk.mp3", "en", []byte("sound"))) // paid for already
	require.Contains(t, spent.fails("/v1/transcribe", hear("talk.mp3", "en", []byte("noise")), 429, gateway.BudgetExhausted), "0.2000 USD")
}

func TestAudioThatCannotBeTranscribed(t *testing.T) {
	d := open(t, gateway.Config{MaxTokens: -1, MaxCostUSD: -1})
	for name, c := range map[string]struct{ body, says string }{
		"no name":         {hear("", "", []byte("x")), "name"},
		"a path":          {hear("a/b.mp3", "", []byte("x")), "without a directory"},
		"nothing":         {hear("a.mp3", "", nil), "audio is empty"},
		"too much":        {hear("a.mp3", "", make([]byte, 25<<20+1)), "at most 26214400"},
		"a long language": {hear("a.mp3", strings.Repeat("x", 40), []byte("x")), "language"},
	} {
		require.Contains(t, d.fails("/v1/transcribe", c.body, 400, gateway.InvalidRequest), c.says, name)
	}
	require.Contains(t, d.fails("/v1/transcribe", hear("a.mp3", "", []byte("x")), 503, gateway.Unavailable), "AGENTFACTORY_TRANSCRIPTION_MODEL")
}
