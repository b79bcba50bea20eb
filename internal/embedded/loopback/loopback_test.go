package loopback

import (
	"context"
	"net"
	"testing"
	"time"

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

func TestOneProcessChoosesAtATime(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir()) // servers of other tests hold the usual lock
	unlock := Lock(t.Context())
	waited := make(chan func())
	go func() { waited <- Lock(context.Background()) }()
	select {
	case <-waited:
		t.Fatal("two hold the lock")
	case <-time.After(100 * time.Millisecond):
	}
	unlock()
	(<-waited)()
}

func TestWaitingEndsWithTheContext(t *testing.T) {
	port, err := Port()
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Millisecond)
	defer cancel()
	require.ErrorIs(t, WaitFor(ctx, Address(port)), context.DeadlineExceeded)
	l, err := net.Listen("tcp", Address(port))
	require.NoError(t, err)
	defer l.Close()
	require.NoError(t, WaitFor(t.Context(), Address(port)))
}
