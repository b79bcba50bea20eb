package netguard_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/dns/dnsmessage"

	"agentfactory/internal/netguard"
)

func TestOnlyAddressesOfThePublicInternetArePublic(t *testing.T) {
	for _, addr := range []string{
		"1.1.1.1", "8.8.8.8", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0", "126.255.255.255", "128.0.0.1",
		"169.253.255.255", "172.15.255.255", "172.32.0.0", "192.0.1.0", "192.167.255.255", "198.17.255.255", "198.20.0.0", "223.255.255.255",
		"2606:4700::1111", "2001:4860:4860::8888", "2a00:1450::1", "::ffff:8.8.8.8", "64:ff9b::8.8.8.8",
	} {
		require.True(t, netguard.Public(netip.MustParseAddr(addr)), addr)
	}
	for _, addr := range []string{
		"0.0.0.0", "0.1.2.3", "10.0.0.1", "100.64.0.1", "100.100.100.200", "127.0.0.1", "127.255.255.255", "168.63.129.16", "169.254.169.254",
		"169.254.170.2", "172.16.0.1", "172.31.255.255", "192.0.0.192", "192.0.2.1", "192.88.99.1", "192.168.1.1", "198.18.0.1", "198.51.100.1",
		"203.0.113.1", "224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255",
		"::", "::1", "::7f00:1", "::ffff:127.0.0.1", "::ffff:169.254.169.254", "::ffff:0:127.0.0.1", "64:ff9b::127.0.0.1", "64:ff9b::a9fe:a9fe",
		"64:ff9b:1::7f00:1", "100::1", "2001::1", "2001:0:7f00:1::", "2001:db8::1", "2002:7f00:1::1", "3fff::1", "4000::1", "5f00::1",
		"fc00::1", "fd00:ec2::254", "fd20:ce::254", "fe80::1", "fe80::1%eth0", "fec0::1", "ff02::1",
	} {
		require.False(t, netguard.Public(netip.MustParseAddr(addr)), addr)
	}
	require.False(t, netguard.Public(netip.Addr{}))
}

// counting is a server on loopback that counts what reaches it, and its port.
func counting(t *testing.T, addr string) (reached *atomic.Int64, port string) {
	t.Helper()
	reached = new(atomic.Int64)
	listener, err := net.Listen("tcp", addr)
	require.NoError(t, err)
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached.Add(1) }))
	server.Listener.Close()
	server.Listener = listener
	server.Start()
	t.Cleanup(server.Close)
	_, port, err = net.SplitHostPort(listener.Addr().String())
	require.NoError(t, err)
	return reached, port
}

func TestNoWayToWriteAForbiddenAddressLeadsThere(t *testing.T) {
	reached, port := counting(t, "127.0.0.1:0")
	client := &http.Client{Transport: netguard.Transport(nil)}
	for host, always := range map[string]bool{ // whether the host is an address for every resolver
		"127.0.0.1": true, "[::1]": true, "[::]": true, "0.0.0.0": true, "[::ffff:127.0.0.1]": true, "[::ffff:7f00:1]": true,
		"[0:0:0:0:0:ffff:127.0.0.1]": true, "[64:ff9b::127.0.0.1]": true, "[64:ff9b:1::7f00:1]": true, "[2002:7f00:1::]": true, "[::127.0.0.1]": true,
		"127.0.0.2": true, "localhost": true, "LOCALHOST": true, "169.254.169.254": true, "[::ffff:a9fe:a9fe]": true, "[fd00:ec2::254]": true,
		"[fe80::1%25lo]": true, "100.100.100.200": true, "10.0.0.1": true, "192.168.0.1": true,
		// Some resolvers take these for addresses, others for names that do not exist.
		"2130706433": false, "0x7f000001": false, "0x7f.1": false, "0177.0.0.1": false, "017700000001": false, "127.1": false, "0": false,
		"①②⑦.0.0.1": false, "127。0。0。1": false, "localhost.": false,
	} {
		_, err := client.Get("http://" + host + ":" + port + "/")
		require.Error(t, err, host)
		var refused *netguard.RefusedError
		if always {
			require.True(t, errors.As(err, &refused), "%s: %v", host, err)
			require.ErrorContains(t, err, "is not a public address")
		}
	}
	require.Zero(t, reached.Load())
}

