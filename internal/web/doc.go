// Package web carries out the tool skills web_search and web_reading outside the sandbox: a search through Serper, and a
// page as text, through Jina Reader or fetched and extracted here. The shape of requests and replies does not depend on
// the provider.
//
// Pages and the answers of services are untrusted. They are read up to a size, within a time, and parsed in memory-safe
// code whose panics end the one call; formats that need more than that (PDF) are handed to a function of the caller,
// who has it done in a sandbox. Pages are fetched from the public internet alone (internal/netguard). Keys go to the
// configured service and nowhere else: services are not followed to other addresses, and errors hold no key.
//
// It imports internal/gateway, whose tools these are, internal/netguard and internal/secret.
package web
