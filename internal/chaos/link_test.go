package chaos

import (
	"bytes"
	"context"
	"encoding/json"
	"sync/atomic"
	"testing"

	"github.com/Shopify/toxiproxy/v2"
	"github.com/Shopify/toxiproxy/v2/toxics"
	"github.com/rs/zerolog"
	"github.com/stretchr/testify/require"
)

// link is the way from one part to another, by which one can be kept from the other. What it carries is TLS, of which it sees
// bytes and no more.
type link struct {
	t       testing.TB
	name    string
	proxy   *toxiproxy.Proxy
	carried *meter // what came from the client
}

// newLink listens on a free port for connections to a part at upstream, host:port.
func newLink(t testing.TB, name, upstream string) *link {
	t.Helper()
	server := toxiproxy.NewServer(toxiproxy.NewMetricsContainer(nil), zerolog.Nop())
	l := &link{t: t, name: name, proxy: toxiproxy.NewProxy(server, name, "127.0.0.1:0", upstream)}
	require.NoError(t, l.proxy.Start())
	t.Cleanup(l.proxy.Stop)
	l.carried = l.add("meter", "upstream", nil).Toxic.(*meter)
	return l
}

// address is where clients connect to.
func (l *link) address() string { return l.proxy.Listen }

// reset breaks every connection off as soon as something is sent, also those that are made anew.
func (l *link) reset() {
	l.add("reset_peer", "upstream", map[string]any{"timeout": 0})
	l.add("reset_peer", "downstream", map[string]any{"timeout": 0})
}

// down closes every connection and refuses new ones.
func (l *link) down() { l.proxy.Stop() }

// slow delays what is sent by so many milliseconds each way, more or less by the jitter, and lets through so many kilobytes a
// second.
func (l *link) slow(latency, jitter, rate int) {
	for _, direction := range []string{"upstream", "downstream"} {
		l.add("latency", direction, map[string]any{"latency": latency, "jitter": jitter})
		l.add("bandwidth", direction, map[string]any{"rate": rate})
	}
}

// halfOpen swallows what is sent in either direction. Nobody is told; connections that are made now are accepted as well.
func (l *link) halfOpen() {
	l.add("timeout", "upstream", map[string]any{"timeout": 0})
	l.add("timeout", "downstream", map[string]any{"timeout": 0})
}

// heal ends what was done. Connections that were half-open are closed: they lost bytes.
func (l *link) heal() {
	for _, toxic := range l.proxy.Toxics.GetToxicArray() {
		if name := toxic.(*toxics.ToxicWrapper).Name; name != meterName {
			require.NoError(l.t, l.proxy.Toxics.RemoveToxic(context.Background(), name))
		}
	}
	if err := l.proxy.Start(); err != toxiproxy.ErrProxyAlreadyStarted {
		require.NoError(l.t, err)
	}
}

func (l *link) add(kind, direction string, attributes map[string]any) *toxics.ToxicWrapper {
	l.t.Helper()
	order, err := json.Marshal(map[string]any{"type": kind, "stream": direction, "attributes": attributes})
	require.NoError(l.t, err)
	added, err := l.proxy.Toxics.AddToxicJson(bytes.NewReader(order))
	require.NoError(l.t, err)
	return added
}

// meterName is what toxiproxy calls the meter: its type and direction.
const meterName = "meter_upstream"

// meter counts what a link was given, whatever becomes of it behind the meter.
type meter struct {
	bytes       atomic.Int64
	connections atomic.Int64
}

func init() { toxics.Register("meter", new(meter)) }

func (m *meter) NewState() any { m.connections.Add(1); return nil }

func (m *meter) Pipe(stub *toxics.ToxicStub) {
	for {
		select {
		case <-stub.Interrupt:
			return
		case c := <-stub.Input:
			if c == nil {
				stub.Close()
				return
			}
			m.bytes.Add(int64(len(c.Data)))
			stub.Output <- c
		}
	}
}
