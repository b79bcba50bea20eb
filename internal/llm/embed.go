package llm

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net/http"
	"strings"
	"time"

	"github.com/openai/openai-go/v3/option"
)

const (
	// embedBatch texts go into one request: the least that servers are set to take (text-embeddings-inference: 32).
	embedBatch = 32
	// maxEmbedText is what is sent of a text, in bytes: about 500 tokens, the window of most small embedding models. Longer
	// texts are cut off by some servers and refused by others.
	maxEmbedText = 2000
	// embedTimeout is how long a server may be silent: it has no reasoning to do.
	embedTimeout = 30 * time.Second
)

// Embed returns one vector for each text, in their order and all of the same length, and the tokens that the server
// counted (0 when it does not say). Texts are cut to 2,000 bytes; empty ones are refused by many servers, so
// leave them out. It sends one request for every 32 texts; the first that fails ends the call with the errors of [Client.Complete].
func (c *Client) Embed(ctx context.Context, model string, texts []string) ([][]float32, int64, error) {
	vectors := make([][]float32, 0, len(texts))
	var tokens int64
	for from := 0; from < len(texts); from += embedBatch {
		batch, used, err := c.embed(ctx, model, texts[from:min(from+embedBatch, len(texts))])
		if err != nil {
			return nil, tokens, err
		}
		tokens += used
		if vectors = append(vectors, batch...); len(vectors[0]) != len(batch[0]) {
			return nil, tokens, c.describe(malformed("vectors of %d and of %d numbers", len(vectors[0]), len(batch[0])))
		}
	}
	return vectors, tokens, nil
}

// embed is one request.
func (c *Client) embed(ctx context.Context, model string, texts []string) ([][]float32, int64, error) {
	input := make([]string, len(texts))
	for i, text := range texts {
		input[i] = strings.ToValidUTF8(text[:min(len(text), maxEmbedText)], "")
	}
	body, err := json.Marshal(map[string]any{"model": model, "input": input, "encoding_format": "float"})
	if err != nil {
		return nil, 0, &Error{Kind: KindInvalidRequest, Message: err.Error()}
	}
	watch := newWatch(ctx, embedTimeout)
	defer watch.stop()
	var raw *http.Response
	err = c.api.Post(watch.ctx, "embeddings", body, &raw, option.WithHeader("Content-Type", "application/json"))
	if err != nil || raw.StatusCode >= http.StatusMultipleChoices {
		return nil, 0, c.requestError(watch.ctx, raw, err)
	}
	defer raw.Body.Close()
	answer, err := io.ReadAll(watch.guard(raw.Body))
	if err != nil {
		return nil, 0, c.replyError(watch.ctx, err)
	}
	vectors, tokens, err := readEmbeddings(answer, len(texts))
	if err != nil {
		return nil, 0, c.describe(err)
	}
	return vectors, tokens, nil
}

// readEmbeddings puts the vectors into the order of the texts, which not every server keeps.
func readEmbeddings(answer []byte, texts int) ([][]float32, int64, error) {
	var reply struct {
		Data []struct {
			Index     int       `json:"index"`
			Embedding []float32 `json:"embedding"`
		} `json:"data"`
		Usage struct {
			PromptTokens int64 `json:"prompt_tokens"`
		} `json:"usage"`
	}
	if err := json.Unmarshal(answer, &reply); err != nil {
		return nil, 0, malformed("not JSON with a list of vectors")
	}
	if len(reply.Data) != texts {
		return nil, 0, malformed("%d vectors for %d texts", len(reply.Data), texts)
	}
	vectors := make([][]float32, texts)
	for _, d := range reply.Data {
		if d.Index < 0 || d.Index >= texts || vectors[d.Index] != nil {
			return nil, 0, malformed("the indexes of the vectors are not 0 to %d, each once", texts-1)
		}
		vectors[d.Index] = d.Embedding
	}
	for _, v := range vectors {
		if len(v) == 0 || len(v) != len(vectors[0]) || !hasDirection(v) {
			return nil, 0, malformed("vectors that are empty, of different lengths or zero")
		}
	}
	return vectors, max(0, reply.Usage.PromptTokens), nil
}

// hasDirection: JSON has no infinite numbers, but a sum of squares may be one.
func hasDirection(v []float32) bool {
	sum := 0.0
	for _, f := range v {
		sum += float64(f) * float64(f)
	}
	return sum > 0 && !math.IsInf(sum, 0)
}

func malformed(format string, args ...any) *Error {
	return &Error{Kind: KindMalformed, Message: "the embeddings are malformed: " + fmt.Sprintf(format, args...)}
}
