package browser

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/playwright-community/playwright-go"

	"agentfactory/internal/netguard"
)

// Config is how a worker's browser runs. Zero fields have the defaults that they name.
type Config struct {
	Places
	// Sessions are the stored logins; nil: there are none.
	Sessions *Sessions
	// MaxContexts is how many sessions are open at once; default 8. Further ones wait.
	MaxContexts int
	// IdleAfter is how long the browser outlives its last session; default 5 minutes.
	IdleAfter time.Duration
	// CallTime bounds one request of actions; default 5 minutes. A goal has three times that.
	CallTime time.Duration
	// Dial opens the connections of pages; default: that of internal/netguard, to public addresses alone.
	Dial DialFunc
}

// DialFunc opens a connection to host:port, as net.Dialer.DialContext does. What it refuses on principle is a
// *netguard.RefusedError.
type DialFunc func(ctx context.Context, network, address string) (net.Conn, error)

// Pool is the one browser of a worker. It is safe for concurrent use.
type Pool struct {
	config Config
	slots  chan struct{} // contexts that may be open

	mu      sync.Mutex // held while a browser starts
	engine  *engine
	open    int // contexts
	idle    *time.Timer
	stopped bool
}

// ErrClosed: the pool has been closed.
var ErrClosed = errors.New("the browser pool is closed")

// New returns a pool. Nothing is looked for or started before the first call.
func New(c Config) *Pool {
	c.MaxContexts = cmp.Or(c.MaxContexts, 8)
	c.IdleAfter = cmp.Or(c.IdleAfter, 5*time.Minute)
	c.CallTime = cmp.Or(c.CallTime, 5*time.Minute)
	if c.Dial == nil {
		c.Dial = netguard.Dialer(nil).DialContext
	}
	return &Pool{config: c, slots: make(chan struct{}, c.MaxContexts)}
}

// Close ends the browser. Calls in progress fail, later ones too.
func (p *Pool) Close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.stopped = true
	p.drop()
}

// slotTime bounds the wait for a context that another run has to give back.
const slotTime = time.Minute

// newContext opens a browser context, in a new browser if the last one is gone. Give it back with release.
func (p *Pool) newContext(ctx context.Context, o playwright.BrowserNewContextOptions) (*engine, playwright.BrowserContext, error) {
	if err := p.takeSlot(ctx); err != nil {
		return nil, nil, err
	}
	var failed error
	for range 2 { // a browser may be found dead only now
		e, err := p.acquire(ctx)
		if err != nil {
			failed = err
			break
		}
		c, err := e.newContext(ctx, o)
		if err == nil {
			return e, c, nil
		}
		failed = fmt.Errorf("open a browser context: %w", brief(err))
		p.giveBack(e)
		if ctx.Err() != nil || !gone(err) && e.alive() { // the browser is well, and others use it
			break
		}
		p.discard(e)
	}
	<-p.slots
	return nil, nil, failed
}

func (p *Pool) takeSlot(ctx context.Context) error {
	timer := time.NewTimer(slotTime)
	defer timer.Stop()
	select {
	case p.slots <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return fmt.Errorf("all %d browser contexts of this worker are in use; close sessions that are done with", cap(p.slots))
	}
}

// acquire returns a living browser and counts a context on it.
func (p *Pool) acquire(ctx context.Context) (*engine, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.stopped {
		return nil, ErrClosed
	}
	if p.idle != nil {
		p.idle.Stop()
	}
	if p.engine != nil && !p.engine.alive() {
		p.drop()
	}
	if p.engine == nil {
		e, err := p.start(ctx)
		if err != nil {
			return nil, err
		}
		p.engine, p.open = e, 0
	}
	p.open++
	return p.engine, nil
}

func (p *Pool) start(ctx context.Context) (*engine, error) {
	i, err := Find(ctx, p.config.Places)
	if err != nil {
		return nil, err
	}
	return start(ctx, i, p.config.StateDir, launchOptions{headless: true})
}

// release closes a context, by killing the browser if it does not answer.
func (p *Pool) release(e *engine, c playwright.BrowserContext) {
	closeContext(e, c)
	p.giveBack(e)
	<-p.slots
}

func closeContext(e *engine, c playwright.BrowserContext) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = c.Close() // fails when it is gone already
	}()
	if !within(stopTime, done) {
		e.kill()
	}
}

// giveBack counts a context less; the last one sets the clock for the end of the browser.
func (p *Pool) giveBack(e *engine) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.engine != e {
		return
	}
	if p.open--; p.open > 0 || p.stopped {
		return
	}
	p.idle = time.AfterFunc(p.config.IdleAfter, func() { p.endIdle(e) })
}

func (p *Pool) endIdle(e *engine) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.engine == e && p.open == 0 {
		p.drop()
	}
}

// discard gives up a browser in which no context can be opened.
func (p *Pool) discard(e *engine) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.engine == e {
		p.drop()
	}
}

// drop is called with the mutex held.
func (p *Pool) drop() {
	if p.engine != nil {
		p.engine.stop()
		p.engine = nil
	}
}

// contextTime bounds the opening of a context, which takes some 10 ms.
const contextTime = 15 * time.Second

type opened struct {
	context playwright.BrowserContext
	err     error
}

// newContext gives up on a browser that does not answer, and kills it.
func (e *engine) newContext(ctx context.Context, o playwright.BrowserNewContextOptions) (playwright.BrowserContext, error) {
	done := make(chan opened, 1)
	go func() {
		c, err := e.browser.NewContext(o)
		done <- opened{c, err}
	}()
	ctx, cancel := context.WithTimeout(ctx, contextTime)
	defer cancel()
	select {
	case got := <-done:
		return got.context, got.err
	case <-ctx.Done():
		go func() {
			if late := <-done; late.err == nil {
				closeContext(e, late.context)
			}
		}()
		if errors.Is(ctx.Err(), context.DeadlineExceeded) {
			e.kill()
		}
		return nil, ctx.Err()
	}
}
