package embedded

import (
	"context"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"agentfactory/internal/config"
	"agentfactory/internal/embedded/loopback"
)

// modelUpdate is the body of PUT /model. It lives in memory alone.
type modelUpdate struct {
	BaseURL        string `json:"base_url"`
	APIKey         string `json:"api_key"`
	Model          string `json:"model"`
	SubagentModel  string `json:"subagent_model"`
	EmbeddingModel string `json:"embedding_model,omitempty"`
}

// maxRequest bounds a command's body, in bytes.
const maxRequest = 64 << 10

// stopRequest is the body of POST /stop.
type stopRequest struct {
	OnlyIfIdle bool `json:"only_if_idle"` // answer 409 when somebody needs the stack
}

// control is the HTTP server through which commands talk to the stack. A client is
// present for as long as its POST /clients stays open, so that one that was killed is
// gone as well.
type control struct {
	self   Health // without the counts
	token  string
	worker Worker
	log    *slog.Logger
	server *http.Server
	addr   string

	mu       sync.Mutex
	clients  int
	arrivals int           // clients that ever came
	leaving  chan struct{} // closed when the stack is about to end
	closed   bool
}

func startControl(self Health, token string, worker Worker, log *slog.Logger) (*control, error) {
	listener, err := net.Listen("tcp", loopback.Address(0))
	if err != nil {
		return nil, fmt.Errorf("listen for commands: %w", err)
	}
	c := &control{self: self, token: token, worker: worker, log: log, addr: listener.Addr().String(), leaving: make(chan struct{})}
	routes := http.NewServeMux()
	routes.HandleFunc("GET /health", c.health)
	routes.HandleFunc("POST /clients", c.attend)
	routes.HandleFunc("PUT /model", c.setModel)
	routes.HandleFunc("POST /stop", c.stop)
	c.server = &http.Server{Handler: c.authorised(http.MaxBytesHandler(routes, maxRequest)), ReadHeaderTimeout: 5 * time.Second}
	go func() {
		if err := c.server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			log.Error("the control server ended", "error", err)
		}
	}()
	return c, nil
}

func (c *control) authorised(next http.Handler) http.Handler {
	want := []byte("Bearer " + c.token)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if subtle.ConstantTimeCompare([]byte(r.Header.Get("Authorization")), want) != 1 {
			http.Error(w, "the token of stack.json is needed", http.StatusUnauthorized)
			return
		}
		next.ServeHTTP(w, r)
	})
}

func (c *control) health(w http.ResponseWriter, r *http.Request) {
	h := c.self
	h.OpenRuns = c.openRuns(r.Context())
	h.Clients, _ = c.present()
	writeJSON(w, http.StatusOK, h)
}

// openRuns is -1 when they cannot be counted, which never reads as idle.
func (c *control) openRuns(ctx context.Context) int64 {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	n, err := c.worker.OpenRuns(ctx)
	if err != nil {
		c.log.Warn("open runs cannot be counted", "error", err)
		return -1
	}
	return n
}

// attend answers at once and then holds the connection.
func (c *control) attend(w http.ResponseWriter, r *http.Request) {
	if !c.enter() {
		http.Error(w, "the stack is about to end", http.StatusServiceUnavailable)
		return
	}
	defer c.exit()
	w.WriteHeader(http.StatusOK)
	if err := http.NewResponseController(w).Flush(); err != nil {
		return
	}
	select {
	case <-r.Context().Done():
	case <-c.leaving:
	}
}

func (c *control) setModel(w http.ResponseWriter, r *http.Request) {
	var u modelUpdate
	if err := json.NewDecoder(r.Body).Decode(&u); err != nil {
		http.Error(w, "read the model's settings: "+err.Error(), http.StatusBadRequest)
		return
	}
	model := config.Model{BaseURL: u.BaseURL, APIKey: config.Secret(u.APIKey), Name: u.Model, SubagentModel: u.SubagentModel, EmbeddingModel: u.EmbeddingModel}
	if err := c.worker.SetModel(model); err != nil {
		http.Error(w, err.Error(), http.StatusUnprocessableEntity)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

func (c *control) stop(w http.ResponseWriter, r *http.Request) {
	var request stopRequest
	if err := json.NewDecoder(r.Body).Decode(&request); err != nil {
		http.Error(w, "read the request: "+err.Error(), http.StatusBadRequest)
		return
	}
	if request.OnlyIfIdle && !c.leaveIfIdle(r.Context()) {
		http.Error(w, "the stack has clients or open runs", http.StatusConflict)
		return
	}
	w.WriteHeader(http.StatusAccepted)
	// The answer has to be out before the server goes.
	_ = http.NewResponseController(w).Flush()
	c.leave()
}

// leaveIfIdle makes the stack leave unless somebody needs it, or came while the runs
// were being counted.
func (c *control) leaveIfIdle(ctx context.Context) bool {
	clients, arrivals := c.present()
	if clients > 0 || c.openRuns(ctx) != 0 {
		return false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.clients > 0 || c.arrivals != arrivals {
		return false
	}
	c.leaveLocked()
	return true
}

func (c *control) leave() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.leaveLocked()
}

func (c *control) leaveLocked() {
	if !c.closed {
		c.closed = true
		close(c.leaving)
	}
}

func (c *control) enter() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return false
	}
	c.clients++
	c.arrivals++
	return true
}

func (c *control) exit() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.clients--
}

func (c *control) present() (clients, arrivals int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.clients, c.arrivals
}

// Close ends the server and every presence.
func (c *control) Close() {
	c.leave()
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	if err := c.server.Shutdown(ctx); err != nil {
		c.server.Close()
	}
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v)
}
