package gateway

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
)

// Transcribe writes down what is said in an audio file. Its errors are treated like those of an LLM.
type Transcribe func(ctx context.Context, r TranscribeRequest) (TranscribeReply, error)

// TranscribeRequest is an audio file with what is known of it.
type TranscribeRequest struct {
	Name     string // the file's name without a directory; servers go by its ending
	Language string // ISO 639-1; empty: not known
	Audio    []byte
}

// TranscribeReply is the text, and what it cost.
type TranscribeReply struct {
	Text  string `json:"text"`
	Usage Usage  `json:"usage"`
}

type transcribeBody struct {
	Name     string  `json:"name"`
	Language *string `json:"language"`
	Audio    []byte  `json:"audio"` // base64
}

// recordedAudio is what the journal keeps of a request: the audio by its digest.
type recordedAudio struct {
	Name     string  `json:"name"`
	Language *string `json:"language"`
	SHA256   string  `json:"sha256"`
	Bytes    int     `json:"bytes"`
}

const maxAudio = 25 << 20 // bytes, as OpenAI's endpoint takes

func (s *Session) answerTranscribe(r *http.Request, body json.RawMessage) (json.RawMessage, error) {
	var b transcribeBody
	if err := decode(body, &b); err != nil {
		return nil, err
	}
	req, err := b.request()
	if err != nil {
		return nil, err
	}
	if s.config.Transcribe == nil {
		return nil, Errorf(Unavailable, "transcribe: no model for audio is configured; work without the audio, or ask whoever runs this worker to set AGENTFACTORY_TRANSCRIPTION_MODEL")
	}
	recorded, err := encode(recordedAudio{Name: b.Name, Language: b.Language, SHA256: digestOf(b.Audio), Bytes: len(b.Audio)})
	if err != nil {
		return nil, err
	}
	return s.do(r.Context(), call{kind: KindTranscribe, body: recorded, live: func(ctx context.Context, _ int) (made, error) {
		reply, err := s.transcribe(ctx, req)
		return made{reply: reply, used: reply.Usage}, err
	}})
}

// transcribe makes the call if the budget has something left; no server takes a limit for it.
func (s *Session) transcribe(ctx context.Context, req TranscribeRequest) (TranscribeReply, error) {
	_, release, err := s.budget.reserve(0)
	if err != nil {
		return TranscribeReply{}, err
	}
	defer release()
	reply, err := s.config.Transcribe(ctx, req)
	s.budget.add(reply.Usage)
	return reply, err
}

func (b transcribeBody) request() (TranscribeRequest, error) {
	req := TranscribeRequest{Name: b.Name, Audio: b.Audio}
	if b.Language != nil {
		req.Language = *b.Language
	}
	switch {
	case b.Name == "" || len(b.Name) > 255 || strings.ContainsAny(b.Name, "/\\\"\x00\r\n"):
		return req, Errorf(InvalidRequest, "name is %.40q; give the file's name without a directory, such as talk.mp3", b.Name)
	case len(b.Audio) == 0:
		return req, Errorf(InvalidRequest, "audio is empty")
	case len(b.Audio) > maxAudio:
		return req, Errorf(InvalidRequest, "the audio has %d bytes; at most %d are taken: split it, or use a smaller format", len(b.Audio), maxAudio)
	case len(req.Language) > 35:
		return req, Errorf(InvalidRequest, "language is %.40q; give a code such as en, or leave it out", req.Language)
	}
	return req, nil
}
