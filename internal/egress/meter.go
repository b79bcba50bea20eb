package egress

import (
	"io"
	"net"
	"net/http"
	"sync"
	"sync/atomic"

	"golang.org/x/time/rate"
)

// Limits bound what one run sends and receives. Zero means the value of DefaultLimits.
type Limits struct {
	Requests  int   // requests and tunnels, refused and replayed ones included
	PerSecond int   // requests and tunnels that go out in a second; more wait
	Bytes     int64 // sent and received on the wire
	Recorded  int64 // of the body of a request or reply that can be replayed; larger ones pass, but are recorded by digest alone
}

// DefaultLimits are ample for a program that reads the web, and keep a loop from becoming an attack.
var DefaultLimits = Limits{Requests: 2000, PerSecond: 50, Bytes: 512 << 20, Recorded: 1 << 20}

func (l Limits) orDefault() Limits {
	d := DefaultLimits
	return Limits{
		Requests: orElse(l.Requests, d.Requests), PerSecond: orElse(l.PerSecond, d.PerSecond),
		Bytes: orElse(l.Bytes, d.Bytes), Recorded: orElse(l.Recorded, d.Recorded),
	}
}

func orElse[N int | int64](n, otherwise N) N {
	if n > 0 {
		return n
	}
	return otherwise
}

// meter counts what a run uses.
type meter struct {
	limits   Limits
	pace     *rate.Limiter
	requests atomic.Int64
	bytes    atomic.Int64
}

func newMeter(l Limits) *meter {
	return &meter{limits: l, pace: rate.NewLimiter(rate.Limit(l.PerSecond), l.PerSecond)}
}

// request counts one, and refuses it when there were too many or no byte may follow.
func (m *meter) request() error {
	if n := m.requests.Add(1); n > int64(m.limits.Requests) {
		return refuse(statusExhausted, "this run has made %d requests, the most that it may; ask for more at once, or cache replies", m.limits.Requests)
	}
	return m.spent()
}

// spent refuses what follows once the bytes are used up.
func (m *meter) spent() error {
	if m.left() > 0 {
		return nil
	}
	return refuse(statusExhausted, "this run has sent and received %d bytes, the most that it may", m.limits.Bytes)
}

func (m *meter) left() int64 { return m.limits.Bytes - m.bytes.Load() }

// fits refuses a reply that says it is larger than what is left.
func (m *meter) fits(resp *http.Response) error {
	if left := m.left(); resp.ContentLength > left && resp.Request.Method != http.MethodHead {
		return refuse(statusExhausted, "the reply has %d bytes, and this run may receive %d more; ask for a part (Range)", resp.ContentLength, max(left, 0))
	}
	return nil
}

// line is a connection to the outside whose bytes are counted.
type line struct {
	net.Conn
	meter  *meter
	closed func(*line)
	once   sync.Once
}

func (l *line) Read(b []byte) (int, error) {
	if err := l.meter.spent(); err != nil {
		return 0, err
	}
	n, err := l.Conn.Read(b)
	l.meter.bytes.Add(int64(n))
	return n, err
}

func (l *line) Write(b []byte) (int, error) {
	if err := l.meter.spent(); err != nil {
		return 0, err
	}
	n, err := l.Conn.Write(b)
	l.meter.bytes.Add(int64(n))
	return n, err
}

// CloseWrite tells the other side that no more comes, where the connection can.
func (l *line) CloseWrite() error { return closeWrite(l.Conn) }

func (l *line) Close() error {
	l.once.Do(func() { l.closed(l) })
	return l.Conn.Close()
}

func closeWrite(c io.Closer) error {
	if half, ok := c.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return c.Close()
}
