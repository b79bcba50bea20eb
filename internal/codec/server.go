package codec

import (
	"crypto/sha256"
	"crypto/subtle"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"

	"go.temporal.io/sdk/converter"
)

// ServerOptions say who may have payloads encrypted and decrypted.
type ServerOptions struct {
	// Token is what requests carry as "Authorization: Bearer TOKEN". Without one, requests must name the machine itself as
	// their host: a page whose name was made to point at this machine has another one.
	Token string
	// Origins are the addresses of web pages, such as that of the Temporal UI, that browsers may call the server from.
	Origins []string
	// Namespaces are those that X-Namespace, which the UI sends, may name; empty: any. It is what the caller says, and keeps
	// mistakes out, not intruders.
	Namespaces []string
}

// maxBody bounds a request, in bytes. The UI asks for a page of history at a time; a payload has at most 2 MiB.
const maxBody = 32 << 20

// Handler is a Temporal codec server: POST …/encode and …/decode with payloads as JSON, for the Temporal UI and CLI. What
// cannot be decrypted is answered with 400 and the reason.
func Handler(keys *Keys, o ServerOptions) http.Handler {
	return &server{codec: converter.NewPayloadCodecHTTPHandler(keys), options: o, token: sha256.Sum256([]byte(o.Token))}
}

type server struct {
	codec   http.Handler
	options ServerOptions
	token   [sha256.Size]byte
}

// ServeHTTP implements http.Handler.
func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !s.mayAsk(w, r) {
		return
	}
	if r.Method == http.MethodOptions { // browsers ask first, and without the token
		w.WriteHeader(http.StatusNoContent)
		return
	}
	if !s.authorized(r) {
		w.Header().Set("WWW-Authenticate", "Bearer")
		http.Error(w, "a bearer token is needed: give the one of --token-file", http.StatusUnauthorized)
		return
	}
	namespace := r.Header.Get("X-Namespace")
	if namespace != "" && len(s.options.Namespaces) > 0 && !slices.Contains(s.options.Namespaces, namespace) {
		http.Error(w, "this codec server is for other namespaces", http.StatusForbidden)
		return
	}
	w.Header().Set("Cache-Control", "no-store")
	r.Body = http.MaxBytesReader(w, r.Body, maxBody)
	s.codec.ServeHTTP(w, r)
}

// mayAsk refuses pages of other origins, and tells browsers about those that may ask.
func (s *server) mayAsk(w http.ResponseWriter, r *http.Request) bool {
	w.Header().Set("Vary", "Origin")
	if s.options.Token == "" && !isLoopback(r.Host) {
		http.Error(w, "call this server by the address of the machine itself, or start it with --token-file", http.StatusForbidden)
		return false
	}
	origin := r.Header.Get("Origin")
	if origin == "" {
		return true // no browser
	}
	if !slices.Contains(s.options.Origins, origin) {
		http.Error(w, "pages of this origin may not ask: start the server with --cors and its address", http.StatusForbidden)
		return false
	}
	h := w.Header()
	h.Set("Access-Control-Allow-Origin", origin)
	h.Set("Access-Control-Allow-Methods", "POST, OPTIONS")
	h.Set("Access-Control-Allow-Headers", "Authorization, Content-Type, X-Namespace")
	h.Set("Access-Control-Allow-Credentials", "true") // a switch in the UI; there are no cookies here
	h.Set("Access-Control-Max-Age", "600")
	return true
}

// authorized takes the same time for every wrong token.
func (s *server) authorized(r *http.Request) bool {
	if s.options.Token == "" {
		return true
	}
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	given := sha256.Sum256([]byte(token))
	return subtle.ConstantTimeCompare(given[:], s.token[:]) == 1 && strings.EqualFold(scheme, "Bearer")
}

// isLoopback takes a host with or without a port.
func isLoopback(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	at, err := netip.ParseAddr(strings.Trim(host, "[]"))
	return host == "localhost" || err == nil && at.IsLoopback()
}
