package netguard

import "net/netip"

// special are the blocks of IPv4 and of IPv6's 2000::/3 that IANA's special-purpose address registries (RFC 6890 and
// its updates) do not list as globally reachable, and those that lead to someone's own network all the same.
var special = prefixes(
	"0.0.0.0/8",        // this network; Linux takes it for loopback
	"10.0.0.0/8",       // private
	"100.64.0.0/10",    // shared by carriers; metadata service of Alibaba Cloud
	"127.0.0.0/8",      // loopback
	"168.63.129.16/32", // Azure's platform service: public by number, the host's own in fact
	"169.254.0.0/16",   // link-local; metadata services
	"172.16.0.0/12",    // private
	"192.0.0.0/24",     // protocol assignments; metadata service of Oracle Cloud
	"192.0.2.0/24",     // documentation
	"192.88.99.0/24",   // relays of 6to4
	"192.168.0.0/16",   // private
	"198.18.0.0/15",    // benchmarks
	"198.51.100.0/24",  // documentation
	"203.0.113.0/24",   // documentation
	"224.0.0.0/4",      // multicast
	"240.0.0.0/4",      // reserved; broadcast

	"2001::/23",     // protocol assignments: Teredo, which carries IPv4 addresses, ORCHID
	"2001:db8::/32", // documentation
	"2002::/16",     // 6to4, which carries IPv4 addresses
	"3fff::/20",     // documentation
)

var (
	globalUnicast = netip.MustParsePrefix("2000::/3")     // the one block of IPv6 that the internet routes
	nat64         = netip.MustParsePrefix("64:ff9b::/96") // RFC 6052: the last four bytes are an IPv4 address
)

func prefixes(all ...string) []netip.Prefix {
	parsed := make([]netip.Prefix, len(all))
	for i, p := range all {
		parsed[i] = netip.MustParsePrefix(p)
	}
	return parsed
}

// Public tells whether an address is one of the public internet. An IPv6 address that stands for an IPv4 one (mapped, or
// of the well-known NAT64 prefix) is judged by that.
func Public(addr netip.Addr) bool {
	addr = bare(addr)
	if !addr.IsValid() || addr.Is6() && !globalUnicast.Contains(addr) {
		return false
	}
	for _, p := range special {
		if p.Contains(addr) {
			return false
		}
	}
	return true
}

// bare is an address without zone, as the IPv4 one that it stands for if it does.
func bare(addr netip.Addr) netip.Addr {
	addr = addr.Unmap().WithZone("")
	if nat64.Contains(addr) {
		b := addr.As16()
		addr = netip.AddrFrom4([4]byte(b[12:]))
	}
	return addr
}
