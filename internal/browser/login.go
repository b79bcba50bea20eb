package browser

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/playwright-community/playwright-go"
)

// ErrNoDisplay: there is no screen to open a window on.
var ErrNoDisplay = errors.New("there is no screen (DISPLAY and WAYLAND_DISPLAY are not set); run this where one is, or through ssh -X")

// Login opens a window at url and returns the login that a person made there: as soon as finished is closed, or the
// window. The window reaches the network directly, as the person's own browser does.
func Login(ctx context.Context, p Places, url string, finished <-chan struct{}) (State, error) {
	if err := checkURL(url); err != nil {
		return State{}, err
	}
	if os.Getenv("DISPLAY") == "" && os.Getenv("WAYLAND_DISPLAY") == "" {
		return State{}, ErrNoDisplay
	}
	return login(ctx, p, url, finished, launchOptions{direct: true})
}

// login is Login with or without a window.
func login(ctx context.Context, p Places, url string, finished <-chan struct{}, o launchOptions) (State, error) {
	i, err := Find(ctx, p)
	if err != nil {
		return State{}, err
	}
	e, err := start(ctx, i, p.StateDir, o)
	if err != nil {
		return State{}, err
	}
	defer e.stop()
	defer context.AfterFunc(ctx, e.kill)() // what waits for a page returns then
	c, err := e.newContext(ctx, playwright.BrowserNewContextOptions{NoViewport: playwright.Bool(!o.headless)})
	if err != nil {
		return State{}, fmt.Errorf("open a window: %w", brief(err))
	}
	closed, err := openAt(c, url)
	if err != nil {
		return State{}, fmt.Errorf("open %.200s: %w", url, brief(err))
	}
	return watchLogin(ctx, c, closed, finished)
}

// openAt opens a page and tells when it is closed.
func openAt(c playwright.BrowserContext, url string) (<-chan struct{}, error) {
	page, err := c.NewPage()
	if err != nil {
		return nil, err
	}
	closed := make(chan struct{})
	page.OnClose(func(playwright.Page) { close(closed) })
	_, err = page.Goto(url, playwright.PageGotoOptions{WaitUntil: playwright.WaitUntilStateCommit})
	return closed, err
}

// lookEvery is how often the login is read: closing the window may end the browser, and then nothing can be read.
const lookEvery = time.Second

func watchLogin(ctx context.Context, c playwright.BrowserContext, closed, finished <-chan struct{}) (State, error) {
	var last *State
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for over := false; !over; {
		select {
		case <-tick.C:
		case <-finished:
			over = true
		case <-closed:
			over = true
		case <-ctx.Done():
			return State{}, ctx.Err()
		}
		state, err := c.StorageState()
		if err == nil {
			s := State(*state.ToOptionalStorageState())
			last = &s
			continue
		}
		over = true // the browser has ended
	}
	if last == nil {
		return State{}, errors.New("the window was closed before the login could be read; leave it open for a few seconds after logging in, or press Enter here")
	}
	return *last, nil
}