func TestARedirectIsCheckedLikeTheFirstRequest(t *testing.T) {
	reached, port := counting(t, "127.0.0.2:0")
	outside := httptest.NewServer(http.RedirectHandler("http://127.0.0.2:"+port+"/", http.StatusFound))
	defer outside.Close()
	client := &http.Client{Transport: netguard.Transport(func(_ string, a netip.Addr) bool { return a.String() == "127.0.0.1" })}
	_, err := client.Get(outside.URL)
	var refused *netguard.RefusedError
	require.ErrorAs(t, err, &refused)
	require.Equal(t, "127.0.0.2", refused.Addr.String())
	require.Zero(t, reached.Load())
}

func TestANameThatChangesItsAddressIsCheckedAtEveryConnection(t *testing.T) {
	allowed, port := counting(t, "127.0.0.1:0")
	forbidden, _ := counting(t, "127.0.0.2:"+port)
	var answer atomic.Value
	answer.Store([]string{"127.0.0.1"})
	dialer := netguard.Dialer(func(a netip.Addr) bool { return a.String() == "127.0.0.1" })
	dialer.Resolver = resolver(t, &answer)
	client := &http.Client{Transport: &http.Transport{DialContext: dialer.DialContext, DisableKeepAlives: true}}
	get := func() error { _, err := client.Get("http://rebinding.example:" + port); return err }

	require.NoError(t, get())
	answer.Store([]string{"127.0.0.2"})
	var refused *netguard.RefusedError
	require.ErrorAs(t, get(), &refused)
	answer.Store([]string{"127.0.0.2", "127.0.0.1"})
	require.NoError(t, get(), "the allowed one of several addresses is used")
	require.EqualValues(t, 2, allowed.Load())
	require.Zero(t, forbidden.Load())
}

// resolver asks a DNS server of the test that gives the addresses in answer, without a time to live.
func resolver(t *testing.T, answer *atomic.Value) *net.Resolver {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { conn.Close() })
	go func() {
		buffer := make([]byte, 1500)
		for {
			n, from, err := conn.ReadFrom(buffer)
			if err != nil {
				return
			}
			if reply, err := respond(buffer[:n], answer.Load().([]string)); err == nil {
				conn.WriteTo(reply, from)
			}
		}
	}()
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "udp", conn.LocalAddr().String())
	}}
}

func respond(query []byte, addresses []string) ([]byte, error) {
	var m dnsmessage.Message
	if err := m.Unpack(query); err != nil {
		return nil, err
	}
	m.Response, m.RecursionAvailable, m.Additionals = true, true, nil
	for _, a := range addresses {
		if m.Questions[0].Type == dnsmessage.TypeA {
			m.Answers = append(m.Answers, dnsmessage.Resource{
				Header: dnsmessage.ResourceHeader{Name: m.Questions[0].Name, Type: dnsmessage.TypeA, Class: dnsmessage.ClassINET},
				Body:   &dnsmessage.AResource{A: netip.MustParseAddr(a).As4()},
			})
		}
	}
	return m.Pack()
}

func TestOtherThanTCPIsRefused(t *testing.T) {
	dialer := netguard.Dialer(func(netip.Addr) bool { return true })
	for network, address := range map[string]string{"udp": "127.0.0.1:53", "unix": "/run/x.sock"} {
		_, err := dialer.Dial(network, address)
		var refused *netguard.RefusedError
		require.ErrorAs(t, err, &refused, network)
		require.ErrorContains(t, err, "only TCP connections")
	}
}

func FuzzAnAddressIsJudgedTheSameHoweverItIsWrapped(f *testing.F) {
	f.Add([]byte{127, 0, 0, 1})
	f.Add([]byte{8, 8, 8, 8})
	f.Fuzz(func(t *testing.T, b []byte) {
		addr, ok := netip.AddrFromSlice(b)
		if !ok || !addr.Is4() {
			return
		}
		four := addr.As4()
		want := netguard.Public(addr)
		mapped := netip.AddrFrom16([16]byte{10: 0xff, 11: 0xff, 12: four[0], 13: four[1], 14: four[2], 15: four[3]})
		translated := netip.AddrFrom16([16]byte{1: 0x64, 2: 0xff, 3: 0x9b, 12: four[0], 13: four[1], 14: four[2], 15: four[3]})
		require.Equal(t, want, netguard.Public(mapped))
		require.Equal(t, want, netguard.Public(translated))
		if addr.IsPrivate() || addr.IsLoopback() || addr.IsLinkLocalUnicast() || addr.IsMulticast() || addr.IsUnspecified() {
			require.False(t, want)
		}
	})
}
