// Package loopback chooses TCP ports on 127.0.0.1 for the servers that we embed. All
// of them listen there and nowhere else. It imports nothing of this project.
package loopback

import (
	"context"
	"fmt"
	"net"
	"strconv"
	"time"
)

// Host is the address that every embedded server binds to.
const Host = "127.0.0.1"

// Port returns the first of the preferred ports that is free, else any free one. The
// port is free at that moment and not reserved: whoever binds it must be ready to lose
// the race and start again.
func Port(preferred ...int) (int, error) {
	for _, port := range preferred {
		if port > 0 && free(port) {
			return port, nil
		}
	}
	l, err := net.Listen("tcp", net.JoinHostPort(Host, "0"))
	if err != nil {
		return 0, fmt.Errorf("find a free port on %s: %w", Host, err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}

// Ports returns n different free ports.
func Ports(n int) ([]int, error) {
	ports := make([]int, 0, n)
	for range n {
		// Each listener stays open until all are chosen, so that none is given out twice.
		l, err := net.Listen("tcp", net.JoinHostPort(Host, "0"))
		if err != nil {
			return nil, fmt.Errorf("find a free port on %s: %w", Host, err)
		}
		defer l.Close()
		ports = append(ports, l.Addr().(*net.TCPAddr).Port)
	}
	return ports, nil
}

// Address joins the loopback address and a port.
func Address(port int) string { return net.JoinHostPort(Host, strconv.Itoa(port)) }

// WaitFor returns when something accepts connections at the address, or with the
// context's error.
func WaitFor(ctx context.Context, address string) error {
	var dialer net.Dialer
	for {
		conn, err := dialer.DialContext(ctx, "tcp", address)
		if err == nil {
			return conn.Close()
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// free also looks at the wildcard address: a server on 0.0.0.0 leaves 127.0.0.1 open to
// a second listener on some systems, and its clients would reach the wrong one.
func free(port int) bool {
	for _, host := range []string{Host, ""} {
		l, err := net.Listen("tcp", net.JoinHostPort(host, strconv.Itoa(port)))
		if err != nil {
			return false
		}
		l.Close()
	}
	return true
}
