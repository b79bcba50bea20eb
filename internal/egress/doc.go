// Package egress is the HTTP proxy through which programs in the sandbox reach the web by themselves: requests, urllib,
// curl and whatever else honours HTTP_PROXY. A [Proxy] serves one run. Every request and every tunnel is put to a policy,
// counted against the limits of the run, and recorded, so that it can be answered later without network.
//
// # HTTPS
//
// A CONNECT is answered with a certificate of the run's own authority, which the sandbox makes its programs trust, so that
// the requests inside are seen, policed by method and recorded like plain ones. Some connections cannot be opened. They
// are tunnelled instead, if the policy allows CONNECT to the host, and their host is reported as one that cannot be
// replayed:
//
//   - those to hosts that the configuration names;
//   - those of a client that speaks no HTTP/1.1, such as gRPC, at once;
//   - those to a host for which a client has refused our certificate (pinning), or which has refused us (it demands a
//     certificate of the client, or speaks only HTTP/2), from the next connection on: the first one fails, and the error
//     says so.
//
// Since any program can act as if it pinned a certificate, a policy that tells methods apart must refuse CONNECT where a
// tunnel would be a way around it. Protocol upgrades (WebSocket) are asked for as GET with Request.Tunnel set, then passed
// on unseen.
//
// # Parts
//
// elazarl/goproxy handles CONNECT and signs the certificates; it is maintained, has few dependencies, and lets both be
// used apart (google/martian has had no release for years). Its own loop over intercepted requests is not used: it hides why a
// handshake failed, and delivers a plain reply that broke off as if it were whole. net/http serves the opened
// connections, and httputil.ReverseProxy passes requests on.
//
// Addresses are judged when they are dialled, after name resolution. A redirect is the client's own next request and is
// judged like the first.
//
// The package imports internal/netguard alone.
package egress
