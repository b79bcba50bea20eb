package gateway

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"

	"agentfactory/internal/objectstore"
	"agentfactory/internal/secret"
)

// Config says what one run of a subagent may do.
type Config struct {
	// Granted names the tools that this subagent was given, shell_command among them.
	Granted []string
	// Tools are those that this worker can carry out, by name. A granted tool that is missing answers `unavailable`.
	Tools map[string]Tool
	// Skill and Workspace are for tools that are made for each run; see Run.
	Skill, Workspace string
	// LLM answers call_llm; nil when no model is configured.
	LLM LLM
	// Model and AudioModel are the names of the models behind LLM and Transcribe, for the policy.
	Model, AudioModel string
	// Transcribe answers transcribe; nil when no model for audio is configured.
	Transcribe Transcribe
	// MaxTokens is how many output tokens call_llm may spend, those of earlier attempts included; negative: no limit.
	MaxTokens int64
	// MaxCostUSD is what call_llm may cost, in US dollars, earlier attempts included; no call is made once it is
	// reached. Negative: no limit.
	MaxCostUSD float64
	// Policy decides about every call that the journal does not answer; nil allows all.
	Policy Policy
	// Grants are decisions of people about calls that the policy asks about, by an Entry's RequestDigest.
	Grants map[string]bool
	// Blobs keep the files that tools leave in the workspace; nil: a replay lacks them.
	Blobs *objectstore.Blobs
	// Journal keeps the calls of this step.
	Journal Journal
	// Secrets are blotted out of everything that is journalled or delivered, as package secret does it.
	Secrets []string
}

// ErrConfig: a Config makes no sense; the message names the field.
var ErrConfig = errors.New("gateway configuration")

// ShellCommand is the tool that runs inside the sandbox and is only authorised here.
const ShellCommand = "shell_command"

// known are the tools that exist, whether this worker can carry them out or not.
var known = []string{"browser_automation", ShellCommand, "web_reading", "web_search"}

// Session is the gateway of one run of a subagent: an HTTP handler that speaks the protocol in the package's
// documentation. Close it when the run is over.
type Session struct {
	config   Config
	token    string
	routes   *http.ServeMux
	mask     mask
	calls    *ledger
	budget   *budget
	commands commands
	slots    chan struct{} // calls that may be carried out at once
	media    chan struct{} // the one that may be read whose body is large
	tools    map[string]Tool
	closers  []func() // of the tools that were made for this run

	exhausted atomic.Bool // a call was refused for lack of budget

	mu      sync.Mutex
	closed  bool
	failure error          // what broke the session, the first one
	pending *Asked         // what a person has to decide about, the first one
	open    sync.WaitGroup // requests in progress
}

// atOnce bounds how many calls of a run are carried out at the same time; more wait.
const atOnce = 16

// New returns a session with a token of its own. The journal is read when the first call comes.
func New(c Config) (*Session, error) {
	if c.Journal == nil {
		return nil, fmt.Errorf("%w: Journal is missing", ErrConfig)
	}
	if _, ok := c.Tools[ShellCommand]; ok {
		return nil, fmt.Errorf("%w: Tools: %s runs in the sandbox and has no place here", ErrConfig, ShellCommand)
	}
	for _, name := range c.Granted {
		if !exists(name, c.Tools) {
			return nil, fmt.Errorf("%w: Granted: there is no tool %q, only %v", ErrConfig, name, names(c.Tools))
		}
	}
	s := &Session{
		config: c, token: rand.Text(), mask: mask{secret.NewMask(c.Secrets...)}, calls: newLedger(c.Journal),
		budget: &budget{max: c.MaxTokens, maxCost: c.MaxCostUSD}, slots: make(chan struct{}, atOnce), media: make(chan struct{}, 1),
	}
	s.openTools()
	s.routes = s.newRoutes()
	return s, nil
}

// openTools makes instances of the granted tools that serve one run each.
func (s *Session) openTools() {
	s.tools = maps.Clone(s.config.Tools)
	for _, name := range s.config.Granted {
		maker, ok := s.config.Tools[name].(PerRun)
		if !ok {
			continue
		}
		instance, closeIt := maker.ForRun(Run{Skill: s.config.Skill, Workspace: s.config.Workspace})
		s.tools[name] = instance
		s.closers = append(s.closers, closeIt)
	}
}

func exists(name string, tools map[string]Tool) bool {
	_, ok := tools[name]
	return ok || slices.Contains(known, name)
}

// names are all the tools that there are, sorted.
func names(tools map[string]Tool) []string {
	all := slices.AppendSeq(slices.Clone(known), maps.Keys(tools))
	slices.Sort(all)
	return slices.Compact(all)
}

// Skill is whose subagent the session serves.
func (s *Session) Skill() string { return s.config.Skill }

// Token is what the run must present with every request.
func (s *Session) Token() string { return s.token }

// Granted names the tools that this subagent was given.
func (s *Session) Granted() []string { return slices.Clone(s.config.Granted) }

// Usage is what this step has spent so far, by this attempt and by the earlier ones whose calls are in the journal.
func (s *Session) Usage() Usage { return s.budget.usage() }

// Replayed is how many calls were answered from the journal.
func (s *Session) Replayed() int { replayed, _ := s.calls.counts(); return replayed }

// Live is how many calls were carried out.
func (s *Session) Live() int { _, live := s.calls.counts(); return live }

// Exhausted tells that a call was refused because the budget of the run is spent.
func (s *Session) Exhausted() bool { return s.exhausted.Load() }

// Close refuses further calls, waits for those in progress, and returns what made the session useless, nil if nothing
// did: the journal failed, or the model or a tool was out of order for the time being. What the run returned after that
// is no verdict on the subagent: run the step again, the journal keeps what was done.
//
// End the run's connections first, which cancels its calls. Closing twice is harmless.
func (s *Session) Close() error {
	s.mu.Lock()
	s.closed = true
	closers := s.closers
	s.closers = nil
	s.mu.Unlock()
	s.open.Wait()
	for _, closeIt := range closers {
		closeIt()
	}
	if s.config.LLM != nil || s.config.Transcribe != nil {
		_ = s.load(context.Background()) // a rerun that makes no call still counts what the earlier attempts spent; a failure breaks the session
	}
	return s.broken()
}

func (s *Session) broken() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.failure
}

// fail breaks the session: the calls that follow get the same answer, so that the run ends soon.
func (s *Session) fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.failure == nil {
		s.failure = err
	}
}

// enter admits a request unless the session has ended.
func (s *Session) enter() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return false
	}
	s.open.Add(1)
	return true
}

// wait takes a slot; the caller gives it back.
func (s *Session) wait(ctx context.Context) error {
	select {
	case s.slots <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
