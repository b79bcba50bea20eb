package netguard

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"regexp"
	"slices"
	"strings"
)

// Networks are the parts of one's own network that may be reached beside the public internet: an intranet's wiki, a
// database's web interface. The zero value has none.
//
// An address or a CIDR stands for hosts that are asked for by address, loopback included, and not for names: anybody can
// let a name of theirs lead there. A name stands for the private addresses (RFC 1918, the shared 100.64.0.0/10, IPv6's
// fc00::/7) that it has at the moment of each connection, and not for loopback: what else listens on the worker's machine
// must be named by address. Neither opens a link-local address, a metadata service, or whatever else is no host of a
// network; see Never.
type Networks struct {
	prefixes []netip.Prefix
	names    []string
}

// ErrNetworks: an entry is no host or network of one's own; the message names it.
var ErrNetworks = errors.New("not a host or network of one's own")

var hostName = regexp.MustCompile(`^[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?)*$`)

// ParseNetworks reads names (wiki.example.org, *.corp.example.org), addresses (10.1.2.3) and CIDRs (10.1.0.0/16).
func ParseNetworks(entries []string) (Networks, error) {
	var n Networks
	for _, text := range entries {
		entry := strings.TrimSuffix(strings.ToLower(strings.TrimSpace(text)), ".")
		prefix, isPrefix := parsePrefix(entry)
		name := strings.TrimPrefix(entry, "*.")
		switch {
		case isPrefix && inNever(prefix):
			return Networks{}, fmt.Errorf("%w: %q is link-local, of a metadata service, or otherwise never reached", ErrNetworks, text)
		case isPrefix && prefix.Bits() < widest(prefix):
			return Networks{}, fmt.Errorf("%w: %q is wider than any private network", ErrNetworks, text)
		case isPrefix:
			n.prefixes = append(n.prefixes, prefix)
		case name == "localhost" || strings.HasSuffix(name, ".localhost"):
			return Networks{}, fmt.Errorf("%w: %q is every service of the worker's machine; name its address, such as 127.0.0.1", ErrNetworks, text)
		case len(name) > 253 || !hostName.MatchString(name) || numeric(name):
			return Networks{}, fmt.Errorf("%w: %.100q; write a name, an address or a CIDR, without scheme and port, like wiki.example.org, 10.1.2.3 or 10.1.0.0/16", ErrNetworks, text)
		default:
			n.names = append(n.names, entry)
		}
	}
	return n, nil
}

// parsePrefix takes an address for a network of one.
func parsePrefix(text string) (netip.Prefix, bool) {
	if addr, err := netip.ParseAddr(strings.Trim(text, "[]")); err == nil {
		addr = addr.Unmap().WithZone("")
		return netip.PrefixFrom(addr, addr.BitLen()), true
	}
	prefix, err := netip.ParsePrefix(text)
	if err != nil || prefix.Addr().Is4In6() {
		return netip.Prefix{}, false
	}
	return prefix.Masked(), true
}

// widest is the length of the largest private network's prefix: 10.0.0.0/8, fc00::/7.
func widest(p netip.Prefix) int {
	if p.Addr().Is4() {
		return 8
	}
	return 7
}

// numeric tells what some resolvers take for an address: its last label begins with a digit (WHATWG URL, 3.5).
func numeric(name string) bool {
	last := name[strings.LastIndexByte(name, '.')+1:]
	return last[0] >= '0' && last[0] <= '9'
}

// never are the blocks that no entry opens.
var never = prefixes(
	"0.0.0.0/8",          // Linux takes it for loopback
	"100.100.100.200/32", // metadata of Alibaba Cloud
	"168.63.129.16/32",   // Azure's platform service
	"169.254.0.0/16",     // link-local; metadata services
	"192.0.0.0/24",       // metadata of Oracle Cloud
	"224.0.0.0/3",        // multicast, reserved, broadcast

	"::/128",           // Linux takes it for loopback
	"fd00:ec2::/32",    // metadata and other services of AWS
	"fd20:ce::254/128", // metadata of Google Cloud
	"fe80::/10",        // link-local
	"fec0::/10",        // site-local, withdrawn
	"ff00::/8",         // multicast
	"::ffff:0:0:0/96",  // stand for IPv4 addresses by translation, as do those that follow
	"64:ff9b:1::/48", "2001::/32", "2002::/16",
)

// Never tells whether an address is none that entries of Networks open: link-local, multicast, of a metadata service, or
// one that leads to another network by translation.
func Never(addr netip.Addr) bool {
	addr = bare(addr)
	return !addr.IsValid() || within(never, addr)
}

func inNever(p netip.Prefix) bool {
	return slices.ContainsFunc(never, func(n netip.Prefix) bool { return n.Bits() <= p.Bits() && n.Contains(p.Addr()) })
}

// private are the blocks that a name may lead to.
var private = prefixes("10.0.0.0/8", "100.64.0.0/10", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7")

// Admit tells whether host, which has been resolved to addr, may be connected to: a public address, or one of one's own.
func (n Networks) Admit(host string, addr netip.Addr) bool { return Public(addr) || n.own(host, addr) }

func (n Networks) own(host string, addr netip.Addr) bool {
	addr = bare(addr)
	if Never(addr) {
		return false
	}
	if _, err := netip.ParseAddr(host); err == nil {
		return within(n.prefixes, addr)
	}
	return n.named(host) && within(private, addr)
}

func within(prefixes []netip.Prefix, addr netip.Addr) bool {
	return slices.ContainsFunc(prefixes, func(p netip.Prefix) bool { return p.Contains(addr) })
}

func (n Networks) named(host string) bool {
	host = strings.TrimSuffix(strings.ToLower(host), ".")
	return slices.ContainsFunc(n.names, func(name string) bool {
		below, wild := strings.CutPrefix(name, "*")
		return host == name || wild && strings.HasSuffix(host, below) && len(host) > len(below)
	})
}

// Own tells whether a host is of one's own network by its name or address, so that no service outside can read it. It
// decides about the way, not about the permission: that is up to DialContext.
func (n Networks) Own(host string) bool {
	if addr, err := netip.ParseAddr(host); err == nil {
		return n.own(host, addr)
	}
	return n.named(host)
}

// DialContext connects to host:port where Admit allows the address that is dialled; see Dialer for the errors.
func (n Networks) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	return dialling(n.Admit)(ctx, network, address)
}
