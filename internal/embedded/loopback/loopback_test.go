package loopback

import (
	"net"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAPreferredPortIsTakenWhenItIsFree(t *testing.T) {
	want, err := Port()
	require.NoError(t, err)
	got, err := Port(0, want)
	require.NoError(t, err)
	require.Equal(t, want, got)
}

func TestATakenPortIsPassedOver(t *testing.T) {
	for _, host := range []string{Host, "0.0.0.0"} {
		l, err := net.Listen("tcp", net.JoinHostPort(host, "0"))
		require.NoError(t, err)
		defer l.Close()
		taken := l.Addr().(*net.TCPAddr).Port
		second, err := Port()
		require.NoError(t, err)
		got, err := Port(taken, second)
		require.NoError(t, err)
		require.Equal(t, second, got, host)
	}
}

func TestPortsAreDifferent(t *testing.T) {
	ports, err := Ports(50)
	require.NoError(t, err)
	seen := map[int]bool{}
	for _, p := range ports {
		seen[p] = true
	}
	require.Len(t, seen, 50)
}
