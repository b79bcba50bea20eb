package sandbox

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"

	"golang.org/x/net/netutil"
	"golang.org/x/sys/unix"
)

// The proxy to the web at level Namespaced. The network namespace of a run has a loopback interface and nothing else.
// The launcher makes a socket that listens there and hands it out to the worker, which serves it; so no process is
// needed inside, which the program could stop or imitate, and no second socket is mounted. The listener ends with the
// run: the worker closes the one descriptor that is left of it.

const (
	egressPort  = 3128 // of EgressAddress; free in every new namespace
	egressConns = 64   // connections served at the same time; more wait
	insideCA    = "/run/ca-bundle.pem"
)

// EgressAddress is where a program at level Namespaced reaches its Egress. Beside requests to the web, for which it is the
// proxy, the Egress is handed those that are made to this address itself.
const EgressAddress = "127.0.0.1:3128"

// EgressEnv names the environment variable that says, for people, how a program gets to the web in this run, or why it
// does not: what to tell when a connection fails.
const EgressEnv = "AGENTFACTORY_EGRESS"

const (
	egressOpen     = "only HTTP and HTTPS leave this sandbox, through the proxy in HTTP_PROXY: use a library that honours it (requests, urllib, httpx; aiohttp with trust_env=True)"
	egressConfined = "programs cannot make network connections on this worker (its sandbox level is confined): use the tool skills web_search, web_reading and browser_automation"
)

// egress is the proxy of one run.
type egress struct {
	server *http.Server
	way    *net.UnixConn // on which the listener comes
	bundle string        // file of trusted authorities
}

// openEgress prepares to serve a socket that comes on a connection, of which it returns the end for the launcher.
func openEgress(h http.Handler, bundle string) (*egress, *os.File, error) {
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, nil, err
	}
	ours, theirs := os.NewFile(uintptr(pair[0]), "egress"), os.NewFile(uintptr(pair[1]), "egress")
	defer ours.Close()
	conn, err := net.FileConn(ours)
	if err != nil {
		theirs.Close()
		return nil, nil, err
	}
	e := &egress{server: newServer(h), way: conn.(*net.UnixConn), bundle: bundle}
	go e.serve() // ends with close
	return e, theirs, nil
}

// serve waits for the listener. A launcher that fails closes its end, and its error is told elsewhere.
func (e *egress) serve() {
	l, err := receiveListener(e.way)
	if err == nil {
		_ = e.server.Serve(netutil.LimitListener(l, egressConns))
	}
}

func (e *egress) close() {
	e.way.Close()
	e.server.Close()
}

// receiveListener takes the one file descriptor (SCM_RIGHTS, see unix(7)) that comes on a connection, and closes it.
func receiveListener(way *net.UnixConn) (net.Listener, error) {
	defer way.Close()
	control := make([]byte, unix.CmsgSpace(4))
	_, n, _, _, err := way.ReadMsgUnix(make([]byte, 1), control)
	if err != nil {
		return nil, err
	}
	messages, err := unix.ParseSocketControlMessage(control[:n])
	if err != nil || len(messages) != 1 {
		return nil, errors.Join(errors.New("no listener came"), err)
	}
	fds, err := unix.ParseUnixRights(&messages[0])
	if err != nil || len(fds) != 1 {
		return nil, errors.Join(errors.New("no listener came"), err)
	}
	f := os.NewFile(uintptr(fds[0]), "listener")
	defer f.Close()
	return net.FileListener(f)
}

// openEgress prepares the run's proxy, where its level can have one.
func (p *process) openEgress() error {
	if p.spec.Egress == nil || p.runner.level != Namespaced {
		return nil
	}
	bundle := filepath.Join(p.dir, "ca.pem")
	if err := os.WriteFile(bundle, bytes.Join([][]byte{systemRoots(), p.spec.CA}, []byte("\n")), 0o644); err != nil {
		return fmt.Errorf("write the trusted authorities: %w", err)
	}
	e, theirs, err := openEgress(p.spec.Egress, bundle)
	if err != nil {
		return err
	}
	p.egress, p.theirs = e, append(p.theirs, theirs)
	return nil
}

// rootFiles are where systems keep the authorities that they trust: Debian, Fedora, SUSE, Alpine.
var rootFiles = []string{
	"/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/ca-bundle.pem", "/etc/ssl/cert.pem",
}

// systemRoots are the authorities of the machine, read once; none where there is no file of them.
var systemRoots = sync.OnceValue(func() []byte {
	for _, path := range rootFiles {
		if b, err := os.ReadFile(path); err == nil {
			return b
		}
	}
	return nil
})

// egressEnvironment makes libraries use the proxy and trust its authority, each by the variable that it reads.
func (p *process) egressEnvironment() []string {
	if p.spec.Egress == nil {
		return nil
	}
	if p.egress == nil {
		return []string{EgressEnv + "=" + egressConfined}
	}
	env := []string{EgressEnv + "=" + egressOpen, "NO_PROXY=", "no_proxy="}
	for _, name := range []string{"HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"} {
		env = append(env, name+"=http://"+EgressAddress)
	}
	for _, name := range []string{"SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "NODE_EXTRA_CA_CERTS"} {
		env = append(env, name+"="+insideCA)
	}
	return env
}
