// Package loopback chooses TCP ports on 127.0.0.1 for the servers that we embed. All
// of them listen there and nowhere else. It imports nothing of this project.
package loopback

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"github.com/gofrs/flock"
)

// Host is the address that every embedded server binds to.
const Host = "127.0.0.1"

// The ports that are chosen from lie below those that Linux gives to outgoing
// connections, any of which could take one between its choice and its use.
const firstPort, lastPort = 20000, 32000

// Address joins the loopback address and a port.
func Address(port int) string { return net.JoinHostPort(Host, strconv.Itoa(port)) }

// Lock keeps other processes of this user from choosing ports until unlock is called.
// A port is only free until somebody binds it, and servers that are started at the same
// time look for the same one; so whoever cannot hand over a listener holds the lock from
// the choice to the binding. It is a courtesy: after lockPatience, or where it cannot be
// had, the caller goes on without it.
func Lock(ctx context.Context) (unlock func()) {
	lock := flock.New(filepath.Join(os.TempDir(), fmt.Sprintf("agentfactory-ports-%d.lock", os.Getuid())), flock.SetPermissions(0o600))
	ctx, cancel := context.WithTimeout(ctx, lockPatience)
	defer cancel()
	_, _ = lock.TryLockContext(ctx, 5*time.Millisecond)
	return func() { _ = lock.Close() }
}

// lockPatience is enough for several servers that start one after the other on a busy machine.
const lockPatience = 45 * time.Second

// Port returns the first of the preferred ports that is free, else any free one.
func Port(preferred ...int) (int, error) {
	for _, port := range preferred {
		if port > 0 && free(port) {
			return port, nil
		}
	}
	for range 100 {
		if port := firstPort + rand.N(lastPort-firstPort); free(port) {
			return port, nil
		}
	}
	return 0, fmt.Errorf("no port from %d to %d on %s is free", firstPort, lastPort, Host)
}

// Ports returns n different free ports, none of which is one of those that the caller
// has chosen already and not bound yet.
func Ports(n int, chosen ...int) ([]int, error) {
	var ports []int
	for len(ports) < n {
		port, err := Port()
		if err != nil {
			return nil, err
		}
		if !slices.Contains(ports, port) && !slices.Contains(chosen, port) {
			ports = append(ports, port)
		}
	}
	return ports, nil
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
