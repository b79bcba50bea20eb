package web

import (
	"errors"
	"net/http"
	"net/netip"
	"net/url"
	"strings"

	"agentfactory/internal/gateway"
	"agentfactory/internal/netguard"
)

// guard judges the addresses of pages: the one that was asked for, and those that it redirects to.
type guard struct {
	allow  func(host string, addr netip.Addr) bool
	permit func(*url.URL) error
}

func newGuard(c ReadingConfig) guard {
	g := guard{allow: c.Allow, permit: c.Permit}
	if g.allow == nil {
		g.allow = func(_ string, addr netip.Addr) bool { return netguard.Public(addr) }
	}
	if g.permit == nil {
		g.permit = func(*url.URL) error { return nil }
	}
	return g
}

func parseURL(text string) (*url.URL, error) {
	refuse := func(why string) (*url.URL, error) {
		return nil, gateway.Errorf(gateway.InvalidRequest, "url %.100q %s", text, why)
	}
	u, err := url.Parse(strings.TrimSpace(text))
	switch {
	case err == nil && u.User != nil: // which the message must not repeat
		return nil, gateway.Errorf(gateway.InvalidRequest, "url holds a user name or password; pages are read without any")
	case err != nil || len(text) > maxURL:
		return refuse("is not a URL; write it like https://example.org/page")
	case u.Scheme != "http" && u.Scheme != "https":
		return refuse("is neither http nor https; nothing else is read")
	case u.Hostname() == "":
		return refuse("names no host; write it like https://example.org/page")
	}
	u.Fragment, u.RawFragment = "", ""
	return u, nil
}

// public refuses an address that is written as a number and not allowed, so that it is not handed to a service either.
// Names are judged when they are dialled.
func (g guard) public(u *url.URL) error {
	if addr, err := netip.ParseAddr(u.Hostname()); err == nil && !g.allow(u.Hostname(), addr.Unmap().WithZone("")) {
		return gateway.Errorf(gateway.Denied, "%v", &netguard.RefusedError{Addr: addr})
	}
	return nil
}

// redirected judges the next address.
func (g guard) redirected(next *http.Request, past []*http.Request) error {
	if len(past) > maxRedirects {
		return gateway.Errorf(gateway.Unavailable, "it redirects more than %d times", maxRedirects)
	}
	if _, err := parseURL(next.URL.String()); err != nil {
		return gateway.Errorf(gateway.Denied, "it redirects to %.100q; nothing but http and https without passwords is read", next.URL.Redacted())
	}
	if err := g.permit(next.URL); err != nil {
		return gateway.Errorf(gateway.Denied, "it redirects to %.200q: %s", next.URL, message(err))
	}
	return g.public(next.URL)
}

// message is what an error says, without the code of one that has its own.
func message(err error) string {
	var ours *gateway.Error
	if errors.As(err, &ours) {
		return ours.Message
	}
	return err.Error()
}
