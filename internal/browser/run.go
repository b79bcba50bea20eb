package browser

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"syscall"

	"agentfactory/internal/gateway"
)

// Run is what one run of a subagent may do with the browser.
type Run struct {
	// Workspace is the host directory of the run's files. Downloads and screenshots go there, uploads come from there.
	Workspace string
	// AllowEval lets the run execute scripts of its own in pages.
	AllowEval bool
	// Permit may refuse an action that the model of a goal chooses, as JSON; nil permits all. Those of a request itself are
	// the business of whoever passes it on.
	Permit func(action json.RawMessage) error
	// Sessions are the stored logins that it may use.
	Sessions []string
	// Allow may refuse a request of a page by its method and URL, with a reason for the subagent's author; nil allows all.
	// It is called from several goroutines. Of a tunnel to a host to which no request was allowed before (a WebSocket,
	// the hop of a redirect), the method is "" and the URL https://host:port/.
	Allow func(method, url string) error
}

// runTool is the tool of one run.
type runTool struct {
	pool *Pool
	run  Run

	mu       sync.Mutex
	sessions map[string]*session // by name; "" is the one without
	files    *files
	closed   bool
}

// ForRun returns the tool of one run, and what ends it: its sessions are closed, and calls that are still in progress
// fail. Ending it twice is harmless.
func (p *Pool) ForRun(r Run) (gateway.Tool, func()) {
	t := &runTool{pool: p, run: r, sessions: map[string]*session{}}
	return t, t.close
}

// PerRun is the pool as a tool of the gateway; permit says what a run may do, its Workspace is that of the gateway.
func (p *Pool) PerRun(permit func(gateway.Run) Run) gateway.PerRun { return perRun{p, permit} }

type perRun struct {
	pool   *Pool
	permit func(gateway.Run) Run
}

// ForRun implements gateway.PerRun.
func (t perRun) ForRun(g gateway.Run) (gateway.Tool, func()) {
	r := t.permit(g)
	r.Workspace = g.Workspace
	return t.pool.ForRun(r)
}

// Call implements gateway.Tool: without a run there is no workspace, and nothing to close the session.
func (perRun) Call(context.Context, gateway.ToolRequest) (gateway.ToolReply, error) {
	return gateway.ToolReply{}, gateway.Errorf(gateway.Unavailable, "browser_automation serves runs only")
}

// Call implements gateway.Tool. What goes wrong on a page is part of the reply; an error means that no page was tried, or
// that the model failed.
func (t *runTool) Call(ctx context.Context, r gateway.ToolRequest) (gateway.ToolReply, error) {
	request, err := Parse(r.Body)
	if err != nil {
		return gateway.ToolReply{}, invalid(err)
	}
	if err := t.permits(request); err != nil {
		return gateway.ToolReply{}, err
	}
	s, err := t.session(request.Session)
	if err != nil {
		return gateway.ToolReply{}, unavailable(err)
	}
	reply, err := t.carryOut(ctx, s, request, r.LLM)
	if err != nil {
		return gateway.ToolReply{}, unavailable(err)
	}
	body, err := reply.encode()
	return gateway.ToolReply{Body: body, Files: reply.files()}, err
}

func (t *runTool) carryOut(ctx context.Context, s *session, r Request, model gateway.LLM) (*Reply, error) {
	switch {
	case r.Goal == "":
		return s.do(ctx, r.Actions)
	case model == nil:
		return nil, gateway.Errorf(gateway.Unavailable, "a goal needs a model, and none is configured for subagents; give actions")
	}
	return t.pursue(ctx, s, r, model)
}

// permits looks at what the run is allowed, whatever the page.
func (t *runTool) permits(r Request) error {
	if r.Session != "" && !slices.Contains(t.run.Sessions, r.Session) {
		return gateway.Errorf(gateway.Denied, "this subagent may not use the stored login %.40q; leave session out for a fresh browser", r.Session)
	}
	for i, a := range r.Actions {
		if a.Action == "eval" && !t.run.AllowEval {
			return gateway.Errorf(gateway.Denied, "actions[%d]: eval is not allowed here; use text, find and snapshot", i)
		}
	}
	return nil
}

// session returns the named session, which opens its context when it is used.
func (t *runTool) session(name string) (*session, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return nil, errRunOver
	}
	if err := t.open(); err != nil {
		return nil, err
	}
	s := t.sessions[name]
	if s == nil {
		s = newSession(t, name)
		t.sessions[name] = s
	}
	return s, nil
}

var errRunOver = errors.New("the run is over")

// open opens the workspace, with the first call.
func (t *runTool) open() error {
	if t.files != nil {
		return nil
	}
	f, err := openFiles(t.run.Workspace, t.pool.config.StateDir)
	if err != nil {
		return fmt.Errorf("open the workspace: %w", err)
	}
	t.files = f
	return nil
}

func (t *runTool) close() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return
	}
	t.closed = true
	for _, s := range t.sessions {
		s.end()
	}
	if t.files != nil {
		t.files.close()
	}
}

// invalid is a mistake in the request, unless it says itself what it is.
func invalid(err error) error {
	var chosen *gateway.Error
	if errors.As(err, &chosen) {
		return gateway.Errorf(chosen.Code, "%s", chosen.Message)
	}
	return gateway.Errorf(gateway.InvalidRequest, "browser_automation: %v", err)
}

// unavailable is a browser that cannot be had. Errors of the model and of a full disk pass as they are: the gateway knows them.
func unavailable(err error) error {
	var chosen *gateway.Error
	var outage interface{ Retryable() bool }
	if errors.As(err, &chosen) || errors.As(err, &outage) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) ||
		errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return err
	}
	return gateway.Errorf(gateway.Unavailable, "browser_automation: %v", err)
}
