package netguard

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"syscall"
	"time"
)

// RefusedError: a connection was not made because of where it leads. It is found with errors.As in what a dialer or an
// HTTP client returns.
type RefusedError struct {
	Addr netip.Addr // invalid when the connection was not one of TCP to an IP address
}

func (e *RefusedError) Error() string {
	if !e.Addr.IsValid() {
		return "only TCP connections to IP addresses may be made"
	}
	return fmt.Sprintf("%s is not a public address; only the public internet may be reached", e.Addr)
}

// Dialer returns a dialer that makes TCP connections to the addresses that allow admits, and no others: anything else is
// a *RefusedError. allow gets the address that is about to be dialled, IPv4-mapped ones as IPv4, without a zone; nil is
// [Public]. Where a name has several addresses, those that are refused are passed over.
func Dialer(allow func(netip.Addr) bool) *net.Dialer {
	if allow == nil {
		allow = Public
	}
	return &net.Dialer{
		Timeout: connectTime,
		ControlContext: func(_ context.Context, network, address string, _ syscall.RawConn) error {
			return check(allow, network, address)
		},
	}
}

// dialling lets allow see the host of each connection.
func dialling(allow func(host string, addr netip.Addr) bool) func(ctx context.Context, network, address string) (net.Conn, error) {
	if allow == nil {
		return Dialer(nil).DialContext
	}
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		host, _, err := net.SplitHostPort(address)
		if err != nil {
			return nil, err
		}
		return Dialer(func(addr netip.Addr) bool { return allow(host, addr) }).DialContext(ctx, network, address)
	}
}

// How long the parts of a request may take before a server counts as unreachable. Reading the body is for the caller to
// bound.
const (
	connectTime = 10 * time.Second
	tlsTime     = 10 * time.Second
	headerTime  = 30 * time.Second
	idleTime    = 30 * time.Second
)

const maxHeader = 256 << 10 // bytes of a response's header

// Transport returns an HTTP transport over [Dialer], whose allow also gets the host by the name or address that was asked
// for; nil is [Public]. It takes no proxy from the environment: the address that is checked would be the proxy's.
func Transport(allow func(host string, addr netip.Addr) bool) *http.Transport {
	return &http.Transport{
		DialContext:            dialling(allow),
		ForceAttemptHTTP2:      true,
		TLSHandshakeTimeout:    tlsTime,
		ResponseHeaderTimeout:  headerTime,
		MaxResponseHeaderBytes: maxHeader,
		IdleConnTimeout:        idleTime,
		MaxIdleConns:           32,
	}
}

// check judges what the operating system is about to connect to. address was made by package net from the resolved
// address and never holds a name.
func check(allow func(netip.Addr) bool, network, address string) error {
	if network != "tcp4" && network != "tcp6" {
		return &RefusedError{}
	}
	target, err := netip.ParseAddrPort(address)
	if err != nil {
		return &RefusedError{}
	}
	if addr := target.Addr().Unmap().WithZone(""); !allow(addr) {
		return &RefusedError{Addr: addr}
	}
	return nil
}
