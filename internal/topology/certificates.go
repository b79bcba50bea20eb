package topology

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// certificates are the files of a private authority: its own certificate, one for all servers, and one for their clients.
type certificates struct {
	dir  string // holds ca.pem, server.pem, server.key, client.pem, client.key, as TLS_DIR of docs/production does
	pool *x509.CertPool
}

func (c certificates) ca() string        { return filepath.Join(c.dir, "ca.pem") }
func (c certificates) server() string    { return filepath.Join(c.dir, "server.pem") }
func (c certificates) serverKey() string { return filepath.Join(c.dir, "server.key") }
func (c certificates) client() string    { return filepath.Join(c.dir, "client.pem") }
func (c certificates) clientKey() string { return filepath.Join(c.dir, "client.key") }

// trust is for connections of the test itself.
func (c certificates) trust() *tls.Config { return &tls.Config{RootCAs: c.pool} }

// newCertificates makes the authority and what it signs. Servers of Temporal show theirs to each other, as clients.
func newCertificates(t testing.TB, dir string) certificates {
	t.Helper()
	c := certificates{dir: filepath.Join(dir, "tls"), pool: x509.NewCertPool()}
	require.NoError(t, os.Mkdir(c.dir, 0o755))
	ca, caKey := sign(t, &x509.Certificate{IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign, Subject: pkix.Name{CommonName: "agentfactory test authority"}}, nil, nil)
	c.pool.AddCert(ca)
	write(t, c.ca(), 0o644, "CERTIFICATE", ca.Raw)
	both := []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}
	server, serverKey := sign(t, &x509.Certificate{
		Subject: pkix.Name{CommonName: "server"}, ExtKeyUsage: both, DNSNames: []string{"temporal", "localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}, ca, caKey)
	writePair(t, c.server(), c.serverKey(), server, serverKey)
	client, clientKey := sign(t, &x509.Certificate{Subject: pkix.Name{CommonName: "worker"}, ExtKeyUsage: both[1:]}, ca, caKey)
	writePair(t, c.client(), c.clientKey(), client, clientKey)
	return c
}

// sign makes a certificate; without an authority it signs itself.
func sign(t testing.TB, template, authority *x509.Certificate, signer *ecdsa.PrivateKey) (*x509.Certificate, *ecdsa.PrivateKey) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template.SerialNumber = big.NewInt(time.Now().UnixNano())
	template.NotBefore, template.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(24*time.Hour)
	if authority == nil {
		authority, signer = template, key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, authority, &key.PublicKey, signer)
	require.NoError(t, err)
	made, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	return made, key
}

func writePair(t testing.TB, certFile, keyFile string, cert *x509.Certificate, key *ecdsa.PrivateKey) {
	t.Helper()
	write(t, certFile, 0o644, "CERTIFICATE", cert.Raw)
	der, err := x509.MarshalPKCS8PrivateKey(key)
	require.NoError(t, err)
	write(t, keyFile, 0o600, "PRIVATE KEY", der)
}

func write(t testing.TB, file string, mode os.FileMode, kind string, der []byte) {
	t.Helper()
	require.NoError(t, os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), mode))
}

// secret is a password for one topology.
func secret() string { return rand.Text() }
