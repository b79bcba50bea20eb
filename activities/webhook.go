package activities

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"go.temporal.io/sdk/temporal"
)

// WebhookRefused is the error type of a web hook that will not take an announcement however often it is sent.
const WebhookRefused = "WebhookRefused"

// Webhook is an address that is told of evaluations that got worse. The address may hold a token, so nothing repeats it.
type Webhook struct {
	URL    string
	Client *http.Client
}

// announcement is what the web hook gets as JSON. It may come twice; the evaluation tells.
type announcement struct {
	Event string `json:"event"` // evaluation.worse
	AnnounceInput
}

const webhookTimeout = 20 * time.Second

// tell posts an announcement.
func (w *Webhook) tell(ctx context.Context, in AnnounceInput) error {
	if w == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, webhookTimeout)
	defer cancel()
	body, err := json.Marshal(announcement{"evaluation.worse", in})
	if err != nil {
		return err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, w.URL, bytes.NewReader(body))
	if err != nil {
		return temporal.NewNonRetryableApplicationError("the web hook's address is no URL: check evaluation.webhook", WebhookRefused, nil)
	}
	request.Header.Set("Content-Type", "application/json")
	reply, err := w.Client.Do(request)
	if err != nil {
		return fmt.Errorf("reach the web hook: %w", withoutURL(err))
	}
	defer reply.Body.Close()
	io.Copy(io.Discard, io.LimitReader(reply.Body, 64<<10)) // lets the connection be used again
	switch {
	case reply.StatusCode < 300:
		return nil
	case reply.StatusCode == http.StatusTooManyRequests, reply.StatusCode >= 500:
		return fmt.Errorf("the web hook answered HTTP %d", reply.StatusCode)
	}
	return temporal.NewNonRetryableApplicationError(fmt.Sprintf("the web hook answered HTTP %d", reply.StatusCode), WebhookRefused, nil)
}

// withoutURL takes the address out of what the HTTP client says.
func withoutURL(err error) error {
	if wrapped, ok := err.(*url.Error); ok {
		return wrapped.Err
	}
	return err
}
