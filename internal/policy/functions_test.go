package policy

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestHostsAreComparedByWholeLabels(t *testing.T) {
	for _, c := range []struct {
		host, pattern string
		want          bool
	}{
		{"example.com", "example.com", true},
		{"EXAMPLE.com.", "example.com", true},
		{"www.example.com", "example.com", false},
		{"www.example.com", "*.example.com", true},
		{"a.b.example.com", "*.example.com", true},
		{"example.com", "*.example.com", false},
		{"badexample.com", "*.example.com", false},
		{"example.com.evil.net", "*.example.com", false},
		{"example.com", "*", false},
		{"example.com", "*.", false},
		{"", "", false},
		{"[2606:4700::1]", "2606:4700::1", true},
	} {
		require.Equal(t, c.want, hostMatches(c.host, c.pattern), "%v", c)
	}
}

func TestPrivateHostsAreKnownInEverySpelling(t *testing.T) {
	for _, host := range []string{
		"localhost", "LOCALHOST.", "db", "db.internal", "printer.local", "router.home.arpa", "127.0.0.1", "127.1", "2130706433", "0x7f000001", "0x7f.1", "0177.0.0.1", "10.0.0.1", "172.16.3.4",
		"192.168.1.1", "169.254.169.254", "100.100.100.200", "0.0.0.0", "224.0.0.1", "255.255.255.255", "::1", "[::1]", "::", "fe80::1", "fe80::1%eth0", "fd00::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "ff02::1", "", ".", "a.localhost", "1.2.3", "example.com.127.0.0.1",
	} {
		require.True(t, private(host), host)
	}
	for _, host := range []string{"example.com", "www.Example.com.", "8.8.8.8", "2606:4700:4700::1111", "[2606:4700:4700::1111]", "xn--bcher-kva.example", "local.example.com", "10.example.com"} {
		require.False(t, private(host), host)
	}
}

func TestGlobsAreThoseOfPaths(t *testing.T) {
	for _, c := range []struct {
		name, pattern string
		want          bool
	}{
		{"types-requests", "types-*", true}, {"numpy", "types-*", false}, {"data/a.csv", "data/*", true}, {"data/x/a.csv", "data/*", true}, {"data", "data/*", false},
		{"database/x", "data/*", false}, {"a.csv", "*.csv", true}, {"x/a.csv", "*.csv", false}, {"a", "[", false}, {"gpt-5-mini", "gpt-5*", true},
	} {
		require.Equal(t, c.want, globMatches(c.name, c.pattern), "%v", c)
	}
}

func TestPathsThatLeaveTheWorkspaceAreKnown(t *testing.T) {
	for _, name := range []string{"/etc/passwd", "..", "../x", "a/../../x", "~/x", "~root", `..\x`, `a\..\..\x`} {
		require.True(t, leavesWorkspace(name), name)
	}
	for _, name := range []string{"a", "./a", "a/../b", "..a", "a/..", ""} {
		require.False(t, leavesWorkspace(name), name)
	}
}
