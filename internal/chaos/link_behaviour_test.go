package chaos

import (
	"io"
	"net"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// echo answers every connection with what it is sent.
func echo(t *testing.T) (address string) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() { defer c.Close(); io.Copy(c, c) }()
		}
	}()
	return l.Addr().String()
}

// said is what comes back of a word within so much time.
func said(c net.Conn, patience time.Duration) error {
	if _, err := c.Write([]byte("word")); err != nil {
		return err
	}
	if err := c.SetReadDeadline(time.Now().Add(patience)); err != nil {
		return err
	}
	_, err := io.ReadFull(c, make([]byte, 4))
	return err
}

func TestALinkFailsInTheWayThatItIsToldTo(t *testing.T) {
	l := newLink(t, "echo", echo(t))
	dial := func() net.Conn {
		c, err := net.Dial("tcp", l.address())
		require.NoError(t, err)
		t.Cleanup(func() { c.Close() })
		return c
	}
	require.NoError(t, said(dial(), time.Minute))
	require.EqualValues(t, 4, l.carried.bytes.Load())
	require.EqualValues(t, 1, l.carried.connections.Load())

	open := dial()
	require.NoError(t, said(open, time.Minute))
	l.reset()
	require.Error(t, said(open, time.Minute))
	require.Error(t, said(dial(), time.Minute), "connections made since are broken off as well")
	l.heal()
	require.NoError(t, said(dial(), time.Minute))

	open = dial()
	require.NoError(t, said(open, time.Minute))
	l.down()
	require.Error(t, said(open, time.Minute))
	_, err := net.Dial("tcp", l.address())
	require.Error(t, err)
	l.heal()
	require.NoError(t, said(dial(), time.Minute), "at the same address")

	open = dial()
	require.NoError(t, said(open, time.Minute))
	l.halfOpen()
	require.ErrorIs(t, said(open, 100*time.Millisecond), os.ErrDeadlineExceeded)
	require.ErrorIs(t, said(dial(), 100*time.Millisecond), os.ErrDeadlineExceeded)
	l.heal()
	require.Error(t, said(open, time.Minute), "what lost bytes does not go on")
	require.NoError(t, said(dial(), time.Minute))

	open = dial()
	l.slow(50, 0, 100)
	began := time.Now()
	require.NoError(t, said(open, time.Minute))
	require.GreaterOrEqual(t, time.Since(began), 100*time.Millisecond)
	l.heal()
	require.NoError(t, said(open, time.Minute), "what was slow goes on")
}
