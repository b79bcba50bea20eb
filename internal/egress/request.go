package egress

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// Request is what the policy decides on, and what a recorded exchange is found by.
type Request struct {
	Method string `json:"method"` // CONNECT for a tunnel
	URL    string `json:"url"`    // absolute, without user and fragment; https://host:port of a tunnel
	Host   string `json:"host"`   // lower case, without port, brackets and final dot
	Port   int    `json:"port"`
	Tunnel bool   `json:"tunnel,omitempty"` // what follows is not seen: a CONNECT, or an upgrade to another protocol
	Range  string `json:"range,omitempty"`  // the header of this name: the part of a file that is asked for
	Body   string `json:"body,omitempty"`   // SHA-256 of the body, hexadecimal; "" for none, or for one too large to be replayed
}

// Key names a request among the recorded ones: equal requests have equal keys.
func (r Request) Key() string {
	b, _ := json.Marshal(r) // texts and numbers always encode
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// reads tells a request that changes nothing on the server (RFC 9110 §9.2.1), as far as its method promises.
func (r Request) reads() bool {
	return !r.Tunnel && (r.Method == http.MethodGet || r.Method == http.MethodHead)
}

// describe is the request as policy and journal see it, but for its body.
func describe(r *http.Request) (Request, error) {
	if r.URL.Scheme != "http" && r.URL.Scheme != "https" {
		return Request{}, refuse(http.StatusBadRequest, "the proxy carries http and https, not %.20q", r.URL.Scheme)
	}
	host, port, err := hostPort(r.URL.Host, defaultPorts[r.URL.Scheme])
	if err != nil {
		return Request{}, err
	}
	seen := *r.URL
	seen.User, seen.Fragment, seen.RawFragment = nil, "", ""
	return Request{
		Method: r.Method, URL: seen.String(), Host: host, Port: port, Tunnel: r.Header.Get("Upgrade") != "", Range: r.Header.Get("Range"),
	}, nil
}

// describeTunnel is a CONNECT to an authority, host:port.
func describeTunnel(authority string) (Request, error) {
	host, port, err := hostPort(authority, 443)
	if err != nil {
		return Request{}, err
	}
	at := url.URL{Scheme: "https", Host: net.JoinHostPort(host, strconv.Itoa(port))}
	return Request{Method: http.MethodConnect, URL: at.String(), Host: host, Port: port, Tunnel: true}, nil
}

var defaultPorts = map[string]int{"http": 80, "https": 443}

// hostPort reads an authority into the one form that rules are written for.
func hostPort(authority string, defaultPort int) (string, int, error) {
	at := url.URL{Host: authority}
	host, port := strings.ToLower(strings.TrimSuffix(at.Hostname(), ".")), defaultPort
	if p := at.Port(); p != "" {
		n, err := strconv.ParseUint(p, 10, 16)
		if err != nil || n == 0 {
			return "", 0, refuse(http.StatusBadRequest, "%.80q is no port", p)
		}
		port = int(n)
	}
	if host == "" || strings.HasSuffix(host, ".") || strings.ContainsFunc(host, notOfHost) {
		return "", 0, refuse(http.StatusBadRequest, "%.80q is no host name; write it in ASCII (punycode)", authority)
	}
	return host, port, nil
}

// notOfHost tells a character that neither names nor addresses have: what looks like another host must not pass a rule.
func notOfHost(c rune) bool {
	return !(c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || strings.ContainsRune("-._:", c))
}

func (r Request) String() string { return fmt.Sprintf("%s %s", r.Method, r.URL) }
