package llm_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"

	"agentfactory/internal/llm"
	"agentfactory/internal/llm/scripted"
)

func transcribe(t *testing.T, handler http.HandlerFunc) (llm.Transcription, error) {
	t.Helper()
	server := httptest.NewServer(handler)
	defer server.Close()
	return newClient(t, server.URL, llm.Options{}).Transcribe(t.Context(), "gpt-4o-mini-transcribe", llm.Audio{Name: "talk.mp3", Language: "en", Data: []byte("sound")})
}

func TestTranscribeSendsTheFileAndCountsWhatTheServerSays(t *testing.T) {
	heard, err := transcribe(t, func(w http.ResponseWriter, r *http.Request) {
		require.Equal(t, "/audio/transcriptions", r.URL.Path)
		file, header, err := r.FormFile("file")
		require.NoError(t, err)
		audio, err := io.ReadAll(file)
		require.NoError(t, err)
		require.Equal(t, "sound", string(audio))
		require.Equal(t, "talk.mp3", header.Filename)
		require.Equal(t, "gpt-4o-mini-transcribe en json", r.FormValue("model")+" "+r.FormValue("language")+" "+r.FormValue("response_format"))
		document(200, `{"text": "hello", "usage": {"type": "tokens", "input_tokens": 1000000, "output_tokens": 100000, "total_tokens": 1100000}}`)(w, r)
	})
	require.NoError(t, err)
	require.Equal(t, llm.Transcription{Text: "hello", Usage: llm.Usage{InputTokens: 1_000_000, OutputTokens: 100_000, CostUSD: 3.5}}, heard)
}

func TestTokensOfATranscriptionWithoutUsageAreEstimated(t *testing.T) {
	for _, body := range []string{`{"text": "hello there"}`, `{"text": "hello there", "usage": {"type": "duration", "seconds": 9}}`} {
		heard, err := transcribe(t, document(200, body))
		require.NoError(t, err)
		require.True(t, heard.Usage.Estimated)
		require.EqualValues(t, 2, heard.Usage.OutputTokens)
	}
}

func TestTranscriptionsThatFail(t *testing.T) {
	for name, c := range map[string]struct {
		status    int
		body      string
		kind      llm.Kind
		retryable bool
	}{
		"no such endpoint":        {404, `404 page not found`, llm.KindUnsupported, false},
		"no such method":          {405, ``, llm.KindUnsupported, false},
		"not implemented":         {501, `{"error": "no audio"}`, llm.KindUnsupported, false},
		"no such model":           {404, `{"error": {"message": "no", "code": "model_not_found"}}`, llm.KindNotFound, false},
		"a format it cannot read": {400, `{"error": {"message": "Invalid file format."}}`, llm.KindInvalidRequest, false},
		"a wrong key":             {401, `{}`, llm.KindAuth, false},
		"too fast":                {429, `{}`, llm.KindRateLimited, true},
		"out of order":            {500, ``, llm.KindServer, true},
		"no JSON":                 {200, `hello`, llm.KindMalformed, true},
		"no text":                 {200, `{"words": []}`, llm.KindMalformed, true},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := transcribe(t, document(c.status, c.body))
			var failure *llm.Error
			require.ErrorAs(t, err, &failure)
			require.Equal(t, c.kind, failure.Kind, err)
			require.Equal(t, c.retryable, failure.Retryable())
			if c.kind == llm.KindUnsupported {
				require.Contains(t, err.Error(), "does not transcribe audio")
				require.Contains(t, err.Error(), "AGENTFACTORY_TRANSCRIPTION_MODEL")
			}
		})
	}
}

func TestTheScriptedServerHearsAndSees(t *testing.T) {
	script, err := scripted.Parse([]byte("transcriptions: [{file: talk, text: The code is 42.}]\n" +
		"conversations: [{turns: [{text: 'I see {{.LastMessage}}'}]}]\n"))
	require.NoError(t, err)
	server, err := scripted.NewServer(script, scripted.Options{})
	require.NoError(t, err)
	running, err := scripted.Start("127.0.0.1:0", server)
	require.NoError(t, err)
	defer running.Close()
	client := newClient(t, running.URL, llm.Options{})

	heard, err := client.Transcribe(t.Context(), "scripted-ears", llm.Audio{Name: "talk.mp3", Data: []byte("sound")})
	require.NoError(t, err)
	require.Equal(t, "The code is 42.", heard.Text)

	picture := []byte("\x89PNG\r\n\x1a\n and the rest")
	ask := func(mediaType string) (llm.Response, error) {
		return client.Complete(t.Context(), llm.Request{Model: "scripted-eyes", Messages: []llm.Message{
			{Role: llm.RoleUser, Parts: []llm.Part{{Text: "What is it?"}, {MediaType: mediaType, Data: picture}}}}}, nil)
	}
	seen, err := ask("image/png")
	require.NoError(t, err)
	require.Contains(t, seen.Message.Content, "I see What is it?\n[image/png, 21 bytes, sha256 ")
	_, err = ask("image/gif")
	require.ErrorContains(t, err, "not a valid image/gif")
}

func TestImagesAreSentAsDataURLs(t *testing.T) {
	server := serve(t, events(`[DONE]`))
	_, err := newClient(t, server.URL, llm.Options{}).Complete(t.Context(), llm.Request{Model: "m", Messages: []llm.Message{
		{Role: llm.RoleUser, Parts: []llm.Part{{Text: "Look"}, {MediaType: "image/png", Data: []byte("hi")}}}}}, nil)
	require.NoError(t, err)
	require.JSONEq(t, `[{"role": "user", "content": [{"type": "text", "text": "Look"}, {"type": "image_url", "image_url": {"url": "data:image/png;base64,aGk="}}]}]`,
		section(t, server.requests()[0], "messages"))
}
