package egress

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"strconv"
	"time"

	"agentfactory/internal/netguard"
)

// newTransport speaks HTTP/1.1 to servers, as the opened connections do to clients.
func (p *Proxy) newTransport() *http.Transport {
	return &http.Transport{
		DialContext: p.dial, DialTLSContext: p.dialTLS, TLSNextProto: map[string]func(string, *tls.Conn) http.RoundTripper{},
		DisableCompression:  true, // the body as it is sent: the program has asked for its encoding
		MaxIdleConnsPerHost: 16, IdleConnTimeout: 30 * time.Second, ResponseHeaderTimeout: p.config.Answer, MaxResponseHeaderBytes: 256 << 10,
	}
}

func (r Request) address() string { return net.JoinHostPort(r.Host, strconv.Itoa(r.Port)) }

// dial connects to the outside by the configured dialer, until Close.
func (p *Proxy) dial(ctx context.Context, network, address string) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	defer context.AfterFunc(p.alive, cancel)()
	conn, err := p.config.Dial(ctx, network, address)
	if err != nil {
		return nil, err
	}
	l := &line{Conn: conn, meter: p.meter, closed: p.forget}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		conn.Close()
		return nil, net.ErrClosed
	}
	p.lines[l] = struct{}{}
	return l, nil
}

func (p *Proxy) forget(l *line) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.lines, l)
}

// dialTLS connects to a server and verifies it. One that refuses us is tunnelled from the next connection on.
func (p *Proxy) dialTLS(ctx context.Context, network, address string) (net.Conn, error) {
	host, _, err := hostPort(address, defaultPorts["https"])
	if err != nil {
		return nil, err
	}
	raw, err := p.dial(ctx, network, address)
	if err != nil {
		return nil, err
	}
	conn := tls.Client(raw, &tls.Config{
		ServerName: host, RootCAs: p.config.Roots, NextProtos: []string{"http/1.1"},
		GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
			p.hosts.demands(host)
			return &tls.Certificate{}, nil // we have none
		},
	})
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if err := conn.HandshakeContext(ctx); err != nil {
		raw.Close()
		return nil, err
	}
	return conn, nil
}

// failed is a failure on the way as the program sees it.
func (p *Proxy) failed(asked Request, err error) error {
	var elsewhere *netguard.RefusedError
	var untrusted *tls.CertificateVerificationError
	switch {
	case p.meter.spent() != nil:
		return p.meter.spent()
	case errors.As(err, &elsewhere):
		return refuse(statusDenied, "%s is refused: %v", asked, elsewhere)
	case errors.As(err, &untrusted):
		return refuse(statusFailed, "the certificate of %s is not trusted: %v", asked.Host, untrusted.Err)
	case refusedByPeer(err), p.hosts.demanded(asked.Host):
		p.hosts.learn(asked.Host)
		return refuse(statusFailed, "%s refuses to have its TLS opened (%s); its next connection is tunnelled, if the policy allows CONNECT: repeat the request", asked.Host, p.why(asked.Host, err))
	case silence(err):
		return refuse(statusSilent, "%s has not answered in time", asked.address())
	}
	return refuse(statusFailed, "%s cannot be reached: %v", asked.address(), err)
}

func (p *Proxy) why(host string, err error) string {
	if p.hosts.demanded(host) {
		return "it asks for a certificate of the client"
	}
	return fmt.Sprint(err)
}

// silence tells that time ran out.
func silence(err error) bool {
	var timeout net.Error
	return errors.Is(err, context.DeadlineExceeded) || errors.Is(err, os.ErrDeadlineExceeded) || errors.As(err, &timeout) && timeout.Timeout()
}
