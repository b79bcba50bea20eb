package netguard_test

import (
	"net"
	"net/http"
	"net/netip"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"agentfactory/internal/netguard"
)

func networks(t testing.TB, entries ...string) netguard.Networks {
	t.Helper()
	n, err := netguard.ParseNetworks(entries)
	require.NoError(t, err)
	return n
}

func TestOnesOwnNetworkIsReachedAsFarAsItIsNamed(t *testing.T) {
	n := networks(t, "10.1.0.0/16", "127.0.0.1", "fd12::/16", "100.64.0.0/10", "Wiki.Example.org", "*.corp.example.org")
	for _, c := range []struct {
		host, addr string
		admitted   bool
	}{
		{"x.example", "8.8.8.8", true},
		{"10.1.2.3", "10.1.2.3", true}, {"10.2.2.3", "10.2.2.3", false}, {"::ffff:10.1.2.3", "::ffff:10.1.2.3", true}, {"64:ff9b::a01:203", "64:ff9b::10.1.2.3", true},
		// A name that is not listed may belong to anybody.
		{"x.example", "10.1.2.3", false}, {"localhost", "127.0.0.1", false}, {"2130706433", "127.0.0.1", false},
		{"127.0.0.1", "127.0.0.1", true}, {"127.0.0.1", "127.0.0.2", false},
		{"fd12::1", "fd12::1", true}, {"fd13::1", "fd13::1", false},
		{"wiki.example.org", "10.9.9.9", true}, {"WIKI.example.org.", "192.168.0.1", true}, {"wiki.example.org", "fd00::1", true},
		{"notwiki.example.org", "10.9.9.9", false}, {"wiki.example.org.evil.example", "10.9.9.9", false},
		{"a.corp.example.org", "10.9.9.9", true}, {"corp.example.org", "10.9.9.9", false}, {".corp.example.org", "10.9.9.9", false}, {"evilcorp.example.org", "10.9.9.9", false},
		// A name that is allowed does not open the worker's machine, nor what nobody may reach.
		{"wiki.example.org", "127.0.0.2", false}, {"wiki.example.org", "::1", false}, {"wiki.example.org", "169.254.169.254", false},
		{"wiki.example.org", "::ffff:169.254.169.254", false}, {"wiki.example.org", "fd00:ec2::254", false}, {"wiki.example.org", "0.0.0.0", false},
		{"100.64.0.1", "100.64.0.1", true}, {"100.100.100.200", "100.100.100.200", false}, {"wiki.example.org", "100.100.100.200", false},
		{"wiki.example.org", "fe80::1%eth0", false}, {"wiki.example.org", "224.0.0.1", false}, {"wiki.example.org", "::ffff:0:10.1.2.3", false},
	} {
		require.Equal(t, c.admitted, n.Admit(c.host, netip.MustParseAddr(c.addr)), "%s at %s", c.host, c.addr)
	}
	require.False(t, n.Admit("wiki.example.org", netip.Addr{}))
	require.False(t, netguard.Networks{}.Admit("localhost", netip.MustParseAddr("127.0.0.1")))
}

func TestWhatIsNoNetworkOfOnesOwnIsRefusedByName(t *testing.T) {
	for entry, says := range map[string]string{
		"169.254.169.254": "never reached", "169.254.0.0/20": "never reached", "fe80::1": "never reached", "::ffff:169.254.169.254": "never reached",
		"100.100.100.200": "never reached", "fd00:ec2::254": "never reached", "0.0.0.0": "never reached", "224.0.0.0/8": "never reached",
		"0.0.0.0/0": "wider than", "::/0": "wider than", "localhost": "127.0.0.1", "LOCALHOST.": "127.0.0.1", "a.localhost": "127.0.0.1",
		"http://wiki.example.org": "without scheme", "wiki.example.org:8080": "without scheme", "": "without scheme", "*": "without scheme", "a..b": "without scheme",
		"2130706433": "without scheme", "0x7f.1": "without scheme", "10.1.2": "without scheme", "*.0x7f": "without scheme", "10.1.0.0/33": "without scheme",
		strings.Repeat("a.", 200) + "b": "without scheme",
	} {
		_, err := netguard.ParseNetworks([]string{"10.0.0.1", entry})
		require.ErrorIs(t, err, netguard.ErrNetworks, entry)
		require.ErrorContains(t, err, says, entry)
	}
}

func TestOnesOwnNetworkIsJudgedByTheAddressThatIsDialled(t *testing.T) {
	allowed, port := counting(t, "127.0.0.1:0")
	forbidden, _ := counting(t, "127.0.0.2:"+port)
	client := &http.Client{Transport: &http.Transport{DialContext: networks(t, "127.0.0.1").DialContext}}
	for _, host := range []string{"127.0.0.1", "::ffff:127.0.0.1"} {
		_, err := client.Get("http://" + net.JoinHostPort(host, port))
		require.NoError(t, err)
	}
	for _, host := range []string{"127.0.0.2", "localhost", "0.0.0.0"} {
		_, err := client.Get("http://" + net.JoinHostPort(host, port))
		var refused *netguard.RefusedError
		require.ErrorAs(t, err, &refused, host)
	}
	require.EqualValues(t, 2, allowed.Load())
	require.Zero(t, forbidden.Load())
}

func TestAHostIsOfOnesOwnNetworkByNameOrAddress(t *testing.T) {
	n := networks(t, "127.0.0.0/8", "wiki.example.invalid")
	for host, own := range map[string]bool{"127.0.0.5": true, "wiki.example.invalid": true, "localhost": false, "other.example.invalid": false, "8.8.8.8": false, "169.254.169.254": false} {
		require.Equal(t, own, n.Own(host), host)
	}
	require.False(t, netguard.Networks{}.Own("127.0.0.1"))
}

func FuzzNoEntryOpensWhatIsNeverReached(f *testing.F) {
	for _, seed := range []string{"10.0.0.0/8", "fc00::/7", "wiki.example.org", "*.a", "169.254.0.0/16", "::ffff:169.254.1.1", "128.0.0.0/8"} {
		f.Add(seed, "wiki.example.org")
	}
	f.Fuzz(func(t *testing.T, entry, host string) {
		n, err := netguard.ParseNetworks([]string{entry})
		if err != nil {
			require.ErrorIs(t, err, netguard.ErrNetworks)
			return
		}
		for _, addr := range []string{"169.254.169.254", "::ffff:169.254.169.254", "64:ff9b::169.254.169.254", "100.100.100.200", "168.63.129.16", "192.0.0.192", "fd00:ec2::254", "fd20:ce::254", "fe80::1", "0.0.0.0", "::", "255.255.255.255"} {
			require.False(t, n.Admit(host, netip.MustParseAddr(addr)), "%q opens %s for %q", entry, addr, host)
		}
	})
}
