package browser

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"syscall"
	"time"
)

// ErrRefused: a connection is not allowed, whatever the state of the network.
var ErrRefused = errors.New("refused")

// DialPublic opens connections to public addresses only. Each address is looked at after the name was resolved, right
// before it is connected to, so that a name cannot change its mind in between.
func DialPublic(ctx context.Context, network, address string) (net.Conn, error) {
	return GuardedDial(nil)(ctx, network, address)
}

// GuardedDial is DialPublic with exceptions: addresses for which allow returns true.
func GuardedDial(allow func(netip.AddrPort) bool) DialFunc {
	d := net.Dialer{Timeout: 15 * time.Second, Control: func(_, address string, _ syscall.RawConn) error {
		at, err := netip.ParseAddrPort(address)
		if err != nil {
			return fmt.Errorf("%w: %s is no address", ErrRefused, address)
		}
		if !Public(at.Addr()) && (allow == nil || !allow(at)) {
			return fmt.Errorf("%w: %s is not a public address", ErrRefused, at.Addr())
		}
		return nil
	}}
	return d.DialContext
}

// special are the blocks of the IANA special-purpose registries (RFC 6890) that the methods of netip.Addr do not cover,
// and those that translate to IPv4.
var special = []netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"), netip.MustParsePrefix("100.64.0.0/10"), netip.MustParsePrefix("192.0.0.0/24"),
	netip.MustParsePrefix("192.0.2.0/24"), netip.MustParsePrefix("192.88.99.0/24"), netip.MustParsePrefix("198.18.0.0/15"),
	netip.MustParsePrefix("198.51.100.0/24"), netip.MustParsePrefix("203.0.113.0/24"), netip.MustParsePrefix("240.0.0.0/4"),
	netip.MustParsePrefix("64:ff9b::/96"), netip.MustParsePrefix("64:ff9b:1::/48"), netip.MustParsePrefix("100::/64"),
	netip.MustParsePrefix("2001::/23"), netip.MustParsePrefix("2001:db8::/32"), netip.MustParsePrefix("2002::/16"),
	netip.MustParsePrefix("fec0::/10"), netip.MustParsePrefix("::/96"),
}

// Public tells whether an address is one of the open Internet, and not of this machine, a local network or a cloud's
// metadata service.
func Public(a netip.Addr) bool {
	a = a.Unmap().WithZone("")
	if !a.IsGlobalUnicast() || a.IsPrivate() {
		return false
	}
	for _, block := range special {
		if block.Contains(a) {
			return false
		}
	}
	return true
}
