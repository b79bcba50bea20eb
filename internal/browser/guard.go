package browser

import (
	"cmp"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"

	"github.com/playwright-community/playwright-go"
)

// guard asks the policy what a session may do on the network, and remembers what was refused. It is asked twice: by the
// route, which sees the requests of pages with URL and method before they leave, https included; and by the proxy, which
// sees what the route does not (the hops of a redirect, WebSockets, what the browser fetches by itself), but of a tunnel
// the host alone.
type guard struct {
	allow func(method, url string) error // nil: everything is allowed

	mu      sync.Mutex
	refused []refusal
	opened  map[string]bool // host:port of https requests that the route let through
}

// refusal is a request that brought nothing.
type refusal struct {
	method, url, reason string
	denied              bool            // by rule; otherwise the server could not be reached
	navigation          bool            // it was to be the page of a tab, as the route saw it
	tab                 playwright.Page // of a navigation; nil: a tab that was just opening
}

const (
	maxRefusals = 100
	maxOpened   = 1000 // hosts
)

func newGuard(allow func(method, url string) error) *guard {
	return &guard{allow: allow, opened: map[string]bool{}}
}

func (g *guard) ask(method, address string) error {
	if g.allow == nil {
		return nil
	}
	return g.allow(method, address)
}

// askTunnel is for a CONNECT to host:port. One to which the policy let a request through is open for it; about others it
// is asked without a method.
func (g *guard) askTunnel(host string) error {
	g.mu.Lock()
	opened := g.opened[host]
	g.mu.Unlock()
	if opened {
		return nil
	}
	return g.ask("", tunnelURL(host))
}

func tunnelURL(host string) string { return "https://" + host + "/" }

// open lets the tunnel of a request pass that was allowed. If the browser, which connects ahead, was refused it before,
// that is forgotten.
func (g *guard) open(u *url.URL) {
	host := net.JoinHostPort(u.Hostname(), cmp.Or(u.Port(), "443"))
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.opened[host] {
		return
	}
	if len(g.opened) >= maxOpened {
		clear(g.opened) // tunnels that are wanted again are asked about by their host
	}
	g.opened[host] = true
	g.refused = slices.DeleteFunc(g.refused, func(r refusal) bool { return r.url == tunnelURL(host) && r.method == http.MethodConnect })
}

func (g *guard) note(r refusal) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.refused) < maxRefusals {
		g.refused = append(g.refused, r)
	}
}

// take returns the refusals since the last time.
func (g *guard) take() []refusal {
	g.mu.Lock()
	defer g.mu.Unlock()
	taken := g.refused
	g.refused = nil
	return taken
}

// watch puts the guard before every request of the context's pages. Without a policy there is nothing to ask, and pages
// keep the browser's cache, which a route switches off.
func (g *guard) watch(c playwright.BrowserContext) error {
	if g.allow == nil {
		return nil
	}
	return c.Route("**/*", g.route)
}

// route decides about one request. A refused one is cancelled, which leaves the page that made it as it is.
func (g *guard) route(r playwright.Route) {
	var err error
	if refused := g.judge(r.Request()); refused != nil {
		g.note(*refused) // before the page knows, so that the action that it ends finds it
		err = r.Abort("aborted")
	} else {
		err = r.Continue()
	}
	if err != nil {
		_ = r.Fallback() // its page or the browser has gone; this ends the waiting for an answer
	}
}

func (g *guard) judge(r playwright.Request) *refusal {
	address, method := r.URL(), strings.ToUpper(r.Method())
	u, err := url.Parse(address)
	if err == nil && (u.Scheme == "data" || u.Scheme == "blob" || u.Scheme == "about") {
		return nil // made by the page itself; nothing is asked of the network
	}
	if err == nil {
		err = g.ask(method, address)
	}
	if err == nil {
		if u.Scheme == "https" {
			g.open(u)
		}
		return nil
	}
	refused := &refusal{method: method, url: address, reason: err.Error(), denied: true}
	refused.navigation, refused.tab = opensPage(r)
	return refused
}

// opensPage tells whether a request is for the page of a tab, not of a frame in it, and of which, if that is known yet.
func opensPage(r playwright.Request) (bool, playwright.Page) {
	if !r.IsNavigationRequest() {
		return false, nil
	}
	frame := r.Frame()
	if frame == nil {
		return true, nil
	}
	return frame.ParentFrame() == nil, frame.Page()
}

// replaces tells whether a refusal is what became of an action that ended on the page current of a tab: the proxy refused
// that page, or the route the page that was to come, or something that was to be sent as one, whichever tab it was for.
func (r refusal) replaces(tab playwright.Page, current string) bool {
	if r.navigation {
		return r.tab == tab || r.writes()
	}
	return r.url == current
}

func (r refusal) writes() bool { return r.method != http.MethodGet && r.method != http.MethodHead }

func (r refusal) host() string {
	u, err := url.Parse(r.url)
	if err != nil {
		return ""
	}
	return u.Host
}

// String is the request for people.
func (r refusal) String() string {
	if r.method == http.MethodConnect || r.method == http.MethodGet {
		return clip(r.url, 300)
	}
	return r.method + " " + clip(r.url, 300)
}
