package llm

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"slices"
)

// Models lists the names of the server's models, sorted. It is the cheap way to see whether the server is there and the
// key is good; it fails with the same [*Error] as a model call, after ten seconds of silence at the latest.
func (c *Client) Models(ctx context.Context) ([]string, error) {
	watch := newWatch(ctx, modelsTimeout)
	defer watch.stop()

	var raw *http.Response
	if err := c.api.Get(watch.ctx, "models", nil, &raw); err != nil {
		return nil, c.requestError(watch.ctx, raw, err)
	}
	defer raw.Body.Close()
	body, err := io.ReadAll(watch.guard(raw.Body))
	if err != nil {
		return nil, c.replyError(watch.ctx, err)
	}
	var list struct {
		Data []struct {
			ID string `json:"id"`
		} `json:"data"`
	}
	if err := json.Unmarshal(body, &list); err != nil {
		return nil, c.describe(&Error{Kind: KindMalformed, Message: "the list of models is not JSON; check that OPENAI_BASE_URL ends with the API's path, like /v1"})
	}
	names := make([]string, 0, len(list.Data))
	for _, model := range list.Data {
		names = append(names, model.ID)
	}
	slices.Sort(names)
	return names, nil
}
