package llm

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"
)

// Audio is a file to be transcribed.
type Audio struct {
	Name     string // with its ending, by which servers choose how to decode it
	Language string // ISO 639-1, such as "en"; empty leaves it to the model
	Data     []byte
}

// Transcription is what is said in an audio file. Usage is what the server counted; one that counts seconds, or nothing,
// leaves the tokens of the text, estimated, and the audio uncounted.
type Transcription struct {
	Text  string
	Usage Usage
}

// Transcribe sends one request to the endpoint for audio. It fails like [Client.Complete], and with KindUnsupported when
// the server has no such endpoint.
func (c *Client) Transcribe(ctx context.Context, model string, audio Audio) (Transcription, error) {
	params := openai.AudioTranscriptionNewParams{Model: model, File: openai.File(bytes.NewReader(audio.Data), audio.Name, "application/octet-stream"),
		ResponseFormat: openai.AudioResponseFormatJSON}
	if audio.Language != "" {
		params.Language = openai.String(audio.Language)
	}
	body, contentType, err := params.MarshalMultipart()
	if err != nil {
		return Transcription{}, &Error{Kind: KindInvalidRequest, Message: err.Error()}
	}
	watch := newWatch(ctx, c.options.FirstTokenTimeout) // the whole file is listened to before the answer begins
	defer watch.stop()
	var raw *http.Response
	err = c.api.Post(watch.ctx, "audio/transcriptions", body, &raw, option.WithHeader("Content-Type", contentType))
	if err != nil || raw.StatusCode >= http.StatusMultipleChoices {
		return Transcription{}, c.audioError(watch.ctx, raw, err)
	}
	defer raw.Body.Close()
	answer, err := io.ReadAll(watch.guard(raw.Body))
	if err != nil {
		return Transcription{}, c.replyError(watch.ctx, err)
	}
	heard, err := readTranscription(model, c.replies.Bytes(answer))
	if err != nil {
		return Transcription{}, c.describe(err)
	}
	heard.Usage = c.options.Prices.Charge(model, heard.Usage)
	return heard, nil
}

// audioError tells a server without the endpoint from one that lacks the model or fails for the time being.
func (c *Client) audioError(ctx context.Context, raw *http.Response, err error) error {
	if ended(ctx) != nil || raw == nil {
		return c.requestError(ctx, raw, err)
	}
	body, readErr := io.ReadAll(raw.Body)
	raw.Body = io.NopCloser(bytes.NewReader(body))
	code, _ := parseAPIError(body).Code.(string)
	switch raw.StatusCode {
	case http.StatusNotFound, http.StatusMethodNotAllowed, http.StatusNotImplemented:
		if readErr == nil && code != "model_not_found" {
			return c.describe(&Error{Kind: KindUnsupported, Status: raw.StatusCode, Message: "there is no /audio/transcriptions"})
		}
	}
	return c.requestError(ctx, raw, err)
}

func readTranscription(model string, answer []byte) (Transcription, error) {
	var reply struct {
		Text  *string `json:"text"`
		Usage struct {
			InputTokens  int64 `json:"input_tokens"`
			OutputTokens int64 `json:"output_tokens"`
		} `json:"usage"`
	}
	if err := json.Unmarshal(answer, &reply); err != nil {
		return Transcription{}, &Error{Kind: KindMalformed, Message: "the transcription is malformed: " + err.Error()}
	}
	if reply.Text == nil {
		return Transcription{}, errNoText
	}
	used := Usage{InputTokens: max(0, reply.Usage.InputTokens), OutputTokens: max(0, reply.Usage.OutputTokens)}
	if used.InputTokens == 0 {
		used = Usage{OutputTokens: int64(CountTokens(model, *reply.Text)), Estimated: true}
	}
	return Transcription{Text: *reply.Text, Usage: used}, nil
}

var errNoText = &Error{Kind: KindMalformed, Message: "the transcription is malformed: it has no text"}
