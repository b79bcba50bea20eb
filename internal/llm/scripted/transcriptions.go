package scripted

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"net/http"
)

// transcriptions answers with the first transcription of the script whose pattern matches the file's name, or else with
// a text that names the file and its content.
func (s *Server) transcriptions(_ context.Context, r *http.Request, entry *Entry) (sender, error) {
	file, header, err := r.FormFile("file")
	if err != nil {
		return nil, fmt.Errorf("the body is not a transcription request with a file: %w", err)
	}
	defer file.Close()
	audio, err := io.ReadAll(file)
	if err != nil {
		return nil, fmt.Errorf("read the audio: %w", err)
	}
	entry.Model, entry.Digest = r.FormValue("model"), fmt.Sprintf("%x", sha256.Sum256(audio))
	text := s.script.transcribe(header.Filename, audio)
	switch r.FormValue("response_format") {
	case "", "json":
		return sendJSON(map[string]any{"text": text}), nil
	case "verbose_json":
		return sendJSON(map[string]any{"text": text, "task": "transcribe", "language": "english", "duration": 1, "segments": []any{}}), nil
	case "text":
		return func(w http.ResponseWriter) { fmt.Fprintln(w, text) }, nil
	}
	return nil, fmt.Errorf("response_format %q is not known: json, verbose_json or text", r.FormValue("response_format"))
}

func (s *Script) transcribe(name string, audio []byte) string {
	for _, transcription := range s.Transcriptions {
		if _, ok := transcription.File.find(name); ok {
			return transcription.Text
		}
	}
	return fmt.Sprintf("Transcript of %s, %d bytes, %x.", name, len(audio), sha256.Sum256(audio))
}
