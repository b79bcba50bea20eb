package embedded

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"agentfactory/internal/config"
)

// Client is a command's hold on a running stack: the stack does not end for idleness
// before Close.
type Client struct {
	health Health
	conn   connection
	leave  context.CancelFunc
	gone   chan struct{}
}

// Addresses of the stack's servers.
func (c *Client) Addresses() Addresses { return c.health.Addresses }

// Health as it was when the client came.
func (c *Client) Health() Health { return c.health }

// Gone is closed when the stack has ended, or after Close. Calling Ensure again brings
// a stack back in which every run goes on.
func (c *Client) Gone() <-chan struct{} { return c.gone }

// SetModel replaces the model endpoint of the stack's worker, in memory alone.
func (c *Client) SetModel(ctx context.Context, m config.Model) error {
	update := modelUpdate{BaseURL: m.BaseURL, APIKey: m.APIKey.Reveal(), Model: m.Name, SubagentModel: m.SubagentModel, EmbeddingModel: m.EmbeddingModel}
	if err := c.conn.call(ctx, http.MethodPut, "/model", update, nil); err != nil {
		return fmt.Errorf("set the model: %w", err)
	}
	return nil
}

// Close ends the presence. The stack and its runs go on.
func (c *Client) Close() error {
	c.leave()
	<-c.gone
	return nil
}

// connection speaks to the control server that a state names.
type connection struct {
	address, token string
}

// refusal is an answer of the control server other than success.
type refusal struct {
	status  int
	message string
}

func (r refusal) Error() string { return fmt.Sprintf("the stack answers %d: %s", r.status, r.message) }

// Inspect asks the running stack of a data directory about itself, or returns
// ErrNotRunning. It neither starts nor holds it.
func Inspect(ctx context.Context, dataDir string) (Health, error) {
	h, _, err := inspect(ctx, layout{dir: dataDir})
	return h, err
}

func inspect(ctx context.Context, l layout) (Health, connection, error) {
	s, err := readState(l.state())
	if err != nil {
		return Health{}, connection{}, err
	}
	if s.Control == "" {
		return Health{}, connection{}, fmt.Errorf("%w (%s)", ErrNotRunning, l.dir)
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	conn := connection{address: s.Control, token: s.Token}
	var h Health
	if err := conn.call(ctx, http.MethodGet, "/health", nil, &h); err != nil {
		return Health{}, conn, fmt.Errorf("%w (%s): %w", ErrNotRunning, l.dir, err)
	}
	if s.S3 != "" {
		keys, err := loadS3Credentials(l.s3Credentials())
		if err != nil {
			return Health{}, conn, err
		}
		h.Addresses.S3.SecretKey = config.Secret(keys.SecretKey) // a Secret does not travel
	}
	return h, conn, nil
}

// attend announces the command to the stack and stays.
func (c connection) attend(ctx context.Context, h Health) (*Client, error) {
	// The context is for arriving: the presence outlasts it.
	held, leave := context.WithCancel(context.Background())
	stop := context.AfterFunc(ctx, leave)
	response, err := c.do(held, http.MethodPost, "/clients", nil)
	if err != nil || !stop() {
		leave()
		return nil, cmp.Or(ctx.Err(), err)
	}
	client := &Client{health: h, conn: c, leave: leave, gone: make(chan struct{})}
	go func() {
		defer close(client.gone)
		defer response.Body.Close()
		_, _ = io.Copy(io.Discard, response.Body)
	}()
	return client, nil
}

func (c connection) call(ctx context.Context, method, path string, in, out any) error {
	response, err := c.do(ctx, method, path, in)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if out == nil {
		return nil
	}
	return json.NewDecoder(response.Body).Decode(out)
}

// do returns a response of success, whose body the caller closes.
func (c connection) do(ctx context.Context, method, path string, in any) (*http.Response, error) {
	var body io.Reader
	if in != nil {
		encoded, err := json.Marshal(in)
		if err != nil {
			return nil, err
		}
		body = bytes.NewReader(encoded)
	}
	request, err := http.NewRequestWithContext(ctx, method, "http://"+c.address+path, body)
	if err != nil {
		return nil, err
	}
	request.Header.Set("Authorization", "Bearer "+c.token)
	response, err := controlHTTP.Do(request)
	if err != nil {
		return nil, err
	}
	if response.StatusCode >= http.StatusMultipleChoices {
		defer response.Body.Close()
		text, _ := io.ReadAll(io.LimitReader(response.Body, 4<<10))
		return nil, refusal{status: response.StatusCode, message: strings.TrimSpace(string(text))}
	}
	return response, nil
}

// controlHTTP goes to loopback whatever proxy is configured.
var controlHTTP = &http.Client{Transport: &http.Transport{}}
