package sandbox

import (
	"net"
	"net/http"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// maxRequest bounds one request to the gateway, in bytes.
const maxRequest = 32 << 20

// door serves the gateway of one run.
type door struct {
	server *http.Server
	path   string // of the socket
}

func newDoor(h http.Handler, path string) *door {
	return &door{path: path, server: newServer(http.MaxBytesHandler(h, maxRequest))}
}

func newServer(h http.Handler) *http.Server {
	return &http.Server{Handler: h, ReadHeaderTimeout: 30 * time.Second}
}

// listen serves on a Unix socket that only the run's user can open. Its path must be short (108 bytes).
func listen(h http.Handler, path string, uid int, asRoot bool) (*door, error) {
	l, err := net.Listen("unix", path)
	if err != nil {
		return nil, err
	}
	d := newDoor(h, path)
	if err := os.Chmod(path, 0o600); err != nil {
		l.Close()
		return nil, err
	}
	if asRoot {
		if err := os.Lchown(path, uid, uid); err != nil {
			l.Close()
			return nil, err
		}
	}
	go d.server.Serve(l) // ends with close
	return d, nil
}

// connect serves on one end of a connection and returns the other end, to be inherited.
func connect(h http.Handler) (*door, *os.File, error) {
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, nil, err
	}
	ours, theirs := os.NewFile(uintptr(pair[0]), "gateway"), os.NewFile(uintptr(pair[1]), "gateway")
	defer ours.Close()
	conn, err := net.FileConn(ours)
	if err != nil {
		theirs.Close()
		return nil, nil, err
	}
	d := newDoor(h, "")
	go d.server.Serve(&single{conn: conn, closed: make(chan struct{})})
	return d, theirs, nil
}

// close breaks off the requests that are being answered.
func (d *door) close() { d.server.Close() }

// single is a listener that accepts the one connection that it has.
type single struct {
	mu     sync.Mutex
	conn   net.Conn
	once   sync.Once
	closed chan struct{}
}

func (s *single) Accept() (net.Conn, error) {
	s.mu.Lock()
	c := s.conn
	s.conn = nil
	s.mu.Unlock()
	if c != nil {
		return c, nil
	}
	<-s.closed
	return nil, net.ErrClosed
}

func (s *single) Close() error   { s.once.Do(func() { close(s.closed) }); return nil }
func (s *single) Addr() net.Addr { return &net.UnixAddr{Net: "unix"} }
