package chaos

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"agentfactory/internal/llm/scripted"
)

// model is the scripted model. Each worker reaches it at an address of its own, so that a call tells who makes it.
type model struct {
	t       testing.TB
	script  *scripted.Server
	mu      sync.Mutex
	calls   map[string][]call // by what was asked, see askedFor
	awaited *held             // the next call that comes is held for it
}

// call is one request of a completion.
type call struct {
	worker int
	at     time.Time
}

func newModel(t testing.TB, script string) *model {
	t.Helper()
	parsed, err := scripted.Parse([]byte(script))
	require.NoError(t, err)
	server, err := scripted.NewServer(parsed, scripted.Options{})
	require.NoError(t, err)
	return &model{t: t, script: server, calls: map[string][]call{}}
}

// urlFor is the base URL of the model for a worker.
func (m *model) urlFor(worker int) string {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			m.asked(worker, r)
		}
		m.script.ServeHTTP(w, r)
	}))
	m.t.Cleanup(server.Close)
	return server.URL + "/v1"
}

// asked notes a call, and keeps it waiting if somebody wants to strike while it is under way.
func (m *model) asked(worker int, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return // it died while it asked
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	what := askedFor(body)
	m.mu.Lock()
	m.calls[what] = append(m.calls[what], call{worker, time.Now()})
	h := m.awaited
	m.awaited = nil
	m.mu.Unlock()
	if h == nil {
		return
	}
	h.worker, h.what = worker, what
	close(h.came)
	select {
	case <-h.released:
	case <-r.Context().Done(): // whoever asked is gone
	}
}

// held is a call to the model that gets no answer until it is released.
type held struct {
	worker   int
	what     string
	came     chan struct{}
	released chan struct{}
}

// hold waits for the next call and keeps it, so that something is under way that can be struck.
func (m *model) hold() *held {
	h := &held{came: make(chan struct{}), released: make(chan struct{})}
	m.mu.Lock()
	m.awaited = h
	m.mu.Unlock()
	select {
	case <-h.came:
	case <-time.After(patience):
		m.t.Fatalf("no run has asked the model for %s", patience)
	}
	return h
}

func (h *held) release() { close(h.released) }

// run is the ID of the run whose call it is.
func (h *held) run() string { id, _, _ := strings.Cut(h.what, " "); return id }

func (h *held) String() string { return fmt.Sprintf("worker %d in the call of %s", h.worker, h.what) }

var (
	taskOf  = regexp.MustCompile(`task (k\d+-\d+-[a-z]+)`)
	wordFor = regexp.MustCompile(`the word for \w+ for (k\d+-\d+-[a-z]+)`)
)

// askedFor names what a completion is wanted for as its record is named: the run and the turn, or the run and the call of its
// subagent.
func askedFor(body []byte) string {
	if run := wordFor.FindSubmatch(body); run != nil {
		return string(run[1]) + " subagent"
	}
	var request struct {
		Messages []struct {
			Role string `json:"role"`
		} `json:"messages"`
	}
	if json.Unmarshal(body, &request) != nil {
		return "unreadable"
	}
	run := taskOf.FindStringSubmatch(string(body))
	if run == nil {
		return "nobody"
	}
	turn := 1
	if strings.HasSuffix(run[1], "-repair") {
		turn = 0 // the first reply of a SelfEvolve is made for the model, and is no turn
	}
	for _, m := range request.Messages {
		if m.Role == "assistant" {
			turn++
		}
	}
	return run[1] + " turn " + strconv.Itoa(turn)
}

// asks are the times at which each thing was asked for.
func (m *model) asks() map[string][]call {
	m.mu.Lock()
	defer m.mu.Unlock()
	copied := map[string][]call{}
	for what, calls := range m.calls {
		copied[what] = append([]call(nil), calls...)
	}
	return copied
}
