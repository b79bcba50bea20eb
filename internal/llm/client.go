package llm

import (
	"context"
	"errors"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"

	"agentfactory/internal/secret"
)

const (
	// Prompt processing of a full context window on a slow local server, or silent reasoning, comes before the first
	// token.
	defaultFirstTokenTimeout = 180 * time.Second
	// Once a server has begun to write, a minute of silence means that it died without closing the connection.
	defaultChunkTimeout = 60 * time.Second
	// A server that is there lists its models at once; whoever asks for the list is waiting for it.
	modelsTimeout = 10 * time.Second
	// Longer than any network worth calling a model over needs.
	dialTimeout = 10 * time.Second
)

// Options are what a Client may be told besides its endpoint; the zero value is a good one.
type Options struct {
	// Prices are looked up before the built-in ones.
	Prices Prices
	// FirstTokenTimeout is how long the server may be silent before the first piece of the reply (180 s when 0).
	FirstTokenTimeout time.Duration
	// ChunkTimeout is how long it may be silent after that (60 s when 0).
	ChunkTimeout time.Duration
}

// Client calls one model server. It is safe for concurrent use.
type Client struct {
	endpoint Endpoint
	options  Options
	api      openai.Client
	mask     secret.Mask // for errors, of what the server is sent to let us in
	replies  secret.Mask // for what models say

	dialects sync.Map // model -> the dialect that it understood after it had refused another
}

// New checks the endpoint's form, not whether somebody answers there: see [Client.Models] for that.
func New(endpoint Endpoint, options Options) (*Client, error) {
	endpoint, err := endpoint.normalised()
	if err != nil {
		return nil, err
	}
	if options.FirstTokenTimeout == 0 {
		options.FirstTokenTimeout = defaultFirstTokenTimeout
	}
	if options.ChunkTimeout == 0 {
		options.ChunkTimeout = defaultChunkTimeout
	}
	// Not openai.NewClient: it reads keys and addresses from the environment, and would send OpenAI's key to a server
	// that was configured without one.
	api := openai.Client{Options: []option.RequestOption{
		option.WithBaseURL(endpoint.BaseURL),
		option.WithAPIKey(endpoint.APIKey),
		option.WithMaxRetries(0),
		option.WithHTTPClient(&http.Client{Transport: newTransport()}),
	}}
	if endpoint.Organization != "" {
		api.Options = append(api.Options, option.WithOrganization(endpoint.Organization))
	}
	if endpoint.Project != "" {
		api.Options = append(api.Options, option.WithProject(endpoint.Project))
	}
	return &Client{endpoint: endpoint, options: options, api: api, mask: secret.NewMask(endpoint.secrets(0)...), replies: secret.NewMask(endpoint.secrets(realKey)...)}, nil
}

func newTransport() http.RoundTripper {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.DialContext = (&net.Dialer{Timeout: dialTimeout}).DialContext
	transport.MaxIdleConnsPerHost = 32
	return limitErrorBodies{transport}
}

// Endpoint returns the server that the client calls.
func (c *Client) Endpoint() Endpoint { return c.endpoint }

// Complete sends one request and waits for the whole reply, which is always streamed so that silence can be told from
// work. A further request follows only when the server refuses an optional parameter, and then leaves that out. progress
// may be nil; it is called from this goroutine for each piece from the first token on, and should return at once.
//
// Failures are [*Error], except when ctx ends: then the error is ctx's. Refusals, empty replies, replies cut off by the
// token limit and tool calls with broken arguments are no failures: see [Response].
func (c *Client) Complete(ctx context.Context, request Request, progress func(Progress)) (Response, error) {
	if progress == nil {
		progress = func(Progress) {}
	}
	spoken := c.dialectOf(request.Model)
	response, err := c.attempt(ctx, request, spoken, progress)
	for refused := err; ; {
		next, ok := spoken.avoiding(err, request)
		if !ok {
			return response, firstRefusal(refused, err)
		}
		spoken = next
		if response, err = c.attempt(ctx, request, spoken, progress); err == nil {
			c.dialects.Store(request.Model, spoken)
		}
	}
}

// firstRefusal prefers the refusal of the request as it should be written over that of its workaround.
func firstRefusal(first, last error) error {
	var failure *Error
	if errors.As(last, &failure) && failure.refused() {
		return first
	}
	return last
}

// attempt is one HTTP request.
func (c *Client) attempt(ctx context.Context, request Request, spoken dialect, progress func(Progress)) (Response, error) {
	body, err := encode(request, spoken)
	if err != nil {
		return Response{}, &Error{Kind: KindInvalidRequest, Message: err.Error()}
	}
	watch := newWatch(ctx, c.options.FirstTokenTimeout)
	defer watch.stop()

	begun := time.Now()
	raw, err := c.post(watch.ctx, body)
	if err != nil {
		return Response{}, err
	}
	defer raw.Body.Close()

	reply := reply{begun: begun, mask: c.replies, onPiece: func(p Progress) {
		watch.expectWithin(c.options.ChunkTimeout)
		progress(p)
	}}
	if err := reply.read(watch.guard(raw.Body)); err != nil {
		return Response{}, c.replyError(watch.ctx, err)
	}
	return c.account(request, reply.response(len(request.Messages))), nil
}

// post returns the server's answer, still to be read, or why there is none.
func (c *Client) post(ctx context.Context, body []byte) (*http.Response, error) {
	var raw *http.Response
	err := c.api.Post(ctx, "chat/completions", body, &raw,
		option.WithHeader("Content-Type", "application/json"), option.WithHeader("Accept", "text/event-stream"))
	if err != nil || raw.StatusCode >= http.StatusMultipleChoices {
		return nil, c.requestError(ctx, raw, err)
	}
	return raw, nil
}
