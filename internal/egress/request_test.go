package egress

import (
	"net"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Whatever is accepted has one form, which is read the same again and is what is connected to.
func FuzzAuthority(f *testing.F) {
	for _, s := range []string{"example.com", "EXAMPLE.com.:443", "[::1]:80", "a:b:c", "[::ffff:127.0.0.1]", "x@y:1", "ex%61mple.com", ":1", "a..", "[fe80::1%25eth0]:1"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, authority string) {
		r, err := describeTunnel(authority)
		if err != nil {
			require.LessOrEqual(t, len(err.Error()), maxMessage+3)
			return
		}
		require.Equal(t, strings.ToLower(r.Host), r.Host)
		host, port, err := net.SplitHostPort(r.address())
		require.NoError(t, err)
		require.Equal(t, []string{r.Host, strconv.Itoa(r.Port)}, []string{host, port})
		again, err := describeTunnel(r.address())
		require.NoError(t, err)
		require.Equal(t, r, again)
	})
}

// A message never adds a line or a header to a reply.
func FuzzOneLine(f *testing.F) {
	f.Add("a\r\nSet-Cookie: x")
	f.Add(strings.Repeat("ü", 999))
	f.Fuzz(func(t *testing.T, s string) {
		line := oneLine(s)
		require.False(t, strings.ContainsFunc(line, func(c rune) bool { return c < ' ' || c > '~' }))
		require.LessOrEqual(t, len(line), maxMessage+3)
	})
}
