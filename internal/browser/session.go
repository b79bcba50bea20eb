package browser

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/playwright-community/playwright-go"

	"agentfactory/internal/secret"
)

// session is a browser context of a run: cookies, storage and tabs of its own. Its requests are carried out one after
// the other.
type session struct {
	tool *runTool
	name string        // of a stored login; "" for none
	turn chan struct{} // held by the request in progress

	mu     sync.Mutex // of what follows, which changes while a request is in progress when that has to be interrupted
	held   *lease     // nil while there is no context
	egress *egress
	ended  bool

	guard *guard

	context playwright.BrowserContext // these are of the request in progress
	page    playwright.Page           // the current tab
	events  *events
	tokens  []string    // credentials of the stored login, with those that the site has replaced
	mask    secret.Mask // of these
}

// lease is a context that has to be given back.
type lease struct {
	engine  *engine
	context playwright.BrowserContext
}

func newSession(t *runTool, name string) *session {
	return &session{tool: t, name: name, turn: make(chan struct{}, 1), events: newEvents(), guard: newGuard(t.run.Allow)}
}

// Timeouts of actions that set none, and of what has no timeout of its own in the browser.
const (
	actionTime     = 8 * time.Second
	navigationTime = 30 * time.Second
)

// do carries out actions until one fails. An error means that there is no browser. A request that takes too long, or that
// nobody waits for any more, loses its context: that is the one way to interrupt what a page does.
func (s *session) do(ctx context.Context, actions []Action) (*Reply, error) {
	if err := s.enter(ctx); err != nil {
		return nil, err
	}
	defer func() { <-s.turn }()
	whole := ctx
	ctx, cancel := context.WithTimeout(ctx, s.tool.pool.config.CallTime) // the start of a browser does not count
	defer cancel()
	defer context.AfterFunc(ctx, s.drop)()
	reply := &Reply{Results: []Result{}}
	for i, a := range actions {
		result, failure := s.step(ctx, a)
		reply.Results = append(reply.Results, result)
		if failure != nil {
			failure.Action = i
			reply.Error = failure
			break
		}
	}
	s.describe(reply)
	s.hide(reply)
	return reply, whole.Err() // a reply for which nobody waited is not one
}

// enter waits for the requests before this one and sees to it that there is a page.
func (s *session) enter(ctx context.Context) error {
	select {
	case s.turn <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	err := s.ready(ctx)
	if err != nil {
		<-s.turn
	}
	return err
}

// ready opens the context unless it is open and alive.
func (s *session) ready(ctx context.Context) error {
	if s.alive() {
		return s.pickPage()
	}
	s.drop()
	if err := s.openEgress(); err != nil {
		return fmt.Errorf("start the browser's proxy: %w", err)
	}
	options, err := s.options()
	if err != nil {
		return err
	}
	e, c, err := s.tool.pool.newContext(ctx, options)
	if err != nil {
		return err
	}
	if !s.adopt(e, c) {
		s.tool.pool.release(e, c)
		return errRunOver
	}
	return s.setUp(ctx, c)
}

// setUp makes a context that has just been opened ready for pages.
func (s *session) setUp(ctx context.Context, c playwright.BrowserContext) error {
	ctx, cancel := context.WithTimeout(ctx, contextTime)
	defer cancel()
	defer context.AfterFunc(ctx, s.drop)() // a driver that does not answer is ended with it
	s.events = newEvents()
	s.events.watch(c)
	c.SetDefaultTimeout(float64(actionTime.Milliseconds()))
	c.SetDefaultNavigationTimeout(float64(navigationTime.Milliseconds()))
	if err := s.guard.watch(c); err != nil {
		s.drop() // never a page without the guard
		return fmt.Errorf("watch the requests of pages: %w", brief(err))
	}
	return s.pickPage()
}

func (s *session) openEgress() error {
	if s.egress != nil {
		return nil
	}
	g, err := newEgress(s.tool.pool.config.Dial, s.guard)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended {
		g.close()
		return errRunOver
	}
	s.egress = g
	return nil
}

func (s *session) options() (playwright.BrowserNewContextOptions, error) {
	options := playwright.BrowserNewContextOptions{
		AcceptDownloads: playwright.Bool(true),
		Proxy:           &playwright.Proxy{Server: s.egress.address, Bypass: playwright.String("<-loopback>")},
		ServiceWorkers:  playwright.ServiceWorkerPolicyBlock, // a page is then what its server sent, on every visit
		Viewport:        &playwright.Size{Width: 1280, Height: 800},
	}
	if s.name == "" {
		return options, nil
	}
	state, err := s.tool.pool.config.Sessions.Load(s.name)
	options.StorageState = (*playwright.OptionalStorageState)(&state)
	s.remember(state.tokens())
	return options, err
}

func (s *session) alive() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.held != nil && s.held.engine.alive() && !s.held.context.IsClosed()
}

func (s *session) adopt(e *engine, c playwright.BrowserContext) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended {
		return false
	}
	s.held, s.context = &lease{e, c}, c
	return true
}

