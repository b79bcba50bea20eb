package scripted

import (
	"context"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"math"
	"net/http"
	"strings"
	"unicode"

	"agentfactory/internal/llm"
)

const (
	defaultDimensions = 256
	maxDimensions     = 4096
)

type embeddingRequest struct {
	Model          string          `json:"model"`
	Input          json.RawMessage `json:"input"` // a string or a list of strings
	Dimensions     int             `json:"dimensions"`
	EncodingFormat string          `json:"encoding_format"` // "float" (default) or "base64"
}

// embeddings answers with vectors that depend on the text alone, and are the closer the more words two texts share.
func (s *Server) embeddings(_ context.Context, r *http.Request, entry *Entry) (sender, error) {
	body, err := readBody(r)
	if err != nil {
		return nil, err
	}
	var request embeddingRequest
	if err := json.Unmarshal(body, &request); err != nil {
		return nil, fmt.Errorf("the body is not an embeddings request: %w", err)
	}
	entry.Model = request.Model
	texts, err := request.texts()
	if err != nil {
		return nil, err
	}
	dimensions := request.Dimensions
	if dimensions == 0 {
		dimensions = defaultDimensions
	}
	if dimensions < 1 || dimensions > maxDimensions {
		return nil, fmt.Errorf("dimensions must be between 1 and %d", maxDimensions)
	}
	return sendJSON(request.answer(texts, dimensions)), nil
}

func (r embeddingRequest) texts() ([]string, error) {
	var one string
	if json.Unmarshal(r.Input, &one) == nil {
		return []string{one}, nil
	}
	var several []string
	if err := json.Unmarshal(r.Input, &several); err != nil || len(several) == 0 {
		return nil, errors.New("input must be a string or a list of strings")
	}
	return several, nil
}

func (r embeddingRequest) answer(texts []string, dimensions int) any {
	data := make([]map[string]any, 0, len(texts))
	tokens := 0
	for i, text := range texts {
		tokens += llm.CountTokens(r.Model, text)
		data = append(data, map[string]any{"object": "embedding", "index": i, "embedding": r.format(embed(text, dimensions))})
	}
	return map[string]any{"object": "list", "model": r.Model, "data": data, "usage": map[string]int{"prompt_tokens": tokens, "total_tokens": tokens}}
}

func (r embeddingRequest) format(vector []float32) any {
	if r.EncodingFormat != "base64" {
		return vector
	}
	raw := make([]byte, 0, 4*len(vector))
	for _, value := range vector {
		raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(value))
	}
	return base64.StdEncoding.EncodeToString(raw)
}

// embed hashes words into the dimensions (the hashing trick, Weinberger et al. 2009) and scales the vector to length 1.
func embed(text string, dimensions int) []float32 {
	sums := make([]float64, dimensions)
	sums[0] = 1e-3 // a text without words has a direction, too
	for _, word := range strings.FieldsFunc(strings.ToLower(text), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }) {
		hash := fnv.New64a()
		hash.Write([]byte(word))
		sum := hash.Sum64()
		sign := 1 - 2*float64(sum>>63)
		sums[sum%uint64(dimensions)] += sign
	}
	length := 0.0
	for _, value := range sums {
		length += value * value
	}
	vector := make([]float32, dimensions)
	for i, value := range sums {
		vector[i] = float32(value / math.Sqrt(length))
	}
	return vector
}