// pickPage keeps the current tab, or takes the last one when it has been closed.
func (s *session) pickPage() error {
	pages := slices.DeleteFunc(slices.Clone(s.context.Pages()), s.events.hasCrashed) // the closing of their tabs may take a while
	if s.page != nil && !s.page.IsClosed() && slices.Contains(pages, s.page) {
		return nil
	}
	if len(pages) > 0 {
		s.page = pages[len(pages)-1]
		return nil
	}
	var err error
	s.page, err = s.context.NewPage()
	return err
}

// drop closes the context; the next request opens a new one.
func (s *session) drop() {
	s.mu.Lock()
	held := s.held
	s.held = nil
	s.mu.Unlock()
	if held != nil {
		s.tool.pool.release(held.engine, held.context)
	}
}

// end is drop for good. A stored login is kept as the site left it: sites hand out new tokens for old ones.
func (s *session) end() {
	s.mu.Lock()
	s.ended = true
	s.mu.Unlock()
	select {
	case s.turn <- struct{}{}: // nothing is in progress
		s.keep()
		<-s.turn
	default:
	}
	s.drop()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.egress != nil {
		s.egress.close()
	}
}

// keep stores the login anew. A failure leaves the one that was there, which is what a crash would do.
func (s *session) keep() {
	if s.name == "" || !s.alive() {
		return
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		if state, err := s.context.StorageState(); err == nil {
			_ = s.tool.pool.config.Sessions.replace(s.name, State(*state.ToOptionalStorageState()))
		}
	}()
	within(stopTime, done)
}

// step carries out one action.
func (s *session) step(ctx context.Context, a Action) (Result, *Failure) {
	r := Result{Action: a.Action}
	err := s.needsPage(a)
	if err == nil {
		s.events.answerWith(a)
		err = s.act(ctx, a, &r)
		err = s.refused(err)
	}
	crashed := s.events.takeCrash()
	if r.OK = err == nil; r.OK {
		if crashed {
			s.events.note("a page crashed and its tab was closed")
		}
		return r, nil
	}
	f := s.failure(ctx, a, err, crashed)
	switch f.Code {
	case codeGone:
		s.drop()
	case codeCrashed: // there is nothing to be seen
	default:
		f.Snapshot = s.look()
	}
	return r, f
}

var errNoPage = errors.New("no page is open: begin with navigate (a session does not outlive the browser, nor the worker that ran it)")

// needsPage refuses to look for something on the empty page of a new session.
func (s *session) needsPage(a Action) error {
	switch a.Action {
	case "navigate", "tab", "close":
		return nil
	case "wait", "download", "eval":
		if a.Target.given() == 0 {
			return nil
		}
	}
	if s.page.URL() == blank || s.page.URL() == "" {
		return errNoPage
	}
	return nil
}

// refused replaces the outcome of an action if what it led to was refused: a page, or a form that was to be sent. Other
// requests that brought nothing are noted, those alike once: pages repeat what they are refused.
func (s *session) refused(outcome error) error {
	lost := outcome == nil && strings.HasPrefix(s.page.URL(), "chrome-error:") || outcome != nil && strings.Contains(outcome.Error(), "ERR_TUNNEL_CONNECTION_FAILED")
	noted := map[refusal]bool{}
	for _, r := range s.guard.take() {
		// A tunnel that was refused leaves no URL behind; Chromium opens some of its own, which only fail.
		tunnel := lost && r.method == http.MethodConnect && (r.denied || !isDenied(outcome))
		if r.replaces(s.page, s.page.URL()) || tunnel {
			outcome = refusedError(r)
			continue
		}
		if alike := (refusal{method: r.method, url: r.host(), reason: r.reason}); !noted[alike] {
			noted[alike] = true
			s.events.note("no answer from " + r.String() + ": " + r.reason)
		}
	}
	return outcome
}

type refusedError refusal

func isDenied(err error) bool {
	var refused refusedError
	return errors.As(err, &refused) && refused.denied
}

func (e refusedError) Error() string {
	if !e.denied {
		return refusal(e).String() + ": " + e.reason
	}
	return refusal(e).String() + " is not allowed: " + e.reason
}

// describe adds to a reply where the browser is now and what happened on the way.
func (s *session) describe(reply *Reply) {
	if s.alive() && s.pickPage() == nil {
		reply.URL = s.page.URL()
		reply.Title, _ = s.page.Title() // a page that is just going away has none
		if tabs := s.tabs(); len(tabs) > 1 {
			reply.Tabs = tabs
		}
		s.collect()
	}
	reply.Dialogs, reply.Downloads, reply.Notes = s.events.take()
}

func (s *session) tabs() []Tab {
	var tabs []Tab
	for i, p := range s.context.Pages() {
		tabs = append(tabs, Tab{Index: i, URL: p.URL(), Current: p == s.page})
	}
	return tabs
}

// collect saves what pages began to download without being asked.
func (s *session) collect() {
	for {
		select {
		case d := <-s.events.downloads:
			f, err := s.save(d, "")
			if err != nil {
				s.events.note(fmt.Sprintf("the download %.100q failed: %v", d.SuggestedFilename(), brief(err)))
				continue
			}
			s.events.downloaded(f)
		default:
			return
		}
	}
}
